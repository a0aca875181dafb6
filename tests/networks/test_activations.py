"""Activations by hand: value and gradient against torch's own, wherever they go."""

import pytest
import torch

from skae.networks import ACTIVATIONS
from skae.networks.activations import entries

FLAT = [(1, 1), (1, 7), (7, 1), (5, 7), (300, 150)]
STACKED = [(3, 5, 7), (3, 1, 7), (3, 7, 1), (3, 120, 150)]


def with_gaps(shape):
    """An array that is the upper part of another one."""
    return torch.empty((*shape[:-2], shape[-2] + 3, shape[-1]))[..., : shape[-2], :]


def without_gaps(shape):
    return torch.empty(shape)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", FLAT + STACKED, ids=str)
@pytest.mark.parametrize("empty", [with_gaps, without_gaps])
def test_value_and_gradient_by_hand_are_those_of_autograd(name, shape, empty):
    act, generator = ACTIVATIONS[name], torch.Generator().manual_seed(0)
    a, grad = (torch.randn(shape, generator=generator) for _ in range(2))
    leaf = a.double().requires_grad_()
    value = act.value(leaf)
    (expected,) = torch.autograd.grad(value, leaf, grad.double())
    h, out = empty(shape), empty(shape)
    out.copy_(grad)
    act.forward(*entries(a, h))
    act.backward(*entries(out, a, h, out))  # in place, as the step does
    torch.testing.assert_close(h, value.detach().float(), rtol=1e-5, atol=2e-6)
    torch.testing.assert_close(out, expected.float(), rtol=1e-5, atol=2e-6)
