"""Adam: torch's fused kernel, torch's public class, and the textbook agree."""

import pytest
import torch

from skae.training import adam as module

RATES = [1e-2, 3e-2, 1e-3, 1e-2, 5e-1]


def textbook(parameter, gradients, rates, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Kingma and Ba 2015, algorithm 1."""
    first, second = torch.zeros_like(parameter), torch.zeros_like(parameter)
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        first = beta1 * first + (1 - beta1) * gradient
        second = beta2 * second + (1 - beta2) * gradient**2
        step = first / (1 - beta1**t)
        parameter = parameter - rate * step / (
            torch.sqrt(second / (1 - beta2**t)) + epsilon
        )
    return parameter


def run(make_update, parameter, gradients, rates=RATES):
    parameter, gradient = parameter.clone(), torch.empty_like(parameter)
    update = make_update(parameter, gradient, module.Moments.zero(parameter), {})
    for given, rate in zip(gradients, rates, strict=True):
        gradient.copy_(given)
        update(rate)
    return parameter


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def dtype(request):
    return request.param


@pytest.fixture
def parameter(dtype):
    return torch.linspace(-2.0, 3.0, 41, dtype=dtype)


@pytest.fixture
def gradients(dtype):
    generator = torch.Generator().manual_seed(0)
    sizes = (1.0, 1e-6, 1e3, 0.0, 1.0)
    drawn = (torch.randn(41, generator=generator, dtype=dtype) for _ in sizes)
    return [size * noise for size, noise in zip(sizes, drawn, strict=True)]


@pytest.mark.parametrize(
    "make_update", [module.fused_adam, module._direct, module._public]
)
def test_it_is_the_textbook_formula(make_update, parameter, gradients, dtype):
    expected = textbook(parameter.double(), [g.double() for g in gradients], RATES)
    rtol = 1e-12 if dtype == torch.float64 else 1e-5
    actual = run(make_update, parameter, gradients)
    torch.testing.assert_close(actual.double(), expected, rtol=rtol, atol=rtol)


def test_kernel_and_public_class_give_the_same_bits(parameter, gradients):
    direct, public = (
        run(make, parameter, gradients) for make in (module._direct, module._public)
    )
    assert torch.equal(direct, public)


def test_public_class_is_used_where_torch_has_no_such_kernel(monkeypatch):
    monkeypatch.setattr(torch, "_fused_adam_", None)
    monkeypatch.setattr(module, "_public", lambda *parts: "public")
    assert module.fused_adam(torch.zeros(1), torch.zeros(1)) == "public"


def test_zero_gradient_moves_nothing(parameter):
    zeros = [torch.zeros_like(parameter)] * 5
    assert torch.equal(run(module.fused_adam, parameter, zeros), parameter)


@pytest.mark.parametrize("n", [0, 2, 5])
def test_saved_moments_go_on_as_if_nothing_had_been(parameter, gradients, n):
    expected = run(module.fused_adam, parameter, gradients)
    found, gradient = parameter.clone(), torch.empty_like(parameter)
    moments = module.Moments.zero(found)
    for i, (given, rate) in enumerate(zip(gradients, RATES, strict=True)):
        if i == n:
            arrays = [moment.numpy().copy() for moment in moments[:2]]
            moments = module.Moments.saved(*arrays, float(moments.n_steps), like=found)
            for array, moment in zip(arrays, moments, strict=False):
                array.fill(torch.nan)  # which the moments share no memory with
                assert moment.dtype == found.dtype
        gradient.copy_(given)
        module.fused_adam(found, gradient, moments)(rate)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("make_update", [module._direct, module._public])
@pytest.mark.parametrize(
    "spans", [[], [(16, 32)], [(32, 41), (0, 16)], [(0, 41)], [(16, 32), (0, 16)]]
)
def test_parts_of_the_gradient_may_stand_elsewhere(
    make_update, spans, parameter, gradients
):
    expected = run(make_update, parameter, gradients)
    found, gradient = parameter.clone(), torch.empty_like(parameter)
    elsewhere = {}
    moments = module.Moments.zero(found)
    update = make_update(found, gradient, moments, elsewhere)
    for i, (given, rate) in enumerate(zip(gradients, RATES, strict=True)):
        gradient.copy_(given)
        assert not elsewhere
        for start, stop in spans if i != 2 else spans[1:]:  # not all in each step
            part = gradient[start:stop]
            elsewhere[part.data_ptr()] = part.clone()[None]
            part.fill_(torch.nan)
        update(rate)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    assert moments.n_steps == len(RATES)
