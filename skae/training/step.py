"""Where a gradient comes from: by hand, or from autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from skae.training.flat import FlatTensors

OutputPort = Callable[[Tensor, Tensor, Tensor, float], Tensor]
"""``port(output, target, out, weight)``: `weight` times the sum of the losses; the
gradient of that goes to `out`."""

Loss = Callable[[Mapping[str, Tensor], Tensor], Tensor]
"""``loss(weights, batch)``: the mean loss, differentiable."""


class Decay(Protocol):
    """A penalty on the flat weights."""

    def value(self, weights: Tensor) -> Tensor: ...

    def add_gradient(self, weights: Tensor, gradient: Tensor) -> None: ...


class Workspace(Protocol):
    """Arrays of a hand-written step for one batch size."""

    @property
    def output(self) -> Tensor: ...

    @property
    def output_gradient(self) -> Tensor: ...

    def forward(self, x: Tensor) -> None: ...

    def backward(self, x: Tensor) -> None: ...


class Step(Protocol):
    """Gradient of the mean loss of a batch, written into `gradients.flat`."""

    parameters: FlatTensors
    gradients: FlatTensors

    def __call__(self, batch: Tensor) -> Tensor: ...


class HandwrittenStep:
    """A step whose network brings its own forward and backward.

    Parameters
    ----------
    parameters, gradients : FlatTensors
        The parameters, and where the gradient goes.
    workspace : callable
        ``workspace(batch_size)`` allocates the arrays of a step; called once a size.
    port : callable
        The likelihood at the output.
    """

    def __init__(
        self,
        parameters: FlatTensors,
        gradients: FlatTensors,
        workspace: Callable[[int], Workspace],
        port: OutputPort,
    ) -> None:
        self.parameters, self.gradients = parameters, gradients
        self._allocate, self._port = workspace, port
        self._workspaces: dict[int, Workspace] = {}

    def __call__(self, batch: Tensor) -> Tensor:
        size = batch.shape[0]
        if size not in self._workspaces:
            self._workspaces[size] = self._allocate(size)
        work = self._workspaces[size]
        work.forward(batch)
        weight = 1.0 / batch.numel()
        loss = self._port(work.output, batch, work.output_gradient, weight)
        work.backward(batch)
        return loss


class AutogradStep:
    """A step for any network at all: torch differentiates its mean loss.

    Parameters
    ----------
    parameters, gradients : FlatTensors
        The parameters, and where the gradient goes.
    loss : callable
        Mean loss of a batch under given weights.
    """

    def __init__(
        self, parameters: FlatTensors, gradients: FlatTensors, loss: Loss
    ) -> None:
        self.parameters, self.gradients = parameters, gradients
        self._loss = loss
        self._leaves = {
            name: view.detach().requires_grad_()
            for name, view in parameters.views.items()
        }

    def __call__(self, batch: Tensor) -> Tensor:
        with torch.enable_grad():
            loss = self._loss(self._leaves, batch)
            gradients = torch.autograd.grad(loss, list(self._leaves.values()))
        for view, gradient in zip(
            self.gradients.views.values(), gradients, strict=True
        ):
            view.copy_(gradient)
        return loss.detach()
