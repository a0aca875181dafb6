"""How much of the neighbourhoods an embedding keeps."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skae.metrics._neighbors import (
    check_n_neighbors,
    distances_between,
    neighborhoods,
    ranks,
)
from skae.metrics._rows import on_host


def trustworthiness(X, Z, *, n_neighbors=5, metric="euclidean"):
    r"""Tell whether neighbours in the embedding are neighbours in the data.

    It falls where the embedding puts rows side by side that are far apart in X
    (intrusions), each weighted by its rank in X:

    .. math::

        T(k) = 1 - \frac{2}{nk (2n - 3k - 1)} \sum_{i=1}^n
            \sum_{j \in \mathcal{N}_i^k} \max(0, r(i, j) - k)

    where :math:`\mathcal{N}_i^k` are the k nearest neighbours of row i in the embedding
    and j is its :math:`r(i, j)`-th nearest neighbour in X.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The data, which may be sparse, or the distances between its rows if
        `metric="precomputed"`.

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
        If `n_neighbors` is not less than half of `n_samples`, if X and Z differ in
        length, or if two rows have no finite distance.

    See Also
    --------
    continuity : The same measure with the roles of X and Z exchanged.

    Notes
    -----
    Where no two distances of a row tie this is
    :func:`sklearn.manifold.trustworthiness`. Where some do, the value here does not
    depend on the order of the rows: those equally far away have the least of their
    ranks, so that an embedding equal to X scores 1, and those that tie for the last
    places of a neighbourhood share them. Two rows are equally far away if their
    squared distances differ by less than a part in :math:`10^{11}`, or in
    :math:`10^{13}` with up to 15 features.

    Distances are computed a block of rows at a time: the time grows with the square of
    `n_samples`, the memory in proportion to it.

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
    in_X, in_Z = _spaces(X, Z, metric)
    return _share_kept(near=in_Z, ranked=in_X, k=n_neighbors)


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
        The data, which may be sparse, or the distances between its rows if
        `metric="precomputed"`.

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
        In [0, 1], 1 if every neighbourhood of X stays together.

    Raises
    ------
    ValueError
        If `n_neighbors` is not less than half of `n_samples`, if X and Z differ in
        length, or if two rows have no finite distance.

    See Also
    --------
    trustworthiness : The same measure with the roles of X and Z exchanged.

    Notes
    -----
    Ties, time and memory are as in :func:`trustworthiness`. An embedding that puts
    all rows on one point tears nothing, and has a continuity of 1: read the two
    measures together.

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
    in_X, in_Z = _spaces(X, Z, metric)
    return _share_kept(near=in_X, ranked=in_Z, k=n_neighbors)


def neighborhood_hit(Z, y, *, n_neighbors=5):
    r"""Tell how many of the neighbours in the embedding have the same label.

    .. math::

        H(k) = \frac{1}{nk} \sum_{i=1}^n
            |\{j \in \mathcal{N}_i^k : y_j = y_i\}|

    where :math:`\mathcal{N}_i^k` are the k nearest neighbours of row i.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components)
        The embedding.

    y : array-like of shape (n_samples,)
        The labels of its rows.

    n_neighbors : int, default=5
        Size of the neighbourhoods, less than `n_samples`.

    Returns
    -------
    float
        In [0, 1], 1 if all neighbours agree. Labels that have nothing to do with the
        embedding reach the chance that two rows have the same one.

    Raises
    ------
    ValueError
        If `n_neighbors` is not less than `n_samples`, if Z and y differ in length, or
        if y holds numbers that are no labels.

    See Also
    --------
    trustworthiness : How well neighbourhoods are kept, without labels.

    Notes
    -----
    Rows that tie for the last places of a neighbourhood share them, so that the value
    does not depend on the order of the rows: an embedding that puts all rows on one
    point reaches chance and no more. Ties, time and memory are as in
    :func:`trustworthiness`.

    References
    ----------
    Paulovich, F. V., Nonato, L. G., Minghim, R. and Levkowitz, H. (2008). Least square
    projection: a fast high-precision multidimensional projection technique and its
    application to document mapping. IEEE Transactions on Visualization and Computer
    Graphics 14, 564-575.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import neighborhood_hit
    >>> X, y = load_digits(return_X_y=True)
    >>> print(f"{neighborhood_hit(PCA(2).fit_transform(X), y):.2f}")
    0.58
    >>> print(f"{neighborhood_hit(PCA(8).fit_transform(X), y):.2f}")
    0.94
    """
    check_consistent_length(Z, y)
    y = column_or_1d(on_host(y))
    if y.dtype.kind == "f" and np.any(y % 1):
        raise ValueError("y must hold labels. Got numbers with fractions, or missing.")
    _, labels = np.unique(y, return_inverse=True)
    in_Z = distances_between(Z, name="Z")
    check_n_neighbors(n_neighbors, in_Z.n_samples, "n_samples")
    hits = sum(
        weight @ (labels[rows][i] == labels[j])
        for rows, i, j, weight in neighborhoods(in_Z, n_neighbors)
    )
    return float(hits / (in_Z.n_samples * n_neighbors))


def _spaces(X, Z, metric):
    check_consistent_length(X, Z)
    return distances_between(X, metric), distances_between(Z, name="Z")


def _share_kept(near, ranked, k):
    """Compute 1 less Venna and Kaski's penalty on neighbours that rank beyond k."""
    n = near.n_samples
    check_n_neighbors(k, n / 2, "n_samples / 2")
    excess = sum(
        weight @ np.maximum(ranks(ranked, rows, i, j) - k, 0)
        for rows, i, j, weight in neighborhoods(near, k)
    )
    return float(1 - excess * 2 / (n * k * (2 * n - 3 * k - 1)))
