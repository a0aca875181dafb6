"""Two roads to one gradient: by hand, and through autograd."""

import pytest
import torch

from skae.data import ShuffledBatches
from skae.networks import DenseBackprop, DenseNetwork, PlainCode, initialise
from skae.objectives import Bernoulli, Gaussian, WeightDecay
from skae.training import (
    SCHEDULES,
    AutogradStep,
    FlatTensors,
    HandwrittenStep,
    Plan,
    Task,
    Training,
    train,
)

CPU = torch.device("cpu")
D, K = 6, 2

NETWORKS = {
    "path": DenseNetwork(D, K, (8, 4)),
    "tied": DenseNetwork(D, K, (8,), "elu", tied_weights=True),
    "plain": DenseNetwork(D, K, (8, 4), "tanh", linear_path=False),
    "code": DenseNetwork(D, K, (8,), "silu", PlainCode("logistic")),
    "shallow": DenseNetwork(D, K),
}
every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
either_likelihood = pytest.mark.parametrize(
    "likelihood", [Gaussian(), Bernoulli()], ids=["gaussian", "bernoulli"]
)


class Silent:
    """An observer that only looks on."""

    def epoch_begins(self):
        pass

    def epoch_ends(self, history):
        return False


def make_rows(n, dtype):
    generator = torch.Generator().manual_seed(0)
    return torch.rand((n, D), generator=generator, dtype=torch.float64).to(dtype)


def parameters_of(network, dtype):
    parameters = FlatTensors(network.shapes(), dtype=dtype, device=CPU)
    generator = torch.Generator().manual_seed(1)
    initialise(network, parameters.views, "he", generator)
    return parameters


def by_hand(network, likelihood, dtype):
    parameters = parameters_of(network, dtype)
    gradients = FlatTensors(network.shapes(), dtype=dtype, device=CPU)

    def workspace(n_rows):
        views = parameters.views, gradients.views
        return DenseBackprop(network, *views, n_rows, [torch.Generator()])

    return HandwrittenStep(parameters, gradients, workspace, likelihood.loss_gradient)


def by_autograd(network, likelihood, dtype):
    gradients = FlatTensors(network.shapes(), dtype=dtype, device=CPU)

    def loss(weights, x, target):
        output = network.decode(weights, network.encode(weights, x))
        mean = likelihood.loss(output, target).mean()
        return mean, mean, None

    return AutogradStep(parameters_of(network, dtype), gradients, loss)


def both(network, likelihood, dtype):
    return [road(network, likelihood, dtype) for road in (by_hand, by_autograd)]


def train_for_an_epoch(step, network, likelihood, rows):
    weights, last = step.parameters.views, list(network.weight_shapes())[-1]

    def evaluate(limit):
        output = network.decode(weights, network.encode(weights, rows))
        return likelihood.loss(output, rows).mean().item()

    task = Task(
        step=step,
        batches=ShuffledBatches(rows, 10, torch.Generator().manual_seed(2)),
        evaluate=evaluate,
        validate=None,
        decay=WeightDecay(1e-3),
        trained=slice(network.n_fixed, None),
        decayed=slice(network.n_fixed, step.parameters.end(last)),
    )
    schedule = SCHEDULES["cosine"](1e-2, 12)
    plan = Plan(max_epochs=1, schedule=schedule, tol=0.0, patience=1)
    with torch.no_grad():
        return train(Training(task, plan, Silent())).loss_curve


@every_network
@either_likelihood
def test_one_step_is_the_same_in_float64(network, likelihood):
    hand, auto = both(network, likelihood, torch.float64)
    batch = make_rows(9, torch.float64)
    torch.testing.assert_close(hand(batch)[0], auto(batch)[0], rtol=1e-12, atol=0)
    trained = slice(network.n_fixed, None)
    ours, expected = hand.gradients.flat[trained], auto.gradients.flat[trained]
    assert (ours - expected).abs().max() <= 1e-12 * expected.abs().max()
    assert not hand.gradients.flat[: network.n_fixed].any()


@every_network
@either_likelihood
def test_an_epoch_of_training_is_the_same_in_float32(network, likelihood):
    # 115 rows in batches of at most 10: 12 batches, of 9 and of 10 rows.
    rows = make_rows(115, torch.float32)
    hand, auto = both(network, likelihood, torch.float32)
    start = hand.parameters.flat.clone()
    losses, ends = [], []
    for step in (hand, auto):
        losses += train_for_an_epoch(step, network, likelihood, rows)
        ends.append(step.parameters.flat)
    assert (ends[0] - start).abs().max() > 1e-2
    assert (ends[0] - ends[1]).abs().max() <= 1e-5 * ends[1].abs().max()
    assert torch.equal(ends[0][: network.n_fixed], start[: network.n_fixed])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@every_network
def test_ragged_batches_leave_no_trace_on_each_other(network):
    step, fresh = (by_hand(network, Gaussian(), torch.float64) for _ in range(2))
    rows = make_rows(20, torch.float64)
    for batch in (rows[:9], rows[9:10], rows[10:], rows[:9]):
        step(batch)
    fresh(rows[:9])
    assert torch.equal(step.gradients.flat, fresh.gradients.flat)


def test_arrays_of_a_step_are_allocated_once_for_each_size():
    network, sizes = NETWORKS["path"], []
    step = by_hand(network, Gaussian(), torch.float32)
    allocate = step._allocate
    step._allocate = lambda n_rows: sizes.append(n_rows) or allocate(n_rows)
    rows = make_rows(10, torch.float32)
    for batch in (rows[:4], rows[:3], rows[4:8], rows[:3]):
        step(batch)
    assert sizes == [4, 3]


@pytest.mark.parametrize("road", [by_hand, by_autograd])
def test_step_changes_neither_weights_nor_rows(road):
    step = road(NETWORKS["path"], Gaussian(), torch.float64)
    before = step.parameters.flat.clone()
    step(batch := make_rows(5, torch.float64))
    assert torch.equal(step.parameters.flat, before)
    assert torch.equal(batch, make_rows(5, torch.float64))


@pytest.mark.parametrize("road", [by_hand, by_autograd])
def test_gradient_is_written_and_not_added(road):
    step = road(NETWORKS["tied"], Gaussian(), torch.float64)
    batch = make_rows(5, torch.float64)
    step(batch)
    once = step.gradients.flat.clone()
    step(batch)
    assert torch.equal(step.gradients.flat, once)


@pytest.mark.parametrize("road", [by_hand, by_autograd])
def test_value_stays_what_it_was_when_the_next_batch_comes(road):
    step = road(NETWORKS["path"], Gaussian(), torch.float64)
    rows = make_rows(10, torch.float64)
    first, penalty = step(rows[:5])
    assert penalty is None
    kept = first.item()
    step(rows[5:])
    assert first.item() == kept
    assert not first.requires_grad


def test_autograd_works_where_the_caller_has_turned_it_off():
    step = by_autograd(NETWORKS["path"], Gaussian(), torch.float64)
    with torch.no_grad():
        step(make_rows(5, torch.float64))
    assert torch.any(step.gradients.flat)
