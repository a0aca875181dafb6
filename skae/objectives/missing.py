"""Entries that are missing: NaN in the rows, and without a say in the objective."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from skae.objectives.corruptions import Corruption, MaskingNoise
from skae.objectives.likelihoods import Likelihood


@dataclass(frozen=True)
class ObservedLikelihood(Likelihood):
    """A likelihood of the entries that are there.

    A missing entry is NaN in the target. It costs nothing and has a density of 1, and
    means are over the others.

    Attributes
    ----------
    of_all : Likelihood
        What it is where nothing is missing.
    """

    of_all: Likelihood

    @property
    def standardises(self) -> bool:  # type: ignore[override]
        return self.of_all.standardises

    @property
    def has_variance(self) -> bool:  # type: ignore[override]
        return self.of_all.has_variance

    @property
    def bounds(self) -> tuple[float, float] | None:  # type: ignore[override]
        return self.of_all.bounds

    @property
    def omits(self) -> bool:  # type: ignore[override]
        return True

    def check(self, least: float, most: float, name: str = "X") -> None:
        self.of_all.check(least, most, name)

    def features(self, rows: Tensor) -> Tensor:
        return self.of_all.features(rows)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        there, target = _split(target)
        return self.of_all.loss(output, target).where(there, _nothing(output))

    def loss_gradient(
        self, output: Tensor, target: Tensor, out: Tensor, weight: float
    ) -> Tensor:
        there, known = _split(target)
        weight *= target.numel() / max(1, int(there.sum()))
        self.of_all.loss_gradient(output, known, out, weight)
        out.mul_(there)
        return self.loss(output, target).sum().mul_(weight)

    def mean(self, output: Tensor) -> Tensor:
        return self.of_all.mean(output)

    def link(self, mean: Tensor) -> Tensor:
        return self.of_all.link(mean)

    def least_loss(self, target: Tensor) -> Tensor:
        there, target = _split(target)
        return self.of_all.least_loss(target).where(there, _nothing(target))

    def log_density(self, output: Tensor, target: Tensor, variance: float) -> Tensor:
        there, target = _split(target)
        density = self.of_all.log_density(output, target, variance)
        return density.where(there, _nothing(output))

    def complete(self, rows: Tensor) -> Tensor:
        missing = rows.isnan()
        means = rows.nanmean(0).nan_to_num()
        return torch.where(missing, means, rows)

    def n_entries(self, rows: Tensor) -> Tensor:
        return (~rows.isnan()).sum(1)

    def average(
        self, entries: Tensor, target: Tensor, dim: int | None = None
    ) -> Tensor:
        there = (~target.isnan()).sum(dim).clamp_min(1)
        return entries.sum(dim) / there


@dataclass(frozen=True)
class ObservedCorruption(Corruption):
    """A corruption that leaves missing entries missing.

    Attributes
    ----------
    of_all : Corruption
        What is done to the others.
    """

    of_all: Corruption

    def corrupt(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        corrupted = self.of_all.corrupt(rows, generator)
        return torch.where(rows.isnan(), rows, corrupted)

    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Corruption:
        return replace(self, of_all=self.of_all.in_units(mean, scale, least, most))


@dataclass(frozen=True)
class Hiding(Corruption):
    """Hide entries as if they were missing too, so that filling gaps is learnt.

    They count in the loss as ever.

    Attributes
    ----------
    probability : float
        Of each entry, on its own.
    of_the_rest : Corruption or None
        What is done to those that are seen.
    """

    probability: float
    of_the_rest: Corruption | None = None

    def corrupt(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        if self.of_the_rest is not None:
            rows = self.of_the_rest.corrupt(rows, generator)
        return MaskingNoise(self.probability, _NOWHERE).corrupt(rows, generator)

    def in_units(
        self, mean: Tensor, scale: float, least: float, most: float
    ) -> Corruption:
        if self.of_the_rest is None:
            return self
        rest = self.of_the_rest.in_units(mean, scale, least, most)
        return replace(self, of_the_rest=rest)


_NOWHERE = torch.tensor(torch.nan, device="cpu")


def _split(target: Tensor) -> tuple[Tensor, Tensor]:
    """Where the target is there, and the target with zeros where it is not."""
    missing = target.isnan()
    return ~missing, target.masked_fill(missing, 0.0)


def _nothing(entries: Tensor) -> Tensor:
    return entries.new_zeros(())
