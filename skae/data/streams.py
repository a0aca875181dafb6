"""Rows of a source as a network sees them, and their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.data.batches import batch_sizes
from skae.data.principal import PrincipalAxes
from skae.data.scaling import Scaling
from skae.data.sources import Source, SparseSource


class StreamedRows:
    """Rows of sources, side by side, centred and scaled anew each time they are read.

    It stands where a tensor of all rows would, with what training asks of one.

    Parameters
    ----------
    sources : sequence of Source
        Of equally many rows; those of the first one, and what they are to become.
    scaling : Scaling
        Units of the network.
    dtype, device : torch.dtype, torch.device
        Of the tensors.
    kept : ndarray of shape (n_samples,) or None
        Numbers of the rows that belong, ascending; None: all.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        scaling: Scaling,
        dtype: torch.dtype,
        device: torch.device,
        kept: NDArray[np.int64] | None = None,
    ) -> None:
        self._sources, self._scaling = sources, scaling
        self.dtype, self.device = dtype, device
        self._kept = np.arange(len(sources[0])) if kept is None else kept
        self.shape = len(self._kept), sum(source.shape[1] for source in sources)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def are_all(self) -> bool:
        """Whether these are all rows of one source, and nothing beside them."""
        return len(self._sources) == 1 and len(self) == len(self._sources[0])

    def numel(self) -> int:
        """How many entries there are."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, numbers: NDArray[np.int64]) -> StreamedRows:
        """The rows of these numbers among the present ones, which are to ascend."""
        kept = self._kept[numbers]
        return type(self)(self._sources, self._scaling, self.dtype, self.device, kept)

    def reads(self, generator: torch.Generator | None = None) -> Iterator[Tensor]:
        """All rows, as many at a time as are read together; None: as they stand."""
        for numbers in self._sources[0].reads(self._kept, generator):
            yield self._tensor(numbers)

    def split(self, n_rows: int) -> Iterator[Tensor]:
        """All rows as they stand, at most so many at a time."""
        for rows in self.reads():
            for start in range(0, len(rows), n_rows):
                yield rows[start : start + n_rows]

    def axes(
        self, function: Callable[[Tensor], Tensor], k: int
    ) -> PrincipalAxes | None:
        """Principal axes of ``function(rows)`` of the last source, or None.

        None where the source knows them no sooner than anybody who looks at its rows.
        """
        scale = self._scaling.scale
        return self._sources[-1].axes(self._kept, function, scale, k)

    def _tensor(self, numbers: NDArray[np.int64]) -> Tensor:
        dense = (torch.from_numpy(source.take(numbers)) for source in self._sources)
        parts = [
            self._scaling.standardise_own(rows, self.dtype, self.device)
            for rows in dense
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


class SparseStreamedRows(StreamedRows):
    """Rows of a sparse source, which stay sparse: see `SparseRows`."""

    _sources: Sequence[SparseSource]

    def reads(self, generator: torch.Generator | None = None) -> Iterator[Tensor]:
        for rows in self._sources[0].sparse_reads(self._kept, generator):
            yield cast("Tensor", self._scaling.standardise_sparse(rows, self.dtype))

    def split(self, n_rows: int) -> Iterator[Tensor]:
        # What is made of them is dense: no more than if they had been.
        return super().split(min(n_rows, self._sources[0].block_size))


class StreamedBatches:
    """The batches of an epoch over `StreamedRows`, in a new order each time.

    Sizes are those of `ShuffledBatches`; a batch may end in one block of rows and begin
    in the next.

    Parameters
    ----------
    rows : StreamedRows
        The data.
    batch_size : int
        Most rows of a batch.
    generator : torch.Generator or None
        Source of the order; None: as they stand.
    """

    def __init__(
        self, rows: StreamedRows, batch_size: int, generator: torch.Generator | None
    ) -> None:
        self._rows, self._generator = rows, generator
        self.sizes = batch_sizes(len(rows), batch_size)
        self.n_batches = len(self.sizes)

    def __iter__(self) -> Iterator[Tensor]:
        reads = self._rows.reads(self._generator)
        rest = next(reads)
        for size in self.sizes:
            parts = []
            while len(rest) < size:
                parts.append(rest)
                size -= len(rest)
                rest = next(reads)
            parts.append(rest[:size])
            rest = rest[size:]
            yield parts[0] if len(parts) == 1 else torch.cat(parts)
