"""The dense autoencoder network: its shapes, its encoder and its decoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.networks.codes import Code, PlainCode
from skae.networks.network import Arrays, Encoding, Network, Path, Shapes, Weights
from skae.networks.products import affine


@dataclass(frozen=True)
class DenseNetwork(Network):
    """A symmetric multilayer perceptron, with a linear path beside it.

    Encoder and decoder are mirror images, and tied weights are simply the same matrix.
    P is stored above the first encoder matrix and D above the last decoder matrix, so
    that the first and the last product, the two largest, do the path's work too.

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
    def has_path(self) -> bool:
        return self.starts_linear and bool(self.hidden_layer_sizes)

    def _sizes(self) -> tuple[int, ...]:
        return self.hidden_layer_sizes

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths from the input to the code."""
        return (self.n_features, *self.hidden_layer_sizes, self.n_components)

    @property
    def depth(self) -> int:
        """Number of layers of the encoder, and of the decoder."""
        return len(self.widths) - 1

    @property
    def widest(self) -> int:
        return max(self.widths)

    def weight_shapes(self) -> Shapes:
        sides = {"encoder": self.n_parameters, "decoder": self.n_components}
        if self.tied_weights:
            del sides["decoder"]
        found: Shapes = {}
        for side, n_code in sides.items():
            shapes = [[out, into] for into, out in pairwise(self.widths)]
            shapes[-1][0] = n_code
            if self.has_path:
                shapes[0][0] += n_code
            for i, (out, into) in enumerate(shapes):
                found[f"{side}.{i}.weight"] = (out, into)
        return found

    def bias_shapes(self) -> Shapes:
        # The path carries the code's bias.
        encoder = [*self.hidden_layer_sizes, self.n_parameters]
        if self.has_path:
            encoder[0] += encoder.pop()
        sides = {"encoder": encoder, "decoder": self.widths[:-1]}
        return {
            f"{side}.{i}.bias": (n,)
            for side, sizes in sides.items()
            for i, n in enumerate(sizes)
        }

    def decoder_weight(self, i: int) -> str:
        """Name of the matrix that undoes the encoder's `i`-th."""
        return f"{'encoder' if self.tied_weights else 'decoder'}.{i}.weight"

    def trace(self, weights: Weights, x: Tensor) -> Encoding:
        h = affine(weights["encoder.0.bias"], x, weights["encoder.0.weight"].t())
        path, pre, hidden = None, list[Tensor](), list[Tensor]()
        if self.has_path:
            path, h = h[:, : self.n_parameters], h[:, self.n_parameters :]
        for i, _ in enumerate(self.hidden_layer_sizes, start=1):
            pre.append(h)
            h = self._activate(h, is_first=i == 1)
            hidden.append(h)
            bias = weights.get(f"encoder.{i}.bias", path)
            assert bias is not None  # only the code lacks a bias, and then has a path
            h = affine(bias, h, weights[f"encoder.{i}.weight"].t())
        pre.append(h)
        return Encoding(x, pre, hidden, self.code.parameters(h))

    def encode_few(
        self, weights: Arrays, x: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        h = x @ weights["encoder.0.weight"].T + weights["encoder.0.bias"]
        path = h[:, : self.n_parameters]
        if self.has_path:
            h = h[:, self.n_parameters :].clip(-self.limit, self.limit)
        activate = self.hidden_activation().array
        for i, _ in enumerate(self.hidden_layer_sizes, start=1):
            bias = weights.get(f"encoder.{i}.bias", path)
            h = activate(h) @ weights[f"encoder.{i}.weight"].T + bias
        return self.code.mean(self.code.parameters(torch.from_numpy(h))).numpy()

    def decode(self, weights: Weights, z: Tensor) -> Tensor:
        h = z
        for i in range(self.depth - 1, 0, -1):
            weight, bias = weights[self.decoder_weight(i)], weights[f"decoder.{i}.bias"]
            h = affine(bias, h, weight)
            h = self._activate(h, is_first=i == self.depth - 1)
        if self.has_path:
            h = torch.cat([z, h], dim=1)
        return affine(weights["decoder.0.bias"], h, weights[self.decoder_weight(0)])

    def readers(self, weights: Weights) -> list[Tensor]:
        k, last = self.n_components, self.decoder_weight(self.depth - 1)
        path = [self.decoder_weight(0)] if self.has_path else []
        return [weights[name][..., :k, :] for name in (last, *path)]

    def path(self, weights: Weights) -> Path:
        bias = weights["encoder.0.bias"]
        return Path(
            weights["encoder.0.weight"][: self.n_parameters],
            weights[self.decoder_weight(0)][: self.n_components],
            bias[: self.n_parameters],
            weights[self.output_bias],
        )

    def silence(self, weights: Weights, spread: float) -> None:
        """Let f and g be zero, in place.

        With tied weights the last layer of g is the first of f: it alone is zero, and
        the code's bias cancels the constant that f then is. (Were it the code's matrix
        instead, g would start constant, and all that it could add to first order is
        linear in z, of which PCA has left nothing: where the activation is smooth, PCA
        would be a saddle, with a gradient of zero.)
        """
        if not self.has_path:
            return
        weights[self.decoder_weight(self.depth - 1)].div_(spread)
        weights[self.decoder_weight(0)][self.n_components :].zero_()
        if self.tied_weights:
            bias = self.path(weights).code_bias
            x = torch.zeros((1, self.n_features), dtype=bias.dtype, device=bias.device)
            bias.add_(bias - self.encode(weights, x)[0])
        else:
            weights[f"encoder.{self.depth - 1}.weight"].zero_()

    @property
    def ends(self) -> tuple[str, str]:
        return "encoder.0.weight", self.decoder_weight(0)

    @property
    def output_bias(self) -> str:
        return "decoder.0.bias"
