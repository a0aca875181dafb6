"""Corruptions: what a denoising autoencoder sees in place of clean rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

_LARGEST = 1e15  # deviation of noise, beside which rows are nothing in any precision


class Corruption(ABC):
    """A random distortion of rows, new at every call."""

    @abstractmethod
    def corrupt(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return a corrupted copy of `rows`: (batch, n_features)."""

    @abstractmethod
    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Corruption:
        """Return the same corruption for rows that are (X - `mean`) / `scale`.

        X lies between `least` and `most`.
        """


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    """Add independent normal noise to every entry.

    Attributes
    ----------
    sigma : float
        Its standard deviation, in units of the rows.
    """

    sigma: float

    def corrupt(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        noise = _normal(rows, generator)
        return noise.mul_(self.sigma).add_(rows)

    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Corruption:
        return replace(self, sigma=min(self.sigma / scale, _LARGEST))


@dataclass(frozen=True)
class MaskingNoise(Corruption):
    """Set entries to zero (Vincent et al. 2008).

    Attributes
    ----------
    probability : float
        Of each entry, on its own.
    zero : Tensor of shape (n_features,) or None
        What zero is, in units of the rows; None: 0.
    """

    probability: float
    zero: Tensor | None = None

    def corrupt(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        masked = _uniform(rows, generator) < self.probability
        if self.zero is None:
            return rows.masked_fill(masked, 0.0)
        return torch.where(masked, self.zero.to(rows), rows)

    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Corruption:
        return replace(self, zero=-mean / scale)


@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    """Set entries to the least or to the largest value, with equal chances.

    Attributes
    ----------
    probability : float
        Of each entry, on its own.
    pepper, salt : Tensor of shape (n_features,) or float
        The least and the largest value, in units of the rows.
    """

    probability: float
    pepper: Tensor | float = 0.0
    salt: Tensor | float = 1.0

    def corrupt(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        drawn = _uniform(rows, generator)
        pepper, salt = (
            torch.as_tensor(value, dtype=rows.dtype, device=rows.device)
            for value in (self.pepper, self.salt)
        )
        corrupted = torch.where(drawn < self.probability, salt, rows)
        return torch.where(drawn < 0.5 * self.probability, pepper, corrupted)

    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Corruption:
        pepper, salt = (least - mean) / scale, (most - mean) / scale
        return replace(self, pepper=pepper, salt=salt)


CORRUPTIONS = {
    "gaussian": GaussianNoise,
    "masking": MaskingNoise,
    "salt_and_pepper": SaltAndPepper,
}


def make_corruption(corruption: str, noise: float) -> Corruption | None:
    """Corruption by its name and level; none for a level of zero."""
    return CORRUPTIONS[corruption](noise) if noise else None


def _normal(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Normal numbers in the shape of `rows`, drawn on the CPU for every device."""
    drawn = torch.empty(rows.shape, dtype=rows.dtype, device="cpu")
    return drawn.normal_(generator=generator).to(rows.device)


def _uniform(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform numbers in [0, 1), likewise."""
    drawn = torch.empty(rows.shape, dtype=rows.dtype, device="cpu")
    return drawn.uniform_(generator=generator).to(rows.device)
