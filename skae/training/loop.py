"""The loop: epochs of steps, watched, stopped, and the best of them kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor

from skae.training.adam import Moments, Update, fused_adam
from skae.training.checkpoints import Page
from skae.training.graphs import Advance, recorded
from skae.training.keeping import Keeper, Patience
from skae.training.mean import Mean
from skae.training.resuming import Resumable
from skae.training.schedule import Schedule
from skae.training.step import Told
from skae.training.task import History, Observer, Plan, Task

_DIVERGED = 1e3
"""Times the loss at the start, or one if that is more: a fit that is past saving."""


_CERTAIN = 1.0 - 1e-3
"""Share of a loss known but for rounding, below which another is lower for certain."""


class Epoch(NamedTuple):
    """What the batches of an epoch told.

    Attributes
    ----------
    first : float
        Objective on the first of them, but for the decay.
    loss : float
        Mean loss of a row.
    objective : float
        Mean objective of a row, but for the decay.
    """

    first: float
    loss: float
    objective: float


class Training(Resumable):
    """One network on its way through the epochs, wherever its gradients come from.

    Judges the epochs, keeps the best weights, and says when to stop. The weights are
    those of ``task.parameters``, which hold what an epoch has made of them when
    `epoch_ends` is called.

    Attributes
    ----------
    history : History
        What has happened so far.
    error : Exception or None
        What has ended the training, if it failed among others.
    is_over : bool
        Whether there are no more epochs.
    is_settled : bool
        Whether the best weights are back, too.
    moments : Moments or None
        Adam's, of a training that is alone; None: it begins.
    n_steps : int
        Steps taken alone.

    Parameters
    ----------
    task : Task
        What is trained, and on what.
    plan : Plan
        How long, and how fast.
    observer : Observer
        Told of every epoch.
    page : Page or None
        Where it is saved from time to time, and goes on from; None: nowhere.
    """

    def __init__(
        self, task: Task, plan: Plan, observer: Observer, page: Page | None = None
    ) -> None:
        self.task, self.plan, self.history = task, plan, History()
        self.error: Exception | None = None
        self.page, self._observer = page, observer
        self.moments = None
        self.n_steps, self.is_settled = 0, False
        self._flat = task.parameters.flat
        self._start, self._keeper = self._flat.clone(), Keeper(self._flat)
        self._patience = Patience(plan.tol, plan.patience)
        self._decay = task.decay_value()
        self.is_over = plan.max_epochs == 0

    def begin(self) -> None:
        """Judge the start, where that is to be done; or go on from a checkpoint."""
        state = None if self.page is None else self.page.read()
        if state is not None:
            self._go_on(state)
            self._observer.goes_on(self.history)
        elif self.task.validate is not None:
            self.history.start_loss = self.task.validate()
            self._keeper.offer(self.history.start_loss, 0)
        elif self.plan.evaluates_start:
            self.history.start_loss = self.task.evaluate(math.inf)

    @property
    def is_due(self) -> bool:
        """Whether a checkpoint is to be written: after an epoch, but for the last."""
        n_epochs = len(self.history.loss_curve)
        return self.page is not None and not self.is_over and self.page.is_due(n_epochs)

    def save(self) -> None:
        """Write a checkpoint, if there is a place for it."""
        if self.page is not None:
            self.page.write(self._state())

    def attempt(self, act: Callable[..., None], *arguments: object) -> None:
        """Act, unless that has failed before; an error ends this training alone."""
        if self.error is None:
            try:
                act(*arguments)
            except Exception as error:
                self.error, self.is_over = error, True

    def epoch_begins(self) -> None:
        """Tell the observer that an epoch begins."""
        self._observer.epoch_begins()

    def epoch_ends(self, told: Epoch, validation: float | None = None) -> None:
        """Judge an epoch, and the weights after it.

        `validation` is what ``task.validate()`` would say, if that is known.
        """
        task, history = self.task, self.history
        epoch, monitored = len(history.loss_curve) + 1, told.objective
        if math.isnan(history.start_loss):
            history.start_loss = told.first
        ceiling = _DIVERGED * max(history.start_loss + self._decay, 1.0)
        highest = ceiling if task.is_on_scale else math.inf
        if task.validate is None:
            monitored += task.decay_value()
        elif told.loss <= ceiling:
            monitored = task.validate() if validation is None else validation
        if not (told.loss <= ceiling and monitored <= highest):
            worst = monitored if told.loss <= ceiling else told.loss
            raise FloatingPointError(
                f"Training diverged in epoch {epoch}: its loss was {worst:.3g}, from "
                f"{history.start_loss:.3g} at the start, in units of scaled X. "
                "Choose a lower learning_rate_init or, "
                "where features differ much in size, scale them, for example with "
                "StandardScaler."
            )
        self._keeper.offer(monitored, epoch)
        if task.validate:
            history.validation_curve.append(monitored)
        history.loss_curve.append(told.loss)
        tired = epoch > self.plan.warm_up and self._patience.exhausted(monitored)
        is_last = epoch == self.plan.max_epochs
        if self._observer.epoch_ends(history) or tired:
            history.stopped_early = not is_last
        self.is_over = history.stopped_early or is_last

    def interrupt(self) -> None:
        """End the training after its last complete epoch."""
        self.history.stopped_early = self.history.interrupted = True
        self.settle()

    def settle(self) -> None:
        """Go back to the best weights, and note their loss.

        Without a validation set these are of the start, the epoch of the lowest mean
        loss, or the last one. The mean over an epoch is not the loss at its end: they
        are evaluated anew, the start only where it is not known to be worse, and until
        it is seen to be.
        """
        task, history, keeper = self.task, self.history, self._keeper
        if task.validate is not None:
            keeper.restore()
            history.best_loss, history.kept_epoch = keeper.loss, keeper.epoch
            measure = task.measure or partial(task.evaluate, math.inf)
            history.loss = measure()
            return
        flat, last, candidates = self._flat, len(history.loss_curve), []
        if last and not history.interrupted:
            candidates.append((task.objective(), last, flat.clone()))
        if last and (history.interrupted or keeper.epoch != last):
            keeper.restore()
            candidates.append((task.objective(), keeper.epoch, flat.clone()))
        finite = [loss for loss, *_ in candidates if math.isfinite(loss)]
        limit = min(finite, default=math.inf)
        if not limit < task.start_loss * _CERTAIN:
            flat.copy_(self._start)
            candidates.insert(0, (task.objective(limit), 0, self._start))
        history.best_loss, history.kept_epoch, kept = min(
            candidates, key=lambda c: c[:2]
        )
        flat.copy_(kept)
        history.loss = task.loss(history.best_loss)


def train(training: Training, goes_on: Callable[[], bool] = lambda: True) -> History:
    """Train, and leave the best weights behind.

    The weights kept are those of the lowest validation loss. Without a validation set
    the mean loss over an epoch, which costs nothing, proposes an epoch, and its weights
    are evaluated beside those of the last epoch and of the start: the fit never ends
    above where it began.

    Parameters
    ----------
    training : Training
        What is trained, how long, and who watches.
    goes_on : callable
        Asked before every epoch; once it says no, this was the last one.

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
        When it comes before the first epoch is complete, unless the plan says
        otherwise; later ones end the training with a warning.
    """
    training.begin()
    if training.is_settled:
        return training.history
    try:
        _run_epochs(training, goes_on)
        training.settle()
        if training.is_over:
            training.is_settled = True
            training.save()
    except KeyboardInterrupt:
        if len(training.history.loss_curve) < training.plan.least_epochs:
            raise
        warnings.warn("Training interrupted by user.", stacklevel=2)
        training.interrupt()
    return training.history


def _run_epochs(training: Training, goes_on: Callable[[], bool]) -> None:
    task, schedule = training.task, training.plan.schedule
    weights, gradients = task.parameters.flat[task.trained], task.step.gradients
    if training.moments is None:
        training.moments = Moments.zero(weights)
    if task.decay is None and gradients.elsewhere is None:  # decay is added in place
        gradients.elsewhere = {}
    update = fused_adam(
        weights, gradients.flat[task.trained], training.moments, gradients.elsewhere
    )
    advance = advance_by(task, update)
    if task.is_repeatable:
        advance = recorded(advance, weights.device)
    while not training.is_over and goes_on():
        training.epoch_begins()
        told, training.n_steps = run_epoch(task, schedule, advance, training.n_steps)
        training.epoch_ends(told)
        if training.is_due:
            training.save()


def advance_by(task: Task, update: Update) -> Advance:
    """A step of the task, and the `update` of its weights."""
    step, decay, constrain = task.step, task.decay, task.constrain
    decayed = step.parameters.flat[task.decayed]
    gradient = step.gradients.flat[task.decayed]

    def advance(batch: Tensor, learning_rate: Tensor | float) -> Told:
        told = step(batch)
        if decay is not None:
            decay.add_gradient(decayed, gradient)
        update(learning_rate)
        if constrain is not None:
            constrain()
        return told

    return advance


def run_epoch(
    task: Task, schedule: Schedule, advance: Advance, n_steps: int
) -> tuple[Epoch, int]:
    """One pass over the batches: what they told, and the steps so far."""
    losses, penalties = Mean(), Mean()
    for batch in task.batches:
        loss, penalty = advance(batch, schedule(n_steps))
        losses.add(loss, batch.shape[0])
        if penalty is not None:
            penalties.add(penalty, batch.shape[0])
        n_steps += 1
    mean, penalty_mean = losses.value(), penalties.value()
    start = task.total(losses.first, penalties.first)
    return Epoch(start, mean, task.total(mean, penalty_mean)), n_steps
