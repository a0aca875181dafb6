"""A step that is taken in parts, whose sum is the same whoever takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from skae.distributed.parts import Parts
from skae.training import Memory, Step

MOST_SHARDS = 8
"""Of a batch: a power of two, and so the most processes that have something to do."""

_FEWEST_ROWS = 256
"""Of a shard: with fewer, adding gradients takes too long beside computing them."""


class Members(Protocol):
    """The processes among which shards are divided.

    Attributes
    ----------
    rank, size : int
        Number of this process, and of all.
    """

    rank: int
    size: int

    def parts(self, like: Tensor, n: int) -> Parts:
        """Places for `n` numbers `like` these of each."""
        ...


class Shard(NamedTuple):
    """Some rows of a batch, the seed of their noise, and their share of the batch."""

    rows: Tensor
    seed: int
    weight: float


class _Share:
    """Share of the penalty's weight that counts in the present step."""

    value = 1.0

    def __call__(self) -> float:
        return self.value


class ShardedStep:
    """A step of which each process takes its part.

    A batch is cut into shards, and the gradient is the mean of theirs, weighted by
    their rows. How many shards there are depends on the batch, and not on the number
    of processes; each has noise of its own; and the sum is taken over a binary tree,
    of which every process has a whole branch. It is therefore the same to the last bit
    for any number of processes. One exchange a step tells each of them the sums of the
    branches. A batch that is too small to be cut is left to each of them.

    Parameters
    ----------
    make : callable
        ``make(ramp)`` is the step of a shard. Its objective must be a mean over rows.
    ramp : callable
        Share of the penalty's weight that counts in each step.
    generator : torch.Generator
        Source of the noise in the step, which is seeded anew for every shard.
    members : Members
        Who takes part.
    """

    def __init__(
        self,
        make: Callable[[Callable[[], float]], Step],
        ramp: Callable[[], float],
        generator: torch.Generator,
        members: Members,
    ) -> None:
        self._ramp, self._share = ramp, _Share()
        self._step = make(self._share)
        self.parameters = self._step.parameters
        self.gradients = copy(self._step.gradients)  # of which nothing is elsewhere
        self._noise, self._members = generator, members
        self._seeds = torch.Generator("cpu").manual_seed(_draw(generator, 1)[0])
        self.memory: Memory = {**self._step.memory, "seeds": self._seeds}
        flat = self.gradients.flat
        self._scratch = flat.new_zeros((_DEPTH, flat.numel() + _TOLD)).unbind()
        self._tells_penalty = False

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        self._share.value = self._ramp()
        shards = self._cut(batch)
        n, rank, size = len(shards), self._members.rank, self._members.size
        if n == 1:
            self._noise.manual_seed(shards[0].seed)
            return self._step(batch)
        first = rank * n // size
        self._sum(shards[first : first + max(1, n // size)], self._parts.own())
        parts = self._parts.all()[:: max(1, size // n)]
        told = parts[0].new_empty(_TOLD)
        for out, place in ((self.gradients.flat, _GRADIENT), (told, _REST)):
            _add_up([p[place] for p in parts], out, [s[place] for s in self._scratch])
        loss, penalty = told
        return loss, penalty if self._tells_penalty else None

    @cached_property
    def _parts(self) -> Parts:
        """Places for the parts, from the first batch on that is cut."""
        flat = self.gradients.flat
        return self._members.parts(flat, flat.numel() + _TOLD)

    def _cut(self, batch: Tensor) -> list[Shard]:
        """Shards of a batch, whose sizes differ by a row at most."""
        n_rows = batch.shape[0]
        n = n_shards(n_rows)
        bounds = [i * n_rows // n for i in range(n + 1)]
        return [
            Shard(batch[start:stop], seed, (stop - start) / n_rows)
            for (start, stop), seed in zip(
                pairwise(bounds), _draw(self._seeds, n), strict=True
            )
        ]

    def _sum(self, shards: Sequence[Shard], out: Tensor, level: int = 0) -> None:
        """Put the sum over a branch of the tree into `out`."""
        half = len(shards) // 2
        if half == 0:
            self._take(shards[0], out)
            return
        self._sum(shards[:half], out, level + 1)
        self._sum(shards[half:], self._scratch[level], level + 1)
        out.add_(self._scratch[level])

    def _take(self, shard: Shard, out: Tensor) -> None:
        """Put what a shard adds to the gradient, and to what is told, into `out`."""
        self._noise.manual_seed(shard.seed)
        loss, penalty = self._step(shard.rows)
        torch.mul(self.gradients.flat, shard.weight, out=out[_GRADIENT])
        out[-2] = loss * shard.weight
        if penalty is not None:
            self._tells_penalty = True
            out[-1] = penalty * shard.weight


def _add_up(parts: Sequence[Tensor], out: Tensor, scratch: Sequence[Tensor]) -> None:
    """Put the sum of `parts` over a binary tree into `out`."""
    half = len(parts) // 2
    if half == 0:
        out.copy_(parts[0])
    elif half == 1:
        torch.add(parts[0], parts[1], out=out)
    else:
        _add_up(parts[:half], out, scratch[1:])
        _add_up(parts[half:], scratch[0], scratch[1:])
        out.add_(scratch[0])


def n_shards(n_rows: int) -> int:
    """How many shards a batch of so many rows is cut into: a power of two."""
    most = min(MOST_SHARDS, max(1, n_rows // _FEWEST_ROWS))
    return 1 << (most.bit_length() - 1)


def _draw(generator: torch.Generator, n: int) -> list[int]:
    """Draw seeds."""
    drawn = torch.randint(2**32, (n,), generator=generator, device="cpu")
    return [int(seed) for seed in drawn.tolist()]


_TOLD = 2
"""Numbers that follow a gradient: loss and penalty."""

_GRADIENT, _REST = slice(None, -_TOLD), slice(-_TOLD, None)

_DEPTH = MOST_SHARDS.bit_length() - 1
"""Of the tree of shards: sums that wait for another one, at most."""
