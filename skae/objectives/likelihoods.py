"""Likelihoods: what the decoder's output means, and what an error costs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from skae.objectives.scalars import scalar


class Likelihood(ABC):
    """Distribution of an entry of X, given the decoder's output for it.

    The loss of an entry is its negative log-density up to constants, in the form that
    the field reports: the squared error, the cross-entropy. Everything is a function
    of the output, before the link, so that nothing overflows on the way.
    """

    standardises: ClassVar[bool] = False
    """Whether the network sees X centred and scaled, and so gives it back."""

    has_variance: ClassVar[bool] = False
    """Whether the width of the distribution is a number of its own."""

    bounds: ClassVar[tuple[float, float] | None] = None
    """Interval that X must lie in."""

    remedy: ClassVar[str] = "Scale it, for example with MinMaxScaler(clip=True), or "
    """How X gets there."""

    omits: ClassVar[bool] = False
    """Whether entries may be missing, which are NaN then."""

    def check(self, least: float, most: float, name: str = "X") -> None:
        """Refuse data whose values, from `least` to `most`, it cannot have."""
        if self.bounds and not (self.bounds[0] <= least and most <= self.bounds[1]):
            raise ValueError(
                f"{name} must lie in [{self.bounds[0]:g}, {self.bounds[1]:g}] for this "
                f"likelihood and output activation, but lies in [{least:g}, {most:g}]. "
                f'{self.remedy}use likelihood="gaussian" with '
                'output_activation="identity".'
            )

    def features(self, rows: Tensor) -> Tensor:
        """What the encoder sees of `rows`."""
        return rows

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss of every entry."""

    @abstractmethod
    def loss_gradient(
        self, output: Tensor, target: Tensor, out: Tensor, weight: float
    ) -> Tensor:
        """`weight` times the sum of the losses; its gradient is written into `out`.

        Outputs of several networks have a first axis for these, and so has the sum.
        """

    @abstractmethod
    def mean(self, output: Tensor) -> Tensor:
        """Mean of the distribution: the inverse link."""

    @abstractmethod
    def link(self, mean: Tensor) -> Tensor:
        """Output that stands for `mean`."""

    @abstractmethod
    def least_loss(self, target: Tensor) -> Tensor:
        """Loss of every entry under a perfect reconstruction."""

    @abstractmethod
    def log_density(self, output: Tensor, target: Tensor, variance: float) -> Tensor:
        """Log-density of every entry, constants included."""

    def deviance(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss of every entry above that of a perfect reconstruction."""
        return self.loss(output, target) - self.least_loss(target)

    def complete(self, rows: Tensor) -> Tensor:
        """Rows, with the means of their columns in place of missing entries."""
        return rows

    def n_entries(self, rows: Tensor) -> Tensor:
        """How many entries of each row are there."""
        return torch.full((len(rows),), rows.shape[1], device=rows.device)

    def average(
        self, entries: Tensor, target: Tensor, dim: int | None = None
    ) -> Tensor:
        """Mean of the losses of what is there of `target`: of all, or along `dim`."""
        return entries.mean() if dim is None else entries.mean(dim)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Normal distribution around the output; the loss is the squared error."""

    standardises: ClassVar[bool] = True
    has_variance: ClassVar[bool] = True

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square_()

    def loss_gradient(
        self, output: Tensor, target: Tensor, out: Tensor, weight: float
    ) -> Tensor:
        torch.sub(output, target, out=out)
        loss = _inner(out, out).mul_(scalar(weight, out))
        out.mul_(scalar(2.0 * weight, out))
        return loss

    def mean(self, output: Tensor) -> Tensor:
        return output

    def link(self, mean: Tensor) -> Tensor:
        return mean

    def least_loss(self, target: Tensor) -> Tensor:
        return torch.zeros_like(target)

    def log_density(self, output: Tensor, target: Tensor, variance: float) -> Tensor:
        squared = (self.mean(output) - target).square_()
        return squared.div_(-2.0 * variance).sub_(
            0.5 * (math.log(2.0 * math.pi) + math.log(variance))
        )


@dataclass(frozen=True)
class LogisticGaussian(Gaussian):
    """Normal distribution around the logistic function of the output."""

    standardises: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return (torch.sigmoid(output) - target).square()

    def loss_gradient(
        self, output: Tensor, target: Tensor, out: Tensor, weight: float
    ) -> Tensor:
        mean = torch.sigmoid(output)
        loss = super().loss_gradient(mean, target, out, weight)
        torch.ops.aten.sigmoid_backward.grad_input(out, mean, grad_input=out)
        return loss

    def mean(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def link(self, mean: Tensor) -> Tensor:
        return torch.logit(mean, eps=_EPS)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """A coin with the output as its log-odds; the loss is the cross-entropy.

    X may be anything in [0, 1]: a value between is the share of ones.
    """

    bounds: ClassVar[tuple[float, float] | None] = (0.0, 1.0)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.softplus(output) - output * target

    def loss_gradient(
        self, output: Tensor, target: Tensor, out: Tensor, weight: float
    ) -> Tensor:
        loss = F.softplus(output).sum((-2, -1)) - _inner(output, target)
        torch.sigmoid(output, out=out)
        factor = scalar(weight, out)
        out.sub_(target).mul_(factor)
        return loss.mul_(factor)

    def mean(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def link(self, mean: Tensor) -> Tensor:
        return torch.logit(mean, eps=_EPS)

    def least_loss(self, target: Tensor) -> Tensor:
        return -torch.xlogy(target, target) - torch.xlogy(1 - target, 1 - target)

    def log_density(self, output: Tensor, target: Tensor, variance: float) -> Tensor:
        return -self.loss(output, target)


@dataclass(frozen=True)
class Poisson(Likelihood):
    """A count, with the output as the logarithm of its mean.

    The loss is half the deviance. The encoder sees log(1 + X), in which counts of all
    sizes differ alike.
    """

    bounds: ClassVar[tuple[float, float] | None] = (0.0, math.inf)
    remedy: ClassVar[str] = "It must hold counts; otherwise "

    def features(self, rows: Tensor) -> Tensor:
        return rows.clamp_min(0.0).log1p()

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        most = torch.xlogy(target, target) - target
        return output.exp() - output * target + most

    def loss_gradient(
        self, output: Tensor, target: Tensor, out: Tensor, weight: float
    ) -> Tensor:
        torch.exp(output, out=out)
        loss = out.sum((-2, -1)) - _inner(output, target)
        loss += torch.xlogy(target, target).sum((-2, -1)) - target.sum((-2, -1))
        out.sub_(target).mul_(weight)
        return loss.mul_(weight)

    def mean(self, output: Tensor) -> Tensor:
        return output.exp()

    def link(self, mean: Tensor) -> Tensor:
        return mean.clamp_min(_EPS).log()

    def least_loss(self, target: Tensor) -> Tensor:
        return torch.zeros_like(target)

    def log_density(self, output: Tensor, target: Tensor, variance: float) -> Tensor:
        return output * target - output.exp() - torch.lgamma(target + 1.0)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """Sum of the products of all entries, or of those of each network.

    `torch.dot` is the fastest but where it would round to bfloat16, as products do:
    with many entries that takes twenty times as long.
    """
    if a.dim() > 2:
        if a is b:  # without an array of squares
            lengths: Tensor = torch.linalg.vector_norm(a.flatten(1), dim=1)
            return lengths.square_()
        products: Tensor = torch.linalg.vecdot(a.flatten(1), b.flatten(1))
        return products
    if a.numel() > _FEW:
        return torch.linalg.vector_norm(a).square_() if a is b else (a * b).sum()
    flat = a.reshape(-1)
    return torch.dot(flat, flat if a is b else b.reshape(-1))


_FEW = 4096  # entries, up to which dot is not rounded


_EPS = 1e-4  # a mean this near 0 or 1 is as certain as a start should be

_GAUSSIANS = {"identity": Gaussian(), "logistic": LogisticGaussian()}

_OTHERS = {"bernoulli": Bernoulli(), "poisson": Poisson()}

LIKELIHOODS = ("gaussian", "bernoulli", "poisson")


def make_likelihood(likelihood: str, output_activation: str) -> Likelihood:
    """Likelihood by its name; only the Gaussian one leaves a choice of link."""
    if likelihood == "gaussian":
        return _GAUSSIANS[output_activation]
    return _OTHERS[likelihood]
