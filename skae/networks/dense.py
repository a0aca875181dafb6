"""The dense autoencoder network: its shapes, its encoder and its decoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from skae.networks.activations import ACTIVATIONS, Activation
from skae.networks.codes import Code, PlainCode

Weights = Mapping[str, Tensor]

LIMIT = 3.0
"""Most that enters a first hidden unit beside a path; few usual rows reach it."""


class Encoding(NamedTuple):
    """What an encoder computes for a batch of rows.

    Attributes
    ----------
    x : Tensor of shape (batch, n_features)
        The rows.
    pre : list of Tensor
        What enters each hidden layer, before its limit, and the code.
    hidden : list of Tensor
        The hidden layers.
    code : Tensor of shape (batch, n_parameters)
        The code's parameters.
    """

    x: Tensor
    pre: list[Tensor]
    hidden: list[Tensor]
    code: Tensor


@dataclass(frozen=True)
class DenseNetwork:
    """A symmetric multilayer perceptron, with a linear path beside it.

    Encoder and decoder are mirror images, and every decoder matrix has the shape of
    the encoder matrix that it undoes: tied weights are simply the same matrix. With
    the linear path,

        z = P x + f(x),   o = D z + g(z),

    P is stored above the first encoder matrix and D above the last decoder matrix, so
    that the first and the last product, the two largest, do the path's work too. P
    stays as it starts: the code is a projection, which training does not tilt, and a
    bounded correction of it.

    Where the data end, so does what a network has learnt, while its path goes on in a
    straight line. Beside a path, what enters the first hidden layer of encoder and
    decoder is therefore kept within `limit`: a row far out is encoded by the path.

    Parameters
    ----------
    n_features : int
        Width d of the input and of the output.
    n_components : int
        Size k of the code.
    hidden_layer_sizes : tuple of int
        Widths h_1, ..., h_m of the encoder's hidden layers.
    activation : str
        Name of the activation of the hidden layers.
    code : Code
        What stands between encoder and decoder.
    tied_weights : bool
        Whether the decoder uses the encoder's matrices.
    linear_path : bool
        Whether a linear path is wanted. A code that is not linear leaves no place
        for it, and without hidden layers the network is the path itself.
    """

    n_features: int
    n_components: int
    hidden_layer_sizes: tuple[int, ...] = ()
    activation: str = "gelu"
    code: Code = field(default_factory=PlainCode)
    tied_weights: bool = False
    linear_path: bool = True

    @property
    def starts_linear(self) -> bool:
        """Whether the network holds a linear map from which it can start."""
        return self.linear_path and self.code.is_linear

    @property
    def has_path(self) -> bool:
        """Whether this map is a path beside hidden layers."""
        return self.starts_linear and bool(self.hidden_layer_sizes)

    @property
    def n_fixed(self) -> int:
        """How many parameters, the first ones, no training changes: those of P."""
        return self.n_parameters * self.n_features if self.has_path else 0

    @property
    def n_parameters(self) -> int:
        """Width of the encoder's last layer: parameters of a code."""
        return self.code.n_parameters(self.n_components)

    @property
    def limit(self) -> float:
        """Bound on what enters a first hidden unit; inf where there is none."""
        limited = self.has_path and self.hidden_activation().limited
        return LIMIT if limited else math.inf

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths from the input to the code."""
        return (self.n_features, *self.hidden_layer_sizes, self.n_components)

    @property
    def depth(self) -> int:
        """Number of layers of the encoder, and of the decoder."""
        return len(self.widths) - 1

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the matrices, by name; weight decay acts on these."""
        sides = {"encoder": self.n_parameters, "decoder": self.n_components}
        if self.tied_weights:
            del sides["decoder"]
        found: dict[str, tuple[int, ...]] = {}
        for side, n_code in sides.items():
            shapes = [[out, into] for into, out in pairwise(self.widths)]
            shapes[-1][0] = n_code
            if self.has_path:
                shapes[0][0] += n_code
            for i, (out, into) in enumerate(shapes):
                found[f"{side}.{i}.weight"] = (out, into)
        return found

    def bias_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the biases, by name. The path carries the code's bias."""
        encoder = [*self.hidden_layer_sizes, self.n_parameters]
        if self.has_path:
            encoder[0] += encoder.pop()
        sides = {"encoder": encoder, "decoder": self.widths[:-1]}
        return {
            f"{side}.{i}.bias": (n,)
            for side, sizes in sides.items()
            for i, n in enumerate(sizes)
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all parameters, matrices first."""
        return self.weight_shapes() | self.bias_shapes()

    def decoder_weight(self, i: int) -> str:
        """Name of the matrix that undoes the encoder's `i`-th."""
        return f"{'encoder' if self.tied_weights else 'decoder'}.{i}.weight"

    def hidden_activation(self) -> Activation:
        """Activation of the hidden layers."""
        return ACTIVATIONS[self.activation]

    def trace(self, weights: Weights, x: Tensor) -> Encoding:
        """All that the encoder computes on the way from the rows of `x`."""
        h = torch.addmm(weights["encoder.0.bias"], x, weights["encoder.0.weight"].t())
        path, pre, hidden = None, list[Tensor](), list[Tensor]()
        if self.has_path:
            path, h = h[:, : self.n_parameters], h[:, self.n_parameters :]
        for i, _ in enumerate(self.hidden_layer_sizes, start=1):
            pre.append(h)
            h = self._activate(h, is_first=i == 1)
            hidden.append(h)
            bias = weights.get(f"encoder.{i}.bias", path)
            assert bias is not None  # only the code lacks a bias, and then has a path
            h = torch.addmm(bias, h, weights[f"encoder.{i}.weight"].t())
        pre.append(h)
        return Encoding(x, pre, hidden, self.code.parameters(h))

    def encode(self, weights: Weights, x: Tensor) -> Tensor:
        """Code of the rows of `x`: (batch, n_features) to (batch, n_components)."""
        return self.code.mean(self.trace(weights, x).code)

    def decode(self, weights: Weights, z: Tensor) -> Tensor:
        """Output for the codes `z`: (batch, n_components) to (batch, n_features)."""
        h = z
        for i in range(self.depth - 1, 0, -1):
            weight, bias = weights[self.decoder_weight(i)], weights[f"decoder.{i}.bias"]
            h = torch.addmm(bias, h, weight)
            h = self._activate(h, is_first=i == self.depth - 1)
        if self.has_path:
            h = torch.cat([z, h], dim=1)
        return torch.addmm(
            weights["decoder.0.bias"], h, weights[self.decoder_weight(0)]
        )

    def readers(self, weights: Weights) -> list[Tensor]:
        """Matrices whose row j multiplies the code's entry j: (n_components, ...)."""
        k, last = self.n_components, self.decoder_weight(self.depth - 1)
        path = [weights[self.decoder_weight(0)][:k]] if self.has_path else []
        return [weights[last][:k], *path]

    def reader_norms(self, weights: Weights) -> Tensor:
        """Length of what decodes each entry of the code: (n_components,)."""
        squares = [matrix.square().sum(1) for matrix in self.readers(weights)]
        return torch.stack(squares).sum(0).sqrt()

    def _activate(self, a: Tensor, *, is_first: bool) -> Tensor:
        """Hidden layer from what enters it; the first one of a side has the limit."""
        limit = self.limit if is_first else math.inf
        if limit < math.inf:
            a = F.hardtanh(a, -limit, limit)
        return self.hidden_activation().value(a)
