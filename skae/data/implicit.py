"""Principal axes of sparse rows, which are centred without being made dense."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, svd

Matrix = NDArray[np.float64]

_LARGEST_GRAM = 2000
"""Features up to which their Gram matrix is decomposed."""

_OVERSAMPLING = 10
_FEWEST_ITERATIONS, _MOST_ITERATIONS = 4, 20

_SETTLED = 1e-3
"""Relative gain of an iteration in what the axes hold, below which it was the last."""

_LEAST_LEFT = 1e-6
"""Share of the squares about zero that has to lie about the mean: less is rounding."""

_LEAST_PIVOT = 1e-12
"""Of a Gram matrix, relative to the largest: below it a direction is rounding."""


def implicit_axes(X: Any, k: int) -> tuple[Matrix, Matrix, float] | None:
    """First `k` principal axes of the rows of X, their squares, and the total.

    None where the mean is so far from zero that there is little left without it.

    From the Gram matrix of few features, else by subspace iterations from a random
    start, always the same one (Halko, Martinsson and Tropp 2011), which go on until an
    iteration gains next to nothing.

    Parameters
    ----------
    X : sparse array of shape (n_samples, n_features)
        In compressed rows.
    k : int
        How many axes; at most min(n_samples, n_features).
    """
    n, d = X.shape
    mean = np.asarray(X.sum(axis=0, dtype=np.float64)).ravel() / n
    wide = X.data.astype(np.float64)
    about_zero = float(np.vdot(wide, wide))
    total = about_zero - n * float(np.vdot(mean, mean))
    if total < _LEAST_LEFT * about_zero:
        return None
    if d <= _LARGEST_GRAM:
        exact = X.astype(np.float64)  # float32 would lose what is left by the mean
        gram = (exact.T @ exact).toarray() - n * np.outer(mean, mean)
        squares, vectors = eigh(gram, subset_by_index=(d - k, d - 1))
        return vectors.T[::-1].copy(), squares[::-1].copy(), total
    return *_iterate(X, mean, k), total


def _iterate(X: Any, mean: Matrix, k: int) -> tuple[Matrix, Matrix]:
    n, d = X.shape
    width = min(k + _OVERSAMPLING, n, d)
    basis = np.random.default_rng(0).standard_normal((d, width)).astype(X.dtype)
    mean, transposed, held = mean.astype(X.dtype), X.T, 0.0
    for i in range(_MOST_ITERATIONS):
        left = X @ basis
        left -= mean @ basis
        left = _orthonormal(left)
        reached = transposed @ left
        reached -= np.outer(mean, left.sum(axis=0))
        before, held = held, float(np.vdot(reached, reached))
        if i >= _FEWEST_ITERATIONS and held - before <= _SETTLED * held:
            break
        basis = _orthonormal(reached)
    _, singular, components = svd(reached.T.astype(np.float64), full_matrices=False)
    return components[:k].copy(), singular[:k] ** 2


def _orthonormal(columns: Matrix) -> Matrix:
    """Orthonormal columns that span the same, by the square root of the Gram matrix.

    For many rows that takes less time than a decomposition of the columns.
    """
    wide = columns.astype(np.float64)
    squares, vectors = eigh(wide.T @ wide)
    squares = np.maximum(squares, _LEAST_PIVOT * squares[-1])
    turned: Matrix = columns @ (vectors / np.sqrt(squares)).astype(columns.dtype)
    return turned
