"""Neighbourhoods and ranks, a block of rows at a time: never all distances at once.

Distances that tie are treated alike, so that no measure depends on the order of rows:
rows that tie for the last places of a neighbourhood share them, and rows equally far
away have the same rank, the least of those they take up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array, gen_batches

_BLOCK = 2**22  # distances that are held at once, 32 MiB of them

_ROUNDING = 1e-13  # what is nearer than that to being equal is equal

_FEW_FEATURES = 15  # with which exact differences cost no more than a matrix product


@dataclass(frozen=True)
class Distances:
    """Distances between rows, or their squares, which are ordered alike.

    Attributes
    ----------
    n_samples : int
        Number of rows.

    from_rows : callable
        Takes a slice of b rows and returns a new array of shape (b, n_samples).

    sizes : ndarray of shape (n_samples,)
        What the rounding error of a row's distances is relative to, beside the
        distances themselves.
    """

    n_samples: int
    from_rows: Callable
    sizes: np.ndarray

    def blocks(self):
        """Yield slices of rows."""
        return row_blocks(self.n_samples)

    def block(self, rows):
        """Return distances from some rows to all, infinite from a row to itself."""
        block = self.from_rows(rows)
        if not np.isfinite(block).all():
            raise ValueError(
                "Some distances are NaN or infinite: every two rows need a finite one"
            )
        np.fill_diagonal(block[:, rows], np.inf)
        return block

    def slack(self, rows, block):
        """Return by how much distances of some rows may differ and still be equal."""
        return _ROUNDING * (block + self.sizes[rows, None])


def row_blocks(n_samples):
    """Yield slices of rows so short that their distances to all rows fit."""
    return gen_batches(n_samples, max(1, _BLOCK // n_samples))


def distances_between(X, metric="euclidean", *, name="X"):
    """Prepare the distances between the rows of X.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The rows, or all their distances if `metric="precomputed"`.

    metric : str or callable, default="euclidean"
        As in :func:`sklearn.metrics.pairwise_distances`.

    name : str, default="X"
        What to call it in an error.

    Returns
    -------
    Distances
        Nothing is computed yet.
    """
    if metric == "euclidean":
        return _euclidean(in_unit(X, name=name))
    if metric == "precomputed":
        D = distance_matrix(X, name=name)
        return Distances(len(D), lambda rows: D[rows].copy(), np.zeros(len(D)))
    X = check_array(
        X,
        dtype=None,
        accept_sparse="csr",
        ensure_all_finite=metric != "nan_euclidean",
        input_name=name,
    )
    return Distances(
        X.shape[0],
        lambda rows: pairwise_distances(X[rows], X, metric=metric),
        np.zeros(X.shape[0]),
    )


def _euclidean(X):
    n_samples, n_features = X.shape
    if n_features <= _FEW_FEATURES and not issparse(X):
        return Distances(
            n_samples,
            lambda rows: cdist(X[rows], X, "sqeuclidean"),
            np.zeros(n_samples),
        )
    squares = X.multiply(X) if issparse(X) else np.square(X)
    return Distances(
        n_samples,
        lambda rows: euclidean_distances(X[rows], X, squared=True),
        np.asarray(squares.sum(axis=1)).ravel(),
    )


def in_unit(X, *, name="X"):
    """Return X in a unit of its own, and centred unless it is sparse.

    Then no square overflows or vanishes, and an offset costs no digits.
    """
    X = check_array(X, dtype=np.float64, accept_sparse="csr", input_name=name)
    X = X / (abs(X).max() or 1)
    if not issparse(X):
        X -= X.mean(axis=0)
        X /= np.abs(X).max() or 1
    return X


def distance_matrix(D, *, name="X"):
    """Check a matrix of all distances."""
    D = check_array(D, dtype=np.float64, input_name=name)
    if D.shape[0] != D.shape[1]:
        raise ValueError(
            f"{name} has shape {D.shape}, but with metric='precomputed' it is square: "
            "the distance between every two rows"
        )
    return D


def check_n_neighbors(n_neighbors, limit, said):
    """Refuse neighbourhoods that are no whole number of rows, or too large.

    Parameters
    ----------
    n_neighbors : int
        Their size.

    limit : float
        What it must be less than.

    said : str
        The limit in words.
    """
    if not isinstance(n_neighbors, Integral) or n_neighbors < 1:
        raise ValueError(
            f"n_neighbors must be a whole number, 1 or more. Got {n_neighbors!r}."
        )
    if n_neighbors >= limit:
        raise ValueError(
            f"n_neighbors ({n_neighbors}) should be less than {said} ({limit})"
        )


def neighborhoods(distances, k):
    """Yield the k nearest neighbours of every row, a block of rows at a time.

    Parameters
    ----------
    distances : Distances
        Between all rows.

    k : int
        Size of the neighbourhoods.

    Yields
    ------
    rows : slice
        The block.

    i, j : ndarray of shape (n_pairs,)
        Row `j` is a neighbour of the `i`-th row of the block; `i` ascends.

    weight : ndarray of shape (n_pairs,)
        1, or less where more rows tie for the last places than there are such; sums
        to k for each row.
    """
    for rows in distances.blocks():
        block = distances.block(rows)
        last = np.partition(block, k - 1, axis=1)[:, [k - 1]]
        slack = distances.slack(rows, last)
        nearer, within = block < last - slack, block <= last + slack
        n_nearer = nearer.sum(axis=1)
        share = (k - n_nearer) / (within.sum(axis=1) - n_nearer)
        i, j = np.nonzero(within)
        yield rows, i, j, np.where(nearer[i, j], 1.0, share[i])


def ranks(distances, rows, i, j):
    """Rank row `j` among the neighbours of the `i`-th row of a block: 1 is nearest.

    Parameters
    ----------
    distances : Distances
        Between all rows; by these they are ranked.

    rows : slice
        The block.

    i, j : ndarray of shape (n_pairs,)
        The pairs; `i` ascends.

    Returns
    -------
    ndarray of shape (n_pairs,)
        One more than the number of rows that are nearer.
    """
    block = distances.block(rows)
    distance = block[i, j]
    distance -= _ROUNDING * (distance + distances.sizes[rows][i])
    block.sort(axis=1)
    starts = np.searchsorted(i, np.arange(1, len(block)))
    nearer = [
        np.searchsorted(row, of_row)
        for row, of_row in zip(block, np.split(distance, starts), strict=True)
    ]
    return 1 + np.concatenate(nearer)
