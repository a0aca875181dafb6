"""The attention network: its shapes, and what it computes, against plain numpy."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import erf, softmax
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from skae.networks import AttentionNetwork, GaussianCode, PlainCode, initialise
from skae.networks.attention import sinusoids

STEPS, FEATURES, K = 5, 3, 2
SMALL = {"width": 8, "n_heads": 2, "n_layers": 2}


def make(input_shape=(STEPS, FEATURES), **changes):
    return AttentionNetwork(input_shape, K, **SMALL | changes)


def draw(network, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy(rng.normal(size=shape) * 0.5)
        for name, shape in network.shapes().items()
    }


def rows(network, n=6, seed=1):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, network.n_features)))


def norm(h):
    h = h - h.mean(-1, keepdims=True)
    return h / np.sqrt(h.var(-1, keepdims=True) + 1e-5)


def gelu(a):
    return a * 0.5 * (1 + erf(a / np.sqrt(2)))


def attend(h, w, block, n_heads):
    """Attention of one sample, head by head."""
    width = h.shape[1] // n_heads
    q, k, v = np.split(
        h @ w[f"{block}.attention.weight"].T + w[f"{block}.attention.bias"], 3, axis=1
    )
    heads = []
    for head in range(n_heads):
        part = slice(head * width, (head + 1) * width)
        shares = softmax(q[:, part] @ k[:, part].T / np.sqrt(width), axis=1)
        heads.append(shares @ v[:, part])
    return np.hstack(heads) @ w[f"{block}.mix.weight"].T


def blocks(h, w, side, network):
    for i in range(network.n_layers):
        block = f"{side}.{i}"
        h = h + attend(norm(h), w, block, network.n_heads)
        a = norm(h) @ w[f"{block}.hidden.weight"].T + w[f"{block}.hidden.bias"]
        h = h + gelu(a) @ w[f"{block}.back.weight"].T + w[f"{block}.back.bias"]
    return norm(h)


def waves(network):
    """The sinusoidal positions, entry by entry; nothing for others."""
    table = np.zeros((network.input_shape[0], network.width))
    if network.positions == "sinusoidal":
        for t, i in product(*map(range, table.shape)):
            phase = t / 10000 ** ((i - i % 2) / network.width)
            table[t, i] = np.cos(phase) if i % 2 else np.sin(phase)
    return table


def textbook(network, weights, x):
    """Code and output of one row, as the formulas say."""
    w = {name: weight.numpy() for name, weight in weights.items()}
    h = x.reshape(network.input_shape) @ w["encoder.embedding.weight"].T
    h = h + w["encoder.position.weight"] + waves(network)
    h = blocks(h, w, "encoder", network)
    shares = softmax(h @ w["encoder.query.weight"].T, axis=0)
    z = w["encoder.code.weight"] @ (shares.T @ h).ravel() + w["encoder.code.bias"]
    if network.has_path:
        z = z + w["encoder.path.weight"] @ x
    h = (z @ w["decoder.unfold.weight"]).reshape(-1, network.width)
    h = h + w["decoder.position.weight"] + waves(network)
    h = blocks(h, w, "decoder", network)
    output = (h @ w["decoder.embedding.weight"]).ravel() + w["decoder.output.bias"]
    return z, output + (z @ w["decoder.path.weight"] if network.has_path else 0.0)


NETWORKS = [
    make(n_layers=n_layers, positions=positions, linear_path=path)
    for n_layers, positions, path in product(
        [1, 2], ["learned", "sinusoidal", None], [True, False]
    )
]
NETWORKS += [make((1, 1)), make((7, 1), width=6, n_heads=3), make((1, 4), n_heads=1)]
every_network = pytest.mark.parametrize("network", NETWORKS, ids=str)


@every_network
def test_it_computes_what_the_formulas_say(network):
    weights, x = draw(network), rows(network)
    code = network.encode(weights, x)
    output = network.decode(weights, code)
    expected = [textbook(network, weights, row) for row in x.numpy()]
    assert_allclose(code, [z for z, _ in expected], rtol=1e-10, atol=1e-12)
    assert_allclose(output, [o for _, o in expected], rtol=1e-10, atol=1e-12)


@every_network
def test_rows_do_not_see_each_other(network):
    weights, x = draw(network), rows(network)
    together = network.decode(weights, network.encode(weights, x))
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    shuffled = network.decode(weights, network.encode(weights, x[order]))
    assert_allclose(shuffled, together[order], rtol=1e-11, atol=1e-12)
    alone = network.decode(weights, network.encode(weights, x[:1]))
    assert_allclose(alone, together[:1], rtol=1e-11, atol=1e-12)


@every_network
def test_matrices_come_first_and_vectors_after_them(network):
    shapes, matrices = network.shapes(), list(network.weight_shapes())
    assert list(shapes)[: len(matrices)] == matrices
    assert all(len(shapes[name]) == 2 for name in matrices)
    assert all(len(shapes[name]) == 1 for name in list(shapes)[len(matrices) :])
    assert all(name.endswith("weight") for name in matrices)
    if network.has_path:
        assert matrices[0] == "encoder.path.weight"


@every_network
def test_both_sides_are_differentiable(network):
    weights = {name: w.requires_grad_() for name, w in draw(network).items()}
    network.decode(weights, network.encode(weights, rows(network))).sum().backward()
    assert all(weight.grad is not None for weight in weights.values())


@every_network
def test_ends_and_code_matrices_are_where_the_names_say(network):
    shapes = network.weight_shapes()
    first, last = (shapes[name] for name in network.ends)
    assert first == last == (network.width, network.input_shape[1])
    into, out = (shapes[name] for name in network.code_matrices)
    assert (into[0], out[0]) == (network.n_parameters, K)
    assert out[1] == network.input_shape[0] * network.width
    assert all(len(m) == K for m in network.readers(draw(network)))


def test_only_learned_positions_have_a_row_for_every_step():
    for positions, n in (("learned", STEPS), ("sinusoidal", 1), (None, 1)):
        shapes = make(positions=positions).weight_shapes()
        for side in ("encoder", "decoder"):
            assert shapes[f"{side}.position.weight"] == (n, SMALL["width"])


@pytest.mark.parametrize("width", [1, 2, 7])
def test_sinusoids_have_any_width(width):
    table = sinusoids(3, width)
    assert table.shape == (3, width)
    assert_allclose(table[0], np.arange(width) % 2, atol=1e-15)


@pytest.mark.parametrize(
    ("code", "n_parameters", "has_path"),
    [(PlainCode(), K, True), (PlainCode("tanh"), K, False), (GaussianCode(), 4, True)],
)
def test_a_code_decides_on_the_path_and_the_width_of_the_encoder(
    code, n_parameters, has_path
):
    network = make(code=code)
    assert (network.n_parameters, network.has_path) == (n_parameters, has_path)
    assert network.n_fixed == (n_parameters * network.n_features if has_path else 0)
    encoding = network.trace(draw(network), rows(network))
    assert encoding.code.shape == (6, n_parameters)


def test_a_silent_network_is_its_path():
    network = make()
    weights, x = draw(network), rows(network)
    network.silence(weights, 2.0)
    z = network.encode(weights, x)
    linear = x @ weights["encoder.path.weight"].t() + weights["encoder.code.bias"]
    assert_allclose(z, linear, rtol=1e-12)
    linear = z @ weights["decoder.path.weight"] + weights["decoder.output.bias"]
    assert_allclose(network.decode(weights, z), linear, rtol=1e-12)


@pytest.mark.parametrize("size", [1e3, 1e9])
def test_what_stands_beside_the_path_is_bounded(size):
    network = make()
    weights, x = draw(network), rows(network)
    *_, near = network.correct_code(weights, x)
    *_, far = network.correct_code(weights, size * x)
    bound = weights["encoder.code.weight"].norm(dim=1)
    assert (near.abs() <= bound * (8 * network.width) ** 0.5).all()
    assert (far.abs() <= bound * (8 * network.width) ** 0.5).all()
    bound = weights["decoder.embedding.weight"].norm(dim=0) * network.width**0.5
    g = network.correct_output(weights, size * far).view(-1, STEPS, FEATURES)
    assert (g.abs() <= bound).all()
    assert network.limit == np.inf


@pytest.mark.parametrize("init", ["he", "glorot"])
def test_matrices_are_drawn_for_what_they_read(init):
    network = AttentionNetwork((64, 50), 30, width=64, n_heads=4)
    weights = {n: torch.empty(s) for n, s in network.shapes().items()}
    initialise(network, weights, init, torch.Generator().manual_seed(0))
    assert network.fan("encoder.embedding.weight") == (50, 64)
    assert network.fan("decoder.embedding.weight") == (64, 50)
    assert network.fan("encoder.0.attention.weight") == (8 * 64, 8 * 64)
    assert network.fan("encoder.0.hidden.weight") == (64, 128)
    assert network.fan("decoder.unfold.weight") == (30, 64)
    assert network.fan("encoder.position.weight") == (8, 8)
    assert network.fan("encoder.query.weight") == (8 * 64, 8 * 8)
    for name, shape in network.weight_shapes().items():
        into, out = network.fan(name)
        expected = (2 / into if init == "he" else 2 / (into + out)) ** 0.5
        assert_allclose(weights[name].std(), expected, rtol=0.2)
        assert np.prod(shape) == weights[name].numel()


@every_network
def test_operations_are_those_of_the_matrix_products(network):
    weights, x = draw(network), rows(network, 1)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network.decode(weights, network.encode(weights, x))
    assert sum(network.operations()) == counter.get_total_flops()
