"""The batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

import torch
from torch import Tensor

BLOCK_BYTES = 2 * 2**20
"""A block is still in the cache when its batches are used."""


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Rows of each batch of an epoch: equally many, or the last batches one less.

    A last batch of a few rows would weigh as much as any other, and be mostly noise.
    """
    n_batches = -(-n_rows // min(batch_size, n_rows))
    smaller, n_larger = divmod(n_rows, n_batches)
    return [smaller + (i < n_larger) for i in range(n_batches)]


class ShuffledBatches:
    """The batches of an epoch, in a new order each time they are iterated.

    Rows are gathered in blocks of some batches into one array that is allocated once,
    and batches are views of it.

    Parameters
    ----------
    rows : Tensor of shape (n_samples, n_features)
        The data.
    batch_size : int
        Most rows of a batch.
    generator : torch.Generator or None
        Source of the order; None: as they stand.
    block_bytes : int
        Most bytes of a block.
    """

    def __init__(
        self,
        rows: Tensor,
        batch_size: int,
        generator: torch.Generator | None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self.rows, self._generator = rows, generator
        self.sizes = batch_sizes(len(rows), batch_size)
        self._bounds = [*accumulate(self.sizes, initial=0)]
        self._per_block = _batches_of_a_block(rows, self.sizes[0], block_bytes)
        n_gathered = min(len(rows), self._per_block * self.sizes[0])
        self._buffer = rows.new_empty((n_gathered if generator else 0, rows.shape[1]))

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        return len(self.sizes)

    def __iter__(self) -> Iterator[Tensor]:
        order = self._order()
        for first in range(0, self.n_batches, self._per_block):
            bounds = self._bounds[first : first + self._per_block + 1]
            block = self._gather(order, bounds[0], bounds[-1])
            for start, stop in pairwise(bounds):
                yield block[start - bounds[0] : stop - bounds[0]]

    def numbers(self) -> Tensor:
        """Rows of every batch of the next epoch: (n_batches, largest batch size).

        A batch that is one smaller than the first ends with its last row twice.
        """
        largest, smallest = self.sizes[0], self.sizes[-1]
        order = self._order()
        if order is None:
            order = torch.arange(len(self.rows), device=self.rows.device)
        if largest == smallest:
            return order.view(-1, largest)
        at = self.sizes.count(largest) * largest
        smaller = order[at:].view(-1, smallest)
        filled = torch.cat([smaller, smaller[:, -1:]], dim=1)
        return torch.cat([order[:at].view(-1, largest), filled])

    def is_like(self, other: ShuffledBatches) -> bool:
        """Whether both have the same rows, and will have them in the same order."""
        if self._generator is None or other._generator is None:
            order_is_same = self._generator is other._generator
        else:
            states = self._generator.get_state(), other._generator.get_state()
            order_is_same = torch.equal(*states)
        return order_is_same and torch.equal(self.rows, other.rows)

    def _order(self) -> Tensor | None:
        if self._generator is None:
            return None
        order = torch.randperm(len(self.rows), generator=self._generator, device="cpu")
        return order.to(self.rows.device)

    def _gather(self, order: Tensor | None, start: int, stop: int) -> Tensor:
        if order is None:
            return self.rows[start:stop]
        out = self._buffer[: stop - start]
        return torch.index_select(self.rows, 0, order[start:stop], out=out)


class BatchesSideBySide:
    """The batches of several `ShuffledBatches`, in the order that each has alone.

    Each step has the batches of neighbours that have the same size in one array. All
    have equally many batches, and their first batches the same size. What several have
    in common, as candidates with one seed in one fold do, is gathered once.

    Parameters
    ----------
    members : sequence of ShuffledBatches
        Those with more rows first: steps then have one array, or two.
    block_bytes : int
        Most bytes of a block, that of all members together.
    """

    def __init__(
        self, members: Sequence[ShuffledBatches], block_bytes: int = 2 * BLOCK_BYTES
    ) -> None:
        self._members = members
        rows, size = members[0].rows, members[0].sizes[0]
        per_block = _batches_of_a_block(rows, size * len(members), block_bytes)
        self._per_block = min(per_block, members[0].n_batches)
        leaders = _leaders(members)
        self._leaders = [*dict.fromkeys(leaders)]
        places = [self._leaders.index(leader) for leader in leaders]
        self._places = torch.tensor(places, device=rows.device)
        shape = self._per_block, size, rows.shape[1]
        self._buffer = rows.new_empty((len(members), *shape))
        self._own = self._buffer
        if len(self._leaders) < len(members):
            self._own = rows.new_empty((len(self._leaders), *shape))
        self._ranges = [
            [*_runs(sizes)] for sizes in zip(*(m.sizes for m in members), strict=True)
        ]

    def __iter__(self) -> Iterator[list[tuple[slice, Tensor]]]:
        """For each step, members and their batches: (n_members, size, n_features)."""
        numbers = [member.numbers() for member in self._members]
        for first in range(0, len(self._ranges), self._per_block):
            ranges = self._ranges[first : first + self._per_block]
            self._gather([n[first : first + len(ranges)] for n in numbers])
            for i, of_step in enumerate(ranges):
                yield [(who, self._buffer[who, i, :size]) for who, size in of_step]

    def _gather(self, numbers: Sequence[Tensor]) -> None:
        """Fill the block with rows of these numbers: (n_batches, size) a member."""
        for leader, block in zip(self._leaders, self._own, strict=True):
            chosen = numbers[leader]
            out = block[: len(chosen)].flatten(0, 1)
            torch.index_select(self._members[leader].rows, 0, chosen.flatten(), out=out)
        if self._own is not self._buffer:
            torch.index_select(self._own, 0, self._places, out=self._buffer)


def _batches_of_a_block(rows: Tensor, size: int, block_bytes: int) -> int:
    """How many batches of `size` rows are gathered together: at least one."""
    return max(1, block_bytes // (size * rows.shape[1] * rows.element_size()))


def _leaders(members: Sequence[ShuffledBatches]) -> list[int]:
    """For each of the members the first one that has the same batches."""
    leaders: list[int] = []
    for i, member in enumerate(members):
        known = dict.fromkeys(leaders)
        leaders.append(next((j for j in known if member.is_like(members[j])), i))
    return leaders


def _runs(sizes: Sequence[int]) -> Iterator[tuple[slice, int]]:
    """Neighbours of equal size, and that size."""
    start = 0
    for size, equal in groupby(sizes):
        stop = start + len([*equal])
        yield slice(start, stop), size
        start = stop
