"""What is kept of a training: its best weights, and how long it is worth while."""

from __future__ import annotations

import math

from torch import Tensor


class Keeper:
    """The best weights so far.

    They are written to a spare tensor first: an interrupt finds them whole.
    """

    def __init__(self, flat: Tensor) -> None:
        self._flat = flat
        self.kept, self._spare = flat.clone(), flat.clone()
        self.loss, self.epoch = math.inf, 0

    def offer(self, loss: float, epoch: int) -> None:
        """Keep the present weights if `loss` is the lowest seen."""
        if loss < self.loss:
            self._spare.copy_(self._flat)
            self.kept, self._spare = self._spare, self.kept
            self.loss, self.epoch = loss, epoch

    def restore(self) -> None:
        """Go back to the weights that were kept."""
        self._flat.copy_(self.kept)


class Patience:
    """Counts the epochs since the last improvement worth the name."""

    def __init__(self, tol: float, limit: float) -> None:
        self._tol, self._limit = tol, limit
        self.best, self.waited = math.inf, 0

    def exhausted(self, loss: float) -> bool:
        """Take note of an epoch's loss; True when none has helped for too long."""
        if loss < self.best * (1.0 - self._tol):
            self.waited = 0
        else:
            self.waited += 1
        self.best = min(self.best, loss)
        return self.waited >= self._limit
