"""Where the weights start: their spread, their seeds, and the linear path."""

import math

import pytest
import torch
from torch.testing import assert_close

from skae.networks import ACTIVATIONS, INITS, DenseNetwork, initialise, start_at_path
from skae.training import FlatTensors

CPU = torch.device("cpu")
D, K = 6, 3


def allocate(network, dtype=torch.float64):
    return FlatTensors(network.shapes(), dtype=dtype, device=CPU).views


def drawn(network, init="he", seed=0, dtype=torch.float64):
    weights = allocate(network, dtype)
    for weight in weights.values():
        weight.fill_(7.0)
    initialise(network, weights, init, torch.Generator().manual_seed(seed))
    return weights


class TestInitialise:
    NETWORK = DenseNetwork(200, 50, (300,), linear_path=False)

    @pytest.mark.parametrize("init", INITS)
    def test_spread_is_the_one_of_its_name(self, init):
        fans = {
            "encoder.0.weight": (200, 300),
            "encoder.1.weight": (300, 50),
            "decoder.0.weight": (300, 200),
            "decoder.1.weight": (50, 300),
        }
        weights = drawn(self.NETWORK, init)
        for name, (into, out) in fans.items():
            expected = {
                "he": math.sqrt(2 / into),
                "glorot": math.sqrt(2 / (into + out)),
            }[init]
            weight = weights[name]
            assert weight.std().item() == pytest.approx(expected, rel=0.03)
            assert abs(weight.mean().item()) < 0.03 * expected

    def test_biases_start_at_zero(self):
        weights = drawn(self.NETWORK)
        biases = [w for name, w in weights.items() if name.endswith("bias")]
        assert len(biases) == 4
        assert not any(bias.any() for bias in biases)

    def test_same_seed_gives_the_same_weights_in_every_precision(self):
        single, double = (
            drawn(self.NETWORK, dtype=dtype) for dtype in (torch.float32, torch.float64)
        )
        for name, weight in single.items():
            assert_close(weight.double(), double[name], rtol=1e-6, atol=0)

    def test_other_seed_gives_other_weights(self):
        first, second = (drawn(self.NETWORK, seed=seed) for seed in (0, 1))
        assert not torch.equal(first["encoder.0.weight"], second["encoder.0.weight"])

    def test_global_generator_is_left_alone(self):
        before = torch.get_rng_state()
        drawn(self.NETWORK)
        assert torch.equal(torch.get_rng_state(), before)


every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
tied_or_not = pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
every_depth = pytest.mark.parametrize("sizes", [(), (5,), (5, 4), (4, 5, 2)], ids=str)


@every_activation
@tied_or_not
@every_depth
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_network_starts_as_the_linear_map_of_its_path(rank, sizes, tied, activation):
    network = DenseNetwork(D, K, sizes, activation, tied_weights=tied)
    weights = drawn(network)
    generator = torch.Generator().manual_seed(1)
    P, Q, b, x = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((rank, D), (rank, D), (D,), (8, D))
    )
    c = torch.arange(1.0, rank + 1, dtype=torch.float64)
    if tied:
        Q = P
    start_at_path(network, weights, P, Q, c, b)
    code = network.encode(weights, x)
    assert_close(code[:, :rank], x @ P.t() + c, rtol=1e-12, atol=1e-12)
    assert_close(code[:, rank:], torch.zeros_like(code[:, rank:]), rtol=0, atol=1e-12)
    expected = (x @ P.t() + c) @ Q + b
    assert_close(network.decode(weights, code), expected, rtol=1e-12, atol=1e-12)


@tied_or_not
def test_hidden_layers_stay_at_random(tied):
    network = DenseNetwork(D, K, (5, 4), tied_weights=tied)
    weights, before = drawn(network), drawn(network)
    eye = torch.eye(D, dtype=torch.float64)
    start_at_path(network, weights, eye[:K], eye[:K], eye[0, :K], eye[0])
    assert torch.equal(weights["encoder.1.weight"], before["encoder.1.weight"])
    assert weights["encoder.1.weight"].all()
