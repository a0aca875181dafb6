"""The dense network: its shapes, and what it computes, against plain numpy."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import erf, expit

from skae.networks import (
    ACTIVATIONS,
    DenseNetwork,
    GaussianCode,
    PlainCode,
    TopKCode,
)

NUMPY = {
    "gelu": lambda a: a * 0.5 * (1 + erf(a / np.sqrt(2))),
    "relu": lambda a: np.maximum(a, 0),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "silu": lambda a: a * expit(a),
    "tanh": np.tanh,
    "logistic": expit,
    "identity": lambda a: a,
}
D, K = 7, 3


def draw(network, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy(rng.normal(size=shape) * 0.5)
        for name, shape in network.shapes().items()
    }


def limited(act):
    return lambda a: act(np.clip(a, -3.0, 3.0))


def textbook(network, weights, x):
    """Code and output of `x`, as the formulas say: layer by layer, in numpy."""
    w = {name: weight.numpy() for name, weight in weights.items()}
    act, m, k = NUMPY[network.activation], network.depth - 1, network.n_components
    matrix, bias = w["encoder.0.weight"], w["encoder.0.bias"]
    path_in = path_out = offset = 0.0
    last = w["encoder.0.weight" if network.tied_weights else "decoder.0.weight"]
    if network.has_path:  # the highest k rows are P and D'
        path_in, matrix = matrix[:k], matrix[k:]
        path_out, last = last[:k], last[k:]
        offset, bias = bias[:k], bias[k:]
    first = limited(act) if network.limit < np.inf else act
    h = x @ matrix.T + bias
    for i in range(1, m + 1):
        h = (first if i == 1 else act)(h) @ w[f"encoder.{i}.weight"].T + w.get(
            f"encoder.{i}.bias", 0.0
        )
    if network.has_path:
        h = h + x @ path_in.T + offset
    z = h = NUMPY[network.code.activation](h)
    side = "encoder" if network.tied_weights else "decoder"
    for i in range(m, 0, -1):
        h = h @ w[f"{side}.{i}.weight"] + w[f"decoder.{i}.bias"]
        h = (first if i == m else act)(h)
    output = h @ last + w["decoder.0.bias"]
    if network.has_path:
        output = output + z @ path_out
    return z, output


NETWORKS = [
    DenseNetwork(
        D, K, sizes, act, code=PlainCode(code), tied_weights=tied, linear_path=p
    )
    for sizes, act, (code, p), tied in product(
        [(), (5,), (6, 4), (4, 9, 5)],
        ["gelu", "tanh"],
        [("identity", True), ("identity", False), ("relu", True)],
        [False, True],
    )
]
every_network = pytest.mark.parametrize("network", NETWORKS, ids=str)


@every_network
def test_it_computes_what_the_formulas_say(network):
    weights = draw(network)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(6, D)))
    code = network.encode(weights, x)
    expected_code, expected_output = textbook(network, weights, x.numpy())
    assert_allclose(code, expected_code, rtol=1e-12, atol=1e-13)
    output = network.decode(weights, code)
    assert_allclose(output, expected_output, rtol=1e-12, atol=1e-13)


@every_network
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_few_rows_are_encoded_as_many_are(network, dtype):
    weights = {name: weight.to(dtype) for name, weight in draw(network).items()}
    x = 3.0 * torch.from_numpy(np.random.default_rng(1).normal(size=(6, D))).to(dtype)
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    few, eps = network.encode_few(arrays, x.numpy()), torch.finfo(dtype).eps
    assert few.dtype == x.numpy().dtype
    expected = network.encode(weights, x)
    assert_allclose(few, expected, rtol=50 * eps, atol=50 * eps)


@pytest.mark.parametrize("code", [GaussianCode(), TopKCode(2)], ids=str)
def test_few_rows_have_the_codes_of_every_kind(code):
    network = DenseNetwork(D, K, (5,), code=code)
    weights, x = draw(network), np.random.default_rng(1).normal(size=(2, D))
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    expected = network.encode(weights, torch.from_numpy(x))
    assert_allclose(network.encode_few(arrays, x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_the_one_of_its_name(name):
    a = np.linspace(-5, 5, 21)
    actual = ACTIVATIONS[name].value(torch.from_numpy(a))
    assert_allclose(actual, NUMPY[name](a), rtol=1e-12, atol=1e-15)
    array = ACTIVATIONS[name].array(a)
    assert_allclose(array, NUMPY[name](a), rtol=1e-12, atol=1e-15)


@every_network
def test_matrices_come_first_and_none_has_two_names(network):
    names = list(network.shapes())
    matrices = list(network.weight_shapes())
    assert names[: len(matrices)] == matrices
    assert all(len(network.shapes()[name]) == 2 for name in matrices)
    assert all(len(network.shapes()[name]) == 1 for name in names[len(matrices) :])


def test_shapes_without_a_path():
    network = DenseNetwork(D, K, (5, 4), linear_path=False)
    assert network.weight_shapes() == {
        "encoder.0.weight": (5, D),
        "encoder.1.weight": (4, 5),
        "encoder.2.weight": (K, 4),
        "decoder.0.weight": (5, D),
        "decoder.1.weight": (4, 5),
        "decoder.2.weight": (K, 4),
    }
    assert network.bias_shapes() == {
        "encoder.0.bias": (5,),
        "encoder.1.bias": (4,),
        "encoder.2.bias": (K,),
        "decoder.0.bias": (D,),
        "decoder.1.bias": (5,),
        "decoder.2.bias": (4,),
    }


def test_the_path_lies_below_the_outermost_matrices():
    network = DenseNetwork(D, K, (5, 4))
    shapes = network.shapes()
    assert shapes["encoder.0.weight"] == shapes["decoder.0.weight"] == (5 + K, D)
    assert shapes["encoder.0.bias"] == (5 + K,)
    assert "encoder.2.bias" not in shapes


@pytest.mark.parametrize(
    ("change", "starts_linear", "has_path"),
    [
        ({}, True, True),
        ({"hidden_layer_sizes": ()}, True, False),
        ({"linear_path": False}, False, False),
        ({"code": PlainCode("relu")}, False, False),
    ],
)
def test_the_path_is_there_where_there_is_room_for_it(change, starts_linear, has_path):
    network = DenseNetwork(
        **{"n_features": D, "n_components": K} | {"hidden_layer_sizes": (5,), **change}
    )
    assert (network.starts_linear, network.has_path) == (starts_linear, has_path)


@pytest.mark.parametrize("sizes", [(), (5,), (6, 4)])
def test_tied_weights_have_no_decoder_matrices(sizes):
    network = DenseNetwork(D, K, sizes, tied_weights=True)
    assert not any(name.startswith("decoder") for name in network.weight_shapes())
    free = DenseNetwork(D, K, sizes)
    assert network.bias_shapes() == free.bias_shapes()


def test_a_tied_matrix_is_shared_by_both_sides():
    network = DenseNetwork(D, K, (5,), tied_weights=True, linear_path=False)
    weights, x = draw(network), torch.ones((1, D), dtype=torch.float64)
    code = network.encode(weights, x)
    output = network.decode(weights, code)
    weights["encoder.1.weight"] *= 2
    assert not torch.allclose(network.encode(weights, x), code)
    assert not torch.allclose(network.decode(weights, code), output)


@every_network
def test_rows_do_not_see_each_other(network):
    weights = draw(network)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(6, D)))
    together = network.decode(weights, network.encode(weights, x))
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    shuffled = network.decode(weights, network.encode(weights, x[order]))
    assert_allclose(shuffled, together[order], rtol=1e-12)
    alone = network.decode(weights, network.encode(weights, x[:1]))
    assert_allclose(alone, together[:1], rtol=1e-12)


def test_features_do_make_a_difference_to_each_other():
    network = NETWORKS[0]
    weights, x = draw(network), torch.arange(1.0, D + 1, dtype=torch.float64)[None]
    assert not torch.allclose(
        network.encode(weights, x), network.encode(weights, x.flip(1))
    )


@every_network
def test_both_sides_are_differentiable(network):
    weights = {name: w.requires_grad_() for name, w in draw(network).items()}
    x = torch.ones((2, D), dtype=torch.float64)
    network.decode(weights, network.encode(weights, x)).sum().backward()
    assert all(weight.grad is not None for weight in weights.values())


class TestLimit:
    NETWORK = DenseNetwork(D, K, (6, 4), "gelu")

    @pytest.mark.parametrize("activation", ["gelu", "relu", "elu", "silu"])
    def test_units_that_grow_have_one_beside_a_path(self, activation):
        assert DenseNetwork(D, K, (6,), activation).limit == 3.0

    @pytest.mark.parametrize("activation", ["tanh", "logistic", "identity"])
    def test_others_need_none(self, activation):
        assert DenseNetwork(D, K, (6,), activation).limit == np.inf

    def test_textbook_network_has_none(self):
        assert DenseNetwork(D, K, (6,), linear_path=False).limit == np.inf
        assert DenseNetwork(D, K, (6,), code=PlainCode("relu")).limit == np.inf

    def test_far_out_only_the_path_goes_on(self):
        weights = draw(self.NETWORK)
        direction = torch.arange(1.0, D + 1, dtype=torch.float64)[None]
        P = weights["encoder.0.weight"][:K]
        far, farther = (
            self.NETWORK.encode(weights, size * direction) for size in (1e6, 2e6)
        )
        assert_allclose(farther - far, 1e6 * direction @ P.t(), rtol=1e-9)


def test_equal_networks_are_equal():
    assert DenseNetwork(D, K, (5,)) == DenseNetwork(D, K, (5,))
    assert DenseNetwork(D, K, (5,)) != DenseNetwork(D, K, (6,))
