"""The batches of an epoch."""

from __future__ import annotations

from collections import defaultdict
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

    def state(self) -> bytes:
        """What the order of the next epoch depends on."""
        if self._generator is None:
            return b""
        return self._generator.get_state().numpy().tobytes()

    def follow(self, leader: ShuffledBatches) -> None:
        """Skip an epoch whose order a leader of the same state has drawn."""
        if self._generator is not None and leader._generator is not None:
            self._generator.set_state(leader._generator.get_state())

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
    in common, as candidates with one seed in one fold do, is gathered once, and given
    to each of them when its step comes: a step finds it in the cache.

    Parameters
    ----------
    members : sequence of ShuffledBatches
        Those with more rows first: steps then have one array, or two.
    block_bytes : int
        Most bytes of a block, that of all members together.

    Attributes
    ----------
    sizes : Tensor of shape (n_batches, n_members)
        Rows of each batch.
    """

    def __init__(
        self, members: Sequence[ShuffledBatches], block_bytes: int = 2 * BLOCK_BYTES
    ) -> None:
        self._members, self._leaders = members, _leaders(members)
        rows, sizes = members[0].rows, members[0].sizes
        self._own = [*dict.fromkeys(self._leaders)]
        per_block = _batches_of_a_block(rows, sizes[0] * len(self._own), block_bytes)
        self._per_block = min(per_block, members[0].n_batches)
        shape = sizes[0], rows.shape[1]
        self._block = rows.new_empty((len(self._own), self._per_block, *shape))
        are_shared = len(self._own) < len(members)
        self._given = rows.new_empty((len(members), *shape)) if are_shared else None
        places = [self._own.index(leader) for leader in self._leaders]
        self._places = self._per_block * torch.tensor(places, device=rows.device)
        of_steps = [*zip(*(m.sizes for m in members), strict=True)]
        self.sizes = torch.tensor(of_steps, device=rows.device)
        self._ranges = [[*_runs(sizes)] for sizes in of_steps]

    def __iter__(self) -> Iterator[list[tuple[slice, Tensor]]]:
        """For each step, members and their batches: (n_members, size, n_features)."""
        numbers = [self._members[leader].numbers() for leader in self._own]
        for member, leader in zip(self._members, self._leaders, strict=True):
            if member is not self._members[leader]:
                member.follow(self._members[leader])
        for first in range(0, len(self._ranges), self._per_block):
            ranges = self._ranges[first : first + self._per_block]
            self._gather([n[first : first + len(ranges)] for n in numbers])
            for i, of_step in enumerate(ranges):
                batches = self._give(i)
                yield [(who, batches[who, :size]) for who, size in of_step]

    def _gather(self, numbers: Sequence[Tensor]) -> None:
        """Fill the block with rows of these numbers: (n_batches, size) a leader."""
        for leader, block, chosen in zip(self._own, self._block, numbers, strict=True):
            out = block[: len(chosen)].flatten(0, 1)
            torch.index_select(self._members[leader].rows, 0, chosen.flatten(), out=out)

    def _give(self, i: int) -> Tensor:
        """Batch `i` of the block, for each member."""
        if self._given is None:
            return self._block[:, i]
        batches = self._block.flatten(0, 1)
        return torch.index_select(batches, 0, self._places + i, out=self._given)


def _batches_of_a_block(rows: Tensor, size: int, block_bytes: int) -> int:
    """How many batches of `size` rows are gathered together: at least one."""
    return max(1, block_bytes // (size * rows.shape[1] * rows.element_size()))


def _leaders(members: Sequence[ShuffledBatches]) -> list[int]:
    """For each of the members the first one that has the same batches."""
    leaders, known = list[int](), defaultdict[bytes, list[int]](list)
    for i, member in enumerate(members):
        candidates = known[member.state()]
        same = (j for j in candidates if torch.equal(member.rows, members[j].rows))
        leaders.append(next(same, i))
        if leaders[i] == i:
            candidates.append(i)
    return leaders


def _runs(sizes: Sequence[int]) -> Iterator[tuple[slice, int]]:
    """Neighbours of equal size, and that size."""
    start = 0
    for size, equal in groupby(sizes):
        stop = start + len([*equal])
        yield slice(start, stop), size
        start = stop
