"""The Jacobian of an encoder, and how large it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skae.networks.activations import ACTIVATIONS
from skae.networks.codes import PlainCode
from skae.networks.dense import DenseNetwork
from skae.networks.network import Encoding, Weights


def squared_jacobian_norms(
    network: DenseNetwork,
    weights: Weights,
    encoding: Encoding,
    directions: Tensor | None = None,
) -> Tensor:
    """Squared Frobenius norm of the code's derivative by each row: (batch,).

    Differentiable by autograd. Without hidden layers, and with one before a linear
    code, the norm has a closed form that costs little beside the encoder itself;
    otherwise the Jacobian is built from the code down, without its widest factor: with
    J = M W, its squared norm is tr(M (W W') M').

    Parameters
    ----------
    network : DenseNetwork
        Its code must be a `PlainCode`.
    weights : mapping of str to Tensor
        The parameters.
    encoding : Encoding
        What `network.trace` gives for the rows.
    directions : Tensor of shape (batch, n_directions, n_components), default=None
        The mean over the directions v of the squared norm of v'J, in place of its sum
        over the code's entries. With random signs this is an unbiased estimate
        (Hutchinson 1990).
    """
    if not network.hidden_layer_sizes:
        return _without_hidden_layers(network, weights, encoding)
    if has_closed_form(network):
        return _with_one_hidden_layer(network, weights, encoding)
    return _with_many(network, weights, encoding, directions)


def has_closed_form(network: DenseNetwork) -> bool:
    """Whether the norm is cheap, however large the code."""
    n_hidden = len(network.hidden_layer_sizes)
    return n_hidden == 0 or (n_hidden == 1 and network.code.is_linear)


def _without_hidden_layers(
    network: DenseNetwork, weights: Weights, encoding: Encoding
) -> Tensor:
    squares = weights["encoder.0.weight"].square().sum(1)
    return _code_slope(network, encoding.pre[-1]).square() @ squares


def _with_one_hidden_layer(
    network: DenseNetwork, weights: Weights, encoding: Encoding
) -> Tensor:
    """|P + V diag(s) W|^2 = |P|^2 + 2 s'diag(W P'V) + s'(W W' * V'V) s."""
    n_path = network.n_parameters if network.has_path else 0
    first = weights["encoder.0.weight"]
    path, inner = first[:n_path], first[n_path:]
    outer = weights["encoder.1.weight"]
    slope = _hidden_slope(network, encoding, 1)
    squares = (inner @ inner.t()) * (outer.t() @ outer)
    norms: Tensor = ((slope @ squares) * slope).sum(1)
    if n_path:
        norms = norms + 2.0 * (slope @ (inner @ path.t() * outer.t()).sum(1))
        norms = norms + path.square().sum()
    return norms


def _with_many(
    network: DenseNetwork,
    weights: Weights,
    encoding: Encoding,
    directions: Tensor | None,
) -> Tensor:
    code_slope = _code_slope(network, encoding.pre[-1])
    if directions is None:
        top = torch.diag_embed(code_slope)
    else:
        top = directions * code_slope[:, None, :]
    left = top
    for i in range(len(network.hidden_layer_sizes), 0, -1):
        left = left @ weights[f"encoder.{i}.weight"]
        left = left * _hidden_slope(network, encoding, i)[:, None, :]
    if network.has_path:
        left = torch.cat([top, left], dim=2)
    first = weights["encoder.0.weight"]
    squared = ((left @ (first @ first.t())) * left).sum((1, 2))
    return squared if directions is None else squared / directions.shape[1]


def _code_slope(network: DenseNetwork, pre: Tensor) -> Tensor:
    code = network.code
    assert isinstance(code, PlainCode)
    return ACTIVATIONS[code.activation].slope(pre)


def _hidden_slope(network: DenseNetwork, encoding: Encoding, i: int) -> Tensor:
    """Derivative of hidden layer `i`, from 1 on, by what enters it, limit included."""
    pre = encoding.pre[i - 1]
    slope = network.hidden_activation().slope(pre)
    if i == 1 and network.limit < math.inf:
        slope = slope * (pre.abs() < network.limit)
    return slope
