"""What all networks of the family share: a code in the middle, and a path beside it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from skae.networks.activations import ACTIVATIONS, Activation

if TYPE_CHECKING:
    from skae.networks.codes import Code

Weights = Mapping[str, Tensor]

Arrays = Mapping[str, NDArray[np.floating]]

Shapes = dict[str, tuple[int, ...]]

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


class Network(ABC):
    """An encoder, a code and a decoder, as functions of weights that others hold.

    Networks are frozen dataclasses without a tensor in them: equal ones are the same
    architecture. With the linear path,

        z = P x + f(x),   o = D z + g(z),

    where f and g are what the architecture is about. P stays as it starts: the code is
    a projection, which training does not tilt, and a correction of it.

    Where the data end, so does what a network has learnt, while its path goes on in a
    straight line. Beside a path, what enters the first hidden layer of encoder and
    decoder is therefore kept within `limit`: a row far out is encoded by the path.

    Weights come in a fixed order: the matrices, with P the first of them, and then the
    biases. Every matrix of the decoder has the shape of the encoder's that it undoes.
    """

    n_features: int
    n_components: int
    activation: str
    code: Code
    linear_path: bool

    def verify(self) -> None:
        """Refuse sizes and names that no network has."""
        if min(self.n_features, self.n_components, *self._sizes()) < 1:
            raise ValueError(f"{self} has sizes below 1")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {self.activation!r}")
        self.code.verify_beside(self.n_components)

    def _sizes(self) -> tuple[int, ...]:
        """Sizes that it has beside those of the rows and of the code."""
        return ()

    @property
    def n_parameters(self) -> int:
        """Width of the encoder's last layer: parameters of a code."""
        return self.code.n_parameters(self.n_components)

    @property
    def starts_linear(self) -> bool:
        """Whether the network holds a linear map from which it can start."""
        return self.linear_path and self.code.is_linear

    @property
    def has_path(self) -> bool:
        """Whether this map is a path beside hidden layers."""
        return self.starts_linear

    @property
    def n_fixed(self) -> int:
        """How many parameters, the first ones, no training changes: those of P."""
        return self.n_parameters * self.n_features if self.has_path else 0

    @property
    def limit(self) -> float:
        """Bound on what enters a first hidden unit; inf where there is none."""
        limited = self.has_path and self.hidden_activation().limited
        return LIMIT if limited else math.inf

    @property
    def n_blocks(self) -> int:
        """Of how many parts with weights of their own a single number tells.

        So many weights there are at least. Who reads a network that others have
        written down counts them before asking for their shapes.
        """
        return 1

    @property
    def widest(self) -> int:
        """Entries of the largest array that a row becomes on its way."""
        return max(max(shape) for shape in self.weight_shapes().values())

    def operations(self) -> list[float]:
        """Operations of each matrix product of a forward pass, for one row."""
        return [2.0 * math.prod(shape) for shape in self.weight_shapes().values()]

    @abstractmethod
    def weight_shapes(self) -> Shapes:
        """Shapes of the matrices, by name; weight decay acts on these."""

    @abstractmethod
    def bias_shapes(self) -> Shapes:
        """Shapes of the biases, by name."""

    def shapes(self) -> Shapes:
        """Shapes of all parameters, matrices first."""
        return self.weight_shapes() | self.bias_shapes()

    def fan(self, name: str) -> tuple[float, float]:
        """Inputs of each output of a matrix, and outputs of each input."""
        out, into = self.weight_shapes()[name]
        return (out, into) if name.startswith("decoder") else (into, out)

    @abstractmethod
    def trace(self, weights: Weights, x: Tensor) -> Encoding:
        """All that the encoder computes on the way from the rows of `x`."""

    def encode(self, weights: Weights, x: Tensor) -> Tensor:
        """Code of the rows of `x`: (batch, n_features) to (batch, n_components)."""
        return self.code.mean(self.trace(weights, x).code)

    def encode_few(
        self, weights: Arrays, x: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """Code of so few rows that calls take longer than arithmetic; as `encode`.

        By torch, unless a network knows how to do with numpy, whose calls take less.
        """
        tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
        return self.encode(tensors, torch.from_numpy(x)).numpy()

    @abstractmethod
    def decode(self, weights: Weights, z: Tensor) -> Tensor:
        """Output for the codes `z`: (batch, n_components) to (batch, n_features)."""

    @abstractmethod
    def readers(self, weights: Weights) -> list[Tensor]:
        """Matrices whose row j multiplies the code's entry j.

        Those of several networks have a first axis for the networks.
        """

    def reader_norms(self, weights: Weights) -> Tensor:
        """Length of what decodes each entry of the code: (n_components,)."""
        squares = [matrix.square().sum(-1) for matrix in self.readers(weights)]
        return torch.stack(squares).sum(0).sqrt()

    @abstractmethod
    def path(self, weights: Weights) -> Path:
        """The weights of the linear map that the network holds."""

    @abstractmethod
    def silence(self, weights: Weights, spread: float) -> None:
        """Let f and g be zero, in place, for codes of standard deviation `spread`."""

    @property
    @abstractmethod
    def ends(self) -> tuple[str, str]:
        """Names of the first matrix of the encoder, and of the decoder's last one."""

    @property
    @abstractmethod
    def output_bias(self) -> str:
        """Name of the bias of the output."""

    def encoder_layers(self) -> list[list[str]]:
        """Names of the encoder's weights, layer by layer from the rows to the code."""
        layers: dict[str, list[str]] = {}
        for name in self.shapes():
            if name.startswith("encoder"):
                layers.setdefault(name.split(".")[1], []).append(name)
        return list(layers.values())

    def hidden_activation(self) -> Activation:
        """Activation of the hidden layers."""
        return ACTIVATIONS[self.activation]

    def _activate(self, a: Tensor, *, is_first: bool) -> Tensor:
        """Hidden layer from what enters it; the first one of a side has the limit."""
        limit = self.limit if is_first else math.inf
        if limit < math.inf:
            a = F.hardtanh(a, -limit, limit)
        return self.hidden_activation().value(a)


class Path(NamedTuple):
    """Views of the weights of z = P x + c and o = D z + b.

    Attributes
    ----------
    encoder : Tensor of shape (n_parameters, n_features)
        P.
    decoder : Tensor of shape (n_components, n_features)
        D, transposed.
    code_bias : Tensor of shape (n_parameters,)
        c.
    output_bias : Tensor of shape (n_features,)
        b.
    """

    encoder: Tensor
    decoder: Tensor
    code_bias: Tensor
    output_bias: Tensor

    @property
    def is_tied(self) -> bool:
        """Whether P and D are the same numbers."""
        return self.encoder.data_ptr() == self.decoder.data_ptr()
