"""How much of the data a reconstruction keeps."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skae.metrics._rows import as_rows, on_host
from skae.metrics._within import parts, through_code

_BLOCK = 2**22  # entries of sparse rows that are dense at once, 32 MiB of them


def reconstruction_r2(estimator, X, y=None, *, mean=None):
    """Score a transformer by how much of X its reconstruction explains.

    ``1 - sum((X - X_hat) ** 2) / sum((X - mean) ** 2)``, both sums over all
    entries, `X_hat` from ``transform`` and ``inverse_transform``. Pooled, so that for
    `PCA` on its own training rows it is the sum of `explained_variance_ratio_`. It is
    a scorer: searches and cross-validation take it as ``scoring=reconstruction_r2``.

    Parameters
    ----------
    estimator : transformer
        Fitted, with `transform` and `inverse_transform`: PCA, NMF, KernelPCA with
        `fit_inverse_transform=True`, an autoencoder, a Pipeline of such, which is
        judged in the units of X (see Notes).

    X : {array-like, sparse matrix, torch.Tensor} of shape (n_samples, n_features)
        Rows to reconstruct, of a kind that the estimator takes. Samples of more
        dimensions, such as images, are flattened for the sums. Sparse rows are made
        dense a block at a time.

    y : object, default=None
        Ignored; there for the signature of a scorer.

    mean : array-like of shape (n_features,), default=None
        The reconstruction that is worth 0. None is the mean of the training rows where
        the estimator (in a Pipeline, its first step that does anything; of a search,
        the best) tells it as `mean_`, and where it does not, the mean of the X passed,
        which is the harder one to beat.

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
        If X or its reconstruction holds NaN or infinity, if they differ in shape, or if
        `mean` has another width than X.

    See Also
    --------
    make_denoising_scorer : The same, of rows that noise has been added to.

    Notes
    -----
    PCA and the autoencoders of skae have a `mean_`; NMF, KernelPCA and some Pipelines
    have none. Where rows are few, or held-out rows unlike the others, that makes a
    difference between them: give all the same yardstick, as
    ``scoring=partial(reconstruction_r2, mean=X.mean(axis=0))``. The autoencoders also
    have a `score` of their own, for every likelihood.

    Squares are those of the X passed, in its units. A Pipeline that begins with a
    StandardScaler is judged after the scaling has been undone, where columns of large
    numbers have nearly all the say; the `score` of the same Pipeline is that of its
    last step, on scaled rows, where all columns count alike. For this measure in scaled
    units pass the last step and what reaches it:
    ``reconstruction_r2(pipeline[-1], pipeline[:-1].transform(X))``.

    Examples
    --------
    As the score of a search over any transformer, where PCA's own is a likelihood:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import NMF, PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import Pipeline
    >>> from skae.metrics import reconstruction_r2
    >>> X = load_iris().data
    >>> print(f"{reconstruction_r2(PCA(2).fit(X), X):.3f}")
    0.978
    >>> search = GridSearchCV(
    ...     Pipeline([("reduce", PCA())]),
    ...     {"reduce": [PCA(1), PCA(2), NMF(2, max_iter=1000)]},
    ...     scoring=reconstruction_r2,
    ... )
    >>> search.fit(X[::2]).best_params_
    {'reduce': PCA(n_components=2)}
    """
    n_features = int(np.prod(np.shape(X)[1:]))
    if mean is None:
        mean = training_mean(estimator, n_features)
    else:
        mean = np.ravel(on_host(mean))
        if len(mean) != n_features:
            raise ValueError(
                f"mean has {len(mean)} entries, the rows of X have {n_features}"
            )

    def back(rows):
        return through_code(estimator, rows, "reconstruction_r2")

    if issparse(X):
        X = X.tocsr()
        blocks = [*gen_batches(X.shape[0], max(1, _BLOCK // X.shape[1]))]
        return _explained(X, lambda rows: back(X[rows]), mean, blocks)
    return pooled_r2(X, back(X), mean=mean)


def pooled_r2(X, X_hat, *, mean):
    """Compute the fraction of X's sum of squares that `X_hat` explains.

    Parameters
    ----------
    X, X_hat : array-like of shape (n_samples, ...)
        The data and its reconstruction.

    mean : array-like of shape (n_features,) or None
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
    X, X_hat = as_rows(X), as_rows(X_hat)
    return _explained(X, lambda rows: X_hat[rows], mean, [slice(None)])


def _explained(X, reconstruction, mean, blocks):
    """Sum over blocks of rows; `reconstruction` takes one and gives its rows back."""
    mean = np.ravel(X.mean(axis=0) if mean is None else mean)
    # In this unit squares neither overflow nor vanish.
    unit = max(np.abs(as_rows(X[rows]) - mean).max() for rows in blocks)
    rounding = 8 * np.finfo(np.float64).eps * abs(X).max()
    is_constant, total, lost = unit <= rounding, 0.0, 0.0
    for rows in blocks:
        block, back = as_rows(X[rows]), as_rows(reconstruction(rows))
        _refuse_other_shape(block, back)
        if is_constant:
            lost = max(lost, np.abs(block - back).max())
        else:
            total += np.square((block - mean) / unit).sum()
            lost += np.square((block - back) / unit).sum()
    return float(lost <= rounding) if is_constant else float(1 - lost / total)


def _refuse_other_shape(X, X_hat):
    if X.shape != X_hat.shape:
        raise ValueError(
            f"The reconstruction has shape {X_hat.shape}, the rows have {X.shape}"
        )


def training_mean(estimator, n_features):
    """Return the mean of the training rows in the units of X, None if unknown.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    n_features : int
        Width of the rows; a `mean_` of another is not their mean, and a warning says
        that it is not taken.

    Returns
    -------
    ndarray of shape (n_features,) or None
        What the first part that changes rows has kept.
    """
    first = next(iter(parts(estimator)), None)
    mean = on_host(getattr(first, "mean_", None))
    if mean is None or np.size(mean) == n_features:
        return mean
    warnings.warn(
        f"The mean_ of {type(first).__name__} has {np.size(mean)} entries, the rows "
        f"have {n_features}: the mean of the rows scored is taken in its place",
        UserWarning,
        stacklevel=3,
    )
    return None
