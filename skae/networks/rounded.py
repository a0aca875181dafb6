"""Products of factors that are rounded to bfloat16."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.overrides import has_torch_function_unary

from skae.networks.codes import Call


class RoundedProduct:
    """``out = start + left @ right`` of float32, by instructions for bfloat16.

    Factors are rounded, sums are float32, and their result is rounded once: as under
    torch's autocast. The start is float32.

    Parameters
    ----------
    out, left, right : Tensor
        Matrices.
    start : Tensor or None
        What can be added to `out`, or `out` itself. None: zero.

    Attributes
    ----------
    calls : list of callable
        They make the product.
    """

    def __init__(
        self, out: Tensor, left: Tensor, right: Tensor, start: Tensor | None = None
    ) -> None:
        factors = [_rounded(left), _rounded(right)]
        product = torch.empty_like(out, dtype=torch.bfloat16)
        self._right, self._kind = factors[1], _kind(right)
        self._rest: list[Call] = [
            partial(factors[0].copy_, left),
            partial(torch.mm, *factors, out=product),
            partial(out.copy_, product)
            if start is None
            else partial(torch.add, start, product, out=out),
        ]
        self.calls: list[Call] = [partial(self._right.copy_, right), *self._rest]

    def of(self, right: Tensor) -> bool:
        """Make the product of another right factor; False: it is of another kind.

        Sparse rows, say, have products of their own.
        """
        if has_torch_function_unary(right) or _kind(right) != self._kind:
            return False
        self._right.copy_(right)
        for call in self._rest:
            call()
        return True


def _kind(factor: Tensor) -> tuple[torch.dtype, torch.Size]:
    return factor.dtype, factor.shape


def _rounded(factor: Tensor) -> Tensor:
    return torch.empty_like(factor, dtype=torch.bfloat16)


def can_be_rounded(out: Tensor) -> bool:
    """Whether this is a float32 matrix on a CPU with instructions for bfloat16."""
    return (
        out.dtype == torch.float32
        and out.dim() == 2
        and out.device.type == "cpu"
        and _has_instructions()
    )


@cache
def _has_instructions() -> bool:
    """Whether the processor multiplies numbers of bfloat16, and oneDNN uses it.

    With matrix units (AMX) oneDNN rounds by itself, if told to
    (`skae.training.bfloat16_products`), and what it is given may stay float32.
    """
    cpu, onednn = torch.cpu, cast(Any, torch.backends.mkldnn)
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    products, units = (getattr(cpu, name, bool)() for name in names)
    return bool(onednn.is_available() and products and not units)
