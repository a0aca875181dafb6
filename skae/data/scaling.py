"""Units: where X lies, and how wide it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.data.sources import Source
from skae.data.sparse_rows import SparseRows
from skae.data.transfer import to_device

_WIDE = np.dtype(np.float64)

_PRODUCT_BYTES = 16 * 2**20
"""Of a block that goes into a matrix product, which has a cache of its own."""

_LARGEST = 1e150
"""Beyond it the square of a value is not a number of 64 bits."""

_MODERATE = (1e-200, 1e200)
"""Sums of squares that have neither lost an entry nor come near an overflow."""

_ROUNDING = 1e-6
"""Of a centre, in units of the deviations: below it the squares know nothing of it."""

_LEAST_LEFT = 1e-3
"""Share of the squares about the first row that lies about the mean, if it is near."""

_NEAR = 256.0
"""Scales from the mean, within which sparse rows are centred without loss of digits."""

_FAR = 1e20
"""Between its inverse and this, a scale leaves float32 all of its range and digits."""


@dataclass(frozen=True)
class Scaling:
    """Centring by feature and division by one global scale.

    One scale for all features leaves their relative sizes alone, as PCA does, and
    yet lets any unit of X meet the same learning rate.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Mean of every feature, in float64.
    scale : float
        Root mean square of X - mean over all entries; 1.0 where that is zero.
    """

    mean: NDArray[np.float64]
    scale: float

    def __getstate__(self) -> dict[str, object]:
        return {"mean": self.mean, "scale": self.scale}  # and nothing that follows

    def verify(self) -> None:
        """Refuse what can be no units."""
        if self.mean.ndim != 1 or not np.isfinite(self.mean).all():
            raise ValueError("a mean is no row of finite numbers")
        scale = float(self.scale)
        if not (scale > 0.0 and scale * scale < np.inf):  # the unit of a loss
            raise ValueError(f"{self.scale} is no scale")

    def is_near(self, other: Scaling) -> bool:
        """Whether both are the same but for rounding."""
        off = np.abs(self.mean - other.mean).max(initial=0.0)
        bound = _ROUNDING * (self.scale + np.abs(self.mean).max(initial=0.0))
        return bool(off <= bound and abs(self.scale - other.scale) <= bound)

    @classmethod
    def none(cls, n_features: int) -> Scaling:
        """Leave X as it is."""
        return cls(np.zeros(n_features), 1.0)

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")
    def fit(cls, X: NDArray[np.floating] | Source) -> Scaling:
        """Find mean and scale, in float64 and block by block.

        One pass about the first row, unless the values or that row lie so far out that
        the sum of squares cannot be trusted. The zeros of sparse rows are not looked
        at.

        Raises
        ------
        ValueError
            When values are so large that their squares overflow.

        Notes
        -----
        Entries that are NaN are missing: they count for neither.
        """
        known = X.sums() if isinstance(X, Source) else None
        first, total, squares = _sums(X) if known is None else _about_zero(*known)
        if np.isnan(total).any() and not isinstance(X, Source) and np.isnan(X).any():
            return cls._fit_observed(X)
        shift = total / len(X)
        left = squares - len(X) * np.vdot(shift, shift)
        if left > _LEAST_LEFT * squares and _MODERATE[0] < squares < _MODERATE[1]:
            return cls(first + shift, float(np.sqrt(left / X.size)))
        if known is not None:  # of rows so far from zero that they are best looked at
            first, total, _ = _sums(X)
            shift = total / len(X)
        largest = max(np.abs(d).max() for d in _deviations(X, first))
        if max(largest, np.abs(first).max()) > _LARGEST:
            raise ValueError(
                f"Input X contains values of magnitude {_largest(X):.0e}, whose "
                "squares overflow. Scale the features first, for example with "
                "StandardScaler."
            )
        return cls(first + shift, _root_mean_square(X, first + shift, largest) or 1.0)

    @classmethod
    def _fit_observed(cls, X: NDArray[np.floating]) -> Scaling:
        """Find mean and scale of what is there of X, where entries are NaN."""
        missing = np.isnan(X)
        n_there = len(X) - missing.sum(axis=0)
        means = np.nansum(X, axis=0, dtype=_WIDE) / np.maximum(n_there, 1)
        filled = cls.fit(np.where(missing, means, X))
        share = max(1, n_there.sum()) / X.size
        return cls(filled.mean, float(filled.scale / np.sqrt(share)))

    def centred_blocks(self, X: NDArray[np.floating] | Source) -> Iterator[Tensor]:
        """Rows of X, centred and scaled, in blocks of its dtype.

        A block is overwritten by the next one.
        """
        wide = X.dtype if self.scale == 1.0 else _WIDE
        for deviation in _deviations(X, self.mean, wide, _PRODUCT_BYTES):
            if self.scale != 1.0:
                deviation /= self.scale
            yield torch.from_numpy(deviation.astype(X.dtype, copy=False))

    def apply(self, x: Tensor) -> Tensor:
        """Centre and scale rows in units of X, in their dtype.

        Of float32 rows the mean is taken away in two parts, with the digits of float64.
        Where a row lies near it, so that digits cancel, the first difference is exact;
        elsewhere the second part is less than the rounding of the row.
        """
        if x.dtype == torch.float32 and self._halves is not None:
            near, rest = map(torch.from_numpy, self._halves)
            return x.sub(near).sub_(rest).div_(self.scale)
        wide = x - torch.from_numpy(self.mean)  # of float64, as the mean is
        return wide.div_(self.scale).to(x.dtype)

    def apply_sparse(self, x: SparseRows, dtype: torch.dtype) -> SparseRows:
        """Centre and scale rows: where nothing is stored, all of them are alike."""
        values = x.values.to(torch.float64).div_(self.scale).to(dtype)
        zeros = torch.from_numpy(-self.mean / self.scale).to(dtype)
        return x.holding(values, zeros if self.mean.any() else None)

    @property
    def is_near_zero(self) -> bool:
        """Whether rows of zeros lie so near the mean that no digits cancel there."""
        return bool(np.abs(self.mean).max() <= _NEAR * self.scale)

    def undo(self, x: Tensor) -> Tensor:
        """Bring rows back into units of X, in their dtype."""
        if x.dtype == torch.float32 and self._halves is not None:
            near, rest = map(torch.from_numpy, self._halves)
            return x.mul(self.scale).add_(rest).add_(near)
        wide = x.to(torch.float64) * self.scale
        return wide.add_(torch.from_numpy(self.mean)).to(x.dtype)

    @cached_property
    @np.errstate(under="ignore")
    def _halves(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """The mean as a sum of two arrays of float32; None if X needs more range."""
        if not (1.0 / _FAR < self.scale < _FAR and np.abs(self.mean).max() < _FAR):
            return None
        near = self.mean.astype(np.float32)
        return near, (self.mean - near).astype(np.float32)

    def standardise(
        self,
        X: NDArray[np.floating],
        dtype: torch.dtype,
        device: torch.device,
        order: Tensor | None = None,
    ) -> Tensor:
        """All of X, centred and scaled, as one tensor on `device`.

        With `order`, row i of X becomes row ``order[i]`` of the tensor.

        Raises
        ------
        ValueError
            When the square of an entry overflows `dtype`.
        """
        rows = torch.empty(X.shape, dtype=dtype, device="cpu")
        start = 0
        for deviation in _deviations(X, self.mean):
            stop = start + len(deviation)
            place = slice(start, stop) if order is None else order[start:stop]
            rows[place] = torch.from_numpy(deviation).div_(self.scale).to(dtype)
            start = stop
        return to_device(_refuse_overflow(rows), device)

    def standardise_own(
        self, x: Tensor, dtype: torch.dtype, device: torch.device
    ) -> Tensor:
        """Rows that nobody else has, centred and scaled; as `standardise`.

        In their own dtype, where that is `dtype`, which takes less time.
        """
        if x.dtype != dtype:
            return self.standardise(x.numpy(), dtype, device)
        if self.scale != 1.0 or self.mean.any():
            x = self.apply(x)
        return to_device(_refuse_overflow(x), device)

    def standardise_sparse(self, x: SparseRows, dtype: torch.dtype) -> SparseRows:
        """Sparse rows, centred and scaled; as `standardise`."""
        scaled = self.apply_sparse(x, dtype)
        _refuse_overflow(scaled.values)
        return scaled


def _refuse_overflow(rows: Tensor) -> Tensor:
    """The rows, if their squares are finite where they are not missing."""
    if not (_has_finite_squares(rows) or _has_finite_squares(rows.nan_to_num(0.0))):
        raise ValueError(
            "X or X_val contains values too large for dtype('float32') beside the "
            "scale of X. Scale the features, for example with StandardScaler, or "
            'use precision="float64".'
        )
    return rows


def _has_finite_squares(rows: Tensor) -> bool:
    entries = rows.view(-1)
    return bool(torch.isfinite(torch.dot(entries, entries)))


def _about_zero(
    total: NDArray[np.float64], squares: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Sums that a source knows, as those of the deviations from a row of zeros."""
    return np.zeros_like(total), total, squares


def _sums(
    X: NDArray[np.floating] | Source,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The first row, and sum and sum of squares of the deviations from it."""
    first = X[0].astype(np.float64)
    total, squares = np.zeros_like(first), 0.0
    for deviation in _deviations(X, first):
        total += np.ones(len(deviation)) @ deviation
        squares += np.vdot(deviation, deviation)
    return first, total, squares


def _largest(X: NDArray[np.floating] | Source) -> float:
    return max(float(np.abs(block).max()) for block in _blocks(X))


def _blocks(X: NDArray[np.floating] | Source) -> Iterator[NDArray[np.floating]]:
    """X itself, or the blocks of rows that it is read in."""
    if isinstance(X, Source):
        yield from X.blocks()
    else:
        yield X


def _root_mean_square(
    X: NDArray[np.floating] | Source, mean: NDArray[np.float64], largest: float
) -> float:
    """Of X - mean; squares of entries are taken in units of the `largest`."""
    if largest == 0.0:
        return 0.0
    squares = 0.0
    for deviation in _deviations(X, mean):
        deviation /= largest
        squares += np.vdot(deviation, deviation)
    return float(largest * np.sqrt(squares / X.size))


def _deviations(
    X: NDArray[np.floating] | Source,
    centre: NDArray[np.float64],
    dtype: np.dtype[np.floating] = _WIDE,
    block_bytes: int = 2**20,
) -> Iterator[NDArray[np.floating]]:
    """X - centre, a few rows that a cache holds at a time, in one array."""
    n_rows = min(len(X), max(1, block_bytes // (dtype.itemsize * X.shape[1])))
    buffer, near = np.empty((n_rows, X.shape[1]), dtype), centre.astype(dtype)
    rest = (centre - near).astype(dtype)
    matters = None
    for block in _blocks(X):
        for start in range(0, len(block), n_rows):
            part = block[start : start + n_rows]
            deviation = np.subtract(part, near, out=buffer[: len(part)])
            if matters is None:
                matters = np.abs(rest).max() > _ROUNDING * np.abs(deviation).max()
            if matters:
                deviation -= rest  # from values near zero: the first one was exact
            yield deviation
