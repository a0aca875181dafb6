"""The batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

BLOCK_BYTES = 2 * 2**20
"""A block is still in the cache when its batches are used."""


class ShuffledBatches:
    """The batches of an epoch, in a new order each time they are iterated.

    Rows are gathered in blocks of some batches into one array that is allocated once,
    and batches are views of it. All batches have the same size or one row less:
    a last batch of a few rows would weigh as much as any other, and be mostly noise.

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
        self._rows, self._generator = rows, generator
        n = rows.shape[0]
        self.n_batches = -(-n // min(batch_size, n))
        # Batch i is rows i n / n_batches to (i + 1) n / n_batches of the order.
        self._bounds = [i * n // self.n_batches for i in range(self.n_batches + 1)]
        largest = -(-n // self.n_batches) * rows.shape[1] * rows.element_size()
        self._per_block = max(1, block_bytes // largest)
        n_gathered = min(n, self._per_block * -(-n // self.n_batches))
        self._buffer = rows.new_empty((n_gathered if generator else 0, rows.shape[1]))

    @property
    def sizes(self) -> list[int]:
        """Rows of each batch of an epoch."""
        return [stop - start for start, stop in pairwise(self._bounds)]

    def __iter__(self) -> Iterator[Tensor]:
        order = self._order()
        for first in range(0, self.n_batches, self._per_block):
            bounds = self._bounds[first : first + self._per_block + 1]
            block = self._gather(order, bounds[0], bounds[-1])
            for start, stop in pairwise(bounds):
                yield block[start - bounds[0] : stop - bounds[0]]

    def _order(self) -> Tensor | None:
        if self._generator is None:
            return None
        order = torch.randperm(
            self._rows.shape[0], generator=self._generator, device="cpu"
        )
        return order.to(self._rows.device)

    def _gather(self, order: Tensor | None, start: int, stop: int) -> Tensor:
        if order is None:
            return self._rows[start:stop]
        out = self._buffer[: stop - start]
        return torch.index_select(self._rows, 0, order[start:stop], out=out)
