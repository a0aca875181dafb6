"""skae, with the recipe of the peers and with its own."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skae import Autoencoder, VariationalAutoencoder

NAME = PACKAGE = "skae"
NOTE = ""

EQUAL = {
    "activation": "elu",
    "linear_path": False,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "n_iter_no_change": np.inf,
}
RECIPES = {
    "equal": EQUAL,
    "bfloat16": {**EQUAL, "precision": "bfloat16"},
    "own": {"learning_rate_init": 4e-3, "precision": "auto"},
}


class Clock:
    """A callback that stops the clock when an epoch ends.

    It stands before `Look`: what that one wants to see is made after the clock has
    stopped.
    """

    def __init__(self, watch):
        self.watch = watch

    def setup(self, estimator, context):
        """Nothing to be done."""

    def teardown(self, estimator, context):
        """Nothing to be done."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing to be done."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.watch.stop()


class Look(Clock):
    """A callback that shows the fit as if it had ended with the epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.watch.epoch_ends(fitted_estimator.reconstruct)


def fit(X, work, watch):
    return _fit(Autoencoder, X, work, watch)


def fit_variational(X, work, watch):
    extra = {"likelihood": "bernoulli", "activation": "relu"}
    return _fit(VariationalAutoencoder, X, work, watch, **extra)


def _fit(kind, X, work, watch, **extra):
    model = kind(
        work.widths[-1],
        hidden_layer_sizes=work.widths[1:-1],
        batch_size=work.batch_size,
        max_iter=work.epochs,
        early_stopping=False,
        random_state=work.seed,
        **{**RECIPES[work.recipe], **extra},
    )
    if work.turn:
        model.set_callbacks(Clock(watch), Look(watch))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X)
    return model.set_callbacks().reconstruct
