"""What a linear autoencoder remembers of the rows that have come in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from skae.data import PrincipalAxes, Scaling, gram_matrix
from skae.estimators.linear_solvers import centred_rows, units_of_squares


@dataclass(frozen=True)
class DataMoments:
    """Number, mean, and Gram matrix of rows: all that PCA needs to know.

    Attributes
    ----------
    n_samples : int
        Rows so far.
    mean : ndarray of shape (n_features,)
        Their mean.
    gram : ndarray of shape (n_features, n_features)
        Sum of the outer products of what is left of each row without the mean.
    """

    n_samples: int
    mean: np.ndarray
    gram: np.ndarray

    def verify_beside(self, network):
        """Refuse what are no moments of rows for such a network."""
        d = network.n_features
        if (self.mean.shape, self.gram.shape) != ((d,), (d, d)) or self.n_samples < 1:
            raise ValueError(f"moments are not those of rows with {d} features")
        if not all(
            array.dtype == np.float64 and np.isfinite(array).all()
            for array in (self.mean, self.gram)
        ):
            raise ValueError("moments are not finite numbers of float64")

    @classmethod
    def of(cls, X):
        """Those of rows that are there."""
        units = units_of_squares(Scaling.fit(X))
        gram = gram_matrix(centred_rows(X, units), X.shape[1])
        return cls(len(X), units.mean, gram * units.scale**2)

    @classmethod
    def before(cls, estimator):
        """Those of all rows that a linear autoencoder has seen, or None.

        Of a `fit`, PCA has kept the axes, and one noise for all directions beside them:
        where rows are few, for more of them than there was any along.
        """
        if not hasattr(estimator, "_fitted"):
            return None
        if hasattr(estimator, "_stream"):
            return estimator._stream
        axes, n = estimator.components_, estimator.n_samples_
        k, d = axes.shape
        rest = max(0, min(n, d) - k) / max(d - k, 1)
        noise = estimator.noise_variance_ * rest
        kept = (axes.T * (estimator.explained_variance_ - noise)) @ axes
        return cls(n, estimator.mean_, (n - 1) * (kept + noise * np.eye(d)))

    def plus(self, other):
        """Those of these rows and of others (Chan, Golub and LeVeque 1983)."""
        n = self.n_samples + other.n_samples
        way = other.mean - self.mean
        between = self.n_samples * other.n_samples / n * np.outer(way, way)
        mean = self.mean + other.n_samples / n * way
        return DataMoments(n, mean, self.gram + other.gram + between)

    def scaling(self):
        """Units of the rows."""
        mean_square = np.trace(self.gram) / (self.n_samples * len(self.mean))
        return Scaling(self.mean, float(np.sqrt(mean_square)) or 1.0)

    def axes(self, k, unit):
        """First `k` principal axes, with squares in units of `unit`."""
        d = len(self.mean)
        squares, vectors = eigh(self.gram, subset_by_index=(d - k, d - 1))
        components = vectors.T[::-1].copy()
        return PrincipalAxes.ordered(
            components, squares[::-1] / unit, float(np.trace(self.gram)) / unit
        )
