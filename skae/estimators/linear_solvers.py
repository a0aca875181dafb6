"""How a linear autoencoder finds its subspace: in closed form, or by descent."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch

from skae.data import (
    PrincipalAxes,
    ProbabilisticPCA,
    Scaling,
    Source,
    axes_within,
    gram_matrix,
    principal_axes,
)
from skae.distributed import process_group
from skae.estimators.checkpointing import current_checkpoint
from skae.estimators.fitting import Fit
from skae.estimators.randomness import Seeds, draw_entropy_of_fit
from skae.estimators.settings import (
    choose_device,
    choose_dtype,
    settings_of_training,
)
from skae.networks import initialise
from skae.training import (
    SCHEDULES,
    FlatTensors,
    GramStep,
    History,
    Plan,
    Task,
    Training,
    threads,
    train,
)

STEPS_PER_EPOCH = 100
"""Of descent on the Gram loss, where there are no batches to count."""

INIT = "glorot"
"""Of the random start."""

_LEAST_SCALE = 1e-6
"""Down to it, and up to its inverse, squares of X are far from any limit."""

_STEP = 0.3
"""Highest learning rate, times the square root of the number of features."""

_TOL = 1e-8
"""Gain in log-likelihood, in nats per entry, for which a step is worth its time."""

_MAX_ITER = 1000

LARGEST_GRAM = 4096
"""Features up to which the covariance matrix stands in for the rows."""


class LinearSolution(NamedTuple):
    """A linear map through a code: x^ = V' diag(gain) V x, in scaled units.

    Attributes
    ----------
    axes : PrincipalAxes
        V, and the sums of squares along its rows.
    gain : ndarray of shape (n_components,)
        What weight decay leaves of each component; 1 without it.
    history : History
        Of the training; empty for the closed form.
    """

    axes: object
    gain: np.ndarray
    history: History

    def times(self, share):
        """The same solution for `share` times as many rows with these moments."""
        components, squares, total = self.axes
        axes = PrincipalAxes(components, squares * share, total * share)
        return self._replace(axes=axes)


def centred_rows(X, scaling):
    """Rows of X in blocks, centred and scaled, in the dtype of X."""
    return lambda: scaling.centred_blocks(X)


def units_of_squares(scaling):
    """Units in which squares of rows are far from any limit: those of X, if they can.

    The axes are the same in any units, and rows that are not divided spare a pass.
    """
    is_moderate = _LEAST_SCALE < scaling.scale < 1.0 / _LEAST_SCALE
    return Scaling(scaling.mean, 1.0) if is_moderate else scaling


def without_gaps(X, scaling, rank):
    """Rows without gaps that stand for those of X, with the units of both.

    They have the mean and the covariance of probabilistic PCA of `rank` axes under
    which what is there of X is most likely; its principal axes are theirs.

    Returns
    -------
    rows : ndarray of shape (n, n_features)
        Centred, in units of X.
    units : Scaling
        Of these.
    scaling : Scaling
        Of X: `scaling`, with the mean of the model.
    """
    seen = scaling.standardise(X, torch.float64, torch.device("cpu"))
    rank = max(1, min(rank, X.shape[1] - 1))  # and the noise is another axis
    model = ProbabilisticPCA.fit(seen, rank, tol=_TOL, max_iter=_MAX_ITER)
    mean, scale = scaling.mean + scaling.scale * model.mean, scaling.scale
    rows = model.representatives() * scale
    return rows, Scaling(np.zeros_like(mean), scale), Scaling(mean, scale)


def filler_of(axes, n_features, unit, noise):
    """What fills gaps, for `axes` whose squares times `unit` are variances."""
    return ProbabilisticPCA.of_axes(
        np.zeros(n_features), axes.components, axes.squares * unit, noise
    )


def solve_exactly(X, scaling, composition):
    """Closed form: PCA's axes, and the gain that the penalty leaves (Kunin et al.).

    For each axis of variance l the loss l (1 - g)^2 / d and the penalty alpha g, or
    alpha g / 2 where one tied matrix pays for both, are least together at
    g = 1 - alpha d / (2 l).
    """
    k, known = composition.network.n_components, None
    if isinstance(X, Source):
        known = X.axes(np.arange(len(X)), lambda rows: rows, scaling.scale, k)
    if known is not None:
        axes = known
    else:
        units = units_of_squares(scaling)
        rows = centred_rows(X, units)
        components, squares, total = principal_axes(rows, X.shape, k)
        unit = (scaling.scale / units.scale) ** 2
        axes = PrincipalAxes(components, squares / unit, total / unit)
    return LinearSolution(axes, gain(axes, len(X), composition), History())


def gain(axes, n_samples, composition):
    """What the penalty leaves of each axis: 1 without it."""
    network, decay = composition.network, composition.decay
    if decay is None:
        return np.ones(network.n_components)
    alpha = decay.alpha / 2.0 if network.tied_weights else decay.alpha
    least = alpha * network.n_features / 2.0
    variances = axes.squares / n_samples
    return np.where(variances > least, 1.0 - least / np.fmax(variances, least), 0.0)


class Descent:
    """Gradient descent from a random start.

    On the Gram loss, whose gradient is exact and whose cost does not grow with the
    rows, where the covariance matrix has a moderate size, and else on mini-batches.

    Parameters
    ----------
    X : ndarray or Source of shape (n_samples, n_features)
        Training data.
    scaling : Scaling
        Units of X.
    composition : Composition
        What to train.
    settings : LinearAutoencoder
        Whose parameters say how.
    """

    def __init__(self, X, scaling, composition, settings):
        self._X, self._composition = X, composition
        self._rows, d = centred_rows(X, scaling), X.shape[1]
        parameters = settings.get_params()
        if parameters["learning_rate_init"] == "auto":
            parameters["learning_rate_init"] = _STEP / math.sqrt(d)
        settings = SimpleNamespace(**parameters, init=INIT, early_stopping=False)
        if d <= LARGEST_GRAM:
            self._fit = _GramDescent(self._rows, X.shape, composition, settings)
        else:
            self._fit = Fit(composition, settings)

    def run(self, observer):
        """Train, and return the solution."""
        return self.solution(self._fit.run(self._X, None, observer)[1])

    def solution(self, history):
        """The linear map that the present weights are, in the order of PCA."""
        weights = self._fit.weights()
        encoder = weights["encoder.0.weight"].astype(np.float64)
        decoder = weights.get("decoder.0.weight", encoder).astype(np.float64)
        axes = axes_within(self._rows, decoder)
        gain = np.ones(len(decoder))
        if self._composition.decay is not None:
            v = axes.components
            gain = np.sum((v @ decoder.T) * (encoder @ v.T).T, axis=1).clip(0.0, 1.0)
        return LinearSolution(axes, gain, history)


class _GramDescent:
    """Full-batch training on the covariance matrix, with the interface of `Fit`."""

    def __init__(self, rows, shape, composition, settings):
        self._composition, self._settings = composition, settings
        device = choose_device(settings.device)
        dtype = choose_dtype(settings.precision)
        covariance = gram_matrix(rows, shape[1]) / shape[0]
        self._covariance = torch.from_numpy(covariance).to(device, dtype)
        shapes = composition.network.weight_shapes()
        self._parameters = FlatTensors(shapes, dtype=dtype, device=device)
        gradients = FlatTensors(shapes, dtype=dtype, device=device)
        self._step = GramStep(self._parameters, gradients)

    def run(self, X, X_val, observer):
        """Train; the rows are not looked at again."""
        settings, network = self._settings, self._composition.network
        given = {"X": X} | vars(self._composition) | settings_of_training(settings)
        process_group().agree(given)
        generator = Seeds(draw_entropy_of_fit(settings.random_state)).init
        initialise(network, self._parameters.views, settings.init, generator)
        n_steps = settings.max_iter * STEPS_PER_EPOCH
        schedule = SCHEDULES[settings.learning_rate]
        plan = Plan(
            max_epochs=settings.max_iter,
            schedule=schedule(settings.learning_rate_init, n_steps),
            tol=settings.tol,
            patience=settings.n_iter_no_change,
        )
        task = Task(
            step=self._step,
            batches=[self._covariance] * STEPS_PER_EPOCH,
            evaluate=lambda limit: self._step(self._covariance)[0].item(),
            validate=None,
            decay=self._composition.decay,
            trained=slice(None),
            decayed=slice(None),
        )
        with threads(8.0 * network.n_components * network.n_features**2):
            page = current_checkpoint().page()
            return None, train(Training(task, plan, observer, page))

    def weights(self):
        """Present weights as arrays."""
        return self._parameters.numpy()
