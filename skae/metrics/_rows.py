"""Rows as measures need them: arrays on the host, whatever they came as."""

import numpy as np
from sklearn.utils import check_array


def on_host(X):
    """Take a tensor out of its graph and off its device; leave all else alone.

    Parameters
    ----------
    X : array-like or torch.Tensor
        A tensor may be of any device, require a gradient, and be in half precision.

    Returns
    -------
    ndarray or array-like
        An array for a tensor, float64 if it held floats; else X itself.
    """
    if not hasattr(X, "detach"):
        return X
    X = X.detach().cpu()
    return (X.double() if X.is_floating_point() else X).numpy()


def as_rows(X, *, ensure_all_finite=True):
    """Bring X into an array of floats with a row for each sample.

    Parameters
    ----------
    X : array-like, torch.Tensor or sparse matrix of shape (n_samples, ...)
        The samples.

    ensure_all_finite : bool, default=True
        Whether to refuse NaN and infinity.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        float64.
    """
    X = check_array(
        on_host(X),
        dtype=np.float64,
        accept_sparse="csr",
        allow_nd=True,
        ensure_all_finite=ensure_all_finite,
    )
    X = X if isinstance(X, np.ndarray) else X.toarray()
    return X.reshape(len(X), -1)
