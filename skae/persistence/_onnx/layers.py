"""Matrix products, and what networks do beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skae.persistence._onnx.graph import Graph, Value
from skae.persistence._onnx.shapes import zeros_like


def matmul(graph: Graph, out: Tensor, a: Value, b: Value) -> str:
    """A product of matrices, or of stacks of them."""
    return graph("MatMul", a, b)


def addmm(graph: Graph, out: Tensor, bias: Value, a: Value, b: Value) -> str:
    """A product of two matrices, and a bias."""
    if b.is_constant and not b.example.is_contiguous():
        return graph("Gemm", a, Value("", b.example.t()), bias, transB=1)
    return graph("Gemm", a, b, bias)


def linear(
    graph: Graph, out: Tensor, x: Value, weight: Value, bias: Value | None = None
) -> str:
    """The product with a matrix (out, into), and a bias."""
    found = graph("MatMul", x, Value("", weight.example.t()))
    return found if bias is None else graph("Add", found, bias)


def softmax(graph: Graph, out: Tensor, x: Value, dim: int, **kwargs: Any) -> str:
    """Shares along an axis."""
    return graph("Softmax", x, axis=dim)


def log_softmax(graph: Graph, out: Tensor, x: Value, dim: int, **kwargs: Any) -> str:
    """Logarithms of shares along an axis."""
    return graph("LogSoftmax", x, axis=dim)


def layer_norm(
    graph: Graph,
    out: Tensor,
    x: Value,
    normalized_shape: Any,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
) -> str:
    """Mean 0 and variance 1 along the last axes."""
    shape = tuple(normalized_shape)
    gain = weight or Value("", torch.ones(shape, dtype=out.dtype, device="cpu"))
    given = [gain] if bias is None else [gain, bias]
    return graph("LayerNormalization", x, *given, axis=-len(shape), epsilon=eps)


def attention(
    graph: Graph,
    out: Tensor,
    q: Value,
    k: Value,
    v: Value,
    attn_mask: Value | None = None,
) -> str:
    """Attention with its matrix of weights; the mask says what is looked at."""
    scale = graph.number(1.0 / math.sqrt(q.example.shape[-1]), out.dtype)
    turned = graph("Transpose", k, perm=[0, 1, 3, 2])
    scores = graph("Mul", graph("MatMul", q, turned), scale)
    if attn_mask is not None:
        denied = graph.number(-math.inf, out.dtype)
        scores = graph("Where", attn_mask, scores, denied)
    return graph("MatMul", graph("Softmax", scores, axis=-1), v)


def k_largest(graph: Graph, out: Tensor, x: Value, k: int) -> str:
    """The k largest entries of a row, the first ones among equals, and zeros."""
    values, places = graph.several("TopK", 2, x, np.array([k]), axis=1)
    zeros = zeros_like(graph, out, x)
    return graph("ScatterElements", zeros, places, values, axis=1)
