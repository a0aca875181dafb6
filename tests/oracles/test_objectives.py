"""The objective of every variant: two roads to its gradient, and gradcheck."""

from dataclasses import replace

import pytest
import torch

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators.objective import Objective
from skae.training import FlatTensors

FLOAT64 = {"dtype": torch.float64, "device": torch.device("cpu")}
D, BATCH = 5, 9


def dead_at_once(estimator):
    """The same variant, whose units count as dead after a single row."""
    compose = type(estimator)._compose

    def auxiliary(network, likelihood, n_samples):
        revival = estimator._revive(network, likelihood, n_samples)
        revival._n_rows = 1
        return revival

    estimator._compose = lambda d: replace(compose(estimator, d), auxiliary=auxiliary)
    return estimator


NARROW = {"width": 4, "n_heads": 2, "n_layers": 1}
VARIANTS = {
    "plain": Autoencoder(2, hidden_layer_sizes=(4, 3)),
    "poisson": Autoencoder(2, hidden_layer_sizes=(4,), likelihood="poisson"),
    "gaussian noise": DenoisingAutoencoder(2, hidden_layer_sizes=(4,)),
    "masking": DenoisingAutoencoder(2, corruption="masking", hidden_layer_sizes=(4,)),
    "salt": DenoisingAutoencoder(2, corruption="salt_and_pepper"),
    "contractive": ContractiveAutoencoder(2, alpha=0.5, hidden_layer_sizes=(4,)),
    "contractive, shallow": ContractiveAutoencoder(
        2, alpha=0.5, hidden_layer_sizes=(), code_activation="logistic"
    ),
    "contractive, deep": ContractiveAutoencoder(
        2, alpha=0.5, hidden_layer_sizes=(6, 4)
    ),
    "contractive, estimated": ContractiveAutoencoder(
        33, alpha=0.5, n_probes=2, hidden_layer_sizes=(6, 4)
    ),
    "l1": SparseAutoencoder(7, alpha=0.1),
    "l1 and path": SparseAutoencoder(
        3, alpha=0.1, code_activation="identity", hidden_layer_sizes=(6, 4)
    ),
    "l1, tied": SparseAutoencoder(
        3,
        alpha=0.1,
        code_activation="identity",
        hidden_layer_sizes=(4,),
        tied_weights=True,
    ),
    "kl": SparseAutoencoder(7, alpha=0.1, penalty="kl", hidden_layer_sizes=(4,)),
    "hidden": SparseAutoencoder(
        3, alpha=0.1, hidden_layer_sizes=(6, 4), penalize="hidden"
    ),
    "top-k": TopKAutoencoder(8, k=3, hidden_layer_sizes=(4,)),
    "top-k, revived": dead_at_once(TopKAutoencoder(8, k=2, alpha=0.5)),
    "variational": VariationalAutoencoder(2, hidden_layer_sizes=(6, 4)),
    "variational, shallow": VariationalAutoencoder(2, hidden_layer_sizes=()),
    "variational, textbook": VariationalAutoencoder(
        2, hidden_layer_sizes=(4,), linear_path=False, likelihood="bernoulli"
    ),
    "variational, given": VariationalAutoencoder(
        2, hidden_layer_sizes=(4,), noise_variance=0.3, free_bits=0.5
    ),
    "attention": AttentionAutoencoder(2, **NARROW),
    "attention, textbook": AttentionAutoencoder(
        2, linear_path=False, positions="sinusoidal", likelihood="bernoulli", **NARROW
    ),
    "attention, poisson": AttentionAutoencoder(
        2, likelihood="poisson", positions=None, **NARROW
    ),
    "attention, variational": AttentionAutoencoder(2, beta=0.5, noise=0.1, **NARROW),
    "variational, poisson": VariationalAutoencoder(
        2, hidden_layer_sizes=(4,), likelihood="poisson", beta=3.0
    ),
}
every_variant = pytest.mark.parametrize("name", VARIANTS)


def make(name, backprop=True, n=BATCH):
    """A step of a variant at random weights, its objective, and a batch."""
    composition = VARIANTS[name]._compose(D)
    if not backprop:
        composition = replace(composition, backprop=None)
    generator = torch.Generator().manual_seed(0)
    parameters = FlatTensors(composition.network.shapes(), **FLOAT64)
    for view in parameters.views.values():
        view.normal_(0.0, 0.5, generator=generator)
    batch = torch.rand((n, D), generator=generator, dtype=torch.float64)
    objective = Objective(composition)
    gradients = FlatTensors(composition.network.shapes(), **FLOAT64)
    noise = torch.Generator().manual_seed(1)
    step = objective.step(parameters, gradients, 100, noise, lambda: 0.7)
    return objective, step, batch


@every_variant
def test_handwritten_step_is_that_of_autograd(name):
    _, hand, batch = make(name)
    _, auto, _ = make(name, backprop=False)
    for _ in range(2):  # the second time with other noise
        (loss, penalty), (expected, term) = hand(batch), auto(batch)
        torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
        assert (penalty is None) == (term is None)
        if penalty is not None:
            torch.testing.assert_close(penalty, term, rtol=1e-12, atol=0)
        n_fixed = make(name)[0].network.n_fixed
        ours, theirs = (step.gradients.flat[n_fixed:] for step in (hand, auto))
        assert (ours - theirs).abs().max() <= 1e-12 * theirs.abs().max()
        assert theirs.any()


DIFFERENTIABLE = [name for name in VARIANTS if name != "top-k, revived"]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_objective_passes_gradcheck(name):
    objective, step, batch = make(name)
    shapes, penalty = objective.network.shapes(), objective.penalty
    views = [view.clone().requires_grad_() for view in step.parameters.views.values()]
    at_start, _ = step(batch)

    def function(*weights):
        terms = objective.terms(100, torch.Generator().manual_seed(1), lambda: 1.0)
        weights = dict(zip(shapes, weights, strict=True))
        total, loss, term = terms.loss(weights, *terms.pair(batch))
        # The weight of a penalty may depend on the loss, but is not differentiated.
        return total if term is None else loss + penalty.factor(at_start) * term

    assert torch.autograd.gradcheck(function, views)


def test_what_dead_units_learn_from_passes_gradcheck():
    objective, step, batch = make("top-k, revived")
    shapes = objective.network.shapes()
    views = [view.clone().requires_grad_() for view in step.parameters.views.values()]
    terms = objective.terms(100, torch.Generator(), lambda: 1.0)
    output = terms.loss(step.parameters.views, batch, batch)[0] * torch.zeros_like(
        batch
    )

    def function(*weights):
        weights = dict(zip(shapes, weights, strict=True))
        return terms._revival.term(weights, batch, batch, output)

    assert function(*views) > 0.0
    assert torch.autograd.gradcheck(function, views)


@every_variant
def test_evaluation_is_the_same_in_blocks(name, monkeypatch):
    objective, step, batch = make(name)
    weights = step.parameters.views

    def evaluate():
        noise = torch.Generator().manual_seed(2)
        return objective.evaluate(weights, batch, noise)

    whole = evaluate()
    if objective.is_plain:  # noise is drawn block by block
        monkeypatch.setattr("skae.estimators.objective._EVALUATED_ROWS", 2)
        assert evaluate() == pytest.approx(whole, rel=1e-12)
    loss, penalty = whole
    noise = torch.Generator().manual_seed(2)
    terms = objective.terms(100, noise, lambda: 1.0)
    _, expected, term = terms.loss(weights, *terms.pair(batch))
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert penalty == pytest.approx(0.0 if term is None else term.item(), rel=1e-12)
