"""All parameters of a network in one flat tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]

Elsewhere = dict[int, Tensor]
"""Parts of a flat tensor that are not there, by the addresses of their places."""

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
    elsewhere : dict of int to Tensor, or None
        Of gradients: what a step has left where it was computed, until someone takes
        it from there. None: everything is in `flat`.
    """

    def __init__(
        self, shapes: Shapes, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        offsets, end = self._lay_out(shapes, dtype.itemsize)
        self.flat = torch.zeros(end, dtype=dtype, device=device)
        self.views = {
            name: self.flat[offsets[name] :][: prod(shape)].view(shape)
            for name, shape in shapes.items()
        }
        self.elsewhere: Elsewhere | None = None
        self._offsets = offsets

    @staticmethod
    def _lay_out(shapes: Shapes, itemsize: int) -> tuple[dict[str, int], int]:
        """Where each tensor begins, and where all of them end."""
        step = _ALIGNMENT // itemsize
        offsets, end = dict[str, int](), 0
        for name, shape in shapes.items():
            offsets[name] = end
            end += -(-prod(shape) // step) * step
        return offsets, end

    @classmethod
    def length(cls, shapes: Shapes, itemsize: int) -> int:
        """Entries that `flat` has for tensors of such shapes and bytes an entry."""
        return cls._lay_out(shapes, itemsize)[1]

    def end(self, name: str) -> int:
        """Where the tensor `name` ends in `flat`."""
        return self._offsets[name] + self.views[name].numel()

    def gather(self) -> None:
        """Copy to `flat` what is elsewhere."""
        if self.elsewhere:
            gather(self.flat, self.elsewhere)

    def numpy(self) -> dict[str, NDArray[np.floating]]:
        """Copies of the tensors as arrays."""
        return {name: view.cpu().numpy().copy() for name, view in self.views.items()}

    def zeros(self, n_networks: int | None = None) -> FlatTensors:
        """Zeros of the same shapes, or for so many networks: their first axis."""
        networks = () if n_networks is None else (n_networks,)
        shapes = {n: (*networks, *view.shape) for n, view in self.views.items()}
        return FlatTensors(shapes, dtype=self.flat.dtype, device=self.flat.device)

    @classmethod
    def stack(cls, networks: Sequence[FlatTensors]) -> FlatTensors:
        """Copies of the tensors of several networks, side by side."""
        whole = networks[0].zeros(len(networks))
        for name, view in whole.views.items():
            torch.stack([network.views[name] for network in networks], out=view)
        return whole

    def take(self, networks: Sequence[int]) -> FlatTensors:
        """Copies of the tensors of some of the networks that stand side by side."""
        shapes = {n: (len(networks), *v.shape[1:]) for n, v in self.views.items()}
        some = FlatTensors(shapes, dtype=self.flat.dtype, device=self.flat.device)
        for name, view in some.views.items():
            view.copy_(self.views[name][list(networks)])
        return some

    def part(self, networks: slice) -> FlatTensors:
        """Some neighbours of the networks side by side; `flat` is still that of all."""
        some = copy(self)
        some.views = {name: view[networks] for name, view in self.views.items()}
        return some

    def copier(self, network: int, out: FlatTensors) -> Callable[[], None]:
        """A call that copies one of the networks side by side to `out`."""
        pairs = [(view, self.views[name][network]) for name, view in out.views.items()]

        def copy_all() -> None:
            for view, current in pairs:
                view.copy_(current)

        return copy_all


def span(flat: Tensor, address: int, part: Tensor) -> slice:
    """Where a part of `flat` belongs that has its place at this address."""
    start = (address - flat.data_ptr()) // flat.element_size()
    return slice(start, start + part.numel())


def gather(flat: Tensor, elsewhere: Elsewhere) -> None:
    """Copy to `flat` what is elsewhere, where it is no longer then."""
    for address, part in elsewhere.items():
        flat[span(flat, address, part)].copy_(part.view(-1))
    elsewhere.clear()
