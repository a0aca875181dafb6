"""The autoencoder network of sequences: Transformers on both sides of the code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.networks.beside import BesideNetwork
from skae.networks.codes import Code, PlainCode
from skae.networks.network import Shapes, Weights
from skae.networks.transformer import Attend, Transformer, explicit, fused

POSITIONS = ("learned", "sinusoidal")

N_QUERIES = 8
_EVEN = 8.0
"""For how many times as many inputs the matrices of attention are drawn: small ones
read evenly. Sharp weights at random would be those of positions, and would stay."""

_LONGEST = 1e4  # wave of a sinusoidal position, over 2 pi, in steps


@dataclass(frozen=True)
class AttentionNetwork(BesideNetwork):
    """Tokens that attend to each other, pooled into a code, and unfolded again.

    Every step of a sequence becomes a token: a matrix of its features, and an offset
    that tells the position. Blocks of a Transformer (Vaswani et al. 2017) follow.
    Learned queries pool the tokens, each with its own weights over the steps (Lee et
    al. 2019), and a matrix leads from what they have found to the code. Another one
    unfolds the code into a token for every step, and as many blocks, with weights of
    their own, lead back to the features. The linear path is that of the entries.

    Parameters
    ----------
    input_shape : tuple of int
        Steps of a sequence, and features of a step.
    n_components : int
        Size of the code.
    width : int
        Of a token.
    n_heads : int
        Heads of an attention; a divisor of `width`.
    n_layers : int
        Blocks of the encoder, and of the decoder.
    positions : {"learned", "sinusoidal"} or None
        What the offset of a token tells of its step. None: nothing, so that the
        encoder does not see in which order the steps are; the path does.
    activation : str
        Name of the activation of the hidden layers.
    code : Code
        What stands between encoder and decoder.
    linear_path : bool
        Whether a linear path is wanted. A code that is not linear leaves no place
        for it.
    omits : bool
        Whether entries of the rows may be NaN. They count as 0; and steps that are
        NaN throughout are not there, unless all of a sequence's are.
    """

    input_shape: tuple[int, int]
    n_components: int
    width: int = 64
    n_heads: int = 4
    n_layers: int = 2
    positions: str | None = "learned"
    activation: str = "gelu"
    code: Code = field(default_factory=PlainCode)
    linear_path: bool = True
    omits: bool = False

    @property
    def n_features(self) -> int:  # type: ignore[override]
        return math.prod(self.input_shape)

    def verify(self) -> None:
        super().verify()
        if self.width % self.n_heads:
            raise ValueError(f"{self} has heads that do not fit")
        if self.positions not in (None, *POSITIONS):
            raise ValueError(f"there are no positions {self.positions!r}")

    def _sizes(self) -> tuple[int, ...]:
        return *self.input_shape, self.width, self.n_heads, self.n_layers

    @property
    def n_blocks(self) -> int:
        return self.n_layers

    @property
    def limit(self) -> float:
        """Inf: f and g end in normalised tokens, and are bounded as they are."""
        return math.inf

    def transformer(self, side: str) -> Transformer:
        """The blocks of a side, "encoder" or "decoder"."""
        return Transformer(
            side, self.width, self.n_heads, self.n_layers, self.activation
        )

    @property
    def widest(self) -> int:
        steps, n = self.input_shape
        return steps * max(n, self.transformer("encoder").widest)

    def operations(self) -> list[float]:
        steps, n = self.input_shape
        blocks = self.transformer("encoder").operations(steps)
        ends = [2.0 * steps * self.width * size for size in (n, N_QUERIES)]
        codes = [2.0 * math.prod(shape) for shape in self._code_shapes().values()]
        sides = (self.n_parameters, self.n_components)
        path = [2.0 * self.n_features * k for k in sides if self.has_path]
        return [*ends, *ends, *codes, *blocks, *blocks, *path]

    def correction_shapes(self) -> tuple[Shapes, Shapes]:
        encoder, decoder = self.transformer("encoder"), self.transformer("decoder")
        into, out = self._code_shapes().items()
        end = (self.width, self.input_shape[1])
        offset = (self.input_shape[0] if self.positions == "learned" else 1, self.width)
        weights: Shapes = {
            "encoder.embedding.weight": end,
            "encoder.position.weight": offset,
            **encoder.weight_shapes(),
            "encoder.query.weight": (N_QUERIES, self.width),
            **dict([into]),
            **decoder.weight_shapes(),
            "decoder.position.weight": offset,
            **dict([out]),
            "decoder.embedding.weight": end,
        }
        return weights, encoder.bias_shapes() | decoder.bias_shapes()

    def _code_shapes(self) -> Shapes:
        """Shapes of the matrices into the code and out of it."""
        into, out = self.code_matrices
        return {
            into: (self.n_parameters, N_QUERIES * self.width),
            out: (self.n_components, self.input_shape[0] * self.width),
        }

    def fan(self, name: str) -> tuple[float, float]:
        out, into = self.weight_shapes()[name]
        part = name.split(".")[-2]
        if part == "position":
            return _EVEN, _EVEN
        if part == "attention":
            return _EVEN * into, _EVEN * out / 3
        if part == "query":
            return _EVEN * into, _EVEN * out
        if part == "unfold":  # as many matrices side by side as there are steps
            return out, into / self.input_shape[0]
        return (out, into) if name == self.ends[1] else (into, out)

    def correct_code(
        self, weights: Weights, x: Tensor
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        h, there = self.tokens(weights, x), self.there(x)
        scores = h @ weights["encoder.query.weight"].t()
        if there is not None:
            scores = scores.masked_fill(~there[:, :, None], -math.inf)
        shares = scores.softmax(1)
        pooled = (shares.transpose(1, 2) @ h).flatten(1)
        return [], [h.flatten(1)], pooled @ weights[self.code_matrices[0]].t()

    def tokens(self, weights: Weights, x: Tensor, attend: Attend = fused) -> Tensor:
        """What the encoder makes of every step, before pooling: (batch, steps, width).

        From rows (batch, n_features).
        """
        steps = self.filled(x).view(-1, *self.input_shape)
        h = steps @ weights["encoder.embedding.weight"].t()
        h = h + self._offsets(weights, "encoder")
        there = self.there(x)
        mask = None if there is None else there[:, None, None]
        return self.transformer("encoder")(weights, h, mask, attend)

    def filled(self, x: Tensor) -> Tensor:
        return x.masked_fill(x.isnan(), 0.0) if self.omits else x

    def there(self, x: Tensor) -> Tensor | None:
        """Steps that rows have, (batch, steps); None: all.

        A row without any counts as one of zeros.
        """
        if not self.omits:
            return None
        there = ~x.isnan().view(-1, *self.input_shape).all(2)
        return there | ~there.any(1, keepdim=True)

    def attention(self, weights: Weights, x: Tensor) -> Tensor:
        """How much step i reads of step j, in the encoder.

        From rows (batch, n_features) to (batch, n_layers, n_heads, steps, steps).
        """
        held = list[Tensor]()

        def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
            held.append(explicit(q, k, mask))
            return held[-1] @ v

        self.tokens(weights, x, attend)
        return torch.stack(held, 1)

    def correct_output(self, weights: Weights, z: Tensor) -> Tensor:
        h = z @ weights[self.code_matrices[1]]
        h = h.view(-1, self.input_shape[0], self.width)
        h = h + self._offsets(weights, "decoder")
        h = self.transformer("decoder")(weights, h)
        return (h @ weights[self.ends[1]]).flatten(1)

    def _offsets(self, weights: Weights, side: str) -> Tensor:
        """What is added to the tokens: (steps, width), or (1, width) for all alike."""
        offset = weights[f"{side}.position.weight"]
        if self.positions != "sinusoidal":
            return offset
        waves = torch.from_numpy(sinusoids(self.input_shape[0], self.width))
        return offset + waves.to(offset)

    @property
    def code_matrices(self) -> tuple[str, str]:
        return "encoder.code.weight", "decoder.unfold.weight"

    @property
    def ends(self) -> tuple[str, str]:
        return "encoder.embedding.weight", "decoder.embedding.weight"


@lru_cache(maxsize=16)
def sinusoids(steps: int, width: int) -> NDArray[np.float64]:
    """Positions as phases of waves of many lengths: (steps, width).

    Every step of training asks for them. Not to be written to. No tensor, which would
    be that of whatever traces or exports the network when it is first asked for.
    """
    places, columns = np.arange(steps, dtype=float)[:, None], np.arange(width)
    pairs = columns // 2 * 2.0 / width
    return np.sin(places / _LONGEST**pairs + columns % 2 * (math.pi / 2))
