"""Successive halving, with epochs as the resource."""

from __future__ import annotations

import math

import numpy as np
from sklearn.base import clone

from skae.model_selection._checks import find_autoencoder


class SuccessiveHalving:
    """Rounds in which ever fewer candidates are trained for ever more epochs.

    Parameters
    ----------
    estimator : estimator object
        What becomes an autoencoder, or a Pipeline with one, with each candidate.
    candidates : list of dict
        Parameters of each.
    n_samples : int
        Rows that a candidate is trained on.
    factor : float
        By how much a round divides the candidates, and multiplies the epochs.

    Attributes
    ----------
    n_rounds : int
        How many rounds there are.
    goes_on : bool
        Whether there is another round.

    Raises
    ------
    ValueError
        If there is not exactly one autoencoder in a candidate.
    """

    def __init__(self, estimator, candidates, n_samples, factor):
        self._estimator = estimator
        self._left, self._n_samples, self._factor = candidates, n_samples, factor
        most = min(len(candidates), max(map(self._planned, candidates)))
        self.n_rounds = 1 + int(math.log(most, factor) + 1e-9)
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
            given | {self._find(given)[0] + "max_iter": n}
            for given, n in zip(self._left, self._epochs(), strict=True)
        ]

    def notes(self):
        """What `cv_results_` tells of the round."""
        return {"iter": [self._round] * len(self._left), "n_resources": self._epochs()}

    def keep_best(self, scores):
        """End the round: the best candidates by these scores stay."""
        n_left = math.ceil(len(self._left) / self._factor)
        n_left = max(1, min(n_left, len(self._left) - 1))
        order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
        self._left = [self._left[i] for i in sorted(order[:n_left])]
        self._round += 1

    def _epochs(self):
        """Epochs of each candidate in this round."""
        share = self._factor ** (self.n_rounds - 1 - self._round)
        return [max(1, round(self._planned(given) / share)) for given in self._left]

    def _planned(self, given):
        """Epochs that a candidate plans."""
        return self._find(given)[1]._planned_epochs(self._n_samples)

    def _find(self, given):
        """Prefix of the autoencoder's parameters in a candidate, and itself."""
        candidate = clone(self._estimator).set_params(**clone(given, safe=False))
        try:
            return find_autoencoder(candidate)
        except ValueError as error:
            raise ValueError(
                "With factor, candidates are trained for fewer epochs first: each must "
                f"have exactly one autoencoder, and {given} has not. Leave factor out."
            ) from error
