"""Matrix products, by the library that makes them fastest."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

_LEAST_FLOPS = 3e6
"""Below this much arithmetic a product, what oneDNN does beside it takes longer."""

_CPU_INFO = Path("/proc/cpuinfo")

_here = threading.local()


class Products(NamedTuple):
    """Two products of matrices, or of stacks of them, with the signatures of torch.

    Attributes
    ----------
    mm : callable
        ``mm(left, right, out=out)``: the product.
    addmm : callable
        ``addmm(start, left, right, out=out)``: the same on top of `start`.
    make : callable or None
        ``make(left, right, bias)``: the product, and a row added to each of its own,
        where the library brings an array for it. None: it fills those that are there.
    """

    mm: Callable[..., Tensor]
    addmm: Callable[..., Tensor]
    make: Callable[..., Tensor] | None = None


def products(left: Tensor, right: Tensor) -> Products:
    """Fastest products of a `left` and a `right` factor like these."""
    if left.dim() > 2:
        return _STACKED
    return _ONEDNN if _is_for_onednn(left, right) else _TORCH


@contextmanager
def plain_numbers() -> Iterator[None]:
    """Let `affine` of this thread take an operator that knows nothing but numbers.

    Outside of it a network of the user's may be differentiated forwards, traced or
    exported.
    """
    before = getattr(_here, "are_plain", False)
    _here.are_plain = True
    try:
        yield
    finally:
        _here.are_plain = before


def affine(start: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """``start + left @ right``; of `plain_numbers` by whatever makes it fastest.

    For a `TorchFunctionMode` this is a function of torch.
    """
    if has_torch_function_unary(left):
        seen: Tensor = handle_torch_function(affine, (left,), start, left, right)
        return seen
    are_plain = getattr(_here, "are_plain", False) and not (
        torch.is_grad_enabled()
        and any(factor.requires_grad for factor in (start, left, right))
    )
    if not (are_plain and _is_for_onednn(left, right)):
        return torch.addmm(start, left, right)
    if start.dim() == 1:
        return _onednn(left, right, start)
    return _onednn(left, right).add_(start)


def _is_for_onednn(left: Tensor, right: Tensor) -> bool:
    flops = 2.0 * left.shape[-2] * left.shape[-1] * right.shape[-1]
    return (
        flops >= _LEAST_FLOPS
        and left.dtype == torch.float32
        and left.device.type == "cpu"
        and _onednn_is_faster()
        and not _rounds()
    )


def _rounds() -> bool:
    """Whether torch's own products are oneDNN's just now, as those in bfloat16 are."""
    switch: Any = torch.backends.mkldnn
    return str(switch.matmul.fp32_precision) == "bf16"


@cache
def _onednn_is_faster() -> bool:
    """Whether oneDNN is here, and faster than the library that torch asks.

    That is MKL, which leaves the AVX-512 of other makers' processors unused: on those
    of AMD its products of float32 take twice as long as oneDNN's. torch has these too,
    as an operator that is not documented: without it, its own product serves.
    """
    return (
        "AuthenticAMD" in _maker()
        and "AVX512" in torch.backends.cpu.get_cpu_capability()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _maker() -> str:
    """A text in which the maker of the processor is named."""
    try:
        with _CPU_INFO.open(encoding="utf-8") as file:
            return file.read(4096)
    except OSError:
        return platform.processor()


def _onednn(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    operator: Any = torch.ops.mkldnn._linear_pointwise
    product: Tensor = operator(left, right.mT, bias, "none", [], "")
    return product


def _onednn_mm(left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
    if has_torch_function_unary(right):  # sparse rows have products of their own
        return torch.mm(left, right, out=out)
    return out.copy_(_onednn(left, right))


def _onednn_addmm(start: Tensor, left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
    if has_torch_function_unary(right):
        return torch.addmm(start, left, right, out=out)
    return torch.add(start, _onednn(left, right), out=out)


_TORCH = Products(torch.mm, torch.addmm)
_STACKED = Products(torch.bmm, torch.baddbmm)
_ONEDNN = Products(_onednn_mm, _onednn_addmm, _onednn)
