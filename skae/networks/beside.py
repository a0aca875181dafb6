"""Networks whose linear path is a pair of matrices of its own, beside the rest."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from skae.networks.network import Encoding, Network, Path, Shapes, Weights


class BesideNetwork(Network):
    """A network that says what f and g are; the path is here.

    Whatever f and g compute, the code and the output have a bias for every entry.
    """

    @abstractmethod
    def correction_shapes(self) -> tuple[Shapes, Shapes]:
        """Shapes of the matrices and of the biases of f and g, by name.

        Names begin with "encoder" or "decoder".
        """

    @abstractmethod
    def correct_code(
        self, weights: Weights, x: Tensor
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """What enters the hidden layers, the hidden layers, and f(x).

        From rows (batch, n_features) to (batch, n_parameters).
        """

    @abstractmethod
    def correct_output(self, weights: Weights, z: Tensor) -> Tensor:
        """g(z): (batch, n_components) to (batch, n_features)."""

    def filled(self, x: Tensor) -> Tensor:
        """What the path sees of rows in which entries may be missing."""
        return x

    @property
    @abstractmethod
    def code_matrices(self) -> tuple[str, str]:
        """Names of the last matrix of f, and of the first one of g.

        Their first axes are the code's.
        """

    def weight_shapes(self) -> Shapes:
        shapes, _ = self.correction_shapes()
        if not self.has_path:
            return shapes
        d = self.n_features
        encoder: Shapes = {"encoder.path.weight": (self.n_parameters, d)}
        return encoder | shapes | {"decoder.path.weight": (self.n_components, d)}

    def bias_shapes(self) -> Shapes:
        _, shapes = self.correction_shapes()
        code: Shapes = {"encoder.code.bias": (self.n_parameters,)}
        return code | shapes | {self.output_bias: (self.n_features,)}

    def trace(self, weights: Weights, x: Tensor) -> Encoding:
        pre, hidden, f = self.correct_code(weights, x)
        bias = weights["encoder.code.bias"]
        if self.has_path:
            seen = self.filled(x)
            bias = torch.addmm(bias, seen, weights["encoder.path.weight"].t())
        f = f + bias
        return Encoding(x, [*pre, f], hidden, self.code.parameters(f))

    def decode(self, weights: Weights, z: Tensor) -> Tensor:
        bias = weights[self.output_bias]
        if self.has_path:
            bias = torch.addmm(bias, z, weights["decoder.path.weight"])
        return self.correct_output(weights, z) + bias

    def readers(self, weights: Weights) -> list[Tensor]:
        _, first = self.code_matrices
        path = [weights["decoder.path.weight"]] if self.has_path else []
        return [weights[first], *path]

    def path(self, weights: Weights) -> Path:
        return Path(
            weights["encoder.path.weight"],
            weights["decoder.path.weight"],
            weights["encoder.code.bias"],
            weights[self.output_bias],
        )

    def silence(self, weights: Weights, spread: float) -> None:
        into_code, out_of_code = self.code_matrices
        weights[into_code].zero_()
        weights[out_of_code].div_(spread)
        weights[self.ends[1]].zero_()

    def encoder_layers(self) -> list[list[str]]:
        # Inner layers have numbers. What comes before goes with what sees the rows, the
        # path too, and what comes after with the matrix into the code.
        into_code, bias = self.code_matrices[0], "encoder.code.bias"
        first, inner, last = list[str](), list[list[str]](), list[str]()
        for layer in super().encoder_layers():
            has_number = layer[0].split(".")[1].isdigit()
            if into_code in layer or bias in layer or (inner and not has_number):
                last += layer
            elif self.ends[0] in layer or not has_number:
                first += layer
            else:
                inner.append(layer)
        return [first, *inner, last]

    @property
    def output_bias(self) -> str:
        return "decoder.output.bias"
