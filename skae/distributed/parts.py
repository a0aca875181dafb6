"""Where the processes that share a step put their parts of a sum for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor


class Parts(Protocol):
    """Parts of a sum, one a process, anew in each step."""

    def own(self) -> Tensor:
        """Where this process is to put its next part."""
        ...

    def all(self) -> Sequence[Tensor]:
        """The next part of each, in their order; they are not to be written to."""
        ...


class SentParts:
    """Parts of which each process is sent a copy.

    Parameters
    ----------
    places : Tensor of shape (n_processes, width)
        Zeros.
    rank : int
        Number of this process.
    gather : callable
        ``gather(own, parts)`` puts the part of each process into `parts`.
    """

    def __init__(
        self,
        places: Tensor,
        rank: int,
        gather: Callable[[Tensor, list[Tensor]], object],
    ) -> None:
        self._places, self._gather = list(places.unbind()), gather
        self._own = torch.zeros_like(self._places[rank])
        if len(places) == 1:
            [self._own] = self._places

    def own(self) -> Tensor:
        return self._own

    def all(self) -> Sequence[Tensor]:
        if len(self._places) > 1:
            self._gather(self._own, self._places)
        return self._places


class SharedParts:
    """Parts in memory that all processes see: those of one machine.

    Each has two places, used in turn. While one process puts its next part down,
    another may still be reading the last one; before anyone is at the same place again,
    all have met once more.

    Parameters
    ----------
    memory : Tensor of shape (2, n_processes, width)
        Zeros which all of them see.
    rank : int
        Number of this process.
    meet : callable
        Returns when all have come.
    """

    def __init__(self, memory: Tensor, rank: int, meet: Callable[[], object]) -> None:
        self._places = [places.unbind() for places in memory.unbind()]
        self._rank, self._meet, self._turn = rank, meet, 0

    def own(self) -> Tensor:
        return self._places[self._turn][self._rank]

    def all(self) -> Sequence[Tensor]:
        self._meet()
        parts = self._places[self._turn]
        self._turn = 1 - self._turn
        return parts
