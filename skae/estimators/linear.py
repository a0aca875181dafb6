"""The linear autoencoder: PCA, found as an autoencoder finds it."""

from __future__ import annotations

import math

import numpy as np
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from skae.data import Scaling
from skae.estimators.base import AutoencoderTransformer, EpochReporter, fitted_attributes
from skae.estimators.callbacks import FitCallbacks
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.fitting import Composition, choose_device
from skae.estimators.linear_solvers import descend, solve_exactly
from skae.estimators.validation import check_X
from skae.networks import DenseNetwork
from skae.objectives import Gaussian, WeightDecay
from skae.training import memory_errors, neutral

_LEAST_NOISE = 1e-14  # of the variance along the code: a density needs some

_SHARED = (
    "n_components tied_weights weight_decay learning_rate learning_rate_init batch_size "
    "max_iter tol n_iter_no_change shuffle precision device verbose random_state"
).split()


class LinearAutoencoder(AutoencoderTransformer):
    """TODO"""

    _parameter_constraints: dict = {
        **{name: AutoencoderTransformer._parameter_constraints[name] for name in _SHARED},
        "solver": [StrOptions({"exact", "adam"})],
    }

    def __init__(
        self,
        n_components=2,
        *,
        solver="exact",
        tied_weights=False,
        weight_decay=0.0,
        learning_rate="cosine",
        learning_rate_init=1e-2,
        batch_size="auto",
        max_iter=30,
        tol=1e-6,
        n_iter_no_change=10,
        shuffle=True,
        precision="float32",
        device="cpu",
        verbose=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.solver = solver
        self.tied_weights = tied_weights
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.precision = precision
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def score_samples(self, X):
        """Log-likelihood of each row of X under probabilistic PCA.

        A marginal density, with the code integrated out, as `PCA.score_samples` gives.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log-likelihoods in nats; higher is more normal.
        """
        check_is_fitted(self)
        deviation = check_X(self, X, reset=False) - self.mean_
        code = deviation @ self.components_.T
        rest = deviation - code @ self.components_
        d, k = self.n_features_in_, self.n_components_
        least = _LEAST_NOISE * (np.mean(self.explained_variance_) or 1.0)
        variances = np.maximum(self.explained_variance_, least)
        noise = max(self.noise_variance_, least)
        density = np.sum(code**2 / variances, axis=1) + np.sum(np.log(variances))
        if k < d:
            density += np.sum(rest**2, axis=1) / noise + (d - k) * math.log(noise)
        return -0.5 * (density + d * math.log(2.0 * math.pi))

    def _compose(self, n_features):
        network = DenseNetwork(
            n_features,
            self.n_components,
            tied_weights=self.tied_weights,
            linear_path=False,
        )
        decay = WeightDecay(self.weight_decay) if self.weight_decay else None
        return Composition(network, Gaussian(), decay)

    def _fit(self, X, X_val):
        k, most = self.n_components, min(X.shape)
        if k > most:
            raise ValueError(
                f"n_components={k} must be between 1 and min(n_samples, "
                f"n_features)={most} with solver={self.solver!r}"
            )
        composition = self._compose(X.shape[1])
        exact = self.solver == "exact"
        callbacks = FitCallbacks(self, X, max_iter=0 if exact else self.max_iter)
        with neutral(choose_device(self.device)), memory_errors(len(X)):
            scaling = Scaling.fit(X)
            if exact:
                solution = solve_exactly(X, scaling, composition)
            else:
                reporter = EpochReporter(
                    callbacks,
                    self.verbose,
                    lambda solution: self._attributes(X.shape, scaling, solution),
                )
                solution = descend(X, scaling, composition, self, reporter)
        vars(self).update(self._attributes(X.shape, scaling, solution))
        callbacks.fit_ends(lambda: vars(self))

    def _attributes(self, shape, scaling, solution):
        """Fitted attributes, PCA's among them, in units of X."""
        (n, d), k = shape, self.n_components
        axes, gain, history = solution
        unit = scaling.scale**2
        lost = axes.total - np.sum((2.0 * gain - gain**2) * axes.squares)
        history.loss = history.best_loss = max(0.0, lost / (n * d))
        matrix = np.sqrt(gain)[:, None] * axes.components
        fitted = FittedAutoencoder(
            DenseNetwork(d, k, tied_weights=True),
            Gaussian(),
            Scaling(scaling.mean, 1.0),
            {
                "encoder.0.weight": matrix,
                "encoder.0.bias": np.zeros(k),
                "decoder.0.bias": np.zeros(d),
            },
            null_output=np.zeros(d),
        )
        rest = min(n, d) - k
        freedom = max(n - 1, 1)
        variances = axes.squares * unit / freedom
        noise = max(0.0, axes.total * unit / freedom - variances.sum())
        return fitted_attributes(fitted, history, unit) | {
            "components_": axes.components,
            "mean_": scaling.mean,
            "explained_variance_": variances,
            "explained_variance_ratio_": axes.squares / (axes.total or 1.0),
            "singular_values_": np.sqrt(axes.squares) * scaling.scale,
            "noise_variance_": noise / rest if rest else 0.0,
        }
