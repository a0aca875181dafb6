"""How good is an embedding, and how good is a reconstruction: of any transformer.

Nothing here knows what an autoencoder is, so that `PCA` and its relatives are
measured with the same yardstick. 0/0 is 1 throughout: what loses nothing is perfect.
"""

import numpy as np
from scipy.spatial.distance import pdist, squareform
from sklearn import manifold
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_consistent_length

__all__ = [
    "continuity",
    "geodesic_correlation",
    "reconstruction_r2",
    "trustworthiness",
]


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


def reconstruction_r2(estimator, X, y=None):
    """Score a transformer by how much of X its reconstruction explains.

    ``1 - sum((X - X_hat) ** 2) / sum((X - mean) ** 2)``, both sums over all
    entries, `X_hat` from ``transform`` and ``inverse_transform``. Pooled, so that for
    `PCA` on its own training rows it is the sum of `explained_variance_ratio_`.

    Parameters
    ----------
    estimator : transformer
        Fitted, with `transform` and `inverse_transform`: PCA, NMF, KernelPCA with
        `fit_inverse_transform=True`, an autoencoder, a Pipeline of such.

    X : array-like of shape (n_samples, n_features)
        Rows to reconstruct. Samples of more dimensions, such as images, are
        flattened for the sums.

    y : object, default=None
        Ignored; there for the signature of a scorer.

    Returns
    -------
    float
        1 is perfect, 0 no better than the mean, negative worse. Constant X scores
        1 if it is reconstructed, 0 if it is not, as the autoencoders' own `score`.

    Raises
    ------
    TypeError
        If the estimator has no `transform` or no `inverse_transform`.

    ValueError
        If X or its reconstruction holds NaN or infinity, or if they differ in shape.

    Notes
    -----
    The mean is that of the training rows, where the estimator (in a Pipeline, its
    first step) tells it as `mean_`; where it does not, the mean of the X passed,
    which is the harder one to beat. The autoencoders of skae also have a `score` of
    their own, for every likelihood.

    Examples
    --------
    As the score of a search over any transformer, where PCA's own is a likelihood:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import cross_val_score
    >>> from skae.metrics import reconstruction_r2
    >>> X = load_iris().data
    >>> print(f"{reconstruction_r2(PCA(2).fit(X), X):.3f}")
    0.978
    >>> scores = cross_val_score(PCA(2), X[::2], scoring=reconstruction_r2)
    >>> scores.shape
    (5,)
    """
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                f"{type(estimator).__name__} has no {method}: reconstruction_r2 "
                "needs a transformer with an inverse"
            )
    X_hat = estimator.inverse_transform(estimator.transform(X))
    return pooled_r2(X, X_hat, mean=_training_mean(estimator))


def pooled_r2(X, X_hat, *, mean=None):
    """Compute the fraction of X's sum of squares that `X_hat` explains.

    Parameters
    ----------
    X, X_hat : array-like of shape (n_samples, ...)
        The data and its reconstruction.

    mean : array-like of shape (n_features,), default=None
        The reconstruction that is worth 0. None is the mean of X.

    Returns
    -------
    float
        As :func:`reconstruction_r2`.

    Raises
    ------
    ValueError
        If one of them holds NaN or infinity, or if they differ in shape.
    """
    X, X_hat = _flat(X), _flat(X_hat)
    if X.shape != X_hat.shape:
        raise ValueError(
            f"The reconstruction has shape {X_hat.shape}, the rows have {X.shape}"
        )
    if mean is None or np.size(mean) != X.shape[1]:
        mean = X.mean(axis=0)
    rounding = 8 * np.finfo(np.float64).eps * np.abs(X).max()
    deviation = X - np.ravel(mean)
    if np.abs(deviation).max() <= rounding:
        return float(np.abs(X - X_hat).max() <= rounding)
    scale = np.abs(deviation).max()  # squares neither overflow nor vanish
    total = np.square(deviation / scale).sum()
    return float(1 - np.square((X - X_hat) / scale).sum() / total)


def _flat(X):
    X = check_array(X, dtype=np.float64, accept_sparse="csr", allow_nd=True)
    X = X if isinstance(X, np.ndarray) else X.toarray()
    return X.reshape(len(X), -1)


def _training_mean(estimator):
    """Return the mean of the training rows in the units of X, None if unknown."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    return getattr(estimator, "mean_", None)


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
