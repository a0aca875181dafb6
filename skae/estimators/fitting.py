"""From a composition and rows to a trained network: the one road of all variants."""

from __future__ import annotations

import math
from copy import copy
from functools import partial

import numpy as np
import torch

from skae.data import (
    Scaling,
    ShuffledBatches,
    Source,
    SparseStreamedRows,
    StreamedBatches,
    StreamedRows,
    rows_of_a_block,
)
from skae.distributed import Alone, process_group
from skae.estimators import folds
from skae.estimators.checkpointing import current_checkpoint
from skae.estimators.filling import has_gaps, learn_filler
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.held_out import hold_out
from skae.estimators.joint import JointTask
from skae.estimators.objective import Objective
from skae.estimators.prepared import prepared
from skae.estimators.ramp import Ramp
from skae.estimators.randomness import Seeds, draw_entropy_of_fit
from skae.estimators.reporting import Unwatched
from skae.estimators.settings import (
    choose_device,
    choose_dtype,
    planned_epochs,
    rows_of_a_batch,
    settings_of_training,
)
from skae.estimators.sources import check_ranges, range_of
from skae.estimators.start import Means, start_weights
from skae.training import (
    SCHEDULES,
    FlatTensors,
    Plan,
    Task,
    Training,
    memory_errors,
    neutral,
    train_all,
)


class Fit:
    """One fit of a composition.

    Parameters
    ----------
    composition : Composition
        What to train.
    settings : AutoencoderTransformer
        Whose parameters say how.
    previous : FittedAutoencoder or None
        Where to start from, and in whose units; None: anew.
    keeps_interrupted : bool
        Whether an interrupt leaves the last complete epoch; else it is raised.
    entropy : int or None
        Seed; None: drawn from the `random_state` of the settings.
    """

    def __init__(
        self,
        composition,
        settings,
        previous=None,
        keeps_interrupted=True,
        entropy=None,
    ):
        self._composition, self._settings = composition, settings
        self._likelihood, self._filler = composition.likelihood, None
        self._omits = getattr(settings, "_omitted", False)
        self._previous, self._keeps_interrupted = previous, keeps_interrupted
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.precision)
        self._group = process_group()
        self._entropy = entropy
        if entropy is None:
            self._entropy = draw_entropy_of_fit(settings.random_state)

    def run(self, X, X_val, observer, X_clean=None):
        """Train, and return the fitted autoencoder and its history.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Training data.
        X_val : ndarray of shape (n_validation_samples, n_features) or None
            Validation data; None: what early_stopping sets aside.
        observer : Observer
            Told of every epoch.
        X_clean : ndarray of shape (n_samples, n_features) or None
            What the rows of X are to become; None: themselves.
        """
        self._admit_gaps(X, X_val, X_clean)
        given = {"X": X, "X_val": X_val, "X_clean": X_clean}
        given |= vars(self._composition) | settings_of_training(self._settings)
        self._group.agree(given)
        check_ranges(self._composition.likelihood, X=X, X_val=X_val, X_clean=X_clean)
        self._n_planned = planned_epochs(self._settings.max_iter, len(X))
        with self._prepared(len(X)):
            self._set_units(X, X_clean)
            if self._judges_in_folds(len(X), X_val):
                rows = self._see(X, X_clean)
                epochs, start, curve = self._judge_in_folds(rows, observer)
                observer.folds_end(epochs, start, curve)
                history = self._train(rows, None, observer, epochs)
                history.validation_curve = curve
                history.stopped_early = epochs < self._n_planned
            elif X_val is None:
                rows, held_out, seen = self._split(X, X_clean)
                history = self._train(rows, held_out, observer, seen=seen)
            else:
                history = self._train(self._see(X), self._see(X_val), observer)
            return self.fitted(self._noise_variance(history)), history

    def _prepared(self, n_samples):
        """Let torch be as training on so many rows wants it."""
        network, size = self._composition.network, self._batch_size(n_samples)
        return prepared(self._device, self._settings.precision, network, size)

    def _noise_variance(self, history):
        """Variance of an entry around the output for its code, as drawn."""
        composition = self._composition
        if composition.noise_variance is not None:
            return composition.noise_variance / self.unit
        if not composition.network.code.is_random:
            return history.loss
        if not composition.likelihood.has_variance:
            return history.loss
        weights, noise = self._parameters.views, Seeds(self._entropy).judgement()
        return self._objective.noise_variance(weights, self._rows, noise)

    def stay(self, X):
        """Return what `run` does, where training would not change a weight."""
        self._n_planned = 0
        self._admit_gaps(X)
        with neutral(self._device), memory_errors(len(X)):
            self._set_units(X)
            history = self._train(self._see(X), None, Unwatched(), epochs=0)
            return self.fitted(self._noise_variance(history)), history

    def fitted(self, noise_variance):
        """Return the present state of the network as arrays."""
        return FittedAutoencoder(
            self._composition.network,
            self._likelihood,
            self.scaling,
            self.weights(),
            self._null_output,
            noise_variance,
            self._filler,
        )

    def weights(self):
        """Present weights as arrays."""
        return self._parameters.numpy()

    @property
    def unit(self):
        """Loss in units of X for a loss of one in scaled units."""
        return self.scaling.scale**2

    def _admit_gaps(self, X, *others):
        """Reckon with missing entries, if there are any and they are to be omitted."""
        if self._omits and has_gaps(X, *others):
            self._composition = self._composition.hiding(float(np.isnan(X).mean()))

    def _learn_to_fill(self, rows):
        """Learn from `rows` what to expect where an entry is missing."""
        self._filler = self._previous and self._previous.filler
        if self._filler is None:
            d = self._composition.network.n_features
            self._filler = learn_filler(rows[:, :d], self._likelihood)
        if self._composition.likelihood.omits:
            self._objective = self._objective.filling(self._filler)

    def _judges_in_folds(self, n_samples, X_val):
        return (
            self._settings.early_stopping == "auto"
            and X_val is None
            and self._previous is None
            and folds.FEWEST_ROWS <= n_samples < folds.MOST_ROWS
        )

    def _set_units(self, X, X_clean=None):
        likelihood, previous = self._composition.likelihood, self._previous
        if previous is not None:
            self.scaling = previous.scaling
        elif likelihood.standardises:
            self.scaling = self._group.units(Scaling.fit(X))
        else:
            self.scaling = Scaling.none(X.shape[1])
        extremes = (0.0, 0.0)
        if self._composition.needs_range:
            wanted = X if X_clean is None else X_clean
            extremes = range_of(wanted)
        scaled = self._composition.in_units(self.scaling, *extremes)
        self._objective = Objective(scaled, paired=X_clean is not None)

    def _see(self, X, X_clean=None, order=None):
        """Rows as the network is to see them, in an order of their own.

        Each is followed by what it is to become, unless that is itself.
        """
        if isinstance(X, Source):
            sources = [X] if X_clean is None else [X, X.beside(X_clean)]
            kind = SparseStreamedRows if self._stays_sparse(X) else StreamedRows
            return kind(sources, self.scaling, self._dtype, self._device)
        X = X[:]
        rows = self.scaling.standardise(X, self._dtype, self._device, order)
        if X_clean is not None:
            rows = torch.cat([rows, self._see(X_clean, order=order)], dim=1)
        return rows

    def _stays_sparse(self, X):
        """Whether rows of a source are trained on as they are, and not made dense."""
        return (
            X.is_thin(self._batch_size(len(X)))
            and self.scaling.is_near_zero
            and self._composition.is_by_hand
            and self._objective.is_clean
            and self._device.type == "cpu"
        )

    def _split(self, X, X_clean):
        """Rows to train on; rows to judge by and both together, if there are any.

        Of rows that are streamed, no more than a block of the usual size are judged
        by: these are kept in memory.
        """
        split, goes_on = Seeds(self._entropy).split, self._previous is not None
        order, n_train = hold_out(len(X), self._settings, goes_on, split)
        rows = self._see(X, X_clean, order)
        if n_train == len(X):
            return rows, None, None
        if not isinstance(X, Source):
            return rows[:n_train], rows[n_train:], rows
        most = rows_of_a_block("auto", X.shape[1])
        left_out = order[n_train : n_train + most].sort().values.numpy()
        kept = np.delete(np.arange(len(X)), left_out)
        return rows[kept], torch.cat([*rows[left_out].reads()]), rows

    def _judge_in_folds(self, rows, observer):
        """Epochs worth training; loss on rows left out at the start, and after each.

        Every fold is a fit of its own, start included: PCA, where it starts, has seen
        no more of the rows that judge it than the network has.
        """
        split = Seeds(self._entropy).split
        order = torch.randperm(len(rows), generator=split, device="cpu")
        trainings = (
            copy(self)._prepare(
                rows[kept], rows[left_out], observer.fold(i, self._n_planned), fold=True
            )
            for i, (kept, left_out) in enumerate(folds.split(order.numpy()), start=1)
        )
        losses = [
            [history.start_loss, *history.validation_curve]
            for history in train_all(trainings)
        ]
        may_stay = self._composition.network.starts_linear
        epochs, curve = folds.choose_epochs(losses, may_stay)
        return epochs, float(np.mean(losses, axis=0)[0]), curve

    def _train(self, *arguments, **options):
        """Train as `_prepare` is told."""
        return train_all([self._prepare(*arguments, **options)])[0]

    def _prepare(self, rows, held_out, observer, epochs=None, seen=None, fold=False):
        """A training on `rows` from the start, for all planned epochs or the first few.

        A fold takes all epochs, and an interrupt is raised. The start is taken from the
        rows `seen`, by default those trained on.
        """
        settings, seeds = self._settings, Seeds(self._entropy)
        self._rows = rows
        start_loss = self._start(rows if seen is None else seen, seeds)
        start_loss = self._group.begin_at(self._parameters.flat, start_loss)
        task = self._task(held_out, seeds, start_loss if seen is None else math.nan)
        n_steps = self._n_planned * task.batches.n_batches
        schedule = SCHEDULES[settings.learning_rate]
        in_full = fold or epochs is not None
        keeps_interrupted = self._keeps_interrupted and not fold
        plan = Plan(
            max_epochs=self._n_planned if epochs is None else epochs,
            schedule=schedule(settings.learning_rate_init, n_steps),
            tol=settings.tol,
            patience=math.inf if in_full else settings.n_iter_no_change,
            warm_up=self._warm_up(),
            evaluates_start=self._previous is not None,
            least_epochs=1 if keeps_interrupted else math.inf,
        )
        return Training(task, plan, observer, current_checkpoint().page())

    def _batch_size(self, n_samples):
        return rows_of_a_batch(self._settings.batch_size, n_samples)

    def _start(self, rows, seeds):
        """Set the weights to where training starts from; loss of `rows`, or nan."""
        composition, previous = self._composition, self._previous
        if self._omits:
            self._learn_to_fill(rows)
        if composition.likelihood.omits:
            rows = self._objective.complete(rows)
        means = Means.of(self._objective, rows, own_units=previous is None)
        null_output = composition.likelihood.link(means.target)
        self._null_output = null_output.cpu().numpy().copy()
        self._parameters = self._allocate()
        weights = self._parameters.views
        if previous is None:
            loss = start_weights(
                self._objective, weights, rows, means, self._settings.init, seeds
            )
            if composition.start is not None:
                composition.start(composition.network, weights)
            return loss
        for name, weight in weights.items():
            weight.copy_(torch.from_numpy(previous.weights[name]))
        return math.nan

    def _allocate(self):
        shapes = self._composition.network.shapes()
        return FlatTensors(shapes, dtype=self._dtype, device=self._device)

    def _task(self, held_out, seeds, start_loss):
        composition, settings = self._composition, self._settings
        network, parameters = composition.network, self._parameters
        last = list(network.weight_shapes())[-1]
        streams = isinstance(self._rows, StreamedRows)
        batches = (StreamedBatches if streams else ShuffledBatches)(
            self._rows,
            self._batch_size(len(self._rows)),
            seeds.shuffle if settings.shuffle else None,
        )
        ramp = Ramp(self._warm_up() * batches.n_batches)
        joint = JointTask(
            self._objective, batches, parameters, seeds.noise, ramp, held_out
        )
        arguments = parameters, self._allocate(), len(self._rows), seeds.noise
        make = partial(self._objective.step, *arguments)
        group = self._group if composition.is_mean_over_rows else Alone()
        step = group.step(make, ramp, seeds.noise)
        own = {"shuffle": seeds.shuffle, "noise": seeds.noise, "ramp": ramp}
        return Task(
            step=step,
            batches=batches,
            evaluate=lambda limit: self._judge(self._rows, limit),
            validate=None if held_out is None else lambda: self._judge(held_out),
            decay=composition.decay,
            trained=slice(network.n_fixed, None),
            decayed=slice(network.n_fixed, parameters.end(last)),
            start_loss=start_loss,
            joint=joint if composition.is_by_hand and not streams else None,
            measure=None if self._objective.is_plain else self._measure,
            total=self._objective.total,
            is_on_scale=composition.penalty is None or composition.penalty.is_on_scale,
            constrain=self._objective.constraint(parameters),
            is_repeatable=self._is_repeatable(step),
            memory=own | step.memory,
        )

    def _is_repeatable(self, step):
        """Whether a step draws no noise, and neither counts nor remembers anything."""
        draws = not self._objective.is_clean or self._composition.network.code.is_random
        counts = self._warm_up() > 0 or bool(step.memory)
        return self._composition.is_by_hand and not (draws or counts)

    def _warm_up(self):
        """Epochs of warm-up: a fit that goes on from another one has them behind it."""
        return 0 if self._previous is not None else self._composition.warm_up

    def _judge(self, rows, limit=math.inf):
        """Objective on `rows`."""
        weights, noise = self._parameters.views, Seeds(self._entropy).judgement()
        objective = self._objective

        def judge(rows):
            return objective.total(*objective.evaluate(weights, rows, noise, limit))

        if limit == math.inf and objective.is_plain and objective.is_clean:
            return self._group.mean(judge, rows)
        return self._group.told(judge(rows))

    def _measure(self):
        """Loss of the reconstruction of the training data."""
        weights = self._parameters.views
        return self._objective.reconstruction_loss(weights, self._rows)
