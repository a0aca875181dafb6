"""From a composition and rows to a trained network: the one road of all variants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from skae.data import Scaling, ShuffledBatches
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.start import start_weights
from skae.networks import DenseBackprop, DenseNetwork
from skae.objectives import Likelihood, WeightDecay
from skae.training import (
    SCHEDULES,
    FlatTensors,
    HandwrittenStep,
    Plan,
    Task,
    bfloat16_products,
    memory_errors,
    neutral,
    threads,
    train,
    uses_bfloat16,
)

_EVALUATED_ROWS = 1000


@dataclass(frozen=True)
class Composition:
    """What a variant is: a network, a likelihood, and a penalty on the weights."""

    network: DenseNetwork
    likelihood: Likelihood
    decay: WeightDecay | None = None


class Seeds:
    """Independent torch generators from one `random_state`.

    None is fresh entropy: scikit-learn's global generator, which it means elsewhere,
    is never touched. A RandomState gives its next draw.
    """

    def __init__(self, random_state):
        if isinstance(random_state, np.random.RandomState):
            random_state = random_state.randint(2**31)
        states = np.random.SeedSequence(random_state).generate_state(4)
        self.init, self.shuffle, self.split, self.noise = (
            torch.Generator("cpu").manual_seed(int(state)) for state in states
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
    """

    def __init__(self, composition, settings, previous=None):
        self._composition, self._settings = composition, settings
        self._previous = previous
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.precision)
        self._seeds = Seeds(settings.random_state)

    def run(self, X, X_val, observer):
        """Train, and return the fitted autoencoder and its history.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Training data.
        X_val : ndarray of shape (n_validation_samples, n_features) or None
            Validation data; None: what early_stopping sets aside.
        observer : Observer
            Told of every epoch.
        """
        self._check_bounds(X, "X")
        n_held_out = self._n_held_out(len(X), X_val)
        batch_size = self._batch_size(len(X) - n_held_out)
        products = self._products(batch_size)
        bfloat16 = uses_bfloat16(self._settings.precision, max(products), self._device)
        with (
            neutral(self._device),
            threads(3 * sum(products)),
            bfloat16_products(bfloat16, self._device),
            memory_errors(batch_size),
        ):
            rows = self._prepare(X, n_held_out)
            held_out = rows[len(X) - n_held_out :] if n_held_out else None
            if X_val is not None:
                self._check_bounds(X_val, "X_val")
                held_out = self.scaling.standardise(X_val, self._dtype, self._device)
            rows = rows[: len(X) - n_held_out]
            task = self._task(rows, held_out, batch_size)
            history = train(task, self._plan(task.batches.n_batches), observer)
            return self.fitted(history.loss), history

    def fitted(self, noise_variance=0.0):
        """Return the present state of the network as arrays."""
        return FittedAutoencoder(
            self._composition.network,
            self._composition.likelihood,
            self.scaling,
            self.weights(),
            self._null_output,
            noise_variance,
        )

    def weights(self):
        """Present weights as arrays."""
        return self._parameters.numpy()

    def _n_held_out(self, n_samples, X_val):
        settings = self._settings
        if X_val is not None or not settings.early_stopping:
            return 0
        return int(settings.validation_fraction * n_samples)

    def _batch_size(self, n_samples):
        batch_size = self._settings.batch_size
        if batch_size == "auto":
            batch_size = auto_batch_size(n_samples)
        return min(batch_size, n_samples)

    def _products(self, batch_size):
        """Operations of every matrix product of a forward pass."""
        shapes = self._composition.network.weight_shapes().values()
        return [2.0 * batch_size * math.prod(shape) for shape in shapes]

    def _check_bounds(self, X, name):
        bounds = self._composition.likelihood.bounds
        if bounds and not (X.min() >= bounds[0] and X.max() <= bounds[1]):
            raise ValueError(
                f"{name} must lie in [{bounds[0]:g}, {bounds[1]:g}] for this likelihood "
                f"and output activation, but lies in [{X.min():g}, {X.max():g}]. Scale "
                'it, for example with MinMaxScaler, or use likelihood="gaussian".'
            )

    def _prepare(self, X, n_held_out):
        """Set the network to its start; return the rows that it is to see.

        Rows held out for validation come last, so that both parts are views.
        """
        likelihood, previous = self._composition.likelihood, self._previous
        if previous is not None:
            self.scaling = previous.scaling
        elif likelihood.standardises:
            self.scaling = Scaling.fit(X)
        else:
            self.scaling = Scaling.none(X.shape[1])
        order = None
        if n_held_out:
            order = torch.randperm(
                len(X), generator=self._seeds.split, device="cpu"
            )
        rows = self.scaling.standardise(X, self._dtype, self._device, order)
        self._null_output = likelihood.link(rows.mean(0)).cpu().numpy()
        self._parameters = self._allocate()
        weights = self._parameters.views
        if previous is None:
            start_weights(
                self._composition, weights, rows, self._settings.init, self._seeds.init
            )
        else:
            for name, weight in previous.weights.items():
                weights[name].copy_(torch.from_numpy(weight))
        return rows

    def _allocate(self):
        shapes = self._composition.network.shapes()
        return FlatTensors(shapes, dtype=self._dtype, device=self._device)

    def _task(self, rows, held_out, batch_size):
        composition, settings = self._composition, self._settings
        gradients = self._allocate()
        network, weights = composition.network, self._parameters.views

        def workspace(n_rows):
            return DenseBackprop(network, weights, gradients.views, n_rows)

        step = HandwrittenStep(
            self._parameters, gradients, workspace, composition.likelihood.loss_gradient
        )
        order = self._seeds.shuffle if settings.shuffle else None
        return Task(
            step=step,
            batches=ShuffledBatches(rows, batch_size, order),
            evaluate=lambda: self._evaluate(rows),
            validate=None if held_out is None else lambda: self._evaluate(held_out),
            decay=composition.decay,
            decayed=self._parameters.leading(network.weight_shapes()),
            reference=1.0,
        )

    def _plan(self, n_batches):
        settings = self._settings
        schedule = SCHEDULES[settings.learning_rate]
        return Plan(
            max_epochs=settings.max_iter,
            schedule=schedule(settings.learning_rate_init, settings.max_iter * n_batches),
            tol=settings.tol,
            patience=settings.n_iter_no_change,
        )

    def _evaluate(self, rows):
        """Mean loss over all entries of `rows`."""
        network, likelihood = self._composition.network, self._composition.likelihood
        weights = self._parameters.views
        total = torch.zeros((), dtype=torch.float64, device=rows.device)
        for block in rows.split(_EVALUATED_ROWS):
            output = network.decode(weights, network.encode(weights, block))
            total += likelihood.loss(output, block).sum(dtype=torch.float64)
        return total.item() / rows.numel()


def choose_device(device):
    """Torch device by its name; "auto" is CUDA where there is one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def choose_dtype(precision):
    """Torch dtype that training computes in; products may round further."""
    return torch.float64 if precision == "float64" else torch.float32


def auto_batch_size(n_samples):
    """Small batches for small data, which need the steps, and large ones for speed."""
    return int(min(500, max(32, n_samples // 40)))
