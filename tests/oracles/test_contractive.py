"""The contractive penalty: the encoder's Jacobian, against torch.func's."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skae import Autoencoder, ContractiveAutoencoder
from skae.estimators.contractive import _LARGEST_EXACT, _squared_norms
from skae.networks import (
    ACTIVATIONS,
    DenseNetwork,
    PlainCode,
    has_closed_form,
    squared_jacobian_norms,
)

D, K, BATCH = 5, 3, 11
SIZES = [(), (7,), (7, 4), (4, 6, 7)]

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def random_weights(network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in network.shapes().items()
    }


def random_rows(n=BATCH):
    generator = torch.Generator().manual_seed(1)
    return torch.randn((n, D), generator=generator, dtype=torch.float64)


def norms_by_autograd(network, weights, x):
    """Squared Frobenius norm of d code / d x of every row, by reverse differentiation.

    Of one row: a batch of one, of which the code's row is taken.
    """

    def encode(row):
        return network.trace(weights, row[None]).code[0]

    jacobians = torch.func.vmap(torch.func.jacrev(encode))(x)
    assert jacobians.shape == (len(x), network.n_components, D)
    return jacobians.square().sum((1, 2))


@every_activation
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("code", ["identity", "tanh", "relu"])
@pytest.mark.parametrize("path", [True, False], ids=["path", "textbook"])
def test_norms_are_those_of_autograd(activation, sizes, code, path):
    network = DenseNetwork(D, K, sizes, activation, PlainCode(code), linear_path=path)
    weights, x = random_weights(network), random_rows()
    expected = norms_by_autograd(network, weights, x)
    actual = squared_jacobian_norms(network, weights, network.trace(weights, x))
    assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


@every_activation
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_norms_of_every_code_activation(activation, sizes):
    network = DenseNetwork(D, K, sizes, "tanh", PlainCode(activation))
    weights, x = random_weights(network), random_rows()
    expected = norms_by_autograd(network, weights, x)
    actual = squared_jacobian_norms(network, weights, network.trace(weights, x))
    assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


def test_some_rows_are_beyond_the_limit():
    # Of which the tests above are to know.
    network = DenseNetwork(D, K, (7, 4), "gelu")
    pre = network.trace(random_weights(network), random_rows()).pre[0]
    beyond = (pre.abs() > network.limit).double().mean()
    assert 0.05 < beyond < 0.95


@every_activation
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("code", ["identity", "logistic"])
def test_gradient_of_the_norms_is_that_of_autograd(activation, sizes, code):
    network = DenseNetwork(D, K, sizes, activation, PlainCode(code))
    weights, x = random_weights(network), random_rows()
    names = [name for name in weights if name.startswith("encoder")]

    def gradients(norms):
        leaves = {n: w.clone().requires_grad_() for n, w in weights.items()}
        loss = norms(network, leaves, x).mean()
        encoder = [leaves[name] for name in names]
        return torch.autograd.grad(
            loss, encoder, allow_unused=True, materialize_grads=True
        )

    def ours(network, leaves, x):
        return squared_jacobian_norms(network, leaves, network.trace(leaves, x))

    expected = gradients(norms_by_autograd)
    scale = max(float(gradient.abs().max()) for gradient in expected)
    for name, gradient, other in zip(names, gradients(ours), expected, strict=True):
        assert_allclose(gradient, other, atol=1e-10 * scale, err_msg=name)


@pytest.mark.parametrize(
    ("code", "squared_slope"),
    [
        ("logistic", lambda h: (h * (1 - h)) ** 2),
        ("tanh", lambda h: (1 - h**2) ** 2),
        ("identity", torch.ones_like),
    ],
)
def test_one_layer_has_the_textbook_formula(code, squared_slope):
    network = DenseNetwork(D, K, (), code=PlainCode(code))
    weights = random_weights(network)
    encoding = network.trace(weights, random_rows())
    squares = weights["encoder.0.weight"].square().sum(1)
    expected = (squared_slope(encoding.code) * squares).sum(1)
    actual = squared_jacobian_norms(network, weights, encoding)
    assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


def test_penalty_is_alpha_times_the_mean_norm():
    X = np.random.default_rng(0).normal(size=(40, D)) * 30.0 + 5.0
    estimator = ContractiveAutoencoder(
        2,
        alpha=0.3,
        hidden_layer_sizes=(7, 4),
        learning_rate_init=1e-300,
        max_iter=1,
        early_stopping=False,
        precision="float64",
        linear_path=False,
        random_state=0,
    ).fit(X)
    fitted = estimator._fitted
    weights = {name: torch.from_numpy(w) for name, w in fitted.weights.items()}
    scaled = torch.from_numpy((X - fitted.scaling.mean) / fitted.scaling.scale)
    network = fitted.network
    jacobians = [
        torch.autograd.functional.jacobian(
            lambda row: network.trace(weights, row[None]).code[0], row
        )
        for row in scaled
    ]
    norm = np.mean([float(jacobian.square().sum()) for jacobian in jacobians])
    unit = fitted.scaling.scale**2
    expected = estimator.loss_ + 0.3 * norm * unit
    assert estimator.best_loss_ == pytest.approx(expected, rel=1e-10)


DEEP = DenseNetwork(D, 40, (7, 4), "tanh")


def probed(network, weights, x, n_probes, seed):
    """Estimates of the norms that training makes, with so many probes."""
    norms, readers = _squared_norms(
        network,
        weights,
        network.trace(weights, x),
        torch.Generator().manual_seed(seed),
        n_probes=n_probes,
    )
    assert readers is None
    return norms[:, 0]


def test_estimate_has_no_bias():
    weights, x = random_weights(DEEP), random_rows()
    exact = squared_jacobian_norms(DEEP, weights, DEEP.trace(weights, x))
    drawn = torch.stack([probed(DEEP, weights, x, 1, seed) for seed in range(1000)])
    error = drawn.std(0) / np.sqrt(len(drawn))
    assert (error > 0).all()
    assert ((drawn.mean(0) - exact).abs() < 4 * error).all()


def test_more_probes_are_more_exact():
    weights, x = random_weights(DEEP), random_rows()

    def variance(n_probes):
        drawn = [probed(DEEP, weights, x, n_probes, seed) for seed in range(500)]
        return float(torch.stack(drawn).var(0).mean())

    assert variance(8) == pytest.approx(variance(1) / 8, rel=0.2)


@pytest.mark.parametrize(
    ("network", "n_probes"),
    [
        (DEEP, 40),
        (DEEP, 100),
        (DenseNetwork(D, _LARGEST_EXACT, (7, 4), "tanh"), 1),
        (DenseNetwork(D, 40, (7,), "tanh"), 1),
        (DenseNetwork(D, 40, (), code=PlainCode("tanh")), 1),
    ],
    ids=["as many", "more", "small code", "one hidden layer", "no hidden layer"],
)
def test_norm_is_exact_where_it_is_cheap_or_asked_for(network, n_probes):
    weights, x = random_weights(network), random_rows()
    expected = norms_by_autograd(network, weights, x)
    assert_allclose(probed(network, weights, x, n_probes, 0), expected, rtol=1e-10)


def test_closed_forms_are_those_of_few_layers():
    cheap = {
        (sizes, code): has_closed_form(DenseNetwork(D, K, sizes, code=PlainCode(code)))
        for sizes, code in product(SIZES, ["identity", "tanh"])
    }
    expected = {((), "identity"), ((), "tanh"), ((7,), "identity")}
    assert {case for case, is_cheap in cheap.items() if is_cheap} == expected


def trained(kind, **settings):
    X = np.random.default_rng(0).beta(0.5, 0.5, size=(60, D))
    short = {
        "hidden_layer_sizes": (8,),
        "max_iter": 5,
        "learning_rate_init": 1e-2,
        "early_stopping": False,
        "precision": "float64",
        "random_state": 0,
    }
    return kind(2, **short | settings).fit(X)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hidden_layer_sizes": (8, 4), "linear_path": False},
        {"tied_weights": True},
        {"code_activation": "logistic", "hidden_layer_sizes": ()},
        {"likelihood": "bernoulli"},
        {"early_stopping": "auto"},
    ],
    ids=str,
)
def test_without_penalty_it_is_the_autoencoder_bit_for_bit(settings):
    settings = {"precision": "float32"} | settings
    plain = trained(Autoencoder, **settings)
    free = trained(ContractiveAutoencoder, alpha=0, **settings)
    for name, weight in plain._fitted.weights.items():
        assert_array_equal(free._fitted.weights[name], weight, err_msg=name)
    assert free.loss_curve_ == plain.loss_curve_


# Not those that start at PCA itself: the gradient by the code is zero there, and of
# any other, were it 1e-9, Adam makes a step.
@pytest.mark.parametrize(
    "settings",
    [
        {"linear_path": False},
        {"linear_path": False, "hidden_layer_sizes": (8, 4)},
        {"linear_path": False, "tied_weights": True},
        {"code_activation": "logistic", "hidden_layer_sizes": ()},
        {"likelihood": "bernoulli"},
        {"linear_path": False, "early_stopping": "auto"},
    ],
    ids=str,
)
def test_hardly_any_penalty_is_hardly_any_difference(settings):
    plain = trained(Autoencoder, **settings)
    free = trained(ContractiveAutoencoder, alpha=1e-9, **settings)
    for name, weight in plain._fitted.weights.items():
        assert_allclose(free._fitted.weights[name], weight, atol=1e-6, err_msg=name)
    assert_allclose(free.loss_curve_, plain.loss_curve_, rtol=1e-6)


def test_it_contracts():
    make = partial(trained, hidden_layer_sizes=(8, 4), max_iter=60, linear_path=False)

    def mean_norm(estimator):
        fitted = estimator._fitted
        weights = {name: torch.from_numpy(w) for name, w in fitted.weights.items()}
        encoding = fitted.network.trace(weights, random_rows(100))
        return squared_jacobian_norms(fitted.network, weights, encoding).mean()

    free, held = make(Autoencoder), make(ContractiveAutoencoder, alpha=0.1)
    assert mean_norm(held) < 0.5 * mean_norm(free)
