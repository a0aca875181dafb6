"""Rows that are not one dense array in memory, and are read some at a time."""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skae.data.implicit import implicit_axes
from skae.data.principal import PrincipalAxes
from skae.data.sparse_rows import SparseRows

BLOCK_BYTES = 128 * 2**20
"""Of a block, as float32, where its size is not given."""

_GATHERED_BYTES = 16 * 2**20
"""Of sparse rows that are made dense at a time."""

_FEWEST_ENTRIES, _LARGEST_SHARE = 2**19, 0.02
"""Of sparse rows: with fewer, or more of them stored, dense ones take less time."""

Rows = NDArray[np.floating]
Function = Callable[[torch.Tensor], torch.Tensor]
Check = Callable[[Any], Rows]
"""Refuses what no row may hold, and gives float32 or float64."""


def rows_of_a_block(block_size: int | str, n_features: int) -> int:
    """Rows of a block, from the parameter of that name."""
    if block_size == "auto":
        return max(1, BLOCK_BYTES // (4 * n_features))
    return int(block_size)


class Source(ABC):
    """Rows that are made dense as they are asked for: ``source[start:stop]``.

    They are read in blocks of consecutive rows. An epoch takes the blocks in random
    order, and the rows of each in random order too; where rows are as quick to find
    one by one, it takes all in random order.

    Parameters
    ----------
    shape : tuple of int
        (n_samples, n_features)
    dtype : numpy.dtype
        Of the dense rows.
    block_size : int
        Rows of a block.
    check : callable
        Sees all rows that are read.
    """

    ndim = 2

    def __init__(
        self,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        block_size: int,
        check: Check = np.asarray,
    ) -> None:
        self.shape, self.dtype, self.block_size = shape, np.dtype(dtype), block_size
        self._check = check

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Entries of all rows."""
        return self.shape[0] * self.shape[1]

    @property
    def itemsize(self) -> int:
        """Bytes of an entry."""
        return self.dtype.itemsize

    def __getitem__(self, rows: slice | int) -> Rows:
        if not isinstance(rows, slice):
            number = range(len(self))[rows]  # an IndexError where there is none
            row: Rows = self[number : number + 1][0]
            return row
        start, stop, step = rows.indices(len(self))
        if step != 1:
            return np.array([self[i] for i in range(start, stop, step)])
        return self._check(self._read(start, stop))

    def in_words(self) -> str:
        """How rows are read: fits to the same rows that are read alike are the same."""
        return f"in blocks of {self.block_size}"

    def blocks(self) -> Iterator[Rows]:
        """All rows, block by block."""
        return self.blocks_of(self.block_size)

    def blocks_of(self, n_rows: int) -> Iterator[Rows]:
        """All rows, at most so many at a time."""
        for start in range(0, len(self), n_rows):
            yield self[start : start + n_rows]

    def beside(self, X: Rows | Source) -> Source:
        """X, which has as many rows, as a source that is read with this one."""
        if isinstance(X, Source):
            return X
        return ArraySource(X, self.block_size, X.dtype, np.asarray)

    def take(self, numbers: NDArray[np.int64]) -> Rows:
        """The rows of these numbers, which a read of `reads` gave, in an own array."""
        start = int(numbers.min())
        return self[start : int(numbers.max()) + 1][numbers - start]

    def is_thin(self, n_rows: int) -> bool:
        """Whether so many rows are better left sparse than made dense."""
        return False

    def reads(
        self, kept: NDArray[np.int64], generator: torch.Generator | None
    ) -> Iterator[NDArray[np.int64]]:
        """Numbers of rows to be read together, in the order of their use.

        Parameters
        ----------
        kept : ndarray of shape (n_kept,)
            Numbers of all rows that are wanted, ascending.
        generator : torch.Generator or None
            Source of the order; None: as they stand.
        """
        edges = np.arange(0, len(self) + self.block_size, self.block_size)
        bounds = np.searchsorted(kept, edges)
        for block in _order(len(edges) - 1, generator):
            rows = kept[bounds[block] : bounds[block + 1]]
            if len(rows):
                yield rows[_order(len(rows), generator)]

    def sums(self) -> tuple[NDArray[np.float64], float] | None:
        """Sum of every feature, and sum of the squares of all entries.

        None: the rows have to be looked at.
        """
        return None

    def axes(
        self, kept: NDArray[np.int64], function: Function, scale: float, k: int
    ) -> PrincipalAxes | None:
        """First `k` principal axes of ``function(rows / scale)`` of the rows `kept`.

        None: the rows have to be looked at. `function` is for tensors of any shape, and
        leaves zeros as they are.
        """
        return None

    @abstractmethod
    def _read(self, start: int, stop: int) -> Any:
        """Dense rows from `start` on, before `stop`."""


def _order(n: int, generator: torch.Generator | None) -> NDArray[np.int64]:
    if generator is None:
        return np.arange(n)
    return torch.randperm(n, generator=generator, device="cpu").numpy()


class ArraySource(Source):
    """Rows of an array, in memory or mapped from a file.

    Pages of a file that was opened for reading are given back to the system once they
    have been read: they would count as memory of this process.
    """

    def __init__(self, X: Rows, block_size: int, dtype: Any, check: Check) -> None:
        super().__init__(X.shape, dtype, block_size, check)
        self._X, self._file = X, _mapped_file(X)

    def take(self, numbers: NDArray[np.int64]) -> Rows:
        return self._check(self._get(numbers))

    def _read(self, start: int, stop: int) -> Any:
        return self._get(slice(start, stop))

    def _get(self, rows: slice | NDArray[np.int64]) -> Any:
        if self._file is None:
            return self._X[rows]
        found = np.array(self._X[rows])
        self._file.madvise(mmap.MADV_DONTNEED)
        return found


def _mapped_file(X: Rows) -> mmap.mmap | None:
    """The mapping behind an array whose pages may be dropped, or None."""
    shared = isinstance(X, np.memmap) and getattr(X, "mode", None) in ("r", "r+")
    file = getattr(X, "_mmap", None)
    return file if shared and hasattr(file, "madvise") else None


class SparseSource(Source):
    """Rows of a sparse matrix or array, in compressed rows."""

    def __init__(self, X: Any, block_size: int) -> None:
        rows = max(1, _GATHERED_BYTES // (X.dtype.itemsize * X.shape[1]))
        super().__init__(X.shape, X.dtype, min(block_size, rows))
        self._X, self._most = X, block_size

    def in_words(self) -> str:
        return f"sparse, {super().in_words()}"

    def take(self, numbers: NDArray[np.int64]) -> Rows:
        return self._check(self._X[numbers].toarray())

    def is_thin(self, n_rows: int) -> bool:
        n_entries = min(n_rows, len(self)) * self.shape[1]
        return (
            n_entries >= _FEWEST_ENTRIES and self._X.nnz <= _LARGEST_SHARE * self.size
        )

    def reads(
        self, kept: NDArray[np.int64], generator: torch.Generator | None
    ) -> Iterator[NDArray[np.int64]]:
        return self._parts(kept, generator, self.block_size)

    def sparse_reads(
        self, kept: NDArray[np.int64], generator: torch.Generator | None = None
    ) -> Iterator[SparseRows]:
        """Rows in the order of `reads`, more at a time, and not made dense."""
        for numbers in self._parts(kept, generator, self._most):
            yield SparseRows(self._X[numbers])

    def _parts(
        self, kept: NDArray[np.int64], generator: torch.Generator | None, most: int
    ) -> Iterator[NDArray[np.int64]]:
        order = kept[_order(len(kept), generator)]
        for start in range(0, len(order), most):
            yield order[start : start + most]

    def sums(self) -> tuple[NDArray[np.float64], float]:
        wide = self._X.astype(np.float64)
        total = np.asarray(wide.sum(axis=0)).ravel()
        return total, float(np.vdot(wide.data, wide.data))

    def axes(
        self, kept: NDArray[np.int64], function: Function, scale: float, k: int
    ) -> PrincipalAxes | None:
        rows = self._X if len(kept) == len(self) else self._X[kept]
        rows = rows.copy()
        rows.data = function(torch.from_numpy(rows.data / scale)).numpy()
        found = implicit_axes(rows, k)
        return found and PrincipalAxes.ordered(*found)

    def _read(self, start: int, stop: int) -> Any:
        return self._X[start:stop].toarray()


class LazySource(Source):
    """Rows of an array that is computed as it is sliced, such as dask's."""

    def __init__(self, X: Any, block_size: int, dtype: Any, check: Check) -> None:
        super().__init__(X.shape, dtype, block_size, check)
        self._X = X

    def _read(self, start: int, stop: int) -> Any:
        return np.asarray(self._X[start:stop])
