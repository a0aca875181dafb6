"""How much of the distances along a manifold an embedding keeps."""

import warnings

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial.distance import cdist
from sklearn.neighbors import kneighbors_graph
from sklearn.utils import check_array, check_consistent_length

from skae.metrics._neighbors import (
    check_n_neighbors,
    distance_matrix,
    distances_between,
    in_unit,
    row_blocks,
)
from skae.metrics._rows import on_host

_ROUNDING = 1e-13  # distances that differ by no more, relatively, are all the same


def geodesic_correlation(X, Z, *, n_neighbors=5, metric="euclidean"):
    """Correlate distances along the manifold with the distances in the embedding.

    The Pearson correlation over all pairs of rows: it tells how much of the distances
    is kept that :class:`~sklearn.manifold.Isomap` is made to keep. As there, a distance
    along the manifold is the length of the shortest path over edges between nearest
    neighbours.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The data, which may be sparse; the distances between its rows if
        `metric="precomputed"`; or, if `metric="geodesic"`, the distances along the
        manifold themselves, where these are known.

    Z : array-like of shape (n_samples, n_components)
        The embedding of the rows of X.

    n_neighbors : int, default=5
        Number of neighbours that each row has an edge to; there are no edges if
        `metric="geodesic"`.

    metric : str or callable, default="euclidean"
        Length of an edge, as in :func:`sklearn.neighbors.kneighbors_graph`, or
        `"geodesic"`. Distances in the embedding are Euclidean.

    Returns
    -------
    float
        In [-1, 1]; 1 says that the embedding is the manifold, unrolled. An embedding
        that puts all rows on one point has 0, unless the distances along the manifold
        are all equal too.

    Raises
    ------
    ValueError
        If `n_neighbors` is not less than `n_samples`, if X and Z differ in length, if
        there is one row only, or if given distances are not finite or not square.

    Warns
    -----
    UserWarning
        If the graph falls into pieces.

    See Also
    --------
    trustworthiness, continuity : What becomes of neighbours.

    Notes
    -----
    A graph that falls into pieces is joined as Isomap does it: between every two pieces
    the two rows nearest to each other get an edge, so that the distance from piece to
    piece is across the gap. With the same `n_neighbors` the distances are therefore
    those in Isomap's `dist_matrix_`.

    Paths are computed from a block of rows at a time: the memory grows with `n_samples`
    and not with its square, the time with its square (and its logarithm).

    References
    ----------
    Tenenbaum, J. B., de Silva, V. and Langford, J. C. (2000). A global geometric
    framework for nonlinear dimensionality reduction. Science 290, 2319-2323; its
    residual variance is 1 minus the square of this correlation.

    Examples
    --------
    >>> from sklearn.datasets import make_swiss_roll
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.manifold import Isomap
    >>> from skae.metrics import geodesic_correlation
    >>> X, _ = make_swiss_roll(500, random_state=0)
    >>> print(f"{geodesic_correlation(X, PCA(2).fit_transform(X)):.2f}")
    0.26
    >>> print(f"{geodesic_correlation(X, Isomap().fit_transform(X)):.2f}")
    1.00

    Where the place of each row on the manifold is known:

    >>> import numpy as np
    >>> from sklearn.metrics import pairwise_distances
    >>> angle = np.linspace(0, np.pi, 50)[:, None]
    >>> arc = pairwise_distances(angle)
    >>> r = geodesic_correlation(arc, np.cos(angle), metric="geodesic")
    >>> print(f"{r:.3f}")
    0.976
    """
    check_consistent_length(X, Z)
    Z = check_array(on_host(Z), dtype=np.float64, input_name="Z", ensure_min_samples=2)
    Z = in_unit(Z)
    along = _given(X) if metric == "geodesic" else _paths(X, n_neighbors, metric)
    return _correlation(
        np.stack([along(rows)[others], cdist(Z[rows], Z)[others]])
        for rows, others in _pairs(len(Z))
    )


def _pairs(n_samples):
    """Yield blocks of rows, with a mask of the pairs of two different rows."""
    for rows in row_blocks(n_samples):
        others = np.ones((rows.stop - rows.start, n_samples), dtype=bool)
        np.fill_diagonal(others[:, rows], False)
        yield rows, others


def _given(D):
    D = distance_matrix(D, metric="geodesic")
    unit = np.abs(D).max() or 1
    return lambda rows: D[rows] / unit


def _paths(X, n_neighbors, metric):
    X = _edges_between(X, metric)
    check_n_neighbors(n_neighbors, X.shape[0], "n_samples")
    graph = kneighbors_graph(X, n_neighbors, mode="distance", metric=metric)
    n_pieces, piece = connected_components(graph, directed=False)
    if n_pieces > 1:
        warnings.warn(
            f"The graph of n_neighbors={n_neighbors} is in {n_pieces} pieces, which "
            "the shortest edges between them join: more neighbours make fewer pieces",
            UserWarning,
            stacklevel=3,
        )
        graph = _joined(graph, _bridges(X, piece, metric))

    def along(rows):
        return dijkstra(graph, directed=False, indices=np.arange(rows.start, rows.stop))

    return along


def _edges_between(X, metric):
    if metric == "euclidean":
        return in_unit(X)  # a correlation knows no unit
    if metric == "precomputed":
        D = distance_matrix(X)
        return D / (np.abs(D).max() or 1)
    return check_array(on_host(X), dtype=None, accept_sparse="csr", input_name="X")


def _bridges(X, piece, metric):
    """Find the shortest edge between every two pieces: two rows and its length."""
    distances = distances_between(X, metric)
    sizes = np.bincount(piece)
    smallest_first = np.argsort(sizes, kind="stable")
    edges = []
    # Nothing is asked of the rows of the largest piece: all others have met them.
    for place, a in enumerate(smallest_first[:-1]):
        rows, larger = np.flatnonzero(piece == a), smallest_first[place + 1 :]
        blocks = row_blocks(len(piece), len(rows))
        found = [_nearest(distances, rows[block], piece, sizes) for block in blocks]
        i, j, length = (np.stack(part)[:, larger] for part in zip(*found, strict=True))
        best = length.argmin(axis=0), np.arange(len(larger))
        edges.append((i[best], j[best], length[best]))
    i, j, length = (np.concatenate(part) for part in zip(*edges, strict=True))
    return i, j, np.sqrt(length) if metric == "euclidean" else length


def _nearest(distances, rows, piece, sizes):
    """Find the shortest edge from some rows to every piece."""
    by_piece = np.argsort(piece, kind="stable")
    block = distances.between(rows)[:, by_piece]
    nearest = np.minimum.reduceat(block, np.cumsum(sizes) - sizes, axis=1)
    i = nearest.argmin(axis=0)
    length = nearest[i, np.arange(len(sizes))]
    owner = piece[by_piece]
    ends = np.flatnonzero(block[i[owner], np.arange(len(piece))] == length[owner])
    _, first = np.unique(owner[ends], return_index=True)
    return rows[i], by_piece[ends[first]], length


def _joined(graph, edges):
    """Add edges to a graph."""
    graph, (i, j, length) = graph.tocoo(), edges
    # Entry by entry: a sum of matrices would drop edges of length 0, of duplicates.
    return coo_array(
        (
            np.concatenate([graph.data, length]),
            (np.concatenate([graph.row, i]), np.concatenate([graph.col, j])),
        ),
        shape=graph.shape,
    ).tocsr()


def _correlation(blocks):
    """Compute the Pearson correlation of pairs that come in blocks of shape (2, n)."""
    n, mean, scatter = 0, np.zeros(2), np.zeros((2, 2))
    for pairs in blocks:
        n_new, shift = pairs.shape[1], pairs.mean(axis=1) - mean
        deviation = pairs - pairs.mean(axis=1, keepdims=True)
        scatter += deviation @ deviation.T
        scatter += np.outer(shift, shift) * (n * n_new / (n + n_new))
        mean += shift * (n_new / (n + n_new))
        n += n_new
    spread = np.sqrt(np.diag(scatter))
    is_flat = spread <= _ROUNDING * np.sqrt(n) * np.abs(mean)
    if is_flat.any():
        return float(is_flat.all())
    return float(np.clip(scatter[0, 1] / spread.prod(), -1, 1))
