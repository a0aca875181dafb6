"""Trainings that several threads ask for at once, and that are done together."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import NamedTuple

import torch

from skae.training.loop import Training, train
from skae.training.task import History
from skae.training.together import kind, train_together

_here = threading.local()
"""Of a thread: the rendezvous at which it is, and the number of its job."""

_GLANCE = 1.0
"""Seconds after which who leads looks up: of an interrupt that comes in the instant
before a wait, nobody hears within it."""


class _Waiting(NamedTuple):
    """The trainings that a job waits for, and where it stands among the jobs."""

    number: int
    trainings: Sequence[Training]


class Rendezvous:
    """Threads that wait for each other before they train.

    Each of them works on jobs, one after another. When all jobs that can be in work
    have come to a training, or have ended, one of the threads trains for all: those
    networks together whose tasks are `Joint` and have equal keys. Nothing else about
    the jobs changes, and who is trained with whom does not depend on who comes first,
    as long as there is a thread for each job. What is not training is done by as many
    jobs at a time as torch has threads: more would take turns at every line.

    Parameters
    ----------
    n_threads : int
        How many jobs are in work at a time, at most.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads, self._n_left = n_threads, 0
        self._waiting: list[_Waiting] = []
        self._round, self._is_over, self._is_led = 0, False, False
        self._turn, lock = threading.Lock(), threading.RLock()
        # Of what comes in only who leads is to hear: to wake all who wait takes longer
        # than what each of them does in between.
        self._changed, self._trained = (threading.Condition(lock) for _ in range(2))
        self._n_torch_threads = torch.get_num_threads()
        self._cores = threading.Semaphore(self._n_torch_threads)

    def expect(self, n_jobs: int) -> None:
        """Say how many more jobs will come."""
        with self._changed:
            self._n_left += n_jobs

    def end(self) -> None:
        """Let nobody wait or train any longer: who still does, or will, is told so."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
            self._trained.notify_all()

    def lead(self, begin: Callable[[], object]) -> None:
        """Train for all, from this thread, until the last job has ended.

        A thread that has computed before has threads of torch's at its service, and
        those of another one would get in their way; an interrupt is the main thread's.
        Without it, the jobs do it: ``begin()`` lets them come, when they know.
        """
        self._is_led = True
        try:
            begin()
            while self._wait_until_complete():
                self._train_all(self._take())
                self._begin_round()
        finally:
            with self._changed:
                self._is_led = False
                self._trained.notify_all()

    @contextmanager
    def job(self, number: int) -> Iterator[None]:
        """Work on a job in this thread."""
        try:
            with self._cores, _at((self, number)):
                yield
        finally:
            with self._changed:
                self._n_left -= 1
                self._changed.notify_all()
                if not self._is_led:
                    self._trained.notify_all()

    def train(self, number: int, trainings: Sequence[Training]) -> None:
        """Train what job `number` asks for: with others, or in its turn by itself."""
        joint = [t for t in trainings if kind(t) is not None]
        with self._turn, _at(None):
            for training in trainings:
                if training not in joint:
                    train(training, self._goes_on)
        if joint:
            self._cores.release()
            try:
                self._wait(_Waiting(number, joint))
            finally:
                self._cores.acquire()
        if self._is_over:
            raise RuntimeError("The search was ended while this fit was training.")

    def _wait(self, mine: _Waiting) -> None:
        """Wait until these trainings are over, or do them, and all that wait too."""
        with self._changed:
            number_of_round = self._round
            self._waiting.append(mine)
            self._changed.notify_all()
            while self._round == number_of_round and not self._is_over:
                if self._is_complete() and not self._is_led:
                    break
                self._trained.wait()
            else:
                return
            trainings = self._take()
        try:
            self._train_all(trainings)
        finally:
            self._begin_round()

    def _wait_until_complete(self) -> bool:
        """Wait for trainings to be done; False where there will be none."""
        with self._changed:
            while not self._is_complete():
                if self._n_left == 0 or self._is_over:
                    return False
                self._changed.wait(_GLANCE)
            return not self._is_over

    def _is_complete(self) -> bool:
        """Whether all jobs that can be in work wait for trainings."""
        n_in_work = min(self._n_left, self._n_threads)
        return 0 < n_in_work <= len(self._waiting)

    def _take(self) -> list[Training]:
        """The trainings that are waited for, in the order of the jobs."""
        with self._changed:
            waiting, self._waiting = sorted(self._waiting, key=lambda w: w.number), []
        return [training for w in waiting for training in w.trainings]

    def _begin_round(self) -> None:
        """Tell all who wait that their trainings are over."""
        with self._changed:
            self._round += 1
            self._trained.notify_all()

    def _train_all(self, trainings: Iterable[Training]) -> None:
        """Train those together that can be; an error is that of all these.

        What is no `Exception` ends everything: nobody is to take it for a training.
        """
        families = defaultdict[Hashable, list[Training]](list)
        for training in trainings:
            families[kind(training)].append(training)
        try:
            for family in families.values():
                self._train_family(family)
        except BaseException:
            self.end()
            raise

    def _train_family(self, family: Sequence[Training]) -> None:
        """Train these together; what a callback fits meanwhile is none of them."""
        try:
            with _at(None):
                train_together(family, self._n_torch_threads, self._goes_on)
        except Exception as error:
            for training in family:
                training.error = training.error or error

    def _goes_on(self) -> bool:
        return not self._is_over


@contextmanager
def _at(place: tuple[Rendezvous, int] | None) -> Iterator[None]:
    """Be at a rendezvous, or at none, in this thread."""
    before = getattr(_here, "place", None)
    _here.place = place
    try:
        yield
    finally:
        _here.place = before


def train_all(trainings: Iterable[Training]) -> list[History]:
    """Train; together with what other threads train, where this one is at a rendezvous.

    Raises
    ------
    Exception
        What ended the first of them that failed.
    """
    place: tuple[Rendezvous, int] | None = getattr(_here, "place", None)
    if place is None:
        return [train(training) for training in trainings]
    rendezvous, number = place
    asked = list(trainings)
    rendezvous.train(number, asked)
    for training in asked:
        if training.error is not None:
            raise _own(training.error)
    return [training.history for training in asked]


def _own(error: Exception) -> Exception:
    """A copy for one of the fits that an error has ended.

    With every raise a traceback grows: one error for all would tell of all of them.
    """
    try:
        own = copy(error)
    except Exception:  # it is made of more than it says
        return error
    own.__cause__, own.__suppress_context__ = error.__cause__, True
    return own.with_traceback(error.__traceback__)
