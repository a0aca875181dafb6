"""Where a gradient comes from: by hand, or from autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from skae.training.checkpoints import Remembers
from skae.training.flat import FlatTensors

Pair = Callable[[Tensor], tuple[Tensor, Tensor]]
"""``pair(batch)``: what the network sees of a batch, and what it is to give back."""

OutputPort = Callable[[Tensor, Tensor, Tensor, float], Tensor]
"""``port(output, target, out, weight)``: `weight` times the sum of the losses; the
gradient of that goes to `out`."""

CodePort = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``port(code, gradient, loss)``: the penalty on a code, a row a unit; its gradient is
added to `gradient`, and to that of the decoder where it depends on it."""

SidePort = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor | None]
"""``port(x, target, output, loss)``: another term of the objective, or None for one
that is not told; its gradient is added to the parameters'."""

Loss = Callable[
    [Mapping[str, Tensor], Tensor, Tensor], tuple[Tensor, Tensor, Tensor | None]
]
"""``loss(weights, x, target)``: what is differentiated, the mean loss, the penalty."""

Memory = Mapping[str, Remembers]
"""What a step takes along to the next one, by name."""

NOTHING: Memory = MappingProxyType({})

Told = tuple[Tensor, Tensor | None]
"""The mean loss of a batch, and the penalty on it, if there is one."""


class Decay(Protocol):
    """A penalty on the flat weights: `alpha` / 2 times their squares."""

    @property
    def alpha(self) -> float: ...

    def value(self, weights: Tensor) -> Tensor: ...

    def add_gradient(self, weights: Tensor, gradient: Tensor) -> None: ...


class Workspace(Protocol):
    """Arrays of a hand-written step for one batch size."""

    @property
    def output(self) -> Tensor: ...

    @property
    def output_gradient(self) -> Tensor: ...

    @property
    def code(self) -> Tensor: ...

    @property
    def code_gradient(self) -> Tensor: ...

    def forward(self, x: Tensor) -> None: ...

    def backward_to_code(self) -> None: ...

    def backward_to_input(self, x: Tensor) -> None: ...


class Step(Protocol):
    """Gradient of the objective on a batch, written into `gradients`."""

    parameters: FlatTensors
    gradients: FlatTensors
    memory: Memory

    def __call__(self, batch: Tensor) -> Told: ...


def same(batch: Tensor) -> tuple[Tensor, Tensor]:
    """What goes in is what is to come out."""
    return batch, batch


class HandwrittenStep:
    """A step whose network brings its own forward and backward.

    Several networks can take it together: batches, losses and penalties then have a
    first axis for them.

    Parameters
    ----------
    parameters, gradients : FlatTensors
        The parameters, and where the gradient goes.
    workspace : callable
        ``workspace(batch_size)`` allocates the arrays of a step; called once a size.
    port : callable
        The likelihood at the output.
    pair : callable
        What goes in and what is to come out.
    code_port : callable or None
        A penalty at the code.
    side_port : callable or None
        A term of the objective that meets the network elsewhere.
    memory : mapping of str to Remembers
        What the ports take along to the next step.
    """

    def __init__(
        self,
        parameters: FlatTensors,
        gradients: FlatTensors,
        workspace: Callable[[int], Workspace],
        port: OutputPort,
        pair: Pair = same,
        code_port: CodePort | None = None,
        side_port: SidePort | None = None,
        memory: Memory = NOTHING,
    ) -> None:
        self.parameters, self.gradients, self.memory = parameters, gradients, memory
        self._allocate, self._port, self._pair = workspace, port, pair
        self._code_port, self._side_port = code_port, side_port
        self._workspaces: dict[int, Workspace] = {}

    def __call__(self, batch: Tensor) -> Told:
        size = batch.shape[-2]
        if size not in self._workspaces:
            self._workspaces[size] = self._allocate(size)
        work, penalty = self._workspaces[size], None
        x, target = self._pair(batch)
        work.forward(x)
        n_entries = target.shape[-2] * target.shape[-1]
        loss = self._port(work.output, target, work.output_gradient, 1.0 / n_entries)
        work.backward_to_code()
        if self._code_port is not None:
            penalty = self._code_port(work.code, work.code_gradient, loss)
        work.backward_to_input(x)
        if self._side_port is not None:
            beside = self._side_port(x, target, work.output, loss)
            penalty = penalty if beside is None else beside
        return loss, penalty


class AutogradStep:
    """A step for any network at all: torch differentiates its objective.

    Parameters
    ----------
    parameters, gradients : FlatTensors
        The parameters, and where the gradient goes.
    loss : callable
        The objective on a batch under given weights.
    pair : callable
        What goes in and what is to come out.
    memory : mapping of str to Remembers
        What the objective takes along to the next step.
    """

    def __init__(
        self,
        parameters: FlatTensors,
        gradients: FlatTensors,
        loss: Loss,
        pair: Pair = same,
        memory: Memory = NOTHING,
    ) -> None:
        self.parameters, self.gradients, self.memory = parameters, gradients, memory
        self._loss, self._pair = loss, pair
        self._leaves = leaves(parameters)

    def __call__(self, batch: Tensor) -> Told:
        x, target = self._pair(batch)
        with torch.enable_grad():
            objective, loss, penalty = self._loss(self._leaves, x, target)
            gradients = torch.autograd.grad(objective, list(self._leaves.values()))
        for view, gradient in zip(
            self.gradients.views.values(), gradients, strict=True
        ):
            view.copy_(gradient)
        return loss.detach(), None if penalty is None else penalty.detach()


def leaves(parameters: FlatTensors) -> dict[str, Tensor]:
    """The parameters as the leaves of a graph, on the same memory."""
    return {
        name: view.detach().requires_grad_() for name, view in parameters.views.items()
    }


class AutogradTerm:
    """A term of the objective that torch differentiates, beside a hand-written step.

    Parameters
    ----------
    parameters, gradients : FlatTensors
        The parameters, and what the gradient is added to.
    term : callable
        ``term(weights, x, target, output)`` is differentiable, or None where there is
        nothing to differentiate.
    """

    def __init__(
        self,
        parameters: FlatTensors,
        gradients: FlatTensors,
        term: Callable[..., Tensor | None],
    ) -> None:
        self._gradients, self._term = gradients, term
        self._leaves = leaves(parameters)

    def __call__(
        self, x: Tensor, target: Tensor, output: Tensor, factor: Tensor | float
    ) -> Tensor | None:
        """Add `factor` times the gradient of the term, and return the term."""
        weights = list(self._leaves.values())
        with torch.enable_grad():
            term = self._term(self._leaves, x, target, output)
            if term is None:
                return None
            gradients = torch.autograd.grad(term, weights, allow_unused=True)
        self._gradients.gather()
        for view, gradient in zip(
            self._gradients.views.values(), gradients, strict=True
        ):
            if gradient is not None:
                view.add_(gradient * factor)
        return term.detach()
