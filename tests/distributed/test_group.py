"""A process in a group of its own: what it says, hears, and takes note of."""

import signal
import threading
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
from sklearn.base import clone
from torch import distributed as dist

from skae import Autoencoder
from skae.data import Scaling, in_words
from skae.distributed import meeting, process_group
from skae.distributed.interrupts import Interrupts
from skae.distributed.meeting import _patience
from skae.training import Checkpoint

X = np.sin(
    np.random.default_rng(0).random((2000, 2)) @ np.arange(1.0, 17.0).reshape(2, 8)
)


@contextmanager
def group_of_one(folder):
    where = f"file://{folder}/group"
    dist.init_process_group("gloo", init_method=where, rank=0, world_size=1)
    try:
        yield process_group()
    finally:
        dist.destroy_process_group()


@pytest.fixture
def group(tmp_path):
    """The group of this process."""
    with group_of_one(tmp_path) as group:
        yield group


def dense(**changes):
    settings = {"batch_size": 1000, "max_iter": 3, "precision": "float64"}
    return Autoencoder(2, random_state=0, **settings | changes)


def weights_of(estimator):
    return np.concatenate([w.ravel() for w in estimator._fitted.weights.values()])


def test_without_a_group_a_fit_is_of_one_process():
    alone = process_group()
    assert alone.leads
    assert not alone.shares
    assert alone.told("word") == "word"


@pytest.mark.parametrize(
    "estimator",
    [dense(), dense(early_stopping=False), dense(weight_decay=1e-2)],
    ids=["validation", "training loss", "decay"],
)
def test_a_shared_fit_is_the_same_but_for_rounding(estimator, request):
    expected = clone(estimator).fit(X)
    request.getfixturevalue("group")
    found = estimator.fit(X)
    assert found.n_iter_ == expected.n_iter_
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-8)
    np.testing.assert_allclose(weights_of(found), weights_of(expected), atol=1e-7)
    assert not np.array_equal(weights_of(found), weights_of(expected))


def test_a_fit_in_another_thread_is_not_shared(request):
    expected = dense().fit(X)
    request.getfixturevalue("group")
    found = dense()
    thread = threading.Thread(target=found.fit, args=(X,))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(weights_of(found), weights_of(expected))


@pytest.mark.parametrize("shares", [True, False])
def test_a_checkpoint_is_not_handed_to_or_by_a_group(shares, tmp_path, monkeypatch):
    def put(checkpoint, *arguments):
        original(checkpoint, *arguments)
        raise MemoryError

    original = Checkpoint.put
    estimator = dense(checkpoint_dir=tmp_path / "kept")
    with (
        monkeypatch.context() as patch,
        group_of_one(tmp_path) if shares else nullcontext(),
    ):
        patch.setattr(Checkpoint, "put", put)
        with pytest.raises(MemoryError):
            estimator.fit(X)
    was, now = ("yes", "no") if shares else ("no", "yes")
    refused = pytest.raises(ValueError, match=f"by processes was {was} and is {now}")
    with nullcontext() if shares else group_of_one(tmp_path), refused:
        estimator.fit(X)


def test_three_processes_are_refused(group):
    group.size = 3
    with pytest.raises(ValueError, match=r"by 1, 2, 4 or 8 processes.* has 3"):
        group.agree({})


def test_lost_processes_are_told_of(group, monkeypatch):
    def all_reduce(numbers, operation):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    with pytest.raises(RuntimeError, match=r"another process .* has ended.*by peer"):
        dense().fit(X)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("X", X + 1, "the content of X"),
        ("X", X[1:], "X"),
        ("k", 3, "k"),
        ("f", None, "f"),
    ],
)
def test_differences_are_told_by_name(group, monkeypatch, name, value, told):
    given = {"X": X, "k": 2, "f": object()}
    group.agree(given)
    other = in_words(given | {name: value}, n_rows=64)
    monkeypatch.setattr(group, "_hear", lambda said: [said, said, other])
    with pytest.raises(ValueError, match=rf"but {told} is .* 0 and .* in process 2"):
        group.agree(given)


def test_processes_at_different_points_are_told(group, monkeypatch):
    def all_reduce(numbers, operation):
        numbers[1] += 1  # what another one is about to exchange

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    with pytest.raises(RuntimeError, match="have come to different points of it"):
        dense().fit(X)


def test_failure_of_another_process_is_told_with_its_words(group, monkeypatch):
    def all_reduce(numbers, operation):
        numbers[0] = 2

    def all_gather_object(heard, own):
        assert own is None
        heard[:] = [None, "ValueError: odd", None, "OSError: even"]

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    monkeypatch.setattr(dist, "all_gather_object", all_gather_object)
    words = "In process 1: ValueError: odd; in process 3: OSError: even$"
    with pytest.raises(RuntimeError, match=words):
        dense().fit(X)


def test_own_failure_is_raised_whatever_becomes_of_the_others(group, monkeypatch):
    def all_reduce(numbers, operation):
        if numbers[0]:
            raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    with pytest.raises(ValueError, match="contains NaN"):
        dense().fit(np.full((9, 2), np.nan))


def test_who_interrupts_a_third_time_waits_for_nobody(group, monkeypatch):
    told = []

    def work():
        with group.as_one():
            monkeypatch.setattr(dist, "all_reduce", lambda *numbers: told.append(1))
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert told == []


def test_who_interrupts_a_third_time_exchanges_nothing_more(group, monkeypatch):
    def work():
        with group.as_one():
            monkeypatch.setattr(dist, "all_reduce", lambda *numbers: told.append(1))
            try:
                for _ in range(3):
                    signal.raise_signal(signal.SIGINT)
            finally:
                group.told("what a fit that goes on would tell")

    told = []
    with pytest.raises(KeyboardInterrupt):
        work()
    assert told == []


def test_units_of_other_rows_are_refused(group, monkeypatch):
    own = Scaling(np.array([1.0, 2.0]), 0.5)
    rounded = Scaling(own.mean * (1 + 1e-12), own.scale * (1 - 1e-12))
    for of_all in (own, rounded):
        monkeypatch.setattr(group, "told", lambda own, of_all=of_all: of_all)
        assert group.units(own) is of_all
    for other in (Scaling(own.mean + 1e-3, 0.5), Scaling(own.mean, 0.51)):
        monkeypatch.setattr(group, "told", lambda own, other=other: other)
        with pytest.raises(ValueError, match=r"means or the scale .* some rows differ"):
            group.units(own)


def test_lines_are_as_patient_as_the_group(group):
    assert _patience() == 30 * 60  # torch's own


def test_gpus_are_told_on_gpus(group, monkeypatch):
    assert meeting._device() == "cpu"
    monkeypatch.setattr(dist, "get_backend", lambda: "nccl")
    assert meeting._device() == "cuda"


class TestInterrupts:
    @pytest.fixture
    def interrupts(self):
        return Interrupts()

    def test_one_is_noted_and_raised_in_the_end(self, interrupts):
        def work():
            with interrupts.held():
                signal.raise_signal(signal.SIGINT)
                assert interrupts.pending

        with pytest.raises(KeyboardInterrupt):
            work()
        assert not interrupts.pending
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_one_that_was_acted_upon_is_not_raised_again(self, interrupts):
        with interrupts.held():
            interrupts.take()
            signal.raise_signal(signal.SIGINT)  # the same, from another side
            assert not interrupts.pending

    def test_a_third_one_does_not_wait(self, interrupts):
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    def test_another_one_is_noted_once_the_first_is_forgotten(self, interrupts):
        with interrupts.held():
            interrupts.take()
            interrupts.forget()
            signal.raise_signal(signal.SIGINT)
            assert interrupts.pending
            interrupts.take()

    def test_the_handler_of_somebody_else_stays(self, interrupts):
        noted = []
        before = signal.signal(signal.SIGINT, lambda *_: noted.append(True))
        try:
            with interrupts.held():
                signal.raise_signal(signal.SIGINT)
        finally:
            signal.signal(signal.SIGINT, before)
        assert noted
        assert not interrupts.pending
