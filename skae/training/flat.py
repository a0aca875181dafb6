"""All parameters of a network in one flat tensor."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray

Shapes = Mapping[str, tuple[int, ...]]

_ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


class FlatTensors:
    """Named tensors as aligned views into one flat tensor.

    Optimiser, snapshot and penalty then are one call each, whatever the network.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        The tensors, in order.
    dtype, device
        As for every tensor.

    Attributes
    ----------
    flat : Tensor of shape (n,)
        Everything; the gaps that align the views hold zeros.
    views : dict of str to Tensor
        The tensors.
    """

    def __init__(
        self, shapes: Shapes, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        step = _ALIGNMENT // dtype.itemsize
        offsets, end = {}, 0
        for name, shape in shapes.items():
            offsets[name] = end
            end += -(-prod(shape) // step) * step
        self.flat = torch.zeros(end, dtype=dtype, device=device)
        self.views = {
            name: self.flat[offsets[name] :][: prod(shape)].view(shape)
            for name, shape in shapes.items()
        }
        self._offsets = offsets

    def end(self, name: str) -> int:
        """Where the tensor `name` ends in `flat`."""
        return self._offsets[name] + self.views[name].numel()

    def numpy(self) -> dict[str, NDArray[np.floating]]:
        """Copies of the tensors as arrays."""
        return {name: view.cpu().numpy().copy() for name, view in self.views.items()}
