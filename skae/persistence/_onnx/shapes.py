"""Functions that move entries and leave them as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from torch import Tensor

from skae.persistence._onnx.graph import Graph, Value

_END = np.iinfo(np.int64).max


def same(graph: Graph, out: Tensor, x: Value, *args: Any, **kwargs: Any) -> str:
    """The tensor itself: nothing but its place in memory changes."""
    return x.name


def to(graph: Graph, out: Tensor, x: Value, *args: Any, **kwargs: Any) -> str:
    """The tensor in another type."""
    return x.name if x.example.dtype == out.dtype else graph.cast(x, out.dtype)


def reshape(graph: Graph, out: Tensor, x: Value, *args: Any, **kwargs: Any) -> str:
    """Whatever asks for a shape: the one that came of it, with any number of rows."""
    shape = list(out.shape)
    if shape[:1] == [graph.n_rows]:
        # 0 is as many as there are of x, and -1 as many as are left.
        shape[0] = 0 if x.example.shape[:1] == out.shape[:1] else -1
    return graph("Reshape", x, np.array(shape, dtype=np.int64))


def permute(graph: Graph, out: Tensor, x: Value, *axes: Any) -> str:
    """Axes in another order."""
    order = axes[0] if isinstance(axes[0], list) else axes
    return graph("Transpose", x, perm=[axis % out.ndim for axis in order])


def transpose(graph: Graph, out: Tensor, x: Value, a: int, b: int) -> str:
    """Two axes in each other's place."""
    order = list(range(out.ndim))
    order[a], order[b] = order[b], order[a]
    return graph("Transpose", x, perm=order)


def turned(graph: Graph, out: Tensor, x: Value) -> str:
    """Rows as columns."""
    return graph("Transpose", x, perm=[1, 0])


def unbind(graph: Graph, out: Any, x: Value, dim: int = 0) -> list[str]:
    """All parts along an axis."""
    return [graph("Gather", x, np.array(i), axis=dim) for i in range(len(out))]


def cat(graph: Graph, out: Tensor, tensors: list[Value], dim: int = 0) -> str:
    """Tensors one after the other."""
    typed = [graph.typed(tensor, out.dtype) for tensor in tensors]
    return graph("Concat", *typed, axis=dim)


def zeros_like(graph: Graph, out: Tensor, x: Value) -> str:
    """As many zeros."""
    zero = onnx.numpy_helper.from_array(np.zeros(1, out.numpy().dtype))
    return graph("ConstantOfShape", graph("Shape", x), value=zero)


def getitem(graph: Graph, out: Tensor, x: Value, index: Any) -> str:
    """Parts of a tensor by numbers and slices, and new axes by None."""
    steps = _steps(index if isinstance(index, list) else [index], x.example.ndim)
    slices, dropped, added, axis = list[tuple[int, ...]](), list[int](), list[int](), 0
    for place, step in enumerate(steps):
        if step is None:
            added.append(place - len(dropped))
            continue
        if isinstance(step, slice):
            if step != slice(None):
                begin, end = step.start or 0, _END if step.stop is None else step.stop
                slices.append((begin, end, axis, step.step or 1))
        else:
            slices.append((step, step + 1 if step != -1 else _END, axis, 1))
            dropped.append(axis)
        axis += 1
    found: Any = x
    if slices:
        found = graph("Slice", x, *np.array(slices, dtype=np.int64).T)
    if dropped:
        found = graph("Squeeze", found, np.array(dropped))
    if added:
        found = graph("Unsqueeze", found, np.array(added))
    return found if isinstance(found, str) else x.name


def _steps(index: list[Any], n_axes: int) -> list[Any]:
    """What is done to each axis, in order, new ones among them."""
    if not all(i is None or i is ... or type(i) in (int, slice) for i in index):
        raise NotImplementedError(
            "Rows are indexed by other than numbers, slices, None and ...: how many "
            "are left may then depend on them. Use torch.where."
        )
    if ... not in index:
        return index
    place = index.index(...)
    rest = n_axes - sum(i is not None for i in index) + 1
    return [*index[:place], *[slice(None)] * rest, *index[place + 1 :]]
