"""Adam on flat tensors (Kingma and Ba 2015), as one fused call a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

Update = Callable[[float], None]
"""``update(learning_rate)`` takes one step."""


class Moments(NamedTuple):
    """What Adam remembers.

    Attributes
    ----------
    first, second : Tensor of the parameter's shape
        Running means of the gradient, and of its square.
    n_steps : Tensor of shape ()
        Steps taken.
    """

    first: Tensor
    second: Tensor
    n_steps: Tensor

    @classmethod
    def zero(cls, parameter: Tensor) -> Moments:
        """Those of a parameter that has not moved yet."""
        n_steps = torch.zeros((), dtype=torch.float32, device=parameter.device)
        return cls(torch.zeros_like(parameter), torch.zeros_like(parameter), n_steps)


def adam(parameter: Tensor, gradient: Tensor) -> Update:
    """Adam for a flat parameter, which is updated in place from its flat gradient."""
    return adam_of_parts([parameter], [gradient], [Moments.zero(parameter)])


def adam_of_parts(
    parameters: list[Tensor], gradients: list[Tensor], moments: list[Moments]
) -> Update:
    """Adam for several flat tensors at once, which may share their count of steps.

    The means in `moments` are updated in place too.

    torch's fused kernel is called directly: beside a small network the bookkeeping of
    `torch.optim.Adam` costs more than the step. Where this torch has no such kernel,
    `torch.optim.Adam` itself does the work.
    """
    kernel = getattr(torch, "_fused_adam_", None)
    return (_public if kernel is None else _direct)(parameters, gradients, moments)


def _direct(
    parameters: list[Tensor], gradients: list[Tensor], moments: list[Moments]
) -> Update:
    first, second, steps = (list(kind) for kind in zip(*moments, strict=True))
    counters = list({id(n_steps): n_steps for n_steps in steps}.values())

    def update(learning_rate: float) -> None:
        for n_steps in counters:
            n_steps.add_(1)
        torch._fused_adam_(
            parameters,
            gradients,
            first,
            second,
            [],
            steps,
            lr=learning_rate,
            beta1=BETA1,
            beta2=BETA2,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    return update


def _public(
    parameters: list[Tensor], gradients: list[Tensor], moments: list[Moments]
) -> Update:
    leaves = [parameter.detach().requires_grad_() for parameter in parameters]
    optimiser = torch.optim.Adam(leaves, betas=(BETA1, BETA2), eps=EPSILON, fused=True)
    for leaf, gradient, moment in zip(leaves, gradients, moments, strict=True):
        leaf.grad = gradient
        optimiser.state[leaf] = {
            "step": moment.n_steps.clone(),  # it counts for each part anew
            "exp_avg": moment.first,
            "exp_avg_sq": moment.second,
        }

    def update(learning_rate: float) -> None:
        optimiser.param_groups[0]["lr"] = learning_rate
        optimiser.step()

    return update
