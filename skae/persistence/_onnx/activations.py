"""Activations, also where ONNX Runtime has them for float32 alone."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.polynomial import chebyshev
from scipy.special import erfcx
from torch import Tensor

from skae.persistence._onnx.graph import Graph, Value

_DEGREE = 30
"""Of a polynomial that is the tail of the normal distribution to 1e-15."""


def silu(graph: Graph, out: Tensor, x: Value, inplace: bool = False) -> str:
    """The logistic function, times x."""
    return graph("Mul", x, graph("Sigmoid", x))


def elu(
    graph: Graph, out: Tensor, x: Value, alpha: float = 1.0, inplace: bool = False
) -> str:
    """Above zero x, and below alpha (exp(x) - 1)."""
    if out.dtype == torch.float32:
        return graph("Elu", x, alpha=alpha)
    zero, one = (graph.number(n, out.dtype) for n in (0.0, 1.0))
    below = graph("Sub", graph("Exp", graph("Min", x, zero)), one)
    below = graph("Mul", below, graph.number(alpha, out.dtype))
    return graph("Where", graph("Greater", x, zero), x, below)


def gelu(graph: Graph, out: Tensor, x: Value, **kwargs: Any) -> str:
    """The normal distribution function, times x; not its approximation."""
    if kwargs.get("approximate", "none") != "none":
        raise NotImplementedError("Of gelu, only the exact form is translated.")
    share = _normal32 if out.dtype == torch.float32 else _normal64
    return graph("Mul", x, share(graph, x))


def _normal32(graph: Graph, x: Value) -> str:
    """Normal distribution function, of float32: (1 + erf(x / sqrt 2)) / 2."""
    half, one, root = (
        graph.number(n, torch.float32) for n in (0.5, 1.0, math.sqrt(0.5))
    )
    erf = graph("Erf", graph("Mul", x, root))
    return graph("Mul", graph("Add", erf, one), half)


def _normal64(graph: Graph, x: Value) -> str:
    """The same of float64, for which ONNX Runtime has no erf.

    With y = abs(x) / sqrt 2 and t = 1 / (1 + y / 2) the tail is
    t exp(-y^2 + p(2 t - 1)) / 2, where p is nearly a polynomial.
    """
    zero, half, one, two, root = (
        np.array(n) for n in (0.0, 0.5, 1.0, 2.0, math.sqrt(0.5))
    )
    y = graph("Mul", graph("Abs", x), root)
    t = graph("Div", one, graph("Add", graph("Mul", y, half), one))
    u = graph("Sub", graph("Mul", t, two), one)
    power = graph("Sub", _series(graph, u, _coefficients()), graph("Mul", y, y))
    tail = graph("Mul", graph("Mul", t, graph("Exp", power)), half)
    return graph("Where", graph("Less", x, zero), tail, graph("Sub", one, tail))


def _series(graph: Graph, u: str, coefficients: list[float]) -> str:
    """A series of Chebyshev polynomials, by Clenshaw's recurrence."""
    twice = graph("Mul", u, np.array(2.0))
    *rest, before, last = coefficients
    older: Any = np.array(last)
    newer = graph("Add", graph("Mul", twice, older), np.array(before))
    for coefficient in rest[:0:-1]:
        step = graph("Sub", graph("Mul", twice, newer), older)
        older, newer = newer, graph("Add", step, np.array(coefficient))
    step = graph("Sub", graph("Mul", u, newer), older)
    return graph("Add", step, np.array(rest[0]))


@cache
def _coefficients() -> list[float]:
    """Of p(u), the logarithm of erfc(y) exp(y^2) / t, over u = 2 t - 1."""

    def p(u: Any) -> Any:
        t = (u + 1.0) / 2.0
        return np.log(erfcx(2.0 * (1.0 - t) / t) / t)

    found: list[float] = chebyshev.chebinterpolate(p, _DEGREE).tolist()
    return found
