"""Products by an OpenBLAS of skae's own, bound to the addresses of their arrays.

The library is that of the package scipy-openblas32, loaded beside numpy's and scipy's
own copies: this one keeps to one thread, and takes the kernels for AVX-512 on
processors, too, that it does not know by name.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from skae.networks.codes import Call

_ROW_MAJOR, _AS_IT_IS, _TRANSPOSED = 101, 111, 112
"""What cblas calls them."""

_KINDS = {torch.float32: ("s", ctypes.c_float), torch.float64: ("d", ctypes.c_double)}

_FILE = "lib/libscipy_openblas*.so"

_CORE, _THREADS = "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"

_AVX512 = "SkylakeX"
"""What OpenBLAS calls its kernels for AVX-512, whoever has made the processor."""

_LARGEST = 2**31 - 1  # of the numbers that are told to cblas

_SMALL_RESULT = 1200
"""Entries of a result up to which OpenBLAS has kernels for small products of rows with
rows; for larger ones it copies the factors first."""

_SMALL_DEPTHS = range(32, 401)
"""Lengths of the rows for which it has them."""

_loading = threading.Lock()

_found: list[ctypes.CDLL | None] = []
"""What has been opened, once somebody has asked."""


def openblas() -> ctypes.CDLL | None:
    """The library, at one thread; None where there is none for skae alone.

    So it is where its package is not installed, and not on Linux. The package itself,
    were it imported, would load it for everybody, scipy included.
    """
    if not _found:  # a child of fork would wait for a lock that was held just then
        with _loading:
            if not _found:
                _found.append(_open())
    (library,) = _found
    if library is not None:  # limits of threadpoolctl's are those of all libraries
        library.scipy_openblas_set_num_threads(1)
    return library


def _open() -> ctypes.CDLL | None:
    package = find_spec("scipy_openblas32") if sys.platform == "linux" else None
    places = [] if package is None else package.submodule_search_locations or []
    for path in (found for p in places for found in Path(p).glob(_FILE)):
        if _is_loaded(path):  # by somebody who is to keep the threads that it has
            continue
        with suppress(OSError), _environment({_CORE: _AVX512, _THREADS: "1"}):
            library = ctypes.CDLL(str(path))  # which reads the environment now
            if _is_as_needed(library):
                return library
    return None


def _is_loaded(path: Path) -> bool:
    """Whether this process has the library already."""
    try:
        ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)
    except OSError:
        return False
    return True


def _is_as_needed(library: ctypes.CDLL) -> bool:
    """Whether it has the functions, and has taken the kernels for AVX-512."""
    if not hasattr(library, "scipy_cblas_sgemm_batch_strided"):
        return False
    core = library.scipy_openblas_get_corename
    core.restype = ctypes.c_char_p
    return bool(core() == _AVX512.encode())


class BoundProduct:
    """``out = start + left @ right`` of these very arrays.

    Parameters
    ----------
    library : ctypes.CDLL
        See `openblas`.
    out, left, right : Tensor
        Matrices or stacks of them, such as `can_be_bound`.
    start : Tensor or None
        What can be copied into `out`, or `out` itself. None: zero.

    Attributes
    ----------
    calls : list of callable
        They make the product.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        out: Tensor,
        left: Tensor,
        right: Tensor,
        start: Tensor | None = None,
    ) -> None:
        letter, number = _KINDS[out.dtype]
        name, n_products = f"scipy_cblas_{letter}gemm", []
        if out.dim() == 3:
            name, n_products = f"{name}_batch_strided", [ctypes.c_int(len(out))]
        self._right, self._form = _Operand(right), _form(right)
        self.calls: list[Call] = []
        if start is not None and start is not out:
            self.calls.append(partial(out.copy_, start))
        n_parts = _parts(out, left, right)
        for rows, into in zip(
            left.chunk(n_parts, -2), out.chunk(n_parts, -2), strict=True
        ):
            a, b, c = _Operand(rows), self._right, _Operand(into)
            sizes = *into.shape[-2:], rows.shape[-1]
            self.calls.append(
                partial(
                    getattr(library, name),
                    *map(ctypes.c_int, (_ROW_MAJOR, a.turn, b.turn, *sizes)),
                    number(1.0),
                    *a.arguments,
                    *b.arguments,
                    number(0.0 if start is None else 1.0),
                    *c.arguments,
                    *n_products,
                )
            )

    def of(self, right: Tensor) -> bool:
        """Make the product of another right factor; False: it has another form.

        Sparse rows, say, have products of their own.
        """
        if not _is_plain(right) or _form(right) != self._form:
            return False
        self._right.move(right)
        for call in self.calls:
            call()
        return True


def _parts(out: Tensor, left: Tensor, right: Tensor) -> int:
    """In how many parts, of some rows each, the product takes the least time."""
    is_of_rows = _turn(left) == _AS_IT_IS and _turn(right) == _TRANSPOSED
    n_entries, depth = out.shape[-2] * out.shape[-1], left.shape[-1]
    is_little_too_large = _SMALL_RESULT < n_entries <= 2 * _SMALL_RESULT
    return 2 if is_of_rows and is_little_too_large and depth in _SMALL_DEPTHS else 1


def can_be_bound(out: Tensor, left: Tensor, right: Tensor) -> bool:
    """Whether these are plain arrays of whole rows, or factors of whole columns."""
    return _turn(out) == _AS_IT_IS and all(
        _is_plain(array)
        and array.dtype in _KINDS
        and array.dim() in (2, 3)
        and _turn(array) is not None
        for array in (out, left, right)
    )


def _is_plain(array: Tensor) -> bool:
    """Whether these are numbers in memory, at distances that cblas can be told."""
    return (
        type(array) is Tensor
        and array.layout is torch.strided
        and array.device.type == "cpu"
        and not array.is_neg()
        and max(array.stride(), default=0) <= _LARGEST
    )


class _Operand:
    """What cblas is told of an array.

    Parameters
    ----------
    array : Tensor
        It is kept in memory.

    Attributes
    ----------
    turn : int
        Whether its rows or its columns are contiguous.
    arguments : list
        Where it begins, from row to row (or column to column), and from matrix to
        matrix of a stack.
    """

    def __init__(self, array: Tensor) -> None:
        turn = _turn(array)
        assert turn is not None
        self.turn = turn
        matrix = array if turn == _AS_IT_IS else array.mT
        step = max(matrix.stride(-2), matrix.shape[-1])
        # numpy's pointer keeps the array.
        self._address = array.detach().numpy().ctypes.data_as(ctypes.c_void_p)
        self._between = ctypes.c_int(array.stride(0))
        self.arguments = [self._address, ctypes.c_int(step)]
        if array.dim() == 3:
            self.arguments.append(self._between)

    def move(self, array: Tensor) -> None:
        """Take the place of another array, laid out like this one."""
        self._address.value = array.data_ptr()
        self._between.value = array.stride(0)


def _form(factor: Tensor) -> tuple[torch.dtype, torch.Size, tuple[int, ...]]:
    return factor.dtype, factor.shape, factor.stride()[-2:]


def _turn(array: Tensor) -> int | None:
    """How rows of contiguous numbers make the matrix; None: they do not."""
    for turn, matrix in ((_AS_IT_IS, array), (_TRANSPOSED, array.mT)):
        rows, columns = matrix.shape[-2:]
        down, along = matrix.stride()[-2:]
        if along == 1 and (down >= columns or rows == 1):
            return turn
    return None


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables of the process, for a moment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
