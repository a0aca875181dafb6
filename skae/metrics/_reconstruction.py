"""How much of the data a reconstruction keeps."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array


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
    return pooled_r2(X, reconstruct(estimator, X), mean=training_mean(estimator))


def reconstruct(estimator, X):
    """Map X to its code and back, with whatever transformer has an inverse."""
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                f"{type(estimator).__name__} has no {method}: this score needs a "
                "transformer with an inverse"
            )
    return estimator.inverse_transform(estimator.transform(X))


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


def training_mean(estimator):
    """Return the mean of the training rows in the units of X, None if unknown."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    return getattr(estimator, "mean_", None)
