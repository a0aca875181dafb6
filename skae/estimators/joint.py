"""Objectives of several networks of one shape, as one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch

from skae.estimators.objective import Objective, code_port
from skae.training import HandwrittenStep


@dataclass(frozen=True)
class JointTask:
    """A fit's objective, and all that it must share with others to be trained with.

    Attributes
    ----------
    objective : Objective
        Of which all but the weight of the penalty and the corruption must be the same.
    batches : ShuffledBatches
        Of which the sizes must be.
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
    batches: object
    parameters: object
    generator: torch.Generator
    ramp: Callable
    held_out: torch.Tensor | None

    @property
    def flops(self):
        """Operations of a step: three times those of a pass forward."""
        return 3.0 * max(self.batches.sizes) * sum(self.objective.network.operations())

    @property
    def key(self) -> Hashable:
        """What is equal for tasks of one kin."""
        objective, flat = self.objective, self.parameters.flat
        penalty = objective.penalty and objective.penalty.unweighted
        return (
            objective.network,
            objective.likelihood,
            penalty,
            tuple(self.batches.sizes),
            None if self.held_out is None else len(self.held_out),
            flat.dtype,
            flat.device,
        )

    def step(self, kin, parameters, gradients):
        """Step of the networks of all `kin`, the first axis of everything."""
        objectives, generators = (
            [getattr(task, name) for task in kin] for name in ("objective", "generator")
        )
        port = None
        if self.objective.penalty is not None:
            port = _penalise(kin, parameters, gradients)
        return HandwrittenStep(
            parameters,
            gradients,
            self.objective.workspace(parameters, gradients, generators),
            self.objective.likelihood.loss_gradient,
            _pairing(objectives, generators),
            port,
        )

    def validation(self, kin, parameters, gradients):
        """``validate()``: losses of all `kin` on their rows held out, in one go.

        None where the objective is more than the mean loss, or the rows are too many
        for one array.
        """
        objective, rows = self.objective, self.held_out
        plain = all(t.objective.is_plain and t.objective.is_clean for t in kin)
        if rows is None or not plain or len(kin) * rows.numel() > _MOST_ENTRIES:
            return None
        target = torch.stack([task.held_out for task in kin])
        seen = objective.likelihood.features(target)
        generators = [task.generator for task in kin]
        work = objective.workspace(parameters, gradients, generators)(len(rows))

        def validate():
            work.forward(seen)
            losses = objective.likelihood.loss(work.output, target)
            return (losses.sum((1, 2), dtype=torch.float64) / rows.numel()).tolist()

        return validate


_MOST_ENTRIES = 2**26


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


def _penalise(kin, parameters, gradients):
    """Port at the code for penalties that differ in their weights alone."""
    penalty = kin[0].objective.penalty.unweighted
    weights = parameters.flat.new_tensor([t.objective.penalty.alpha for t in kin])

    def weight(loss):
        shares = weights.new_tensor([task.ramp() for task in kin])
        return penalty.factor(loss) * weights * shares

    network = kin[0].objective.network
    port = code_port(network, penalty, parameters, gradients, weight)
    return lambda code, gradient, loss: port(code, gradient, loss) * weights
