"""Transformer blocks: tokens look at each other, and change."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from skae.networks.activations import ACTIVATIONS
from skae.networks.network import Shapes, Weights

Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""``attend(q, k, v, mask)``: each (batch, n_heads, steps, width of a head); what the
mask, broadcast to (batch, n_heads, steps, steps), denies is not looked at."""

_WIDER = 2  # the hidden layer of a block, than a token


def fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention without its matrix of weights, which would be quadratic in memory."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def explicit(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """The weights that `fused` never holds: (batch, n_heads, steps, steps)."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1)


def normalise(h: Tensor) -> Tensor:
    """Every token brought to mean 0 and variance 1 (Ba et al. 2016).

    It has no gain of its own: whatever reads a token is a matrix, which has one.
    """
    return F.layer_norm(h, h.shape[-1:])


@dataclass(frozen=True)
class Transformer:
    """Blocks of attention and of a hidden layer, each added to what it has read.

    The tokens are normalised before each part (Xiong et al. 2020), and at the end.

    Parameters
    ----------
    side : str
        First word of the names of its weights.
    width : int
        Of a token.
    n_heads : int
        Heads of an attention; a divisor of `width`.
    n_layers : int
        Blocks.
    activation : str
        Name of the activation of the hidden layers.
    """

    side: str
    width: int
    n_heads: int
    n_layers: int
    activation: str

    @property
    def widest(self) -> int:
        """Entries of the largest array that a token becomes."""
        return max(3, _WIDER) * self.width

    def weight_shapes(self) -> Shapes:
        """Shapes of the matrices, by name, all (out, into)."""
        w = self.width
        block: Shapes = {
            "attention": (3 * w, w),
            "mix": (w, w),
            "hidden": (_WIDER * w, w),
            "back": (w, _WIDER * w),
        }
        return self._named(block, "weight")

    def bias_shapes(self) -> Shapes:
        """Shapes of the biases, by name."""
        w = self.width
        block: Shapes = {"attention": (3 * w,), "hidden": (_WIDER * w,), "back": (w,)}
        return self._named(block, "bias")

    def _named(self, block: Shapes, kind: str) -> Shapes:
        return {
            f"{self.side}.{i}.{part}.{kind}": shape
            for i in range(self.n_layers)
            for part, shape in block.items()
        }

    def operations(self, steps: int) -> list[float]:
        """Operations of each matrix product, for `steps` tokens."""
        products = [2.0 * steps * math.prod(s) for s in self.weight_shapes().values()]
        return products + [2.0 * steps**2 * self.width] * (2 * self.n_layers)

    def __call__(
        self,
        weights: Weights,
        h: Tensor,
        mask: Tensor | None = None,
        attend: Attend = fused,
    ) -> Tensor:
        """Tokens (batch, steps, width) after all blocks, normalised."""
        for i in range(self.n_layers):
            named = f"{self.side}.{i}"
            h = h + self._attention(weights, named, normalise(h), mask, attend)
            h = h + self._hidden(weights, named, normalise(h))
        return normalise(h)

    def _attention(
        self,
        weights: Weights,
        named: str,
        h: Tensor,
        mask: Tensor | None,
        attend: Attend,
    ) -> Tensor:
        n, steps, width = h.shape
        both = weights[f"{named}.attention.weight"], weights[f"{named}.attention.bias"]
        heads = F.linear(h, *both).view(n, steps, 3, self.n_heads, -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        seen = attend(q, k, v, mask).transpose(1, 2).reshape(n, steps, width)
        return F.linear(seen, weights[f"{named}.mix.weight"])

    def _hidden(self, weights: Weights, named: str, h: Tensor) -> Tensor:
        both = weights[f"{named}.hidden.weight"], weights[f"{named}.hidden.bias"]
        h = ACTIVATIONS[self.activation].value(F.linear(h, *both))
        both = weights[f"{named}.back.weight"], weights[f"{named}.back.bias"]
        return F.linear(h, *both)
