"""Matrix products, by the library that makes them fastest."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from skae.networks.codes import Call
from skae.networks.openblas import BoundProduct, can_be_bound, openblas
from skae.networks.rounded import RoundedProduct, can_be_rounded

Elsewhere = dict[int, Tensor]
"""Products in arrays that a library has brought, by the addresses of the arrays that
they are for."""

_LEAST_FLOPS = 3e6
"""Below this much arithmetic a product, what oneDNN does beside it takes longer."""

_MOST_FLOPS = 7e6
"""From this much on, oneDNN with several threads is faster than OpenBLAS with one."""

_CPU_INFO = Path("/proc/cpuinfo")

_here = threading.local()


def fill(
    out: Tensor,
    left: Tensor,
    right: Tensor,
    start: Tensor | None = None,
    elsewhere: Elsewhere | None = None,
) -> list[Call]:
    """Calls that put ``start + left @ right`` into `out`, by what makes it fastest.

    The start may be `out` itself. A large product without one may be put elsewhere.
    """
    bound = _bind(out, left, right, start)
    if bound is not None:
        return bound.calls
    return [partial(_fill_by_torch(out, left, right, start, elsewhere), right)]


def fill_anew(
    out: Tensor,
    left: Tensor,
    right: Tensor,
    start: Tensor | None = None,
    elsewhere: Elsewhere | None = None,
) -> Callable[[Tensor], object]:
    """``call(right)`` does what `fill` does, of another right factor each time."""
    bound = _bind(out, left, right, start)
    if bound is None:
        return _fill_by_torch(out, left, right, start, elsewhere)
    return partial(_fill_bound, bound, out, left, start=start, elsewhere=elsewhere)


def bring(
    out: Tensor, left: Tensor, right: Tensor, bias: Tensor
) -> tuple[list[Call], Callable[[], Tensor]]:
    """Calls to be made, and one that then brings ``left @ right + bias``.

    That is `out`, or an array that a library has brought.
    """
    start, by = bias[..., None, :], _operators(left, right)
    bound = _bind(out, left, right, start)
    if bound is None and by.make is not None:
        return [], partial(by.make, left, right, bias)
    calls = fill(out, left, right, start) if bound is None else bound.calls
    return calls, lambda: out


@contextmanager
def plain_numbers() -> Iterator[None]:
    """Let `affine` of this thread take an operator that knows nothing but numbers.

    Outside of it a network of the user's may be differentiated forwards, traced or
    exported.
    """
    with _saying("is_plain", True):
        yield


@contextmanager
def rounded_factors(enabled: bool) -> Iterator[None]:
    """Let `fill`, `fill_anew` and `bring` round large float32 factors to bfloat16.

    In this thread, and where the processor has instructions for that. A fit within
    another one, as of a callback's, has its own say.
    """
    with _saying("rounds", enabled):
        yield


@contextmanager
def _saying(name: str, value: bool) -> Iterator[None]:
    """Of those who have a say in this thread, the last one to come is heard.

    They may go in another order than they came.
    """
    said = vars(_here).setdefault(name, [])
    mine = [value]
    said.append(mine)
    try:
        yield
    finally:
        said[:] = [other for other in said if other is not mine]


def _is_said(name: str) -> bool:
    said: list[list[bool]] = vars(_here).get(name, [])
    return said[-1:] == [[True]]


def affine(start: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """``start + left @ right``; of `plain_numbers` by whatever makes it fastest.

    For a `TorchFunctionMode` this is a function of torch.
    """
    if has_torch_function_unary(left):
        seen: Tensor = handle_torch_function(affine, (left,), start, left, right)
        return seen
    are_plain = _is_said("is_plain") and not (
        torch.is_grad_enabled()
        and any(factor.requires_grad for factor in (start, left, right))
    )
    if not (are_plain and _is_for_onednn(left, right)):
        return torch.addmm(start, left, right)
    if start.dim() == 1:
        return _onednn(left, right, start)
    return _onednn(left, right).add_(start)


def _flops(left: Tensor, right: Tensor) -> float:
    """Arithmetic of a product, or of each of a stack."""
    return 2.0 * left.shape[-2] * left.shape[-1] * right.shape[-1]


def _is_for_onednn(left: Tensor, right: Tensor) -> bool:
    return (
        _flops(left, right) >= _LEAST_FLOPS
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
def _mkl_is_slow() -> bool:
    """Whether the products that torch takes are half as fast as they could be.

    They are those of MKL, which leaves the AVX-512 of other makers' processors unused.
    """
    return (
        "AuthenticAMD" in _maker()
        and "AVX512" in torch.backends.cpu.get_cpu_capability()
    )


@cache
def _onednn_is_faster() -> bool:
    """Whether oneDNN is here, and faster than the library that torch asks.

    torch has its products as an operator that is not documented: without it, its own
    product serves.
    """
    return _mkl_is_slow() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


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


class _Operators(NamedTuple):
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


_TORCH = _Operators(torch.mm, torch.addmm)
_STACKED = _Operators(torch.bmm, torch.baddbmm)
_ONEDNN = _Operators(_onednn_mm, _onednn_addmm, _onednn)


def _operators(left: Tensor, right: Tensor) -> _Operators:
    """Fastest products, of those that torch has, of two factors like these."""
    if left.dim() > 2:
        return _STACKED
    return _ONEDNN if _is_for_onednn(left, right) else _TORCH


def _fill_by_torch(
    out: Tensor,
    left: Tensor,
    right: Tensor,
    start: Tensor | None,
    elsewhere: Elsewhere | None,
) -> Callable[[Tensor], object]:
    """``call(right)``, by what torch has."""
    by = _operators(left, right)
    if out.dim() > 2 and not out.is_contiguous():
        # With gaps between the matrices torch makes the products one by one.
        whole = torch.empty_like(out, memory_format=torch.contiguous_format)
        return partial(_fill_whole, by, out, whole, left, start=start)
    if start is not None:
        return partial(by.addmm, start, left, out=out)
    if by.make is None or elsewhere is None:
        return partial(by.mm, left, out=out)
    return partial(_put_elsewhere, by, elsewhere, out, left)


def _fill_whole(
    by: _Operators,
    out: Tensor,
    whole: Tensor,
    left: Tensor,
    right: Tensor,
    start: Tensor | None,
) -> None:
    by.mm(left, right, out=whole)
    if start is None:
        out.copy_(whole)
    else:
        torch.add(start, whole, out=out)


def _put_elsewhere(
    by: _Operators, elsewhere: Elsewhere, out: Tensor, left: Tensor, right: Tensor
) -> None:
    if by.make is None or has_torch_function_unary(right):
        by.mm(left, right, out=out)
    else:
        elsewhere[out.data_ptr()] = by.make(left, right)


def _bind(
    out: Tensor, left: Tensor, right: Tensor, start: Tensor | None
) -> BoundProduct | RoundedProduct | None:
    """The product in bfloat16 or by OpenBLAS, where that is here and the fastest."""
    is_large = _flops(left, right) >= _MOST_FLOPS
    if is_large and _is_said("rounds") and can_be_rounded(out):
        return RoundedProduct(out, left, right, start)
    library = openblas() if _mkl_is_slow() else None
    if library is None or not can_be_bound(out, left, right):
        return None
    if is_large and torch.get_num_threads() > 1:
        return None
    return BoundProduct(library, out, left, right, start)


def _fill_bound(
    bound: BoundProduct | RoundedProduct,
    out: Tensor,
    left: Tensor,
    right: Tensor,
    start: Tensor | None,
    elsewhere: Elsewhere | None,
) -> None:
    if not bound.of(right):
        _fill_by_torch(out, left, right, start, elsewhere)(right)
