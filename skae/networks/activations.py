"""Activations: each one knows its value and its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, ndtr
from torch import Tensor
from torch.nn import functional as F

Array = NDArray[np.floating]

_LEAST_FOR_ONEDNN = 2**15
"""Entries."""

_aten = torch.ops.aten
_gelu, _gelu_backward = _aten.gelu.out, _aten.gelu_backward.grad_input
_elu, _elu_backward = _aten.elu.out, _aten.elu_backward.grad_input
_silu, _silu_backward = _aten.silu.out, _aten.silu_backward.grad_input
_relu_backward = _aten.threshold_backward.grad_input
_tanh_backward = _aten.tanh_backward.grad_input
_logistic_backward = _aten.sigmoid_backward.grad_input


def _gelu_slope(a: Tensor) -> Tensor:
    below = 0.5 * (1.0 + torch.erf(a * math.sqrt(0.5)))
    return below + a * torch.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi)


def _silu_slope(a: Tensor) -> Tensor:
    s = torch.sigmoid(a)
    return s * (1.0 + a * (1.0 - s))


def _logistic_slope(a: Tensor) -> Tensor:
    s = torch.sigmoid(a)
    return s * (1.0 - s)


def _gelu_value(a: Tensor) -> Tensor:
    """GELU; a row alone as one of two, so that torch does not ask oneDNN for it.

    That takes longer to set up than the row does, and is not asked for an expanded one,
    nor for float64.
    """
    if a.shape[0] == 1 and a.dtype == torch.float32:
        return F.gelu(a.expand(2, *a.shape[1:]))[:1]
    return F.gelu(a)


def _gelu_forward(a: Tensor, out: Tensor) -> object:
    """GELU into `out`, where oneDNN, which torch asks, leaves gaps between rows out."""
    if a.is_contiguous() and not out.is_contiguous():
        return out.copy_(F.gelu(a))
    return _gelu(a, out=out)


def entries(*arrays: Tensor) -> list[Tensor]:
    """Arrays of one shape as an activation by hand takes least time over them.

    If they are small, what oneDNN sets up for a GELU takes longer than it gains. It is
    not asked for transposed views, of which the entries are the same.
    """
    is_small = arrays[0].numel() < _LEAST_FOR_ONEDNN
    return [array.mT for array in arrays] if is_small else [*arrays]


@dataclass(frozen=True)
class Activation:
    """An elementwise function with its derivative, for autograd and by hand.

    Attributes
    ----------
    value : callable
        ``value(a)`` gives act(a) and is differentiable by autograd.
    forward : callable
        ``forward(a, out)`` writes act(a) into `out`.
    backward : callable
        ``backward(grad, a, h, out)`` writes grad * act'(a) into `out`, where `h` is
        act(a). `out` may be `grad` itself.
    slope : callable
        ``slope(a)`` gives act'(a) and is differentiable by autograd.
    array : callable
        ``array(a)`` gives act(a) for a numpy array, of which a few rows take less time.
    at_zero : float
        act(0).
    limited : bool
        Whether a network with a path limits what enters it: act grows without bound,
        and not as a line.
    """

    value: Callable[[Tensor], Tensor]
    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], object]
    slope: Callable[[Tensor], Tensor]
    array: Callable[[Array], Array]
    at_zero: float = 0.0
    limited: bool = True


ACTIVATIONS: dict[str, Activation] = {
    "gelu": Activation(
        _gelu_value,
        _gelu_forward,
        lambda g, a, h, out: _gelu_backward(g, a, grad_input=out),
        _gelu_slope,
        lambda a: a * ndtr(a),
    ),
    "relu": Activation(
        torch.relu,
        lambda a, out: torch.clamp_min(a, 0.0, out=out),
        lambda g, a, h, out: _relu_backward(g, h, 0.0, grad_input=out),
        lambda a: (a > 0.0).to(a.dtype),
        lambda a: np.maximum(a, 0.0),
    ),
    "elu": Activation(
        F.elu,
        lambda a, out: _elu(a, out=out),
        lambda g, a, h, out: _elu_backward(g, 1.0, 1.0, 1.0, True, h, grad_input=out),
        lambda a: torch.exp(a.clamp_max(0.0)),
        lambda a: np.where(a > 0.0, a, np.expm1(a)),
    ),
    "silu": Activation(
        F.silu,
        lambda a, out: _silu(a, out=out),
        lambda g, a, h, out: _silu_backward(g, a, grad_input=out),
        _silu_slope,
        lambda a: a * expit(a),
    ),
    "tanh": Activation(
        torch.tanh,
        lambda a, out: torch.tanh(a, out=out),
        lambda g, a, h, out: _tanh_backward(g, h, grad_input=out),
        lambda a: 1.0 - torch.tanh(a).square(),
        np.tanh,
        limited=False,
    ),
    "logistic": Activation(
        torch.sigmoid,
        lambda a, out: torch.sigmoid(a, out=out),
        lambda g, a, h, out: _logistic_backward(g, h, grad_input=out),
        _logistic_slope,
        expit,
        at_zero=0.5,
        limited=False,
    ),
    "identity": Activation(
        lambda a: a,
        lambda a, out: out.copy_(a),
        lambda g, a, h, out: out if out is g else out.copy_(g),
        torch.ones_like,
        lambda a: a,
        limited=False,
    ),
}
