"""Units: where X lies, and how wide it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCK_BYTES = 8 * 2**20

_LARGEST = 1e150
"""Beyond it the square of a value is not a number of 64 bits."""


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

    @classmethod
    def none(cls, n_features: int) -> Scaling:
        """Leave X as it is."""
        return cls(np.zeros(n_features), 1.0)

    @classmethod
    def fit(cls, X: NDArray[np.floating]) -> Scaling:
        """Find mean and scale, in float64 and block by block.

        Raises
        ------
        ValueError
            When values are so large that their squares overflow.
        """
        shift = X[0].astype(np.float64)
        total, largest = np.zeros_like(shift), 0.0
        for deviation in _deviations(X, shift):
            total += np.ones(len(deviation)) @ deviation
            largest = max(largest, deviation.max(), -deviation.min())
        if max(largest, np.abs(shift).max()) > _LARGEST:
            raise ValueError(
                f"Input X contains values of magnitude {largest:.0e}, whose squares "
                "overflow. Scale the features first, for example with StandardScaler."
            )
        if largest == 0.0:
            return cls(shift, 1.0)
        mean, squares = shift + total / len(X), 0.0
        for deviation in _deviations(X, mean):
            deviation /= largest  # the squares of very small values are none
            squares += np.einsum("ij,ij->", deviation, deviation)
        return cls(mean, float(largest * np.sqrt(squares / X.size)))

    def centred_blocks(
        self, X: NDArray[np.floating], dtype: type[np.floating]
    ) -> Iterator[Tensor]:
        """Rows of X, centred and scaled in float64, in blocks of `dtype`.

        A block is overwritten by the next one.
        """
        for deviation in _deviations(X, self.mean):
            deviation /= self.scale
            yield torch.from_numpy(deviation.astype(dtype, copy=False))

    def apply(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Centre and scale rows in units of X; in float64, then cast to `dtype`."""
        wide = x.to(torch.float64) - torch.from_numpy(self.mean)
        return wide.div_(self.scale).to(dtype)

    def undo(self, x: Tensor) -> Tensor:
        """Bring rows back into units of X; in float64, then cast to their dtype."""
        wide = x.to(torch.float64) * self.scale
        return wide.add_(torch.from_numpy(self.mean)).to(x.dtype)

    def standardise(
        self,
        X: NDArray[np.floating],
        dtype: torch.dtype,
        device: torch.device,
        order: Tensor | None = None,
    ) -> Tensor:
        """All of X, centred and scaled, as one tensor on `device`.

        With `order`, row i of X becomes row ``order[i]`` of the tensor.
        """
        rows = torch.empty(X.shape, dtype=dtype, device="cpu")
        start = 0
        for block in self.centred_blocks(X, np.float64):
            stop = start + len(block)
            place = slice(start, stop) if order is None else order[start:stop]
            rows[place] = block.to(dtype)
            start = stop
        return rows.to(device)


def _deviations(
    X: NDArray[np.floating], centre: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """X - centre, a block of rows that a cache holds at a time, in one array."""
    n_rows = max(1, _BLOCK_BYTES // (8 * X.shape[1]))
    buffer = np.empty((min(n_rows, len(X)), X.shape[1]))
    for start in range(0, len(X), n_rows):
        block = X[start : start + n_rows]
        yield np.subtract(block, centre, out=buffer[: len(block)])
