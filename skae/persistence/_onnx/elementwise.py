"""Functions of entries, and reductions over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skae.persistence._onnx.graph import Graph, Value

Translation = Callable[..., Any]
"""``translate(graph, out, *args, **kwargs)`` adds nodes and gives the output's name.

`out` is the tensor that torch gave for the example; arguments are those of the torch
function, with values in place of tensors.
"""


def unary(kind: str) -> Translation:
    """A node of one input."""
    return lambda graph, out, x: graph(kind, x)


def binary(kind: str) -> Translation:
    """A node of two numbers, brought into the type of the result."""

    def translate(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
        return graph(kind, graph.typed(a, out.dtype), graph.typed(b, out.dtype))

    return translate


def logical(kind: str) -> Translation:
    """A node of two truth values."""
    return lambda graph, out, a, b: graph(kind, a, b)


def comparison(kind: str) -> Translation:
    """A node of two numbers, brought into the type that can hold both."""

    def translate(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
        dtype = torch.result_type(_example(a), _example(b))
        return graph(kind, graph.typed(a, dtype), graph.typed(b, dtype))

    return translate


def _example(thing: Any) -> Any:
    return thing.example if isinstance(thing, Value) else thing


def reduction(kind: str) -> Translation:
    """A node that takes numbers of some axes, or of all, together."""

    def translate(
        graph: Graph, out: Tensor, x: Value, dim: Any = None, keepdim: bool = False
    ) -> str:
        axes = np.arange(x.example.ndim) if dim is None else np.atleast_1d(dim)
        return graph(kind, x, axes, keepdims=int(keepdim))

    return translate


def of_truths(kind: str) -> Translation:
    """A reduction of truth values along an axis, as one of zeros and ones."""

    def translate(
        graph: Graph, out: Tensor, x: Value, dim: int, keepdim: bool = False
    ) -> str:
        numbers = graph.cast(x, torch.float32)
        found = graph(kind, numbers, np.array([dim]), keepdims=int(keepdim))
        return graph.cast(found, torch.bool)

    return translate


def argmax(graph: Graph, out: Tensor, x: Value, dim: int, keepdim: bool = False) -> str:
    """Place of the largest entry along an axis, the first one among equals."""
    return graph("ArgMax", x, axis=dim, keepdims=int(keepdim))


def clamp(
    graph: Graph, out: Tensor, x: Any, min: float | None = None, max: Any = None
) -> str:
    """Keep entries within limits, one or both."""
    if min is not None:
        x = graph("Max", x, graph.number(min, out.dtype))
    return x if max is None else graph("Min", x, graph.number(max, out.dtype))


def hardtanh(
    graph: Graph, out: Tensor, x: Value, min_val: float, max_val: float, **kwargs: Any
) -> str:
    """Keep entries within limits, as torch does in front of an activation."""
    return clamp(graph, out, x, min_val, max_val)


def log1p(graph: Graph, out: Tensor, x: Value) -> str:
    """Logarithm of 1 + x."""
    return graph("Log", graph("Add", x, graph.number(1.0, out.dtype)))


def masked_fill(graph: Graph, out: Tensor, x: Value, mask: Value, value: float) -> str:
    """A number where the mask is true."""
    return graph("Where", mask, graph.number(value, out.dtype), x)


def reversed_sub(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
    """The second minus the first."""
    return graph("Sub", graph.typed(b, out.dtype), graph.typed(a, out.dtype))


def square(graph: Graph, out: Tensor, x: Value) -> str:
    """Squares."""
    return graph("Mul", x, x)


def where(graph: Graph, out: Tensor, condition: Value, a: Any, b: Any) -> str:
    """Entries of `a` where the condition is true, else those of `b`."""
    a, b = graph.typed(a, out.dtype), graph.typed(b, out.dtype)
    return graph("Where", condition, a, b)
