"""How likely rows are under the linear model of a linear autoencoder."""

from __future__ import annotations

import math

import numpy as np
import torch

from skae.estimators.fitted import finite
from skae.estimators.sources import blocks_of
from skae.estimators.validation import check_fitted, check_X

_LEAST_NOISE = 1e-14  # of the variance along the code: a density needs some


class MarginalDensityMixin:
    """Linear autoencoders, which are probabilistic PCA (Tipping and Bishop 1999)."""

    def score_samples(self, X):
        """Log-likelihood of each row of X under probabilistic PCA.

        A marginal density, with the code integrated out, as `PCA.score_samples` gives;
        that of what is there, where entries are missing.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log-likelihoods in nats; higher is more normal.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or the densities overflow its
            dtype.
        """
        check_fitted(self)
        X = check_X(self, X, reset=False)
        with np.errstate(under="ignore", over="ignore", invalid="ignore"):
            blocks = [self._log_density(rows) for rows in blocks_of(X, len(X))]
            density = np.concatenate(blocks)
        return finite(torch.from_numpy(density))

    def _log_density(self, rows):
        density = self._marginal_log_density(np.subtract(rows, self.mean_, order="C"))
        gappy = np.isnan(rows).any(axis=1)
        if gappy.any():
            density[gappy] = self._fitted.marginal_log_density(rows[gappy])
        return density

    def _marginal_log_density(self, deviation):
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
