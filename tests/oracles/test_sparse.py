"""The sparse autoencoder's penalties against their definitions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.distributions import Bernoulli, kl_divergence

from skae import Autoencoder, SparseAutoencoder, VariationalAutoencoder
from skae.estimators.objective import Objective
from skae.networks import DenseNetwork, PlainCode
from skae.objectives import L1, BernoulliSparsity

D, K, BATCH = 5, 4, 13
PENALTIES = [L1(0.3), BernoulliSparsity(0.3, 0.05)]

every_penalty = pytest.mark.parametrize(
    "penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__
)


def activations(seed=0):
    """Codes in (0, 1), which both penalties take, a row a sample."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((BATCH, K), generator=generator, dtype=torch.float64)


def signed_activations():
    return activations() - 0.5


def lengths():
    return torch.linspace(0.5, 2.0, K, dtype=torch.float64)


def value(penalty, units, norms):
    return penalty.total(penalty.statistic(units).mean(0), norms)


@pytest.mark.parametrize("sparsity", [0.01, 0.05, 0.5, 0.9])
def test_kl_is_that_of_coins(sparsity):
    shown = activations().mean(0)
    target = Bernoulli(torch.full_like(shown, sparsity))
    expected = 0.7 * kl_divergence(target, Bernoulli(shown)).sum()
    actual = value(BernoulliSparsity(0.7, sparsity), activations(), lengths())
    assert_allclose(actual, expected, rtol=1e-12)


def test_kl_of_the_target_itself_is_zero():
    units = torch.full((BATCH, K), 0.05, dtype=torch.float64)
    assert abs(value(BernoulliSparsity(1.0, 0.05), units, lengths())) < 1e-15


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_kl_is_finite_where_a_unit_never_changes(level):
    units = torch.full((BATCH, K), level, dtype=torch.float64)
    penalty = BernoulliSparsity(1.0, 0.05)
    assert torch.isfinite(value(penalty, units, lengths()))
    out = torch.empty_like(units.t())
    penalty.gradient(units.t(), lengths(), out)
    assert torch.isfinite(out).all()


def test_l1_is_the_mean_sum_of_magnitudes_by_what_they_decode_to():
    units, norms = signed_activations(), lengths()
    expected = 0.7 * np.mean([np.abs(row) @ norms.numpy() for row in units.numpy()])
    assert_allclose(value(L1(0.7), units, norms), expected, rtol=1e-12)


@every_penalty
def test_gradient_by_hand_is_that_of_autograd(penalty):
    units = signed_activations() if isinstance(penalty, L1) else activations()
    units, norms = units.requires_grad_(), lengths().requires_grad_()
    expected = value(penalty, units, norms)
    by_units, by_norms = torch.autograd.grad(
        expected, (units, norms), allow_unused=True
    )
    code = units.detach().t().contiguous()
    out = torch.full_like(code, torch.nan)
    actual, ours = penalty.gradient(code, norms.detach(), out)
    assert_allclose(actual, expected.detach(), rtol=1e-12)
    assert_allclose(out.t(), by_units, rtol=1e-12)
    assert (ours is None) == (by_norms is None)
    if ours is not None:
        assert_allclose(ours, by_norms, rtol=1e-12)


@every_penalty
def test_penalty_passes_gradcheck(penalty):
    units, norms = activations().requires_grad_(), lengths().requires_grad_()
    assert torch.autograd.gradcheck(lambda u, n: value(penalty, u, n), (units, norms))


NETWORKS = [
    DenseNetwork(D, K, (), code=PlainCode("relu")),
    DenseNetwork(D, K, (7, 6), "tanh", PlainCode("relu")),
    DenseNetwork(D, K, (7,), "gelu"),
]


def random_weights(network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in network.shapes().items()
    }


def random_rows(n=BATCH):
    generator = torch.Generator().manual_seed(1)
    return torch.rand((n, D), generator=generator, dtype=torch.float64)


def rescaled(network, weights, factors):
    """Weights of the same reconstruction, from codes that are `factors` times as large.

    All codes here are linear or relu, which give a factor back as it is.
    """
    weights = {name: weight.clone() for name, weight in weights.items()}
    for matrix in network.readers(weights):
        matrix.div_(factors[:, None])
    last = f"encoder.{network.depth - 1}"
    weights[f"{last}.weight"][-K:].mul_(factors[:, None])
    bias = weights.get(f"{last}.bias", weights["encoder.0.bias"])
    if network.has_path:
        weights["encoder.0.weight"][:K].mul_(factors[:, None])
        bias[:K].mul_(factors)
    else:
        bias.mul_(factors)
    return weights


@pytest.mark.parametrize("network", NETWORKS, ids=["shallow", "deep", "path"])
def test_l1_cannot_be_evaded_by_a_smaller_code(network):
    weights, x = random_weights(network), random_rows()
    factors = torch.tensor([0.01, 0.5, 1.0, 30.0], dtype=torch.float64)
    other = rescaled(network, weights, factors)
    code = network.encode(weights, x)
    assert_allclose(network.encode(other, x), code * factors, rtol=1e-10)
    outputs = (network.decode(w, network.encode(w, x)) for w in (weights, other))
    assert_allclose(*outputs, rtol=1e-10)
    penalties = (
        value(L1(1.0), network.encode(w, x), network.reader_norms(w))
        for w in (weights, other)
    )
    assert_allclose(*penalties, rtol=1e-10)


SETTINGS = {
    "hidden_layer_sizes": (8,),
    "max_iter": 5,
    "learning_rate_init": 1e-2,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}
STILL = SETTINGS | {"max_iter": 1, "learning_rate_init": 1e-300}


def shares(n=60):
    return np.random.default_rng(0).beta(0.5, 0.5, size=(n, D))


def activations_and_readers(fitted, X):
    """Units of code and hidden layers of a deep network of relu, and their readers."""
    weights, h = fitted.weights, (X - fitted.scaling.mean) / fitted.scaling.scale
    units, readers = [], []
    for i in range(fitted.network.depth):
        pre = h @ weights[f"encoder.{i}.weight"].T + weights[f"encoder.{i}.bias"]
        h = np.maximum(pre, 0.0)
        units.append(h)
        if i:
            readers.append(np.linalg.norm(weights[f"encoder.{i}.weight"], axis=0))
    last = weights[f"decoder.{fitted.network.depth - 1}.weight"]
    return units, [*readers, np.linalg.norm(last, axis=1)]


@pytest.mark.parametrize("penalize", ["code", "hidden"])
def test_objective_is_the_loss_and_the_penalty(penalize):
    settings = STILL | {"hidden_layer_sizes": (8, 6), "activation": "relu"}
    X = shares() * 30.0 + 7.0
    estimator = SparseAutoencoder(4, alpha=0.2, penalize=penalize, **settings).fit(X)
    units, readers = activations_and_readers(estimator._fitted, X)
    if penalize == "code":
        units, readers = units[-1:], readers[-1:]
    sums = [np.abs(u) @ r for u, r in zip(units, readers, strict=True)]
    penalty = 0.2 * np.mean(sum(sums)) * estimator._fitted.unit
    expected = estimator.loss_ + penalty
    assert estimator.best_loss_ == pytest.approx(expected, rel=1e-10)


def test_l1_switches_units_off_and_no_penalty_does_not():
    def share_of_zeros(alpha):
        settings = SETTINGS | {"hidden_layer_sizes": (), "max_iter": 80}
        fitted = SparseAutoencoder(8, alpha=alpha, **settings).fit(shares(200))
        return np.mean(fitted.transform(shares(200)) == 0.0)

    assert share_of_zeros(1.0) > share_of_zeros(0.0) + 0.2


def test_kl_brings_mean_activations_to_the_target():
    settings = SETTINGS | {"hidden_layer_sizes": (), "max_iter": 200}
    X = shares(200)
    fitted = SparseAutoencoder(
        8, penalty="kl", alpha=10.0, sparsity=0.2, **settings
    ).fit(X)
    assert_allclose(fitted.transform(X).mean(axis=0), 0.2, atol=0.02)


def trained(kind, X, **settings):
    return kind(3, **SETTINGS | settings).fit(X)


@pytest.mark.parametrize(
    ("sparse", "plain"),
    [
        ({"code_activation": "identity"}, {}),
        (
            {"code_activation": "identity", "hidden_layer_sizes": (8, 4)},
            {"hidden_layer_sizes": (8, 4)},
        ),
        (
            {"code_activation": "identity", "tied_weights": True},
            {"tied_weights": True},
        ),
        ({}, {"code_activation": "relu"}),
        ({"penalty": "kl"}, {"code_activation": "logistic"}),
        ({"penalize": "hidden"}, {"code_activation": "relu"}),
    ],
    ids=str,
)
def test_without_penalty_it_is_the_autoencoder_bit_for_bit(sparse, plain):
    for precision in ("float32", "float64"):
        expected = trained(Autoencoder, shares(), precision=precision, **plain)
        free = trained(
            SparseAutoencoder, shares(), precision=precision, alpha=0, **sparse
        )
        for name, weight in expected._fitted.weights.items():
            assert_array_equal(free._fitted.weights[name], weight, err_msg=name)
        assert free.loss_curve_ == expected.loss_curve_


# Not those that start at PCA itself: the gradient by the code is zero there, and of
# any other, were it 1e-9, Adam makes a step. Of the divergence, one half is the target
# at which units start without it.
@pytest.mark.parametrize(
    ("sparse", "plain"),
    [
        (
            {"code_activation": "identity", "linear_path": False},
            {"linear_path": False},
        ),
        ({"code_activation": "tanh"}, {"code_activation": "tanh"}),
        ({}, {"code_activation": "relu"}),
        ({"penalty": "kl", "sparsity": 0.5}, {"code_activation": "logistic"}),
        ({"penalize": "hidden"}, {"code_activation": "relu"}),
    ],
    ids=str,
)
def test_hardly_any_penalty_is_hardly_any_difference(sparse, plain):
    expected = trained(Autoencoder, shares(), **plain)
    free = trained(SparseAutoencoder, shares(), alpha=1e-9, **sparse)
    for name, weight in expected._fitted.weights.items():
        assert_allclose(free._fitted.weights[name], weight, atol=1e-6, err_msg=name)
    assert_allclose(free.loss_curve_, expected.loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("code", ["identity", "relu", "tanh"])
def test_coins_are_refused_where_activations_are_no_shares(code):
    estimator = SparseAutoencoder(3, penalty="kl", code_activation=code)
    with pytest.raises(ValueError, match=r"'code_activation' .*logistic.*kl"):
        estimator.fit(shares())


def test_coins_are_refused_where_hidden_activations_are_no_shares():
    settings = {"penalty": "kl", "penalize": "hidden", "max_iter": 1}
    with pytest.raises(ValueError, match=r"'activation' .*logistic.*hidden"):
        SparseAutoencoder(3, hidden_layer_sizes=(4,), **settings).fit(shares())
    SparseAutoencoder(3, hidden_layer_sizes=(), **settings).fit(shares())


def test_components_are_what_units_add_to_the_reconstruction():
    X = shares() * 30.0 + 7.0
    for settings in ({}, {"penalty": "kl"}, {"tied_weights": True}):
        fitted = trained(SparseAutoencoder, X, hidden_layer_sizes=(), **settings)
        nothing = fitted.inverse_transform(np.zeros((1, 3)))
        added = fitted.inverse_transform(np.eye(3)) - nothing
        assert_allclose(fitted.components_, added, rtol=1e-8)


@pytest.mark.parametrize(
    "settings", [{"hidden_layer_sizes": (8,)}, {"likelihood": "bernoulli"}], ids=str
)
def test_there_are_no_components_where_decoding_is_not_linear(settings):
    settings = {"hidden_layer_sizes": ()} | settings
    assert not hasattr(trained(SparseAutoencoder, shares(), **settings), "components_")


def test_code_is_twice_as_wide_as_the_rows_unless_told():
    fitted = SparseAutoencoder(max_iter=1).fit(shares())
    assert fitted.n_components_ == 2 * D


def test_penalty_of_a_whole_table_is_not_the_mean_of_its_blocks(monkeypatch):
    # The divergence is a function of means over all rows.
    composition = SparseAutoencoder(3, penalty="kl", alpha=1.0)._compose(D)
    objective, weights = Objective(composition), random_weights(composition.network)
    whole = objective.evaluate(weights, random_rows(100), None)
    monkeypatch.setattr("skae.estimators.objective._EVALUATED_ROWS", 7)
    parts = objective.evaluate(weights, random_rows(100), None)
    assert_allclose(parts, whole, rtol=1e-12)


def test_units_begin_as_active_as_they_are_to_be():
    settings = STILL | {"hidden_layer_sizes": (), "penalty": "kl", "init": "glorot"}
    X = np.tile(shares(1), (20, 1))  # of which a centred network sees nothing
    for sparsity in (0.05, 0.5):
        Z = SparseAutoencoder(4, sparsity=sparsity, **settings).fit_transform(X)
        assert_allclose(Z, sparsity, rtol=1e-10)


@pytest.mark.parametrize(
    ("estimator", "asks"),
    [
        (SparseAutoencoder(K, max_iter=2), True),
        (SparseAutoencoder(K, max_iter=2, penalty="kl"), False),
        (VariationalAutoencoder(K, max_iter=2), False),
    ],
    ids=["l1", "kl", "variational"],
)
def test_lengths_of_readers_are_for_penalties_that_look_at_them(
    estimator, asks, monkeypatch
):
    calls, lengths_of = [], DenseNetwork.reader_norms

    def note(network, weights):
        calls.append(network)
        return lengths_of(network, weights)

    monkeypatch.setattr(DenseNetwork, "reader_norms", note)
    estimator.fit(np.random.default_rng(0).normal(size=(40, D)))
    assert bool(calls) == asks
