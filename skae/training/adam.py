"""Adam on flat tensors (Kingma and Ba 2015), as one fused call a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.training.flat import Elsewhere, gather, span

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

Update = Callable[[Tensor | float], None]
"""``update(learning_rate)`` takes one step; a rate that changes within a recorded step
is a tensor."""


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

    @classmethod
    def saved(
        cls, first: NDArray[Any], second: NDArray[Any], n_steps: float, like: Tensor
    ) -> Moments:
        """Those that arrays have kept, for a parameter `like` this one."""
        return cls(
            torch.from_numpy(first).to(like, copy=True),
            torch.from_numpy(second).to(like, copy=True),
            torch.tensor(n_steps, dtype=torch.float32, device=like.device),
        )


def fused_adam(
    parameter: Tensor,
    gradient: Tensor,
    moments: Moments | None = None,
    elsewhere: Elsewhere | None = None,
) -> Update:
    """Adam for a flat parameter, which is updated in place from its flat gradient.

    So are the `moments`; None: they start at zero. What stands `elsewhere` takes the
    place of what is at that address of the gradient, and is taken away.

    torch's fused kernel is called directly: beside a small network the bookkeeping of
    `torch.optim.Adam` costs more than the step. Where this torch has no such kernel,
    `torch.optim.Adam` itself does the work.
    """
    kernel = getattr(torch, "_fused_adam_", None)
    moments = Moments.zero(parameter) if moments is None else moments
    make = _public if kernel is None else _direct
    return make(parameter, gradient, moments, {} if elsewhere is None else elsewhere)


def _direct(
    parameter: Tensor, gradient: Tensor, moments: Moments, elsewhere: Elsewhere
) -> Update:
    n_steps = moments.n_steps
    one = torch.ones_like(n_steps)  # a number would be made one at every step
    places: list[int] = []
    flats = parameter, gradient, moments.first, moments.second
    pieces = [[flat] for flat in (*flats, n_steps)]

    def update(learning_rate: Tensor | float) -> None:
        if (elsewhere or places) and places != [*elsewhere]:
            places[:] = elsewhere
            spans = [span(gradient, *place) for place in elsewhere.items()]
            pieces[:] = [_cut(flat, spans) for flat in flats]
            pieces.append([n_steps] * len(pieces[0]))
        parameters, gradients, first, second, steps = pieces
        if elsewhere:
            given = [tensor.view(-1) for tensor in elsewhere.values()]
            gradients = given + gradients[len(given) :]
        n_steps.add_(one)
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
        elsewhere.clear()

    return update


def _cut(flat: Tensor, spans: Sequence[slice]) -> list[Tensor]:
    """Parts of a flat tensor: these spans, and then all that lies between them."""
    inner = sorted((one.start, one.stop) for one in spans)
    bounds = [0, *chain(*inner), flat.numel()]
    between = map(slice, bounds[::2], bounds[1::2])
    return [flat[part] for part in (*spans, *between) if part.start < part.stop]


def _public(
    parameter: Tensor, gradient: Tensor, moments: Moments, elsewhere: Elsewhere
) -> Update:
    leaf = parameter.detach().requires_grad_()
    leaf.grad = gradient
    optimiser = torch.optim.Adam([leaf], betas=(BETA1, BETA2), eps=EPSILON, fused=True)
    optimiser.state[leaf] = {
        "step": moments.n_steps,
        "exp_avg": moments.first,
        "exp_avg_sq": moments.second,
    }

    def update(learning_rate: Tensor | float) -> None:
        gather(gradient, elsewhere)
        optimiser.param_groups[0]["lr"] = learning_rate
        optimiser.step()

    return update
