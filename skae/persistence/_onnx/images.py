"""Convolutions; ONNX Runtime has them for float32 alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skae.persistence._onnx.graph import Graph, Value


def conv2d(
    graph: Graph,
    out: Tensor,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Any,
    padding: Any,
) -> str:
    """A convolution of images, with kernels (out, into, height, width)."""
    pads = [*padding, *padding]
    given = [] if bias is None else [bias]
    if out.dtype == torch.float32:
        return graph("Conv", x, weight, *given, strides=list(stride), pads=pads)
    return _by_products(graph, out, x, weight.example, bias, stride, pads)


def conv_transpose2d(
    graph: Graph,
    out: Tensor,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
) -> str:
    """Its adjoint, with kernels (into, out, height, width)."""
    given = [] if bias is None else [bias]
    if out.dtype == torch.float32:
        return graph(
            "ConvTranspose",
            x,
            weight,
            *given,
            strides=list(stride),
            pads=[*padding, *padding],
            output_padding=list(output_padding),
        )
    # A convolution of the image with zeros between its pixels.
    spread = _spread(graph, x, stride)
    kernel = weight.example.shape[2:]
    before = [k - 1 - p for k, p in zip(kernel, padding, strict=True)]
    after = [
        b + o - (s - 1) for b, o, s in zip(before, output_padding, stride, strict=True)
    ]
    mirrored = weight.example.flip(2, 3).transpose(0, 1)
    pads = [*before, *after]
    return _by_products(graph, out, spread, mirrored, bias, (1, 1), pads)


def _by_products(
    graph: Graph,
    out: Tensor,
    x: Value | str,
    weight: Tensor,
    bias: Value | None,
    stride: Any,
    pads: list[int],
) -> str:
    """A convolution as the product with all that a kernel meets, side by side."""
    channels, _, *kernel = weight.shape
    zero = graph.number(0.0, out.dtype)
    top, left, bottom, right = pads
    padded = graph("Pad", x, np.array([0, 0, top, left, 0, 0, bottom, right]), zero)
    height, width = out.shape[2:]
    met = [
        _strided(graph, padded, (i, j), (height, width), stride)
        for i, j in itertools.product(*map(range, kernel))
    ]
    columns = graph("Concat", *met, axis=1)
    matrix = weight.permute(0, 2, 3, 1).flatten(1)
    columns = graph("Reshape", columns, np.array([0, matrix.shape[1], height * width]))
    found = graph("MatMul", Value("", matrix), columns)
    found = graph("Reshape", found, np.array([0, channels, height, width]))
    if bias is None:
        return found
    return graph("Add", found, Value("", bias.example.view(-1, 1, 1)))


def _strided(
    graph: Graph, x: str, start: tuple[int, int], size: tuple[int, int], stride: Any
) -> str:
    """Every so many pixels, from a corner on."""
    stop = [b + s * (n - 1) + 1 for b, n, s in zip(start, size, stride, strict=True)]
    return graph("Slice", x, *map(np.array, (start, stop, (2, 3), tuple(stride))))


def _spread(graph: Graph, x: Value, stride: Any) -> str:
    """Zeros behind every pixel, as many as make room for a stride."""
    _, channels, height, width = x.example.shape
    down, right = stride
    apart = graph("Reshape", x, np.array([0, channels, height, 1, width, 1]))
    ends = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, down - 1, 0, right - 1])
    zero = graph.number(0.0, x.example.dtype)
    apart = graph("Pad", apart, ends, zero)
    return graph(
        "Reshape", apart, np.array([0, channels, height * down, width * right])
    )
