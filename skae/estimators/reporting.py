"""What a fit tells: epoch by epoch, and as attributes in the end."""

from __future__ import annotations

from dataclasses import replace

from skae.distributed import process_group
from skae.estimators import folds
from skae.estimators.checkpointing import current_checkpoint


class Unwatched:
    """Observer of a fit that nobody looks at."""

    def epoch_begins(self):
        """See an epoch begin."""

    def epoch_ends(self, history):
        """See an epoch end, and let training go on."""
        return False

    def goes_on(self, history):
        """See a training go on from its checkpoint."""


class FoldReporter(Unwatched):
    """Tells the user about one of the folds, when it has ended.

    Parameters
    ----------
    number : int
        Which one, from 1 on.
    n_epochs : int
        Of each fold.
    unit : callable
        As for `EpochReporter`.
    """

    def __init__(self, number, n_epochs, unit):
        self._number, self._n_epochs, self._unit = number, n_epochs, unit

    def epoch_ends(self, history):
        if len(history.loss_curve) == self._n_epochs:
            curve = history.validation_curve
            best = min(curve)
            print(
                f"Fold {self._number} of {folds.N_FOLDS}: "
                f"{_from_start(history.start_loss, best, self._unit())}, after "
                f"iteration {1 + curve.index(best)}"
            )
        return False

    def goes_on(self, history):
        """Say after how many epochs it goes on, or what came of it."""
        n_epochs = len(history.loss_curve)
        if n_epochs < self._n_epochs:
            print(f"Resumed in fold {self._number} after iteration {n_epochs}")
        else:
            self.epoch_ends(history)


class EpochReporter:
    """Tells the user and the callbacks about the epochs.

    Of processes that share the fit, only the leading one tells, and asks whether to
    stop.

    Parameters
    ----------
    task : CallbackTask
        Of which the epochs are a part.
    verbose : bool or int
        Whether to print a line an epoch.
    unit : callable
        Gives the loss in units of X for a loss of one in scaled units.
    snapshot : callable
        ``snapshot(history)`` gives the estimator's attributes as if fit had ended.
    """

    def __init__(self, task, verbose, unit, snapshot):
        self._verbose = verbose and process_group().leads
        self._task, self._unit, self._snapshot = task, unit, snapshot

    def epoch_begins(self):
        self._epoch = self._task.begins("epoch")

    def goes_on(self, history):
        """Say after how many epochs a training goes on."""
        if self._verbose:
            print(f"Resumed after iteration {len(history.loss_curve)}")

    def fold(self, number, n_epochs):
        """Observer of one of the folds."""
        if not self._verbose:
            return Unwatched()
        return FoldReporter(number, n_epochs, self._unit)

    def folds_end(self, epochs, start, losses):
        """Say what the folds have chosen, and why."""
        if not self._verbose:
            return
        chosen = f"{epochs} iterations" if epochs else "the start, PCA where it is one"
        print(f"Folds chose {chosen}: {_from_start(start, min(losses), self._unit())}")

    def epoch_ends(self, history):
        if self._verbose:
            print(_progress(history, self._unit()))
        return stops_at_end(self._epoch, lambda: self._snapshot(_so_far(history)))


class Stages:
    """Observer of trainings that follow each other: tells of them as of one.

    Parameters
    ----------
    observer : Observer
        Who is told.

    Attributes
    ----------
    loss_curve : list of float
        That of the trainings which have ended.
    stopped : bool
        Whether `observer` has asked to stop.
    """

    def __init__(self, observer):
        self._observer, self.loss_curve, self.stopped = observer, [], False

    def epoch_begins(self):
        self._observer.epoch_begins()

    def epoch_ends(self, history):
        self.stopped = self._observer.epoch_ends(self._whole(history))
        return self.stopped

    def goes_on(self, history):
        self._observer.goes_on(self._whole(history))

    def _whole(self, history):
        return replace(history, loss_curve=self.loss_curve + history.loss_curve)


def stops_at_end(task, snapshot):
    """End a task, and return whether a callback asks to stop; all processes agree."""
    stop = process_group().told(bool(task.ends(snapshot)))
    if stop:
        current_checkpoint().was_stopped()
    return stop


def _so_far(history):
    """History as if the fit had ended with the last epoch."""
    monitored = history.validation_curve or history.loss_curve
    return replace(history, loss=history.loss_curve[-1], best_loss=min(monitored))


def _progress(history, unit):
    """Line on the last epoch, in the words of MLPRegressor."""
    loss = history.loss_curve[-1] * unit
    line = f"Iteration {len(history.loss_curve)}, loss = {loss:.8g}"
    if history.validation_curve:
        line += f", validation loss = {history.validation_curve[-1] * unit:.8g}"
    return line


def _from_start(start, best, unit):
    """Loss of the rows left out, before the first epoch and at its best."""
    start, best = start * unit, best * unit
    return f"validation loss = {start:.8g} at the start, {best:.8g} at best"


def fitted_attributes(fitted, history, unit):
    """Attributes that a fit sets; `unit` brings losses into units of X."""
    curve = history.loss_curve or [history.loss]
    return {
        "_fitted": fitted,
        "_interrupted": history.interrupted,
        "n_components_": fitted.network.n_components,
        "n_iter_": len(curve),
        "loss_": history.loss * unit,
        "best_loss_": history.best_loss * unit,
        "loss_curve_": [loss * unit for loss in curve],
        "validation_loss_curve_": [loss * unit for loss in history.validation_curve],
        "best_iteration_": history.kept_epoch,
        "mean_": fitted.mean(),
        "noise_variance_": fitted.noise_variance * unit,
    }
