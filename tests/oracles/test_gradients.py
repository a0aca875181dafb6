"""Every gradient that is written by hand, against autograd's."""

from itertools import product

import pytest
import torch

from skae.networks import ACTIVATIONS, DenseBackprop, DenseNetwork, PlainCode
from skae.objectives import Bernoulli, Gaussian, LogisticGaussian, WeightDecay
from skae.training import FlatTensors, GramStep, HandwrittenStep

FLOAT64 = {"dtype": torch.float64, "device": torch.device("cpu")}
LIKELIHOODS = [Gaussian(), LogisticGaussian(), Bernoulli()]
D, K, BATCH = 5, 3, 7


def random_tensors(shapes, seed):
    """Flat parameters of all `shapes`, drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    parameters = FlatTensors(shapes, **FLOAT64)
    for view in parameters.views.values():
        view.copy_(torch.randn(view.shape, generator=generator, dtype=torch.float64))
        view.mul_(0.5)
    return parameters


def random_rows(n=BATCH, d=D, seed=1):
    """Rows in [0, 1], which every likelihood takes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((n, d), generator=generator, dtype=torch.float64)


def handwritten_step(network, likelihood, parameters):
    gradients = FlatTensors(network.shapes(), **FLOAT64)

    def workspace(n_rows):
        views = parameters.views, gradients.views
        return DenseBackprop(network, *views, n_rows, [torch.Generator()])

    return HandwrittenStep(parameters, gradients, workspace, likelihood.loss_gradient)


def assert_same(actual, expected, rtol=1e-12):
    """Equal up to `rtol` of the largest entry; zeros, of dead units, are zeros."""
    error = (actual - expected).abs().max()
    assert error <= rtol * expected.abs().max()


NETWORKS = [
    DenseNetwork(D, K, sizes, activation, tied_weights=tied, linear_path=path)
    for activation, sizes, tied, path in product(
        ACTIVATIONS, [(4,), (6, 4), (4, 6, 2)], [False, True], [False, True]
    )
] + [
    DenseNetwork(D, K, sizes, "tanh", PlainCode(code), tied_weights=tied)
    for code, sizes, tied in product(ACTIVATIONS, [(), (4,), (6, 4)], [False, True])
]


def describe(part):
    if isinstance(part, DenseNetwork):
        marks = ["tied"] * part.tied_weights + ["path"] * part.linear_path
        sizes = "x".join(map(str, part.hidden_layer_sizes)) or "shallow"
        return "-".join([part.activation, part.code.activation, sizes, *marks])
    return type(part).__name__


@pytest.mark.parametrize("decay", [None, WeightDecay(0.3)], ids=["plain", "decay"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=describe)
@pytest.mark.parametrize("network", NETWORKS, ids=describe)
def test_handwritten_gradient_is_that_of_autograd(network, likelihood, decay):
    parameters, x = random_tensors(network.shapes(), seed=0), random_rows()
    step = handwritten_step(network, likelihood, parameters)
    value, _ = step(x)
    if decay is not None:
        end = parameters.end(list(network.weight_shapes())[-1])
        decayed = slice(network.n_fixed, end)
        fixed = parameters.flat[: network.n_fixed]
        value += decay.value(parameters.flat[decayed]) + decay.value(fixed)
        decay.add_gradient(parameters.flat[decayed], step.gradients.flat[decayed])

    leaves = {n: v.clone().requires_grad_() for n, v in parameters.views.items()}
    output = network.decode(leaves, network.encode(leaves, x))
    loss = likelihood.loss(output, x).mean()
    if decay is not None:
        squares = (leaves[name].square().sum() for name in network.weight_shapes())
        loss = loss + decay.alpha / 2 * sum(squares)
    expected = torch.autograd.grad(loss, list(leaves.values()))

    assert_same(value, loss.detach())
    for name, gradient in zip(leaves, expected, strict=True):
        n_fixed = network.n_fixed if name == "encoder.0.weight" else 0
        ours = step.gradients.views[name].flatten()
        assert_same(ours[n_fixed:], gradient.flatten()[n_fixed:])
        assert not ours[:n_fixed].any()


class HandwrittenLoss(torch.autograd.Function):
    """The hand-written step, made known to autograd, so that gradcheck can ask it."""

    @staticmethod
    def forward(ctx, trained, step, x):
        n_fixed = len(step.parameters.flat) - len(trained)
        step.parameters.flat[n_fixed:].copy_(trained)
        loss, _ = step(x)
        ctx.save_for_backward(step.gradients.flat[n_fixed:].clone())
        return loss.clone()

    @staticmethod
    def backward(ctx, gradient):
        return ctx.saved_tensors[0] * gradient, None, None


@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=describe)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_handwritten_gradient_passes_gradcheck(activation, tied, likelihood):
    network = DenseNetwork(3, 2, (4,), activation, tied_weights=tied)
    parameters, x = random_tensors(network.shapes(), seed=0), random_rows(5, 3)
    step = handwritten_step(network, likelihood, parameters)
    trained = parameters.flat[network.n_fixed :].clone().requires_grad_()
    assert torch.autograd.gradcheck(HandwrittenLoss.apply, (trained, step, x))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_of_activation_passes_gradcheck(name):
    activation = ACTIVATIONS[name]
    a = torch.linspace(-4.0, 4.0, 16, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(activation.value(a).sum(), a)
    a = a.detach()
    h = torch.empty_like(a)
    activation.forward(a, h)
    gradient = torch.ones_like(a)
    activation.backward(gradient, a, h, gradient)
    torch.testing.assert_close(h, activation.value(a), rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(gradient, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_written_beside_the_gradient_too(name):
    activation = ACTIVATIONS[name]
    a = torch.tensor([-1.5, 0.3, 2.0], dtype=torch.float64)
    h, out = torch.empty_like(a), torch.empty_like(a)
    activation.forward(a, h)
    gradient, inplace = torch.full_like(a, 2.0), torch.full_like(a, 2.0)
    activation.backward(gradient, a, h, out)
    activation.backward(inplace, a, h, inplace)
    assert torch.equal(out, inplace)
    assert torch.equal(gradient, torch.full_like(a, 2.0))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_tells_its_value_at_zero(name):
    activation = ACTIVATIONS[name]
    assert activation.value(torch.zeros(1)).item() == activation.at_zero


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("n", [20, 3])
def test_covariance_gives_loss_and_gradient_of_the_rows(n, tied):
    network = DenseNetwork(D, K, tied_weights=tied, linear_path=False)
    parameters = random_tensors(network.shapes(), seed=0)
    step = GramStep(parameters, FlatTensors(network.shapes(), **FLOAT64))
    rows = random_rows(n)
    rows -= rows.mean(0)
    value, _ = step(rows.t() @ rows / n)

    names = list(network.weight_shapes())
    leaves = [parameters.views[name].clone().requires_grad_() for name in names]
    output = rows @ leaves[0].t() @ leaves[-1]
    loss = (output - rows).square().mean()
    assert_same(value, loss.detach())
    for name, expected in zip(names, torch.autograd.grad(loss, leaves), strict=True):
        assert_same(step.gradients.views[name], expected)


@pytest.mark.parametrize("alpha", [0.1, 2.0])
def test_weight_decay_adds_its_gradient_to_what_is_there(alpha):
    decay = WeightDecay(alpha)
    weights = torch.linspace(-1.0, 2.0, 6, dtype=torch.float64, requires_grad=True)
    penalty = alpha / 2 * weights.square().sum()
    (expected,) = torch.autograd.grad(penalty, weights)
    gradient = torch.ones(6, dtype=torch.float64)
    decay.add_gradient(weights.detach(), gradient)
    assert_same(gradient, expected + 1.0)
    assert_same(decay.value(weights.detach()), penalty.detach())
