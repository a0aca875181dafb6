"""The processes that share a fit."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, pairwise
from typing import TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from skae.data import Scaling, differences, in_words
from skae.distributed.meeting import meeting
from skae.distributed.parts import Parts, SentParts, SharedParts
from skae.distributed.step import MOST_SHARDS, ShardedStep
from skae.training import Step

Value = TypeVar("Value")


class Alone:
    """The one process of a fit that is shared with nobody.

    Attributes
    ----------
    leads : bool
        Whether this process speaks for all: prints, calls back, decides.
    shares : bool
        Whether fits are shared, which draws other numbers than a lone process does.
    """

    leads = True
    shares = False

    def agree(self, given: Mapping[str, object]) -> None:
        """Make sure that all processes are given the same.

        Raises
        ------
        ValueError
            In all processes, when they are not; or when there are 3 of them, or more
            than there is work for.
        """

    def told(self, value: Value) -> Value:
        """What the leading process says; all of them have to ask."""
        return value

    def units(self, own: Scaling) -> Scaling:
        """The units of all: those of the leading process.

        Raises
        ------
        ValueError
            When those that this process has found are others, and so is its X.
        """
        return own

    def mean(self, of: Callable[[Tensor], float], rows: Tensor) -> float:
        """Mean of what `of` tells of rows, of which each process takes its share."""
        return of(rows)

    def begin_at(self, weights: Tensor, loss: float) -> float:
        """Let all have the weights of the leading one, in place; return its loss."""
        return loss

    def step(
        self,
        make: Callable[[Callable[[], float]], Step],
        ramp: Callable[[], float],
        generator: torch.Generator,
    ) -> Step:
        """Return a step of which each process takes its part; see `ShardedStep`."""
        return make(ramp)

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Let an error of one process, or an interrupt, be one of all.

        Raises
        ------
        KeyboardInterrupt
            In all processes, when one of them was interrupted.
        RuntimeError
            When another process has failed or ended.
        """
        yield


class Group(Alone):
    """The processes of torch's default group, of which this is one."""

    shares = True

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.leads = self.rank == 0

    def agree(self, given: Mapping[str, object]) -> None:
        if self.size not in _SIZES:
            raise ValueError(
                f"A fit is shared by {', '.join(map(str, _SIZES[:-1]))} or "
                f"{_SIZES[-1]} processes; this group has {self.size}."
            )
        _refuse_differences(self._hear(in_words(given, n_rows=_ROWS)))

    def told(self, value: Value) -> Value:
        said = [value]
        with _exchange(_WORD):
            dist.broadcast_object_list(said, src=0)
        return said[0]

    def units(self, own: Scaling) -> Scaling:
        of_all = self.told(own)
        if not own.is_near(of_all):
            raise ValueError(
                "All processes of the group must be given the same X, but the means or "
                f"the scale of its columns in process {self.rank} are not those in "
                "process 0: some rows differ."
            )
        return of_all

    def mean(self, of: Callable[[Tensor], float], rows: Tensor) -> float:
        n_rows, n = len(rows), MOST_SHARDS
        cuts = [i * n_rows // n for i in range(n + 1)]
        own = slice(*(rank * n // self.size for rank in (self.rank, self.rank + 1)))
        sums = [
            (stop - start) * of(rows[start:stop])
            for start, stop in [*pairwise(cuts)][own]
            if start < stop
        ]
        return math.fsum(chain.from_iterable(self._hear(sums))) / n_rows

    def begin_at(self, weights: Tensor, loss: float) -> float:
        with _exchange(_NUMBERS + weights.numel()):
            dist.broadcast(weights, src=0)
        return self.told(loss)

    def step(
        self,
        make: Callable[[Callable[[], float]], Step],
        ramp: Callable[[], float],
        generator: torch.Generator,
    ) -> Step:
        return ShardedStep(make, ramp, generator, self)

    def parts(self, like: Tensor, n: int) -> Parts:
        """Places for `n` numbers of each, in memory that all see if there is any."""
        memory = None
        if like.is_cpu and meeting.lines is not None:
            with _exchange(_MEMORY):
                memory = meeting.memory(2 * self.size * n * like.itemsize)
        if memory is None:
            return SentParts(like.new_zeros((self.size, n)), self.rank, self._gather)
        places = torch.frombuffer(memory, dtype=like.dtype).view(2, self.size, n)
        return SharedParts(places, self.rank, lambda: meeting.come(_NUMBERS + n))

    @contextmanager
    def as_one(self) -> Iterator[None]:
        with meeting.held():
            yield

    def _hear(self, said: Value) -> list[Value]:
        """What each process says, in their order."""
        with _exchange(_FACTS):
            return meeting.hear(said)

    def _gather(self, part: Tensor, parts: list[Tensor]) -> None:
        """Put the `part` of each process into `parts`, in their order."""
        with _exchange(_NUMBERS + part.numel(), asks=part.is_cpu):
            dist.all_gather(parts, part)


def process_group() -> Alone:
    """The processes that share the fits of this thread.

    Those of torch's default group, if the user has initialised it. Fits in other
    threads than the main one are not shared: who would come first is not known.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and dist.is_available() and dist.is_initialized():
        return Group()
    return Alone()


def _refuse_differences(said: Sequence[Mapping[str, str]]) -> None:
    """Raise a ValueError if what the processes said is not the same."""
    for process, other in enumerate(said):
        for name, (here, there) in differences(said[0], other).items():
            raise ValueError(
                "All processes of the group must be given the same X and the same "
                f"parameters, but {name} is {here} in process 0 and {there} in process "
                f"{process}."
            )


@contextmanager
def _exchange(number: int, asks: bool = True) -> Iterator[None]:
    """Exchange something, if all are well and about to do the same.

    Between steps on a GPU nobody `asks`: it is not waited for.
    """
    if asks:
        meeting.come(number)
    with meeting.others_are_there():
        yield


_FACTS, _WORD, _MEMORY, _NUMBERS = 1, 2, 3, 4
"""What is exchanged, as a number; of numbers, how many is added to it."""

_ROWS = 64  # that stand for all where processes compare what they were given

_SIZES = [2**i for i in range(MOST_SHARDS.bit_length())]
"""Numbers of processes among which the shards of a batch can be divided."""
