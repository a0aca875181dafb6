"""A batch of sparse rows, which torch takes for a tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class SparseRows:
    """Rows in which most entries are zero, or what they hold between them.

    What training does with a batch, torch hands to it, by the protocol that torch has
    for this (`__torch_function__`): products with the rows, differences from them, and
    functions of every entry that leave zeros as they are, look at nothing but the
    entries that are stored. All else sees dense rows, as if they had always been so.

    Parameters
    ----------
    rows : csr_array of shape (n_rows, n_features)
        What is stored, in the dtype of the rows.
    base : Tensor of shape (n_features,) or None
        Added to every row: what stands where nothing is stored. None: zeros.
    is_transposed : bool
        Whether these are the columns of a matrix.
    """

    def __init__(
        self, rows: Any, base: Tensor | None = None, is_transposed: bool = False
    ) -> None:
        self._rows, self._base, self._is_transposed = rows, base, is_transposed
        self._pattern = rows  # whose entries are stored where these are
        shape = rows.shape[::-1] if is_transposed else rows.shape
        self.shape, self.device = torch.Size(shape), torch.device("cpu")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        if self._is_transposed:
            return self.to_dense()[rows]
        return SparseRows(self._rows[rows], self._base)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in ("clamp_min", "log1p"):
            return partial(getattr(torch, name), self)
        return getattr(self.to_dense(), name)

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Do what torch was asked to do, sparsely where that is known how."""
        name, options, found = function.__name__, kwargs or {}, NotImplemented
        if name in _SPARSELY and options.keys() <= _OPTIONS.get(name, set()):
            found = _SPARSELY[name](*args, **options)
        if found is NotImplemented:
            options = {name: _dense(given) for name, given in options.items()}
            return function(*map(_dense, args), **options)
        return found

    def __sub__(self, other: Any) -> Any:
        return torch.sub(self, other)  # type: ignore[call-overload]

    @property
    def values(self) -> Tensor:
        """What is stored."""
        return torch.from_numpy(self._rows.data)

    @property
    def dtype(self) -> torch.dtype:
        """Of all entries."""
        return self.values.dtype

    @property
    def mT(self) -> SparseRows:
        """The same, transposed."""
        return SparseRows(self._rows, self._base, not self._is_transposed)

    def split(self, n_rows: int) -> Iterator[SparseRows]:
        """All rows, at most so many at a time."""
        return (self[start : start + n_rows] for start in range(0, len(self), n_rows))

    def to_dense(self) -> Tensor:
        """All entries."""
        dense = torch.from_numpy(self._rows.toarray())
        dense = dense if self._base is None else dense.add_(self._base)
        return dense.mT if self._is_transposed else dense

    def sum(self, dim: Any = None, dtype: torch.dtype | None = None) -> Tensor:
        """Sum of all entries, or along `dim`."""
        is_plain = self._base is None and not self._is_transposed
        if not is_plain or dim not in (None, (-2, -1), 0):
            return self.to_dense().sum(dim, dtype=dtype)
        if dim != 0:
            return self.values.sum(dtype=dtype)
        columns = torch.from_numpy(self._rows.indices).long()
        values = self.values.to(dtype or self.dtype)
        return values.new_zeros(self.shape[1]).index_add_(0, columns, values)

    def holding(self, values: Tensor, base: Tensor | None = None) -> SparseRows:
        """Rows that have these values stored in the same places."""
        rows = self._rows
        stored = values.numpy(), rows.indices, rows.indptr
        found = SparseRows(sparse.csr_array(stored, shape=rows.shape), base)
        found._pattern = self._pattern
        return found

    def times(self, weight: Tensor) -> Tensor:
        """``rows @ weight.mT``, for a weight of shape (n_units, n_features)."""
        columns, narrow = self._narrow
        few = weight.index_select(1, columns).mT.contiguous()
        product = torch.from_numpy(narrow @ few.numpy())
        return product if self._base is None else product.add_(weight @ self._base)

    def add_product(self, left: Tensor, out: Tensor) -> Tensor:
        """Add ``left @ rows`` to `out`, which has the shape (n_units, n_features)."""
        if self._base is not None:
            out.addr_(left.sum(1), self._base)
        columns, narrow = self._narrow
        product = torch.from_numpy(narrow.T @ left.mT.contiguous().numpy())
        return out.index_add_(1, columns, product.mT.contiguous())

    @cached_property
    def _narrow(self) -> tuple[Tensor, Any]:
        """Columns in which something is stored, and the rows without the others."""
        rows = self._rows
        is_there = np.zeros(rows.shape[1], dtype=bool)
        is_there[rows.indices] = True
        columns, place = np.flatnonzero(is_there), np.cumsum(is_there) - 1
        stored = rows.data, place[rows.indices], rows.indptr
        narrow = sparse.csr_array(stored, shape=(len(rows.indptr) - 1, len(columns)))
        return torch.from_numpy(columns), narrow

    @cached_property
    def _places(self) -> Tensor:
        """Where in flat dense rows that stands which is stored."""
        n_stored, d = np.diff(self._rows.indptr), self._rows.shape[1]
        starts = np.repeat(np.arange(len(n_stored)) * d, n_stored)
        return torch.from_numpy(starts + self._rows.indices)


def _dense(given: Any) -> Any:
    """What torch is given, with dense rows in place of sparse ones."""
    if isinstance(given, SparseRows):
        return given.to_dense()
    return [*map(_dense, given)] if isinstance(given, list) else given


def _cat(parts: list[SparseRows], *dim: int) -> Any:
    if dim:
        return NotImplemented
    whole = sparse.vstack([part._rows for part in parts], format="csr")
    return SparseRows(whole, parts[0]._base)


def _map(function: Callable[..., Tensor], *args: Any) -> Any:
    """Apply a function of every entry, where it makes zeros of zeros."""
    rows = [part for part in args if isinstance(part, SparseRows)]
    alike = all(
        part._base is None
        and part._pattern is rows[0]._pattern
        and not part._is_transposed
        for part in rows
    )
    if not alike or any(isinstance(part, Tensor) for part in args):
        return NotImplemented

    def of(entries: Callable[[SparseRows], Tensor]) -> Tensor:
        given = (entries(a) if isinstance(a, SparseRows) else a for a in args)
        return function(*given)

    if of(lambda part: part.values.new_zeros(1)).any():
        return NotImplemented
    return rows[0].holding(of(lambda part: part.values))


def _mul(left: Any, right: Any) -> Any:
    if not _meet(left, right) or right._base is not None:
        return NotImplemented
    return right.holding(left.take(right._places).mul_(right.values))


def _combine(
    function: Callable[..., Tensor], left: Any, right: Any, out: Tensor | None = None
) -> Any:
    """Add rows to a dense array, or take them away."""
    if isinstance(left, SparseRows):
        return _map(function, left, right)
    if not _meet(left, right):
        return NotImplemented
    found = function(left, 0.0 if right._base is None else right._base, out=out)
    there = found.take(right._places)
    return found.put_(right._places, function(there, right.values))


def _meet(left: Any, right: Any) -> bool:
    """Whether the one is a dense array like the other, which are rows."""
    return (
        isinstance(left, Tensor)
        and isinstance(right, SparseRows)
        and not right._is_transposed
        and (left.shape, left.dtype) == (right.shape, right.dtype)
    )


def _addmm(start: Tensor, left: Any, right: Any, *, out: Tensor | None = None) -> Any:
    if isinstance(left, SparseRows):
        if left._is_transposed or out is not None:
            return NotImplemented
        return left.times(right.mT).add_(start)
    if right._is_transposed:
        return torch.add(start, right.times(left).mT, out=out)
    return right.add_product(left, out) if out is start else NotImplemented


def _mm(left: Any, right: Any, *, out: Tensor | None = None) -> Any:
    if out is None or isinstance(left, SparseRows) or right._is_transposed:
        return NotImplemented
    return right.add_product(left, out.zero_())


_SPARSELY: dict[str, Callable[..., Any]] = {
    "add": partial(_combine, torch.add),
    "addmm": _addmm,
    "affine": _addmm,
    "cat": _cat,
    "clamp_min": partial(_map, torch.clamp_min),
    "log1p": partial(_map, torch.log1p),
    "mm": _mm,
    "mul": _mul,
    "sub": partial(_combine, torch.sub),
    "sub_": lambda left, right: _combine(torch.sub, left, right, left),
    "xlogy": partial(_map, torch.xlogy),
}
"""What is done to the stored entries alone, by the name of torch's function.

It is given what that is given, and gives `NotImplemented` where it cannot do it.
"""

_OPTIONS = {name: {"out"} for name in ("add", "addmm", "mm", "sub")}
"""What else than positional arguments can be given."""


def _operator(name: str) -> Callable[..., Any]:
    def act(rows: SparseRows, *others: Any) -> Any:
        return getattr(rows.to_dense(), name)(*map(_dense, others))

    return act


for _name in (
    *("__add__", "__radd__", "__rsub__", "__mul__", "__rmul__", "__truediv__"),
    *("__rtruediv__", "__pow__", "__matmul__", "__neg__"),
    *("__lt__", "__le__", "__gt__", "__ge__"),
):
    setattr(SparseRows, _name, _operator(_name))
