"""Fits that go on as rows come in, without an end in sight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.utils.metaestimators import available_if

from skae._blas import numpy_threads
from skae.distributed import Alone
from skae.estimators.checkpointing import refuse_checkpoints
from skae.estimators.fitting import Fit
from skae.estimators.randomness import Seeds, draw_entropy
from skae.estimators.reporting import fitted_attributes
from skae.estimators.sources import check_ranges
from skae.estimators.state import all_or_nothing
from skae.estimators.validation import (
    check_clean,
    check_device,
    check_X,
    warn_of_targets,
)
from skae.training import (
    BETA2,
    FlatTensors,
    History,
    Moments,
    RunningAverage,
    WarmUp,
    advance_by,
    fused_adam,
    neutral,
    run_epoch,
)

_WARM_UP = 30  # steps, in which Adam learns how large gradients are
_LIMIT = 2.0  # times the usual size of a gradient
_TINY = 1e-30  # a size that nothing is divided by
_DIVERGED = 1e3  # times the loss before, or one if that is more


@dataclass(frozen=True)
class Stream:
    """Where a fit in parts stands: what a stopped optimiser needs to go on.

    Attributes
    ----------
    weights, first, second : ndarray of shape (n_parameters,)
        The weights that the steps are taken from, and Adam's moments.
    n_steps, n_parts : int
        Steps taken, and parts seen.
    age : int
        Steps behind the average of the weights, those of a `fit` before included.
    entropy : int
        Seed of all parts.
    """

    weights: np.ndarray
    first: np.ndarray
    second: np.ndarray
    n_steps: int
    age: int
    n_parts: int
    entropy: int

    def verify_beside(self, network):
        """Refuse what is no state of training such a network."""
        arrays = self.weights, self.first, self.second
        size = FlatTensors.length(network.shapes(), self.weights.itemsize)
        shapes = [(size,), *2 * [(size - network.n_fixed,)]]
        if [array.shape for array in arrays] != shapes:
            raise ValueError(f"a stream has not arrays of the shapes {shapes}")
        if not all(a.dtype in ("f4", "f8") and np.isfinite(a).all() for a in arrays):
            raise ValueError("a stream has arrays that are not of finite numbers")
        if min(self.n_steps, self.age, self.n_parts, self.entropy) < 0:
            raise ValueError("a stream has negative counts")


class PartialFit(Fit):
    """A part of a fit: one pass over the rows that have come in.

    Steps are taken with a learning rate that stays, from weights of their own. What is
    kept of them is their running average, which has what a falling rate would give.

    Parameters
    ----------
    composition, settings : Composition, AutoencoderTransformer
        As for `Fit`.
    previous : FittedAutoencoder or None
        What the parts before have come to, in whose units this one is; None: anew.
    stream : Stream or None
        Where they have left the optimiser; None: it starts anew.
    """

    def __init__(self, composition, settings, previous, stream):
        self._stream = stream
        self._age = 0 if previous is None else settings.n_iter_
        entropy = draw_entropy(settings.random_state) if stream is None else None
        self._all = entropy if stream is None else stream.entropy
        part = 0 if stream is None else stream.n_parts
        super().__init__(composition, settings, previous, entropy=[self._all, part])
        self._group = Alone()  # whoever has a part has it alone

    def go_on(self, X, X_clean):
        """Train, and return the fitted autoencoder, the history, and the new stream."""
        check_ranges(self._composition.likelihood, X=X, X_clean=X_clean)
        self._admit_gaps(X, X_clean)
        with self._prepared(len(X)):
            self._n_planned = 1
            self._set_units(X, X_clean)
            rows = self._see(X, X_clean)
            self._rows, seeds = rows, Seeds(self._entropy)
            self._start(rows, seeds)
            if self._previous is not None:
                self._null_output = self._previous.null_output
            task = self._task(None, seeds, math.nan)
            history = History(start_loss=task.objective())
            stream = self._pass(task, history)
            history.best_loss = task.objective()
            _refuse_divergence(history.best_loss, history.start_loss)
            history.loss = task.loss(history.best_loss)
            return self.fitted(self._noise_variance(history)), history, stream

    def _pass(self, task, history):
        """Take the steps, and leave their average behind."""
        flat, trained = task.parameters.flat, task.trained
        average, moments, n_steps = flat.clone(), Moments.zero(flat[trained]), 0
        if self._stream is not None:
            stream, n_steps = self._stream, self._stream.n_steps
            flat.copy_(torch.from_numpy(stream.weights))
            moments = Moments.saved(stream.first, stream.second, n_steps, like=flat)
        gradient = task.step.gradients.flat[trained]
        step = fused_adam(flat[trained], gradient, moments)
        limit = Limit(gradient, moments)
        age = self._age * task.batches.n_batches
        mean = RunningAverage(flat, average, self._stream.age if self._stream else age)

        def update(rate):
            limit.apply()
            step(rate)
            mean.follow()

        schedule = WarmUp(self._settings.learning_rate_init, _WARM_UP)
        told, n_steps = run_epoch(task, schedule, advance_by(task, update), n_steps)
        _refuse_divergence(told.loss, history.start_loss)
        history.loss_curve.append(told.loss)
        parts = 1 if self._stream is None else self._stream.n_parts + 1
        arrays = (t.cpu().numpy().copy() for t in (flat, moments.first, moments.second))
        flat.copy_(average)
        if task.constrain is not None:
            task.constrain()
        return Stream(*arrays, n_steps, mean.n_steps, parts, self._all)


class Limit:
    """Keeps gradients to some times their usual size, which Adam knows.

    A few rows unlike all others then take no longer steps than other rows.

    Parameters
    ----------
    gradient : Tensor
        Scaled in place where it is too large.
    moments : Moments
        Adam's.
    """

    def __init__(self, gradient, moments):
        self._gradient, self._moments = gradient, moments

    def apply(self):
        """Limit the gradient of this step."""
        n_steps = float(self._moments.n_steps)
        if n_steps < _WARM_UP:
            return
        usual = self._moments.second.sum().div_(1.0 - BETA2**n_steps).sqrt_()
        size = torch.linalg.vector_norm(self._gradient).clamp_min_(_TINY)
        self._gradient.mul_(usual.mul_(_LIMIT).div_(size).clamp_max_(1.0))


def _refuse_divergence(loss, before):
    if not (math.isfinite(loss) and loss <= _DIVERGED * max(before, 1.0)):
        raise FloatingPointError(
            f"Training diverged: the loss of these rows was {loss:.3g}, from "
            f"{before:.3g} before, in units of scaled X. Choose a lower "
            "learning_rate_init; or the first rows, whose mean and scale are kept as "
            "the units of all, were not like these."
        )


def _refuse_few(X, network):
    """Refuse first rows that mean, scale and PCA would know by heart."""
    sizes = network.n_components, network.n_features
    needed = 1 + (min(sizes) if network.starts_linear else 1)
    if len(X) < needed:
        raise ValueError(
            f"The first call of partial_fit takes mean, scale and start for all that "
            f"follow from its rows: with n_components={sizes[0]} and {sizes[1]} "
            f"features at least {needed} are needed, and X has {len(X)}. Gather more "
            "for the first call; later ones take any number."
        )


class PartialFitMixin:
    """Estimators that learn from rows as they come in."""

    _can_go_on = True
    """Whether there is a `partial_fit`."""

    @available_if(lambda estimator: estimator._can_go_on)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, *, X_clean=None):
        """Go on learning from rows that have come in: one pass over them.

        The first call, unless there was a `fit` before, starts from these rows alone:
        mean and scale of X, and PCA where that is the start. They should look like the
        rest, and must be more than `n_components`, or than the columns if these are
        fewer; without a linear path two are the least. Their number of columns is fixed
        then.

        The learning rate rises to `learning_rate_init` in the first steps, and stays;
        `learning_rate`, `max_iter`, `early_stopping` and `warm_start` mean nothing
        here. What is kept of the weights is a running average over about the last
        fortieth of all steps, which a few unlike rows change little.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows of training data; after the first call any number of them.
        y : object, default=None
            Ignored.
        X_clean : array-like of shape (n_samples, n_features), default=None
            As for `fit`.

        Returns
        -------
        self : object
            The estimator; its `loss_curve_` has one more entry, the mean loss of these
            rows as they were met, and its `loss_` is that of these rows now.

        Raises
        ------
        FloatingPointError
            When training diverges; the estimator is as it was then.
        ValueError
            When X is not what it must be, the first rows are too few to start from, or
            `checkpoint_dir` asks for checkpoints.
        """
        first = not hasattr(self, "_fitted")
        with all_or_nothing(self):
            if first:
                self._omitted = self.nan_policy == "omit"
            check_device(self)
            refuse_checkpoints(self)
            warn_of_targets(X, y, stacklevel=4)
            X = check_X(self, X, reset=first, trains=True)
            if X_clean is not None:
                X_clean = check_clean(self, X_clean, X)
            with numpy_threads(X.size * X.shape[1], torch.get_num_threads()):
                self._partial_fit(X, X_clean)
        return self

    def _partial_fit(self, X, X_clean):
        """Train on validated data, and keep what came of it."""
        composition = self._compose(self.n_features_in_)
        previous = getattr(self, "_fitted", None)
        stream = getattr(self, "_stream", None)
        self._refuse_another(previous, composition, "partial_fit")
        if previous is None:
            _refuse_few(X, composition.network)
        curve = [] if stream is None else self.loss_curve_
        fit = PartialFit(composition, self, previous, stream)
        fitted, history, stream = fit.go_on(X, X_clean)
        attributes = fitted_attributes(fitted, history, fit.unit)
        with neutral(torch.device("cpu")):
            attributes |= self._describe(fitted, X) | {"_stream": stream}
        attributes["loss_curve_"] = [*curve, *attributes["loss_curve_"]]
        attributes["n_iter_"] = attributes["best_iteration_"] = stream.n_parts
        vars(self).update(attributes)
        if self.verbose:
            print(f"Part {self.n_iter_}, loss = {self.loss_curve_[-1]:.8g}")
