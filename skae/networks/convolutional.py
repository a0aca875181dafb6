"""The convolutional autoencoder network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from skae.networks.beside import BesideNetwork
from skae.networks.codes import Code, PlainCode
from skae.networks.network import Shapes, Weights

STRIDE = 2


class Stage(NamedTuple):
    """A convolution, and the transposed one that undoes its shape; (height, width).

    Attributes
    ----------
    channels : tuple of int
        Into the convolution, and out of it.
    size, reduced : tuple of int
        Of an image before and after it.
    kernel, stride, padding, output_padding : tuple of int
        As torch wants them. The last one is what the transposed convolution adds, for
        an even size and the odd one before it are reduced to the same.
    """

    channels: tuple[int, int]
    size: tuple[int, int]
    reduced: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    output_padding: tuple[int, int]

    @classmethod
    def over(
        cls, size: tuple[int, int], kernel_size: int, into: int, out: int
    ) -> Stage:
        """Halve an image of this `size`; an axis of length 1 is left as it is."""
        axes = [_axis(n, kernel_size) for n in size]
        return cls((into, out), size, *zip(*axes, strict=True))

    def down(self, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve: (batch, channels[0], *size) to (batch, channels[1], *reduced)."""
        return F.conv2d(h, weight, bias, self.stride, self.padding)

    def up(self, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply the adjoint of `down` with the same weight, and add a bias."""
        return F.conv_transpose2d(
            h, weight, bias, self.stride, self.padding, self.output_padding
        )


def _axis(n: int, kernel_size: int) -> tuple[int, int, int, int, int]:
    """Reduced size, kernel, stride, padding and output padding of an axis."""
    if n == 1:
        return 1, 1, 1, 0, 0
    padding = kernel_size // 2
    reduced, left = divmod(n + 2 * padding - kernel_size, STRIDE)
    return reduced + 1, kernel_size, STRIDE, padding, left


def _channels_last(images: Tensor) -> Tensor:
    """Images in the layout for which transposed convolutions are fastest by far."""
    return images.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class ConvolutionalNetwork(BesideNetwork):
    """Strided convolutions down to a dense code, and their mirror image back.

    Every layer halves height and width, and a matrix leads from what is left to the
    code. On the way back, transposed convolutions undo the shapes layer by layer, so
    that any size comes out as it went in. The linear path is that of the pixels.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, height and width of an image.
    n_components : int
        Size of the code.
    channels : tuple of int
        Channels of the encoder's layers, at least one.
    kernel_size : int
        Height and width of a kernel.
    activation : str
        Name of the activation of the hidden layers.
    code : Code
        What stands between encoder and decoder.
    linear_path : bool
        Whether a linear path is wanted. A code that is not linear leaves no place
        for it.
    """

    input_shape: tuple[int, int, int]
    n_components: int
    channels: tuple[int, ...] = (16, 32)
    kernel_size: int = 3
    activation: str = "gelu"
    code: Code = field(default_factory=PlainCode)
    linear_path: bool = True

    @property
    def n_features(self) -> int:  # type: ignore[override]
        return math.prod(self.input_shape)

    def _sizes(self) -> tuple[int, ...]:
        return *self.input_shape, *self.channels, self.kernel_size, len(self.channels)

    @property
    def stages(self) -> list[Stage]:
        """The layers, from the image down."""
        into, *size = self.input_shape
        stages = list[Stage]()
        for out in self.channels:
            stages.append(Stage.over((size[0], size[1]), self.kernel_size, into, out))
            into, size = out, list(stages[-1].reduced)
        return stages

    @property
    def widest(self) -> int:
        layers = (s.channels[1] * math.prod(s.reduced) for s in self.stages)
        return max(self.n_features, *layers)

    def operations(self) -> list[float]:
        sides = [2.0 * math.prod(s) for s in self._code_shapes().values()]
        for stage in self.stages:
            taps = math.prod((*stage.channels, *stage.kernel, *stage.reduced))
            sides += [2.0 * taps, 2.0 * taps]
        return sides

    def correction_shapes(self) -> tuple[Shapes, Shapes]:
        kernels: Shapes = {
            f"encoder.{i}.weight": (*stage.channels[::-1], *stage.kernel)
            for i, stage in enumerate(self.stages)
        }
        mirrored = {n.replace("encoder", "decoder"): s for n, s in kernels.items()}
        into, out = self._code_shapes().items()
        biases: Shapes = {
            f"encoder.{i}.bias": (stage.channels[1],)
            for i, stage in enumerate(self.stages)
        }
        biases |= {
            f"decoder.{i}.bias": (stage.channels[0],)
            for i, stage in enumerate(self.stages)
            if i > 0
        }
        biases[f"decoder.{len(self.stages)}.bias"] = (out[1][1],)
        return kernels | dict([into]) | mirrored | dict([out]), biases

    def _code_shapes(self) -> Shapes:
        """Shapes of the matrices into the code and out of it."""
        last = self.stages[-1]
        n, m = last.channels[1] * math.prod(last.reduced), len(self.channels)
        return {
            f"encoder.{m}.weight": (self.n_parameters, n),
            f"decoder.{m}.weight": (self.n_components, n),
        }

    def fan(self, name: str) -> tuple[float, float]:
        shape = self.weight_shapes()[name]
        if len(shape) == 2:
            return super().fan(name)
        side, i, _ = name.split(".")
        stage = self.stages[int(i)]
        taps = float(math.prod(stage.kernel))
        many, few = shape[1] * taps, shape[0] * taps / math.prod(stage.stride)
        return (many, few) if side == "encoder" else (few, many)

    def correct_code(
        self, weights: Weights, x: Tensor
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        h = _channels_last(x.view(-1, *self.input_shape))
        pre, hidden = list[Tensor](), list[Tensor]()
        for i, stage in enumerate(self.stages):
            h = stage.down(
                h, weights[f"encoder.{i}.weight"], weights[f"encoder.{i}.bias"]
            )
            pre.append(h)
            h = self._activate(h, is_first=i == 0)
            hidden.append(h)
        return pre, hidden, h.flatten(1) @ weights[self.code_matrices[0]].t()

    def correct_output(self, weights: Weights, z: Tensor) -> Tensor:
        stages, first = self.stages, self.code_matrices[1]
        m, last = len(stages), stages[-1]
        h = torch.addmm(weights[f"decoder.{m}.bias"], z, weights[first])
        h = self._activate(h, is_first=True)
        h = _channels_last(h.view(-1, last.channels[1], *last.reduced))
        for i in range(m - 1, -1, -1):
            bias = weights[f"decoder.{i}.bias"] if i else None
            h = stages[i].up(h, weights[f"decoder.{i}.weight"], bias)
            h = self._activate(h, is_first=False) if i else h
        return h.flatten(1)

    @property
    def code_matrices(self) -> tuple[str, str]:
        m = len(self.channels)
        return f"encoder.{m}.weight", f"decoder.{m}.weight"

    @property
    def ends(self) -> tuple[str, str]:
        return "encoder.0.weight", "decoder.0.weight"
