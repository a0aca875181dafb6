"""Units: where X lies, and how wide it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.data.batches import blocks

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
        shift = torch.from_numpy(X[0].astype(np.float64))
        total, largest = torch.zeros_like(shift), 0.0
        for block in blocks(X):
            wide = block.to(torch.float64)
            largest = max(largest, float(wide.abs().max()))
            total += (wide - shift).sum(0)
        if largest > _LARGEST:
            raise ValueError(
                f"Input X contains values of magnitude {largest:.0e}, whose squares "
                "overflow. Scale the features first, for example with StandardScaler."
            )
        mean = shift + total / X.shape[0]
        return cls(mean.numpy(), _root_mean_square(X, mean) or 1.0)

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
        rows = torch.empty(X.shape, dtype=dtype, device=device)
        start = 0
        for block in blocks(X):
            stop = start + len(block)
            place = slice(start, stop) if order is None else order[start:stop]
            rows[place] = self.apply(block, dtype).to(device)
            start = stop
        return rows


def _root_mean_square(X: NDArray[np.floating], mean: Tensor) -> float:
    """Root mean square of X - mean, of values whose squares may be no numbers."""
    unit = max(float((b.to(torch.float64) - mean).abs().max()) for b in blocks(X))
    if unit == 0.0:
        return 0.0
    total = 0.0
    for block in blocks(X):
        deviation = (block.to(torch.float64) - mean).div_(unit).view(-1)
        total += float(torch.dot(deviation, deviation))
    return unit * math.sqrt(total / X.size)
