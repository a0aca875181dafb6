"""Recorded steps: what they do is what the steps themselves would have done.

A recording on a GPU runs kernels; here it is a call that does the same on the CPU.
"""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from skae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.networks import products
from skae.training import FlatTensors, fused_adam, graphs, loop
from skae.training.graphs import RecordedSteps

CPU = torch.device("cpu")
SIZES = (4, 4, 3, 4, 4, 3, 4, 3, 3, 4, 4, 3)
RATES = [0.1 / (i + 1) for i in range(len(SIZES))]


class LeastSquares:
    """Steps of a linear regression by Adam, with a penalty that is only told."""

    def __init__(self):
        shapes = {"w": (2,)}
        self.parameters = FlatTensors(shapes, dtype=torch.float32, device=CPU)
        self.gradients = FlatTensors(shapes, dtype=torch.float32, device=CPU)
        self._update = fused_adam(self.parameters.flat, self.gradients.flat)

    def __call__(self, batch, learning_rate):
        rows, wanted = batch[:, :2], batch[:, 2]
        rest = rows @ self.parameters.views["w"] - wanted
        self.gradients.views["w"].copy_(rows.mT @ rest / len(batch))
        self._update(learning_rate)
        return rest.square().mean(), self.parameters.views["w"].abs().sum()

    @property
    def weights(self):
        return self.parameters.views["w"].tolist()


class Tape(TorchDispatchMode):
    """The calls of torch's operators, which are all that a GPU would repeat."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, operator, types, arguments=(), options=None):
        result = operator(*arguments, **(options or {}))
        self.calls.append((operator, arguments, options or {}, result))
        return result

    def replay(self):
        """Call them again with the same arguments, into the same results."""
        for operator, arguments, options, result in self.calls:
            again = operator(*arguments, **options)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor):
                    old.copy_(new)


class Recorder:
    """Makes recordings, and counts them; `act` is not called when it is recorded.

    It is called the first time that a recording is replayed, and never again.
    """

    def __init__(self):
        self.n_made = self.n_replayed = 0

    def __call__(self, act):
        self.n_made += 1
        tape = Tape()

        def replay():
            self.n_replayed += 1
            if tape.calls:
                tape.replay()
                return
            with tape:
                act()

        return replay


def batches():
    rows = torch.randn(sum(SIZES), 3, generator=torch.Generator().manual_seed(0))
    return rows.split(SIZES)


def run(advance):
    """What every batch told."""
    return [advance(batch, rate) for batch, rate in zip(batches(), RATES, strict=True)]


def test_recorded_steps_are_the_steps_themselves():
    plain, recorded, recorder = LeastSquares(), LeastSquares(), Recorder()
    expected = run(plain)
    told = run(RecordedSteps(recorded, CPU, recorder))
    assert recorded.weights == plain.weights
    assert told == expected  # of every batch: nothing told is written over later


def test_each_size_is_recorded_once_after_some_steps():
    recorder = Recorder()
    run(RecordedSteps(LeastSquares(), CPU, recorder))
    assert recorder.n_made == 2
    assert recorder.n_replayed == len(SIZES) - 2 * 3


def test_what_cannot_be_recorded_is_taken_as_it_is():
    plain, hopeless, attempts = LeastSquares(), LeastSquares(), []

    def refuse(act):
        attempts.append(act)
        raise RuntimeError("operation not permitted when stream is capturing")

    run(plain)
    with pytest.warns(RuntimeWarning, match="not permitted") as caught:
        run(RecordedSteps(hopeless, CPU, refuse))
    assert len(caught) == len(attempts) == 1
    assert hopeless.weights == plain.weights


def test_a_step_without_penalty_tells_none():
    step = LeastSquares()
    steps = RecordedSteps(lambda b, r: (step(b, r)[0], None), CPU, Recorder())
    assert all(penalty is None for _, penalty in run(steps))


def test_other_errors_of_a_recording_are_raised():
    def fail(act):
        raise TypeError("no such thing")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match="no such thing"):
            run(RecordedSteps(LeastSquares(), CPU, fail))


@pytest.fixture
def recorder(monkeypatch):
    """What the loop records with, on the CPU too: all that is done is torch's."""
    recorder = Recorder()
    monkeypatch.setattr(products, "openblas", lambda: None)
    monkeypatch.setattr(
        loop,
        "recorded",
        lambda advance, device: RecordedSteps(advance, device, recorder),
    )
    return recorder


REPEATABLE = {
    "dense": Autoencoder(2, max_iter=3, random_state=0),
    "tied": Autoencoder(2, tied_weights=True, max_iter=3, random_state=0),
    "decay": Autoencoder(2, weight_decay=1e-2, max_iter=3, random_state=0),
    "L1": SparseAutoencoder(5, max_iter=3, random_state=0),
}

OTHERS = {
    "noise": DenoisingAutoencoder(2, max_iter=3, random_state=0),
    "random code": VariationalAutoencoder(2, max_iter=3, random_state=0),
    "dead units": TopKAutoencoder(9, k=2, max_iter=3, random_state=0),
    "autograd": ConvolutionalAutoencoder(2, max_iter=3, random_state=0),
}

X = np.random.default_rng(0).random((1010, 16))


@pytest.mark.parametrize("estimator", REPEATABLE.values(), ids=REPEATABLE)
def test_a_fit_of_recorded_steps_is_the_fit(estimator, recorder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "recorded", one_by_one)
        expected = clone(estimator).fit(X)
    found = clone(estimator).fit(X)
    assert recorder.n_replayed > 3 * 20
    np.testing.assert_array_equal(found.loss_curve_, expected.loss_curve_)
    np.testing.assert_array_equal(found.transform(X), expected.transform(X))


def one_by_one(advance, device):
    """The steps with their rate as a tensor, as those that are recorded have it."""
    return lambda batch, rate: advance(batch, torch.tensor(rate))


@pytest.mark.parametrize("estimator", OTHERS.values(), ids=OTHERS)
def test_steps_that_draw_or_count_are_not_recorded(estimator, recorder):
    clone(estimator).fit(X)
    assert recorder.n_made == 0


def test_nothing_is_recorded_on_the_cpu():
    advance = LeastSquares()
    assert graphs.recorded(advance, CPU) is advance
