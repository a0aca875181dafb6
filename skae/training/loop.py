"""The loop: epochs of steps, watched, stopped, and the best of them kept."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from skae.training.adam import Update, adam
from skae.training.schedule import Schedule
from skae.training.step import Decay, Step

_DIVERGED = 1e3
"""Times the loss at the start, or one if that is more: a fit that is past saving."""


_CERTAIN = 1.0 - 1e-3
"""Share of a loss known but for rounding, below which another is lower for certain."""


@dataclass(frozen=True)
class Plan:
    """How long to train, how fast, and when to give up.

    Attributes
    ----------
    max_epochs : int
        Passes over the data; 0 keeps the start.
    schedule : callable
        Learning rate of every step.
    tol : float
        Relative improvement of the monitored loss that counts as one.
    patience : float
        Epochs without such an improvement after which training stops.
    warm_up : int
        Epochs, the first ones, that count for no patience: what is trained is not yet
        what is monitored.
    evaluates_start : bool
        Whether the loss of the start is evaluated in full, and not told by the first
        batch: where X has not set the units, one row may outweigh all others.
    keeps_interrupted : bool
        Whether an interrupt after the first epoch ends training with a warning; else
        it is raised.
    """

    max_epochs: int
    schedule: Schedule
    tol: float
    patience: float
    warm_up: int = 0
    evaluates_start: bool = False
    keeps_interrupted: bool = True


@dataclass
class History:
    """What happened.

    Attributes
    ----------
    loss_curve : list of float
        Mean loss of the batches of each epoch, as they were met.
    validation_curve : list of float
        Loss on the validation set after each epoch.
    start_loss : float
        Loss before the first epoch, on the validation set; without one, that of the
        first batch.
    loss : float
        Loss on all training data under the weights that are kept.
    best_loss : float
        Lowest monitored loss: that of the weights that are kept.
    kept_epoch : int
        The epoch after which these weights stood; 0 is the start.
    stopped_early : bool
        Whether training ended before its last planned epoch.
    interrupted : bool
        Whether the user ended it, in the middle of an epoch.
    """

    loss_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    start_loss: float = math.nan
    loss: float = math.nan
    best_loss: float = math.inf
    kept_epoch: int = 0
    stopped_early: bool = False
    interrupted: bool = False


@dataclass(frozen=True)
class Task:
    """What is trained, and on what.

    Attributes
    ----------
    step : Step
        Writes the gradient of a batch.
    batches : iterable of Tensor
        The batches of an epoch; iterated anew each epoch.
    evaluate : callable
        ``evaluate(limit)`` gives the objective of the present weights on all training
        data, but for the decay, or anything above `limit` once it is certain to be
        above.
    validate : callable or None
        The same on the validation set. None: the training data are monitored.
    measure : callable or None
        Loss on all training data, where the objective is more than that.
    total : callable
        ``total(loss, penalty)``: the objective, of a mean loss and a mean penalty.
    is_on_scale : bool
        Whether the objective is on the scale of the loss, and can tell divergence.
    constrain : callable
        Called after every update, to bring the weights back to where they must be.
    decay : Decay or None
        Penalty on the weights.
    trained, decayed : slice
        The parts of the flat parameter that the steps change, and that the penalty
        acts on.
    start_loss : float
        Loss of the start on all training data, but for rounding; nan where nobody knows
        it without looking.
    """

    step: Step
    batches: Iterable[Tensor]
    evaluate: Callable[[float], float]
    validate: Callable[[], float] | None
    decay: Decay | None
    trained: slice
    decayed: slice
    start_loss: float = math.nan
    measure: Callable[[], float] | None = None
    total: Callable[[float, float], float] = operator.add
    is_on_scale: bool = True
    constrain: Callable[[], object] | None = None

    def decay_value(self) -> float:
        """Penalty on the present weights."""
        if self.decay is None:
            return 0.0
        return float(self.decay.value(self.step.parameters.flat[self.decayed]))

    def objective(self, limit: float = math.inf) -> float:
        """Training objective, or anything above `limit` if it is."""
        decay = self.decay_value()
        return self.evaluate(limit - decay) + decay

    def loss(self, objective: float) -> float:
        """Loss of the present weights on the training data, of this objective."""
        if self.measure is not None:
            return self.measure()
        return objective - self.decay_value()


class Keeper:
    """The best weights so far.

    They are written to a spare tensor first: an interrupt finds them whole.
    """

    def __init__(self, flat: Tensor) -> None:
        self._flat = flat
        self._kept, self._spare = flat.clone(), flat.clone()
        self.loss, self.epoch = math.inf, 0

    def offer(self, loss: float, epoch: int) -> None:
        """Keep the present weights if `loss` is the lowest seen."""
        if loss < self.loss:
            self._spare.copy_(self._flat)
            self._kept, self._spare = self._spare, self._kept
            self.loss, self.epoch = loss, epoch

    def restore(self) -> None:
        """Go back to the weights that were kept."""
        self._flat.copy_(self._kept)


class Patience:
    """Counts the epochs since the last improvement worth the name."""

    def __init__(self, tol: float, limit: float) -> None:
        self._tol, self._limit = tol, limit
        self._best, self._waited = math.inf, 0

    def exhausted(self, loss: float) -> bool:
        """Take note of an epoch's loss; True when none has helped for too long."""
        if loss < self._best * (1.0 - self._tol):
            self._waited = 0
        else:
            self._waited += 1
        self._best = min(self._best, loss)
        return self._waited >= self._limit


class Observer(Protocol):
    """Watches the epochs go by."""

    def epoch_begins(self) -> None: ...

    def epoch_ends(self, history: History) -> bool:
        """Whether to stop; the present weights are those after the epoch."""
        ...


def train(task: Task, plan: Plan, observer: Observer) -> History:
    """Train, and leave the best weights behind.

    The weights kept are those of the lowest validation loss. Without a validation set
    the mean loss over an epoch, which costs nothing, proposes an epoch, and its weights
    are evaluated beside those of the last epoch and of the start: the fit never ends
    above where it began.

    Parameters
    ----------
    task : Task
        What is trained, and on what.
    plan : Plan
        How long, and how fast.
    observer : Observer
        Told of every epoch.

    Returns
    -------
    History
        Losses, in the units of the network.

    Raises
    ------
    FloatingPointError
        When the loss is no longer finite, or a thousand times what it was at the start
        (at least a thousand).
    KeyboardInterrupt
        When it comes before the first epoch is complete; later ones end the training
        with a warning.
    """
    flat = task.step.parameters.flat
    history, keeper = History(), Keeper(flat)
    start = flat.clone()
    if task.validate is not None:
        history.start_loss = task.validate()
        keeper.offer(history.start_loss, 0)
    elif plan.evaluates_start:
        history.start_loss = task.evaluate(math.inf)
    try:
        _run_epochs(task, plan, observer, history, keeper)
        _settle(task, history, keeper, start)
    except KeyboardInterrupt:
        if not (history.loss_curve and plan.keeps_interrupted):
            raise
        warnings.warn("Training interrupted by user.", stacklevel=2)
        history.stopped_early = history.interrupted = True
        _settle(task, history, keeper, start)
    return history


def _settle(task: Task, history: History, keeper: Keeper, start: Tensor) -> None:
    """Go back to the best weights, and note their loss.

    Without a validation set these are of the start, the epoch of the lowest mean loss,
    or the last one. The mean over an epoch is not the loss at its end: they are
    evaluated anew, the start only where it is not known to be worse, and until it is
    seen to be.
    """
    if task.validate is not None:
        keeper.restore()
        history.best_loss, history.kept_epoch = keeper.loss, keeper.epoch
        measure = task.measure or partial(task.evaluate, math.inf)
        history.loss = measure()
        return
    flat, last = task.step.parameters.flat, len(history.loss_curve)
    candidates = []
    if last and not history.interrupted:
        candidates.append((task.objective(), last, flat.clone()))
    if last and (history.interrupted or keeper.epoch != last):
        keeper.restore()
        candidates.append((task.objective(), keeper.epoch, flat.clone()))
    finite = [loss for loss, *_ in candidates if math.isfinite(loss)]
    limit = min(finite, default=math.inf)
    if not limit < task.start_loss * _CERTAIN:
        flat.copy_(start)
        candidates.insert(0, (task.objective(limit), 0, start))
    history.best_loss, history.kept_epoch, kept = min(candidates, key=lambda c: c[:2])
    flat.copy_(kept)
    history.loss = task.loss(history.best_loss)


def _run_epochs(
    task: Task,
    plan: Plan,
    observer: Observer,
    history: History,
    keeper: Keeper,
) -> None:
    parameters, gradients = task.step.parameters.flat, task.step.gradients.flat
    update = adam(parameters[task.trained], gradients[task.trained])
    patience = Patience(plan.tol, plan.patience)
    n_steps, decay = 0, task.decay_value()
    for epoch in range(1, plan.max_epochs + 1):
        observer.epoch_begins()
        first, loss, monitored, n_steps = _run_epoch(task, plan, update, n_steps)
        if math.isnan(history.start_loss):
            history.start_loss = first
        ceiling = _DIVERGED * max(history.start_loss + decay, 1.0)
        highest = ceiling if task.is_on_scale else math.inf
        if task.validate is None:
            monitored += task.decay_value()
        elif loss <= ceiling:
            monitored = task.validate()
        if not (loss <= ceiling and monitored <= highest):
            worst = monitored if loss <= ceiling else loss
            raise FloatingPointError(
                f"Training diverged in epoch {epoch}: its loss was {worst:.3g}, from "
                f"{history.start_loss:.3g} at the start, in units of scaled X. "
                "Choose a lower learning_rate_init or, "
                "where features differ much in size, scale them, for example with "
                "StandardScaler."
            )
        keeper.offer(monitored, epoch)
        if task.validate:
            history.validation_curve.append(monitored)
        history.loss_curve.append(loss)
        tired = epoch > plan.warm_up and patience.exhausted(monitored)
        if observer.epoch_ends(history) or tired:
            history.stopped_early = epoch < plan.max_epochs
            return


def _run_epoch(
    task: Task, plan: Plan, update: Update, n_steps: int
) -> tuple[float, float, float, int]:
    """One pass over the batches.

    Gives the objective on its first batch, the mean loss per row, the mean objective,
    and the steps so far.
    """
    step, decay = task.step, task.decay
    decayed = step.parameters.flat[task.decayed]
    gradient = step.gradients.flat[task.decayed]
    losses, penalties = torch.zeros((2, 1), dtype=torch.float64, device=gradient.device)
    first, n_rows = None, 0
    for batch in task.batches:
        loss, penalty = step(batch)
        first = (loss, penalty) if first is None else first
        losses.add_(loss, alpha=batch.shape[0])
        if penalty is not None:
            penalties.add_(penalty, alpha=batch.shape[0])
        n_rows += batch.shape[0]
        if decay is not None:
            decay.add_gradient(decayed, gradient)
        update(plan.schedule(n_steps))
        if task.constrain is not None:
            task.constrain()
        n_steps += 1
    assert first is not None  # there is always a batch
    start = task.total(*(0.0 if told is None else told.item() for told in first))
    mean_loss, mean_penalty = losses.item() / n_rows, penalties.item() / n_rows
    return start, mean_loss, task.total(mean_loss, mean_penalty), n_steps
