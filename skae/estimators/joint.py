"""Objectives of several networks of one shape, as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from skae.data import BatchesSideBySide, ShuffledBatches
from skae.estimators import folds
from skae.estimators.code_port import code_port, reader_norms
from skae.estimators.objective import Objective, sum_of_losses
from skae.estimators.settings import choose_device, rows_of_a_batch
from skae.training import HandwrittenStep, uses_bfloat16

_MOST_ENTRIES = 2**26
"""Of the rows that networks are validated on, side by side: 256 MiB of float32."""


@dataclass(frozen=True)
class JointTask:
    """A fit's objective, and all that it must share with others to be trained with.

    Attributes
    ----------
    objective : Objective
        Of which all but the weight of the penalty and the corruption must be the same.
    batches : ShuffledBatches
        Of which the number must be, and the size of the first.
    parameters : FlatTensors
        The network's.
    generator : torch.Generator
        Source of the noise in its steps.
    ramp : callable
        Share of the penalty's weight that counts in each step.
    held_out : Tensor or None
        Rows that it is validated on.
    """

    objective: Objective
    batches: ShuffledBatches
    parameters: object
    generator: torch.Generator
    ramp: Callable
    held_out: torch.Tensor | None

    def constraint(self, parameters):
        """What brings the weights of all back to where they must be, or None."""
        return self.objective.constraint(parameters)

    @property
    def n_rows(self):
        """Rows of an epoch."""
        return len(self.batches.rows)

    @property
    def flops(self):
        """Operations of a step: three times those of a pass forward."""
        return 3.0 * self.batches.sizes[0] * sum(self.objective.network.operations())

    @property
    def key(self) -> Hashable:
        """What is equal for tasks that can be trained together."""
        flat = self.parameters.flat
        return (
            self.objective.form,
            self.batches.n_batches,
            self.batches.sizes[0],
            None if self.held_out is None else len(self.held_out),
            flat.dtype,
            flat.device,
        )

    def side_by_side(self, tasks):
        """Batches of all `tasks`, side by side."""
        return BatchesSideBySide([task.batches for task in tasks])

    def step(self, tasks, parameters, gradients):
        """Step of the networks of all `tasks`, the first axis of everything."""
        objectives = [task.objective for task in tasks]
        generators = [task.generator for task in tasks]
        port = None
        if self.objective.penalty is not None:
            port = _penalise(tasks, parameters, gradients)
        return HandwrittenStep(
            parameters,
            gradients,
            self.objective.workspace(parameters, gradients, generators),
            self.objective.likelihood.loss_gradient,
            _pairing(objectives, generators),
            port,
        )

    def validation(self, tasks, parameters, gradients):
        """``validate()``: losses of all `tasks` on their rows held out, in one go.

        None where the objective is more than the mean loss, or the rows are too many
        for one array.
        """
        objective, rows = self.objective, self.held_out
        plain = all(t.objective.is_plain and t.objective.is_clean for t in tasks)
        if rows is None or not plain or len(tasks) * rows.numel() > _MOST_ENTRIES:
            return None
        target = torch.stack([task.held_out for task in tasks])
        seen = objective.likelihood.features(target)
        generators = [task.generator for task in tasks]
        work = objective.workspace(parameters, gradients, generators)(len(rows))

        def validate():
            work.forward(seen)
            losses = objective.likelihood.loss(work.output, target)
            return (sum_of_losses(losses) / rows.numel()).tolist()

        return validate


class JointCost(NamedTuple):
    """What a fit costs whose steps can be taken for many fits at once.

    Attributes
    ----------
    step : float
        Operations of a step of one network.
    fit : float
        Operations of all steps that are planned.
    n_weights : int
        Weights of all networks that are trained at a time.
    device : str
        Kind of device that they are trained on: "cpu", "cuda".
    """

    step: float
    fit: float
    n_weights: int
    device: str = "cpu"


def joint_cost(composition, settings, n_samples, n_epochs):
    """`JointCost` of a fit to so many rows.

    None where a step could not be taken for many: that of autograd, or one in rounded
    products, for which there is a switch of the whole process.
    """
    products = composition.network.operations()
    n_rows = rows_of_a_batch(settings.batch_size, n_samples)
    device = choose_device(settings.device)
    rounds = uses_bfloat16(settings.precision, n_rows * max(products), device)
    if rounds or not composition.is_by_hand:
        return None
    n_weights = sum(map(math.prod, composition.network.shapes().values()))
    n_networks = folds.networks_at_a_time(n_samples)
    of_a_row = 3.0 * sum(products)
    of_all = of_a_row * n_samples * n_epochs * n_networks
    return JointCost(of_a_row * n_rows, of_all, n_weights * n_networks, device.type)


def _pairing(objectives, generators):
    """``pair(batch)``: what each network sees of its rows, and what it is to give."""
    if all(objective.is_clean for objective in objectives):
        features = objectives[0].likelihood.features
        return lambda batch: (features(batch), batch)

    def pair(batch):
        pairs = [
            objective.pair(rows, generator)
            for objective, rows, generator in zip(
                objectives, batch, generators, strict=True
            )
        ]
        return tuple(torch.stack(side) for side in zip(*pairs, strict=True))

    return pair


def _penalise(tasks, parameters, gradients):
    """Port at the code for penalties that differ in their weights alone."""
    penalty = tasks[0].objective.penalty.unweighted
    weights = parameters.flat.new_tensor([t.objective.penalty.alpha for t in tasks])

    def weight(loss):
        shares = weights.new_tensor([task.ramp() for task in tasks])
        return penalty.factor(loss) * weights * shares

    network = tasks[0].objective.network
    port = code_port(network, penalty, parameters, gradients, weight)
    is_verified = False

    def penalise(code, gradient, loss):
        nonlocal is_verified
        penalties = port(code, gradient, loss) * weights
        if not is_verified:
            norms = reader_norms(network, penalty, parameters.views)
            _verify_proportional(tasks, code, norms, penalties)
            is_verified = True
        return penalties

    return penalise


def _verify_proportional(tasks, code, norms, penalties):
    """Refuse penalties that are not what one of weight 1 makes them."""
    for i, task in enumerate(tasks):
        penalty, out = task.objective.penalty, torch.empty_like(code[i])
        own = penalty.gradient(code[i], None if norms is None else norms[i], out)[0]
        if not torch.isclose(own, penalties[i], rtol=1e-3, equal_nan=True):
            raise ValueError(
                f"{type(penalty).__name__} is not proportional to its alpha: with "
                f"alpha={penalty.alpha} it is {float(own):.3g}, and {penalty.alpha} "
                f"times what it is with alpha=1 is {float(penalties[i]):.3g}. Mend it, "
                "or search with train_together=False."
            )
