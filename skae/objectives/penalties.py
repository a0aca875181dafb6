"""Penalties: what is added to the mean loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class WeightDecay:
    """``alpha / 2`` times the sum of squared weights (L2, ridge)."""

    alpha: float

    def value(self, weights: Tensor) -> Tensor:
        """Penalty of the flat `weights`."""
        return torch.dot(weights, weights).mul_(0.5 * self.alpha)

    def add_gradient(self, weights: Tensor, gradient: Tensor) -> None:
        """Add the gradient by `weights` to `gradient`."""
        gradient.add_(weights, alpha=self.alpha)
