"""Trainings that several threads ask for at once, and that are done together."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import torch

from skae.training.loop import Training, train
from skae.training.task import History
from skae.training.together import train_together

_here = threading.local()


class Company:
    """Threads that wait for each other before they train.

    Each of them works on errands, one after another. When all errands that can be in
    work have come to a training, or have ended, the last thread to come trains for all:
    networks of one kin together. Nothing else about the errands changes.

    Parameters
    ----------
    n_threads : int
        How many errands are in work at a time, at most.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads, self._n_left = n_threads, 0
        self._waiting: list[Training] = []
        self._n_waiting, self._round = 0, 0
        self._is_dissolved = False
        self._changed, self._turn = threading.Condition(), threading.Lock()
        self._n_torch_threads = torch.get_num_threads()

    def expect(self, n_errands: int) -> None:
        """Say how many more errands will come."""
        with self._changed:
            self._n_left += n_errands

    def dissolve(self) -> None:
        """Let nobody wait or train any longer: who still does, or will, is told so."""
        with self._changed:
            self._is_dissolved = True
            self._changed.notify_all()

    @contextmanager
    def errand(self) -> Iterator[None]:
        """Work on an errand in this thread."""
        _here.company = self
        try:
            yield
        finally:
            _here.company = None
            with self._changed:
                self._n_left -= 1
            self._work_if_complete()

    def train(self, trainings: Sequence[Training]) -> None:
        """Train together with others; those who have no kin in this thread's turn."""
        kinless = [t for t in trainings if t.task.kin is None]
        with self._turn:
            for training in kinless:
                train(training)
        if len(kinless) < len(trainings):
            self._wait([t for t in trainings if t.task.kin is not None])

    def _wait(self, trainings: Sequence[Training]) -> None:
        """Wait for the others, and until these trainings are over."""
        with self._changed:
            mine = self._round
            self._waiting += trainings
            self._n_waiting += 1
        self._work_if_complete()
        with self._changed:
            while self._round == mine and not self._is_dissolved:
                self._changed.wait()
            if self._is_dissolved:
                raise RuntimeError("The search was ended while this fit was training.")

    def _work_if_complete(self) -> None:
        """Train for all who wait, if nobody else can come before that."""
        with self._changed:
            expected = min(self._n_left, self._n_threads)
            if self._n_waiting == 0 or self._n_waiting < expected:
                return
            trainings, self._waiting, self._n_waiting = self._waiting, [], 0
        families = defaultdict[Hashable, list[Training]](list)
        for training in trainings:
            if training.task.kin is not None:
                families[training.task.kin.key].append(training)
        for family in families.values():
            train_together(family, self._n_torch_threads, self._goes_on)
        with self._changed:
            self._round += 1
            self._changed.notify_all()

    def _goes_on(self) -> bool:
        return not self._is_dissolved


def train_all(trainings: Sequence[Training]) -> list[History]:
    """Train; together with what other threads train, where this one is in company.

    Raises
    ------
    Exception
        What ended the first of them that failed.
    """
    company = getattr(_here, "company", None)
    if company is None:
        return [train(training) for training in trainings]
    company.train(trainings)
    for training in trainings:
        if training.error is not None:
            raise training.error
    return [training.history for training in trainings]
