"""A training that is cut short and goes on: all of its state, and where it is kept."""

import math
import re
from dataclasses import replace

import pytest
import torch

from skae.training import (
    AnotherIdentityError,
    Checkpoint,
    FlatTensors,
    Plan,
    State,
    Task,
    Training,
    train,
)
from skae.training.files import read_arrays, write_arrays

CPU = torch.device("cpu")


class NoisySlope:
    """The step of (w - 1)^2 with noise in its gradient."""

    def __init__(self, generator):
        shapes = {"w": (3,)}
        self.parameters = FlatTensors(shapes, dtype=torch.float32, device=CPU)
        self.gradients = self.parameters.zeros()
        self._generator = generator

    def loss(self, limit=math.inf):
        return (self.parameters.views["w"] - 1.0).square().mean().item()

    def __call__(self, batch):
        noise = torch.randn(3, generator=self._generator)
        slope = 2.0 * (self.parameters.views["w"] - 1.0)
        self.gradients.views["w"].copy_(slope + noise)
        return torch.tensor(self.loss()), None


class Page:
    """A place in memory, which may be cut off after some states."""

    def __init__(self, state=None, most=math.inf, every=1):
        self.state, self._most, self._every, self.n_written = state, most, every, 0

    def read(self):
        return self.state

    def is_due(self, epoch):
        return epoch % self._every == 0

    def write(self, state):
        self.state = state
        self.n_written += 1
        if self.n_written == self._most:
            raise MemoryError


class Watcher:
    def __init__(self):
        self.begun, self.went_on = 0, []

    def epoch_begins(self):
        self.begun += 1

    def epoch_ends(self, history):
        return False

    def goes_on(self, history):
        self.went_on.append(len(history.loss_curve))


def training(page, watcher=None, validated=True, max_epochs=8, patience=3):
    generator = torch.Generator("cpu").manual_seed(0)
    step = NoisySlope(generator)
    task = Task(
        step=step,
        batches=[torch.zeros(2, 3)] * 4,
        evaluate=step.loss,
        validate=step.loss if validated else None,
        decay=None,
        trained=slice(None),
        decayed=slice(0),
        memory={"noise": generator},
    )
    plan = Plan(
        max_epochs=max_epochs, schedule=lambda step: 0.3, tol=0.5, patience=patience
    )
    return Training(task, plan, watcher or Watcher(), page)


def outcome(trained):
    return vars(trained.history), trained.task.parameters.flat.tolist()


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("patience", [3, math.inf])
def test_it_goes_on_to_the_same_end(validated, patience):
    options = {"validated": validated, "patience": patience}
    alone, saved = training(None, **options), Page()
    train(alone)
    n_epochs = len(alone.history.loss_curve)
    train(training(saved, **options))
    assert saved.n_written == n_epochs
    for most in range(1, n_epochs + 1):
        page, watcher = Page(most=most), Watcher()
        with pytest.raises(MemoryError):
            train(training(page, **options))
        second = training(Page(page.state), watcher, **options)
        train(second)
        assert outcome(second) == outcome(alone)
        assert watcher.went_on == [min(most, n_epochs)]
        assert watcher.begun == n_epochs - most


def test_one_that_has_ended_has_nothing_left_to_do():
    first = training(Page())
    train(first)
    page = Page(first.page.state)
    again = training(page)
    history = train(again)
    assert outcome(again) == outcome(first)
    assert history is again.history
    assert page.n_written == 0


def test_without_epochs_there_is_a_state_all_the_same():
    page = Page()
    train(training(page, max_epochs=0))
    assert page.state.is_over


def test_one_that_is_told_to_stop_has_not_ended():
    page, asked = Page(), []

    def goes_on():
        asked.append(None)
        return len(asked) <= 3

    train(training(page, patience=math.inf), goes_on)
    assert not page.state.is_over
    second, alone = training(Page(page.state)), training(None)
    train(second)
    train(alone)
    assert outcome(second) == outcome(alone)


def test_what_goes_on_shares_no_memory_with_its_checkpoint():
    page = Page(most=2)
    with pytest.raises(MemoryError):
        train(training(page))
    before = {name: array.copy() for name, array in page.state.arrays.items()}
    train(training(Page(page.state)))
    for name, array in before.items():
        assert (page.state.arrays[name] == array).all(), name


@pytest.mark.parametrize("names", [[], ["noise", "seeds"], ["seeds"]])
def test_one_that_remembers_something_else_does_not_go_on(names):
    page = Page(most=2)
    with pytest.raises(MemoryError):
        train(training(page))
    other = training(Page(page.state))
    memory = {name: torch.Generator("cpu") for name in names}
    other.task = replace(other.task, memory=memory)
    words = f"remembers ['noise'], where this one has {names}"
    with pytest.raises(ValueError, match=re.escape(words)):
        train(other)


def test_it_is_written_as_often_as_the_page_wants():
    page = Page(every=3)
    train(training(page, patience=math.inf))
    assert page.n_written == 8 // 3 + 1


class TestTheFile:
    IDENTITY = {"X": "these rows", "tol": "0.1"}

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "folder" / "file"

    def test_it_holds_all_trainings(self, path):
        first = Checkpoint(path, self.IDENTITY)
        page = Page()
        train(training(page))
        first.drawn.append(2**40)
        first.put(0, page.state)
        half = State({"n": 1}, {"weights": page.state.arrays["weights"]})
        first.put(1, half)
        first.put(1, half)
        second = Checkpoint(path, self.IDENTITY)
        assert second.drawn == [2**40]
        assert [state.is_over for state in second.states] == [True, False]
        for state, expected in zip(second.states, [page.state, half], strict=True):
            assert state.numbers == expected.numbers
            assert state.arrays.keys() == expected.arrays.keys()
            for name, array in state.arrays.items():
                assert (array == expected.arrays[name]).all()

    def test_of_something_else_is_refused(self, path):
        Checkpoint(path, self.IDENTITY)
        with pytest.raises(AnotherIdentityError, match="of something else") as error:
            Checkpoint(path, {"X": "others", "k": "1"})
        assert error.value.found == self.IDENTITY

    def test_of_another_format_is_refused(self, path):
        Checkpoint(path, self.IDENTITY)
        header, arrays = read_arrays(path)
        write_arrays(path, header | {"format": 0}, arrays)
        with pytest.raises(ValueError, match="a checkpoint of format 0"):
            Checkpoint(path, self.IDENTITY)

    def test_removed_by_another_it_is_begun_anew(self, path, monkeypatch):
        other = Checkpoint(path, {"X": "others"})

        def read(*arguments):
            other.remove()  # between the two looks at the place
            return read_arrays(*arguments)

        monkeypatch.setattr("skae.training.checkpoints.read_arrays", read)
        assert Checkpoint(path, self.IDENTITY).states == []
        assert read_arrays(path)[0]["identity"] == self.IDENTITY

    def test_removed_it_is_gone(self, path):
        checkpoint = Checkpoint(path, self.IDENTITY)
        checkpoint.remove()
        assert not path.exists()
        Checkpoint(path, {"X": "others"})
