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

from skae.metrics._rows import on_host

_BLOCK = 2**22  # distances that are held at once, 32 MiB of them

_FEW_FEATURES = 15  # with which exact differences cost no more than a matrix product

# Distances that differ by no more, relatively, are equal: they are where all are from
# differences, and where those of rows far apart are from a matrix product. The error of
# one is about 1e-14 of the rows' own squares, for tens of thousands of features.
_ROUNDING, _ROUNDING_OF_PRODUCTS = 1e-13, 1e-11
_CLOSE = 1 / 256  # times a row's square: of squares below, that error would be too much


@dataclass(frozen=True)
class Distances:
    """Distances between rows, or their squares, which are ordered alike.

    Attributes
    ----------
    n_samples : int
        Number of rows.

    from_rows : callable
        Takes a slice, or indices, of b rows and returns a new array of shape (b,
        n_samples).

    rounding : float
        Relative difference up to which two of them are equal.
    """

    n_samples: int
    from_rows: Callable
    rounding: float = _ROUNDING

    def blocks(self):
        """Yield slices of rows."""
        return row_blocks(self.n_samples)

    def between(self, rows):
        """Return distances from some rows to all."""
        block = self.from_rows(rows)
        if not np.isfinite(block).all():
            raise ValueError(
                "Some distances are NaN or infinite: every two rows need a finite one"
            )
        return block

    def block(self, rows):
        """Return distances from a slice of rows to all, infinite to a row itself."""
        block = self.between(rows)
        np.fill_diagonal(block[:, rows], np.inf)
        return block


def row_blocks(n_samples, n_rows=None):
    """Yield slices of rows so short that their distances to all rows fit.

    Parameters
    ----------
    n_samples : int
        Number of all rows.

    n_rows : int, default=None
        Number of the rows to cut into slices; None: all.
    """
    n_rows = n_samples if n_rows is None else n_rows
    return gen_batches(n_rows, max(1, _BLOCK // n_samples))


def distances_between(X, metric="euclidean", *, name="X"):
    """Prepare the distances between the rows of X.

    Parameters
    ----------
    X : array-like, torch.Tensor or sparse matrix of shape (n_samples, n_features)
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
        return Distances(len(D), lambda rows: D[rows].copy())
    X = check_array(
        on_host(X),
        dtype=None,
        accept_sparse="csr",
        ensure_all_finite=metric != "nan_euclidean",
        input_name=name,
    )
    return Distances(
        X.shape[0],
        lambda rows: pairwise_distances(X[rows], X, metric=metric),
    )


def _euclidean(X):
    n_samples, n_features = X.shape
    if n_features <= _FEW_FEATURES and not issparse(X):
        return Distances(n_samples, lambda rows: cdist(X[rows], X, "sqeuclidean"))
    sizes = _squares(X)

    def from_rows(rows):
        block = euclidean_distances(X[rows], X, squared=True)
        # A product says how rows lie to the origin: what is left of it for the
        # distance of two that lie close together may be nothing but rounding.
        i, j = np.nonzero(block < _CLOSE * sizes[rows, None])
        block[i, j] = _apart(X, np.arange(n_samples)[rows][i], j)
        return block

    return Distances(n_samples, from_rows, _ROUNDING_OF_PRODUCTS)


def _apart(X, i, j):
    """Return the squared distances of pairs of rows, from their differences."""
    squared = np.empty(len(i))
    for pairs in gen_batches(len(i), max(1, _BLOCK // X.shape[1])):
        squared[pairs] = _squares(X[i[pairs]] - X[j[pairs]])
    return squared


def _squares(X):
    squares = X.multiply(X) if issparse(X) else np.square(X)
    return np.asarray(squares.sum(axis=1)).ravel()


def in_unit(X, *, name="X"):
    """Return X in a unit of its own, and centred unless it is sparse.

    Then no square overflows or vanishes, and an offset costs no digits. The unit is a
    power of two and the centre made of entries of X, so that differences that were
    equal, as those of whole numbers are, stay equal.
    """
    X = check_array(on_host(X), dtype=np.float64, accept_sparse="csr", input_name=name)
    X = _scaled(X)
    if not issparse(X):
        middle = np.abs(X - X.mean(axis=0)).argmin(axis=0)
        X = _scaled(X - X[middle, np.arange(X.shape[1])])
    return X


def _scaled(X):
    """Divide by a power of two that brings the largest entry into [0.5, 1)."""
    _, exponent = np.frexp(abs(X).max())
    if not issparse(X):
        return np.ldexp(X, -exponent)
    return type(X)((np.ldexp(X.data, -exponent), X.indices, X.indptr), shape=X.shape)


def distance_matrix(D, *, name="X", metric="precomputed"):
    """Check a matrix of all distances, that `metric` says there is."""
    D = check_array(on_host(D), dtype=np.float64, input_name=name)
    if D.shape[0] != D.shape[1]:
        raise ValueError(
            f"{name} has shape {D.shape}, but with metric={metric!r} it is square: "
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
        slack = distances.rounding * last
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
    distance -= distances.rounding * distance
    block.sort(axis=1)
    starts = np.searchsorted(i, np.arange(1, len(block)))
    nearer = [
        np.searchsorted(row, of_row)
        for row, of_row in zip(block, np.split(distance, starts), strict=True)
    ]
    return 1 + np.concatenate(nearer)
