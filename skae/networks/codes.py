"""Codes: what stands between encoder and decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from skae.networks.activations import ACTIVATIONS

Call = Callable[[], object]


class CodeArrays(NamedTuple):
    """Arrays of a hand-written step at the code, a column a sample.

    Those of networks that take a step together have a first axis for the networks.

    Attributes
    ----------
    pre, code : Tensor of shape (n_parameters, batch)
        What the encoder's last layer gives, and the parameters of the code.
    z : Tensor of shape (n_components, batch)
        What the decoder reads.
    z_gradient : Tensor of shape (n_components, batch)
        Gradient by `z`.
    gradient : Tensor of shape (n_parameters, batch)
        Gradient by `code`, and then, in place, by `pre`.
    """

    pre: Tensor
    code: Tensor
    z: Tensor
    z_gradient: Tensor
    gradient: Tensor


class BoundCode(NamedTuple):
    """The calls of a hand-written step at the code.

    Attributes
    ----------
    forward : list of callable
        From `pre` to `z`.
    to_code, to_pre : list of callable
        From the gradient by `z` to that by `code`, and on to that by `pre`.
    """

    forward: list[Call]
    to_code: list[Call]
    to_pre: list[Call]


class Code(ABC):
    """From what the encoder's last layer gives to what the decoder reads.

    In two steps: the *parameters* of the code, at which penalties meet the network,
    and the *draw*, which for all codes but the random ones is these parameters.
    """

    is_linear: ClassVar[bool] = False
    """Whether the parameters are the last layer itself, so that a path can end here."""

    is_random: ClassVar[bool] = False
    """Whether the decoder reads something else in training than afterwards."""

    def n_parameters(self, n_components: int) -> int:
        """Width of the encoder's last layer."""
        return n_components

    @abstractmethod
    def parameters(self, pre: Tensor) -> Tensor:
        """Parameters, from the encoder's last layer: (batch, n_parameters)."""

    def mean(self, code: Tensor) -> Tensor:
        """The code that `transform` gives: (batch, n_components)."""
        return code

    def draw(self, code: Tensor, generator: torch.Generator) -> Tensor:
        """What the decoder reads in training: (batch, n_components)."""
        return code

    def verify_beside(self, n_components: int) -> None:  # noqa: B027
        """Refuse a code that cannot have so many components."""

    def bind(
        self, arrays: CodeArrays, generators: Sequence[torch.Generator]
    ) -> BoundCode:
        """Calls of a hand-written step over these arrays, with noise of each network.

        A code that has none is trained through autograd, with ``backprop=None``.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no hand-written gradient: compose it with "
            "backprop=None, which leaves the gradient to autograd."
        )


@dataclass(frozen=True)
class PlainCode(Code):
    """An activation of the last layer, the identity above all."""

    activation: str = "identity"

    @property
    def is_linear(self) -> bool:  # type: ignore[override]
        return self.activation == "identity"

    def verify_beside(self, n_components: int) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {self.activation!r}")

    def parameters(self, pre: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation].value(pre)

    def bind(
        self, arrays: CodeArrays, generators: Sequence[torch.Generator]
    ) -> BoundCode:
        if self.is_linear:
            return BoundCode([], [], [])
        act, gradient = ACTIVATIONS[self.activation], arrays.gradient
        forward = partial(act.forward, arrays.pre, arrays.code)
        backward = partial(act.backward, gradient, arrays.pre, arrays.code, gradient)
        return BoundCode([forward], [], [backward])


@dataclass(frozen=True)
class TopKCode(Code):
    """The k largest entries of the last layer in every row, and zeros.

    They are the largest, not the largest in magnitude, and are kept whatever their
    sign: there is no activation. Of equal ones the first are kept.
    """

    k: int

    def verify_beside(self, n_components: int) -> None:
        if not 1 <= self.k <= n_components:
            raise ValueError(f"{self.k} of {n_components} units cannot be active")

    def parameters(self, pre: Tensor) -> Tensor:
        return k_largest(pre, self.k)

    def bind(
        self, arrays: CodeArrays, generators: Sequence[torch.Generator]
    ) -> BoundCode:
        pre, code, gradient = arrays.pre, arrays.code, arrays.gradient
        shape = (*pre.shape[:-2], self.k, pre.shape[-1])
        values, kept = pre.new_empty(shape), pre.new_empty(shape)
        places = torch.empty(shape, dtype=torch.int64, device=pre.device)

        def forward() -> None:
            torch.topk(pre, self.k, dim=-2, sorted=False, out=(values, places))
            code.zero_().scatter_(-2, places, values)

        def backward() -> None:
            torch.gather(gradient, -2, places, out=kept)
            gradient.zero_().scatter_(-2, places, kept)

        return BoundCode([forward], [], [backward])


@dataclass(frozen=True)
class GaussianCode(Code):
    """Independent normal distributions: means, and logarithms of variances.

    The parameters are the means, followed by as many log-variances. In training the
    decoder reads a draw, mean + deviation * noise, through which gradients pass
    (Kingma and Welling 2014); afterwards the means.
    """

    is_linear: ClassVar[bool] = True
    is_random: ClassVar[bool] = True

    def n_parameters(self, n_components: int) -> int:
        return 2 * n_components

    def parameters(self, pre: Tensor) -> Tensor:
        return pre

    def mean(self, code: Tensor) -> Tensor:
        return code[:, : code.shape[1] // 2]

    def deviation(self, code: Tensor) -> Tensor:
        """Standard deviations: (batch, n_components)."""
        return code[:, code.shape[1] // 2 :].mul(0.5).exp()

    def draw(self, code: Tensor, generator: torch.Generator) -> Tensor:
        noise = code.new_empty((code.shape[1] // 2, code.shape[0]))
        _fill(noise[None], [generator])
        return self.mean(code) + self.deviation(code) * noise.t()

    def bind(
        self, arrays: CodeArrays, generators: Sequence[torch.Generator]
    ) -> BoundCode:
        mean, log_variance = arrays.code.chunk(2, dim=-2)
        by_mean, by_log_variance = arrays.gradient.chunk(2, dim=-2)
        z, z_gradient = arrays.z, arrays.z_gradient
        noise, shift = z.new_empty(z.shape), z.new_empty(z.shape)
        parts = noise.view(-1, *noise.shape[-2:])
        half = z.new_tensor(0.5)

        def forward() -> None:
            _fill(parts, generators)
            torch.mul(log_variance, half, out=shift)
            shift.exp_().mul_(noise)
            torch.add(mean, shift, out=z)

        def backward() -> None:
            by_mean.copy_(z_gradient)
            torch.mul(z_gradient, shift, out=by_log_variance).mul_(half)

        return BoundCode([forward], [backward], [])


def k_largest(pre: Tensor, k: int) -> Tensor:
    """The k largest entries of every row, and zeros: (batch, n).

    Which of equal entries torch takes is not said; here it is the first ones. For a
    `TorchFunctionMode` this is a function of torch.
    """
    if has_torch_function_unary(pre):
        found: Tensor = handle_torch_function(k_largest, (pre,), pre, k)
        return found
    values = torch.topk(pre, k, dim=1, sorted=False).values
    least = values.amin(1, keepdim=True)
    kept = pre >= least
    if int(torch.count_nonzero(kept)) != values.numel():  # equal ones, or overflow
        above, equal = pre > least, pre == least
        left = k - above.sum(1, keepdim=True)
        kept = above | (equal & (equal.cumsum(1) <= left)) | pre.isnan()
    return torch.where(kept, pre, 0.0)


def _fill(noise: Tensor, generators: Sequence[torch.Generator]) -> None:
    """Draw standard normal numbers, on the CPU, whatever device they are for.

    Each generator fills one of the parts along the first axis of `noise`.
    """
    for part, generator in zip(noise, generators, strict=True):
        if part.device.type == "cpu":
            part.normal_(generator=generator)
        else:
            drawn = torch.empty(part.shape, dtype=part.dtype, device="cpu")
            part.copy_(drawn.normal_(generator=generator))
