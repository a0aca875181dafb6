"""How much of the neighbourhoods and distances an embedding keeps."""

import numpy as np
from scipy.spatial.distance import pdist, squareform
from sklearn import manifold
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_consistent_length


def trustworthiness(X, Z, *, n_neighbors=5, metric="euclidean"):
    """Tell whether neighbours in the embedding are neighbours in the data.

    It falls where the embedding puts rows side by side that are far apart in X
    (intrusions), each weighted by its rank in X. This is
    :func:`sklearn.manifold.trustworthiness` under the names of this module.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The data, or the distances between its rows if `metric="precomputed"`.

    Z : array-like of shape (n_samples, n_components)
        The embedding of the rows of X.

    n_neighbors : int, default=5
        Size of the neighbourhoods, less than half of `n_samples`.

    metric : str or callable, default="euclidean"
        Metric of the space of X, as in :func:`sklearn.metrics.pairwise_distances`.
        Distances in the embedding are Euclidean.

    Returns
    -------
    float
        In [0, 1], 1 if no neighbourhood in the embedding has an intruder.

    Raises
    ------
    ValueError
        If `n_neighbors` is not less than half of `n_samples`, or if X and Z
        differ in length.

    See Also
    --------
    continuity : The same measure with the roles of X and Z exchanged.

    References
    ----------
    Venna, J. and Kaski, S. (2001). Neighborhood preservation in nonlinear
    projection methods: an experimental study. ICANN, 485-491.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import trustworthiness
    >>> X = load_digits().data[:500]
    >>> print(f"{trustworthiness(X, PCA(2).fit_transform(X)):.2f}")
    0.85
    """
    check_consistent_length(X, Z)
    return float(manifold.trustworthiness(X, Z, n_neighbors=n_neighbors, metric=metric))


def continuity(X, Z, *, n_neighbors=5, metric="euclidean"):
    r"""Tell whether neighbours in the data stay neighbours in the embedding.

    It falls where the embedding tears rows apart that are neighbours in X
    (extrusions), each weighted by its rank in the embedding:

    .. math::

        C(k) = 1 - \frac{2}{nk (2n - 3k - 1)} \sum_{i=1}^n
            \sum_{j \in \mathcal{N}_i^k} \max(0, \hat r(i, j) - k)

    where :math:`\mathcal{N}_i^k` are the k nearest neighbours of row i in X and j is
    its :math:`\hat r(i, j)`-th nearest neighbour in the embedding.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The data, or the distances between its rows if `metric="precomputed"`.

    Z : array-like of shape (n_samples, n_components)
        The embedding of the rows of X.

    n_neighbors : int, default=5
        Size of the neighbourhoods, less than half of `n_samples`.

    metric : str or callable, default="euclidean"
        Metric of the space of X, as in :class:`sklearn.neighbors.NearestNeighbors`.
        Distances in the embedding are Euclidean.

    Returns
    -------
    float
        In [0, 1], 1 if every neighbourhood of X stays together.

    Raises
    ------
    ValueError
        If `n_neighbors` is not less than half of `n_samples`, or if X and Z
        differ in length.

    See Also
    --------
    trustworthiness : The same measure with the roles of X and Z exchanged.

    References
    ----------
    Venna, J. and Kaski, S. (2001). Neighborhood preservation in nonlinear
    projection methods: an experimental study. ICANN, 485-491.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import continuity
    >>> X = load_digits().data[:500]
    >>> print(f"{continuity(X, PCA(2).fit_transform(X)):.2f}")
    0.96
    """
    check_consistent_length(X, Z)
    n, k = len(Z), n_neighbors
    if k >= n / 2:
        raise ValueError(
            f"n_neighbors ({k}) should be less than n_samples / 2 ({n / 2})"
        )
    neighbors = NearestNeighbors(n_neighbors=k, metric=metric).fit(X)
    rows = neighbors.kneighbors(return_distance=False)
    ranks = np.take_along_axis(_neighbor_ranks(Z), rows, axis=1)
    excess = np.maximum(ranks - k, 0).sum()
    return float(1 - excess * 2 / (n * k * (2 * n - 3 * k - 1)))


def geodesic_correlation(D, Z):
    """Correlate geodesic distances with the distances in the embedding.

    The Pearson correlation over all pairs of rows. Where the manifold is known, 1
    says that the embedding is the manifold, unrolled.

    Parameters
    ----------
    D : array-like of shape (n_samples, n_samples)
        Distances along the manifold.

    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.

    Returns
    -------
    float
        In [-1, 1]. An embedding that puts all rows on one point has 0, unless the
        distances in D are all equal too.

    Raises
    ------
    ValueError
        If D is not a finite square matrix with a row for each row of Z, or if there
        is one row only.

    References
    ----------
    Tenenbaum, J. B., de Silva, V. and Langford, J. C. (2000). A global geometric
    framework for nonlinear dimensionality reduction. Science 290, 2319-2323; its
    residual variance is 1 minus the square of this correlation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import pairwise_distances
    >>> from skae.metrics import geodesic_correlation
    >>> angle = np.linspace(0, np.pi, 50)[:, None]
    >>> arc = pairwise_distances(angle)
    >>> print(f"{geodesic_correlation(arc, 3 * angle):.3f}")
    1.000
    >>> print(f"{geodesic_correlation(arc, np.cos(angle)):.3f}")
    0.976
    """
    D = check_array(D, dtype=np.float64, input_name="D")
    Z = check_array(Z, dtype=np.float64, input_name="Z", ensure_min_samples=2)
    if D.shape != (len(Z), len(Z)):
        raise ValueError(
            f"D has shape {D.shape}, {(len(Z), len(Z))} is needed: the distance "
            "between every two rows of Z"
        )
    geodesic = squareform(D, checks=False)
    return _correlation(geodesic, pdist(Z))


def _neighbor_ranks(Z):
    """Rank every row as a neighbour of every other: (n, n), the nearest is 1."""
    distances = pairwise_distances(Z)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(Z) + 1)[None, :], axis=1)
    return ranks


def _correlation(a, b):
    a, b = a - a.mean(), b - b.mean()
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    if norm_a == 0 or norm_b == 0:
        return float(norm_a == norm_b)
    return float(np.clip((a / norm_a) @ (b / norm_b), -1, 1))
