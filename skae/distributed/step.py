"""A step that is taken in parts, whose sum is the same whoever takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

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

    def gather(self, part: Tensor, parts: Sequence[Tensor]) -> None: ...


class Shard(NamedTuple):
    """Some rows of a batch, the seed of their noise, and their share of the batch."""

    rows: Tensor
    seed: int
    weight: float


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
        self._ramp, self._share = ramp, 1.0
        self._step = make(lambda: self._share)
        self.parameters, self.gradients = self._step.parameters, self._step.gradients
        self._noise, self._members = generator, members
        self._seeds = torch.Generator("cpu").manual_seed(_draw(generator, 1)[0])
        self.memory: Memory = {**self._step.memory, "seeds": self._seeds}
        flat, n_levels = self.gradients.flat, MOST_SHARDS.bit_length()
        width = flat.numel() + _TOLD
        self._sums = flat.new_zeros((n_levels, width)).unbind()
        self._parts = flat.new_zeros((members.size, width)).unbind()
        self._tells_penalty = False

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        self._share = self._ramp()
        shards = self._cut(batch)
        n, rank, size = len(shards), self._members.rank, self._members.size
        if n == 1:
            self._noise.manual_seed(shards[0].seed)
            return self._step(batch)
        first = rank * n // size
        self._sum(shards[first : first + max(1, n // size)])
        total = self._sum_of_all(n)
        self.gradients.flat.copy_(total[:-_TOLD])
        loss, penalty = total[-_TOLD:].clone()
        return loss, penalty if self._tells_penalty else None

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

    def _sum(self, shards: Sequence[Shard], level: int = 0) -> None:
        """Put the sum over a branch of the tree into the array of its level."""
        out, half = self._sums[level], len(shards) // 2
        if half == 0:
            self._take(shards[0], out)
            return
        self._sum(shards[:half], level)
        self._sum(shards[half:], level + 1)
        out.add_(self._sums[level + 1])

    def _take(self, shard: Shard, out: Tensor) -> None:
        """Put what a shard adds to the gradient, and to what is told, into `out`."""
        self._noise.manual_seed(shard.seed)
        loss, penalty = self._step(shard.rows)
        torch.mul(self.gradients.flat, shard.weight, out=out[:-_TOLD])
        out[-2] = loss * shard.weight
        if penalty is not None:
            self._tells_penalty = True
            out[-1] = penalty * shard.weight

    def _sum_of_all(self, n_shards: int) -> Tensor:
        """Sum over the tree, of which each process has a branch, or shares a leaf."""
        size = self._members.size
        if size == 1:
            return self._sums[0]
        self._members.gather(self._sums[0], self._parts)
        parts = list(self._parts[:: max(1, size // n_shards)])
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = [left.add_(right) for left, right in pairs]
        return parts[0]


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
