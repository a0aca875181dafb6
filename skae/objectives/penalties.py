"""Penalties: what is added to the mean loss."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from skae.objectives.scalars import scalar

_LARGEST_EXPONENT = 300.0  # far beyond it, no number of 64 bits
_NEARLY = 1e-6  # how near to 0 or 1 a mean activation is told from it


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


class Penalty(ABC):
    """A penalty on what the encoder computes: on the code, unless it is told other.

    It is a function of means over the rows: of `statistic`, put together by `total`.
    `norms` are, for each unit, the length of the weights that read it.
    """

    uses_norms: ClassVar[bool] = True
    """Whether it looks at `norms`; if not, they are None where nobody needs them."""

    def in_units(self, scale: float) -> Penalty:
        """Return the same penalty for rows that are X divided by `scale`."""
        return self

    @abstractmethod
    def statistic(self, units: Tensor) -> Tensor:
        """What is averaged: (batch, n_units) to (batch, n_terms)."""

    @abstractmethod
    def total(self, means: Tensor, norms: Tensor | None) -> Tensor:
        """Penalty, from the means over the rows: ([n_networks,] n_terms) to numbers."""

    def factor(self, loss: Tensor) -> Tensor | float:
        """Weight of the penalty's gradient beside that of the mean `loss`."""
        return 1.0

    def objective(self, loss: float, penalty: float) -> float:
        """What is minimised, of a mean loss and a penalty that are not negative."""
        return loss + penalty

    @property
    def is_on_scale(self) -> bool:
        """Whether `objective` is of the size of the loss, unless training diverges."""
        return True

    @property
    def is_mean_over_rows(self) -> bool:
        """Whether the penalty of a batch is the mean of that of its parts."""
        return False


@dataclass(frozen=True)
class CodePenalty(Penalty):
    """A penalty whose gradient by the code is written by hand.

    Attributes
    ----------
    alpha : float
        What it is multiplied by, on the scale of the mean loss.
    """

    alpha: float

    @property
    def unweighted(self) -> CodePenalty:
        """The same penalty with a weight of one."""
        return replace(self, alpha=1.0)

    @abstractmethod
    def gradient(
        self, code: Tensor, norms: Tensor | None, out: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Write the gradient; a row is a unit here, and a column a sample.

        Codes of several networks have a first axis for these, and so has all else.

        Parameters
        ----------
        code, out : Tensor of shape ([n_networks,] n_units, batch)
            The code, and where the gradient by it goes.
        norms : Tensor of shape ([n_networks,] n_components), or None
            As for `total`.

        Returns
        -------
        value : Tensor
            The penalty.
        by_norms : Tensor of shape ([n_networks,] n_components) or None
            The gradient by `norms`, unless it is zero.
        """


@dataclass(frozen=True)
class MeanPenalty(Penalty):
    """``alpha`` times the mean of what it is shown."""

    uses_norms: ClassVar[bool] = False

    alpha: float

    @property
    def is_mean_over_rows(self) -> bool:
        return True

    def statistic(self, units: Tensor) -> Tensor:
        return units

    def total(self, means: Tensor, norms: Tensor | None) -> Tensor:
        return means.sum(-1) * self.alpha


@dataclass(frozen=True)
class L1(CodePenalty):
    """``alpha`` times the sum of magnitudes, each in units of what it decodes to.

    A code cannot evade the penalty by shrinking, while what decodes it grows: the
    penalty is that of the same code before a decoder whose columns have length one.
    """

    @property
    def is_mean_over_rows(self) -> bool:
        return True

    def statistic(self, units: Tensor) -> Tensor:
        return units.abs()

    def total(self, means: Tensor, norms: Tensor | None) -> Tensor:
        assert norms is not None
        total: Tensor = torch.linalg.vecdot(means, norms.to(means.dtype))
        return total * self.alpha

    def gradient(
        self, code: Tensor, norms: Tensor | None, out: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        assert norms is not None
        n_rows = code.shape[-1]
        torch.sign(code, out=out)
        by_norms = torch.sum(code * out, -1).mul_(self.alpha / n_rows)
        out.mul_((norms * (self.alpha / n_rows))[..., None])
        return torch.linalg.vecdot(by_norms, norms), by_norms


@dataclass(frozen=True)
class BernoulliSparsity(CodePenalty):
    """``alpha`` times the divergence of mean activations from a target.

    The Kullback-Leibler divergence between coins that show heads with probability
    ``sparsity`` and with the mean activation of a unit, summed over the units (Ng
    2011). Activations lie in (0, 1).
    """

    uses_norms: ClassVar[bool] = False

    sparsity: float

    def statistic(self, units: Tensor) -> Tensor:
        return units

    def total(self, means: Tensor, norms: Tensor | None) -> Tensor:
        rho, r = self.sparsity, means.clamp(_NEARLY, 1.0 - _NEARLY)
        on = torch.special.xlogy(rho, rho / r)
        off = torch.special.xlogy(1.0 - rho, (1.0 - rho) / (1.0 - r))
        divergence: Tensor = on + off
        return divergence.sum(-1) * self.alpha

    def gradient(
        self, code: Tensor, norms: Tensor | None, out: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        means = code.mean(-1)
        r = means.clamp(_NEARLY, 1.0 - _NEARLY)
        slope = (1.0 - self.sparsity) / (1.0 - r) - self.sparsity / r
        slope.mul_((means == r).to(r.dtype)).mul_(self.alpha / code.shape[-1])
        out.copy_(slope[..., None].expand_as(out))
        return self.total(means, norms), None


@dataclass(frozen=True)
class KLToPrior(CodePenalty):
    r"""``alpha`` times the divergence of normal codes from the standard normal one.

    The code's parameters are means and log-variances. With ``free_bits`` above zero
    an entry whose divergence, averaged over the rows, is below that costs no less
    (Kingma et al. 2016).

    A negative log-likelihood of variance s is the squared error over 2 s: beside the
    squared error itself, the divergence counts 2 s times. Where the variance is fitted,
    s is the error itself (Rybkin et al. 2021): the sum of both is, up to constants,
    log(loss) / 2 + penalty, of which `objective` is an increasing function in units of
    the loss.

    Attributes
    ----------
    free_bits : float
        In nats for each entry of the code.
    variance : float or "fit"
        Of the Gaussian likelihood, in squared units of X; other likelihoods have no
        such number, and their losses count as if it were 1/2.
    """

    uses_norms: ClassVar[bool] = False

    free_bits: float = 0.0
    variance: float | Literal["fit"] = 0.5

    def in_units(self, scale: float) -> Penalty:
        if self.variance == "fit":
            return self
        return replace(self, variance=self.variance / scale**2)

    def factor(self, loss: Tensor) -> Tensor | float:
        return 2.0 * (loss if self.variance == "fit" else self.variance)

    @property
    def is_on_scale(self) -> bool:
        return self.variance != "fit"

    @property
    def is_mean_over_rows(self) -> bool:
        return not self.free_bits

    def objective(self, loss: float, penalty: float) -> float:
        if self.variance == "fit":
            # Beyond any sensible penalty, a line: finite, and still increasing.
            exponent = min(2.0 * penalty, _LARGEST_EXPONENT)
            return loss * math.exp(exponent) * (1.0 + 2.0 * penalty - exponent)
        return loss + 2.0 * self.variance * penalty

    def statistic(self, units: Tensor) -> Tensor:
        mean, log_variance = units.chunk(2, dim=1)
        return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance)

    def total(self, means: Tensor, norms: Tensor | None) -> Tensor:
        return means.clamp_min(self.free_bits).sum(-1) * self.alpha

    def gradient(
        self, code: Tensor, norms: Tensor | None, out: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        share = 1.0 / code.shape[-1]
        factor = self.alpha * share
        mean, log_variance = code.chunk(2, dim=-2)
        by_mean, by_log_variance = out.chunk(2, dim=-2)
        torch.expm1(log_variance, out=by_log_variance)
        # Until the gradient is known, `by_mean` is free to hold what is summed.
        torch.addcmul(by_log_variance, mean, mean, out=by_mean)
        by_mean.sub_(log_variance)
        if not self.free_bits:
            value = by_mean.sum((-2, -1)).mul_(scalar(0.5 * factor, code))
        else:
            means = by_mean.sum(-1).mul_(scalar(0.5 * share, code))
            value = self.total(means, norms)
        torch.mul(mean, scalar(factor, code), out=by_mean)
        by_log_variance.mul_(scalar(0.5 * factor, code))
        if self.free_bits:
            counts = (means >= self.free_bits).to(code.dtype)[..., None]
            by_mean.mul_(counts)
            by_log_variance.mul_(counts)
        return value, None
