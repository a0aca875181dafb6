"""Successive halving, with epochs as the resource."""

from __future__ import annotations

import math

import numpy as np
from sklearn.base import clone

from skae.estimators import AutoencoderTransformer


class SuccessiveHalving:
    """Rounds in which ever fewer candidates are trained for ever more epochs.

    Parameters
    ----------
    estimator : estimator object
        An autoencoder, or a Pipeline with one.
    candidates : list of dict
        Parameters of each.
    n_samples : int
        Rows of X.
    factor : float
        By how much a round divides the candidates, and multiplies the epochs.

    Attributes
    ----------
    n_rounds : int
        How many rounds there are.
    goes_on : bool
        Whether there is another round.
    """

    def __init__(self, estimator, candidates, n_samples, factor):
        prefix, self._autoencoder = find_autoencoder(estimator)
        self._name = prefix + "max_iter"
        self._left, self._n_samples, self._factor = candidates, n_samples, factor
        self.n_rounds = 1 + int(math.log(max(1, len(candidates)), factor) + 1e-9)
        self._round = 0

    @property
    def goes_on(self):
        """Whether there is another round."""
        return self._round < self.n_rounds

    def candidates(self):
        """Parameters of those in this round; in the last one, as they were given."""
        if self._round == self.n_rounds - 1:
            return self._left
        return [
            given | {self._name: n}
            for given, n in zip(self._left, self._epochs(), strict=True)
        ]

    def notes(self):
        """What `cv_results_` tells of the round."""
        return {"iter": [self._round] * len(self._left), "n_resources": self._epochs()}

    def keep_best(self, scores):
        """End the round: the best candidates by these scores stay."""
        n_left = max(1, math.ceil(len(self._left) / self._factor))
        order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
        self._left = [self._left[i] for i in sorted(order[:n_left])]
        self._round += 1

    def _epochs(self):
        """Epochs of each candidate in this round."""
        share = self._factor ** (self.n_rounds - 1 - self._round)
        return [max(1, round(self._planned(given) / share)) for given in self._left]

    def _planned(self, given):
        max_iter = given.get(self._name, self._autoencoder.max_iter)
        candidate = clone(self._autoencoder).set_params(max_iter=max_iter)
        return candidate._planned_epochs(self._n_samples)


def find_autoencoder(estimator):
    """The autoencoder in an estimator, and the prefix of its parameters' names.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    parameters = {"": estimator, **estimator.get_params(deep=True)}
    found = {
        name: value
        for name, value in parameters.items()
        if isinstance(value, AutoencoderTransformer)
    }
    if len(found) != 1:
        raise ValueError(
            "AutoencoderSearchCV wants an autoencoder, or a Pipeline with one, and "
            f"found {len(found)} in {estimator}. Use GridSearchCV."
        )
    [(name, autoencoder)] = found.items()
    return name and f"{name}__", autoencoder
