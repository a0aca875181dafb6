"""X on its way in: what scikit-learn would let pass, or cannot read."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils.validation import check_array, validate_data

FLOATS = (np.float64, np.float32)


def check_X(estimator, X, *, reset):
    """Validate X for `estimator` and give it as an array of float32 or float64.

    Parameters
    ----------
    estimator : AutoencoderTransformer
        Its feature names and width are set (`reset`) or compared.
    X : array-like or torch.Tensor of shape (n_samples, n_features)
        Anything scikit-learn takes, and tensors on any device.
    reset : bool
        Whether this is the X of a fit.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Of any layout; float32 and float64 are left as they are.

    Raises
    ------
    TypeError
        For masked arrays, whose mask would be lost, and for dates.
    ValueError
        As scikit-learn's `validate_data`.
    """
    return validate_data(estimator, as_plain_array(X), reset=reset, dtype=FLOATS)


def check_code(Z, n_components):
    """Validate codes for the decoder; as `check_X`, but of `n_components` columns."""
    Z = check_array(as_plain_array(Z), dtype=FLOATS, input_name="Z")
    if Z.shape[1] != n_components:
        raise ValueError(
            f"Z has {Z.shape[1]} features, but this decoder expects {n_components}: "
            "one column for each component of the code."
        )
    return Z


def as_plain_array(X):
    """Bring tensors to numpy, and refuse what numpy would silently misread."""
    if isinstance(X, torch.Tensor):
        X = X.detach().to("cpu")
        return (X.float() if X.dtype == torch.bfloat16 else X).resolve_conj().numpy()
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            "X is a masked array, and its mask would be lost. Fill it first, for "
            "example with X.filled(value) or with SimpleImputer on X.filled(np.nan)."
        )
    dtypes = getattr(X, "dtypes", [getattr(X, "dtype", None)])
    kinds = {getattr(dtype, "kind", None) for dtype in dtypes}
    if kinds & {"m", "M"}:
        raise TypeError(
            "X holds dates or durations. Turn them into numbers first, for example "
            "days since a date of your choice."
        )
    if "V" in kinds:
        raise ValueError(
            "X is a structured array. Turn it into a plain one first, for example "
            "with numpy.lib.recfunctions.structured_to_unstructured."
        )
    return X
