"""What an autoencoder can do whose code is a distribution."""

from __future__ import annotations

import warnings
from functools import update_wrapper
from numbers import Integral

import numpy as np
import torch

from skae.estimators.randomness import draw_entropy
from skae.estimators.sources import blocks_of
from skae.estimators.validation import check_fitted, check_X
from skae.objectives import KLToPrior

_LEAST_DRAWS = 16
"""Of a bound, so that it does not hang on a single one."""

_LEAST_DIVERGENCE = 0.01
"""In nats, of a component that tells rows apart."""

_BLOCK_ROWS = 4096


class _OfRandomCodes:
    """A method that estimators have whose code, fitted or to be, is a distribution.

    Others are told how to come by it, which `available_if` of scikit-learn keeps to
    itself.
    """

    def __init__(self, method):
        update_wrapper(self, method)
        self._method = method

    def __get__(self, estimator, owner=None):
        if estimator is not None and not _has_random_code(estimator):
            raise AttributeError(
                f"This {type(estimator).__name__} has no {self.__name__}: its code is "
                "no distribution. Set beta above 0, and fit again.",
                name=self.__name__,
                obj=estimator,
            )
        return self._method.__get__(estimator, owner)


def _has_random_code(estimator):
    if hasattr(estimator, "_fitted"):
        return estimator._fitted.network.code.is_random
    return estimator._is_variational()


class GenerativeMixin:
    """Methods and attributes of estimators whose code may be a `GaussianCode`."""

    _described = frozenset({"kl_per_component_", "n_active_components_"})

    def _is_variational(self):
        """Whether the parameters ask for a code that is a distribution."""
        return True

    @_OfRandomCodes
    def transform_distribution(self, X):
        """Encode X as distributions.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        mean : ndarray or torch.Tensor of shape (n_samples, n_components)
            Posterior means, as `transform` gives them.
        std : ndarray or torch.Tensor of shape (n_samples, n_components)
            Posterior standard deviations; the entries of a code are independent.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit.
        """
        check_fitted(self)
        parameters = self._fitted.code_parameters(check_X(self, X, reset=False))
        mean, log_variance = np.split(parameters, 2, axis=1)
        return self._give(mean, X), self._give(np.exp(0.5 * log_variance), X)

    @_OfRandomCodes
    def sample(self, n_samples=1, random_state=None):
        """Draw new rows: the means of the likelihood for codes drawn from the prior.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            Seed.

        Returns
        -------
        ndarray or torch.Tensor of shape (n_samples, n_features)
            Rows in units of X, without the noise of the likelihood; in the shape of the
            samples of the fit, if these had one.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When `n_samples` is not a positive int.
        """
        check_fitted(self)
        check_count(n_samples)
        rng = np.random.default_rng(draw_entropy(random_state))
        return self.inverse_transform(
            rng.standard_normal((n_samples, self.n_components_))
        )

    def _bound(self, X, n_samples):
        """Lower bound on the log-likelihood of each row of X; see `score_samples`."""
        return self._fitted.log_bound(X, n_samples, -(-_LEAST_DRAWS // n_samples))

    def _describe(self, fitted, X):
        if not fitted.network.code.is_random:
            return {}
        divergence = np.zeros(fitted.network.n_components)
        for rows in blocks_of(X, _BLOCK_ROWS):
            code = fitted.code_parameters(rows)
            terms = KLToPrior(1.0).statistic(torch.from_numpy(code.astype(np.float64)))
            divergence += terms.sum(0).numpy()
        divergence /= len(X)
        return {
            "kl_per_component_": divergence,
            "n_active_components_": int(np.sum(divergence > _LEAST_DIVERGENCE)),
        }

    def _warn_of_the_result(self, X):
        collapsed = getattr(self, "n_active_components_", None) == 0
        first, blocks = X[0], blocks_of(X, _BLOCK_ROWS)
        if collapsed and any(np.any(rows != first) for rows in blocks):
            warnings.warn(
                "The posterior has collapsed: no component of the code tells one row "
                "from another. Use a smaller beta, set beta_warm_up or free_bits where "
                "there are such, or standardise the features; X may also be noise "
                "without structure.",
                stacklevel=7,
            )


def prior_penalty(estimator, n_features, free_bits=0.0, noise_variance="fit"):
    """Divergence from the prior, as `beta` and `likelihood` of an estimator weigh it.

    The losses of other likelihoods than the Gaussian are log-densities as they are,
    which the Gaussian's is with a variance of 1/2.
    """
    gaussian = estimator.likelihood == "gaussian"
    variance = noise_variance if gaussian else 0.5
    return KLToPrior(estimator.beta / n_features, free_bits, variance)


def check_count(n_samples):
    """Refuse a number of draws that is none."""
    if not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"n_samples must be a positive int. Got {n_samples!r}.")
