"""What the batches of an epoch told, on average."""

from __future__ import annotations

import torch
from torch import Tensor


class Mean:
    """Mean over rows of what their batches told; 0 if they told nothing.

    What a batch told is laid aside, and read together with that of others: to read it,
    or to add it to a sum of another precision, takes longer than a small step.

    Attributes
    ----------
    first : float
        What the first batch told.
    """

    def __init__(self) -> None:
        self.first = 0.0
        self._told: list[Tensor] = []
        self._sizes: list[int] = []
        self._sum, self._n_rows = 0.0, 0

    def add(self, told: Tensor, n_rows: int) -> None:
        """Take what a batch of `n_rows` rows told."""
        self._told.append(told)
        self._sizes.append(n_rows)
        if len(self._told) == _AT_A_TIME:
            self._read()

    def value(self) -> float:
        """Return the mean."""
        self._read()
        return self._sum / max(self._n_rows, 1)

    def _read(self) -> None:
        if not self._told:
            return
        values = torch.stack(self._told).tolist()
        if not self._n_rows:
            self.first = values[0]
        self._sum += sum(v * n for v, n in zip(values, self._sizes, strict=True))
        self._n_rows += sum(self._sizes)
        self._told, self._sizes = [], []


_AT_A_TIME = 512  # batches
