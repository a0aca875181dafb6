"""Turn the rows to compare on into a numeric matrix, or say what is in the way."""

import numpy as np
from sklearn.utils import check_array


def numeric_matrix(X, *, otherwise="pass one as y"):
    """Check X and return it as an array of floats.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        float32 stays float32, everything else becomes float64.

    otherwise : str, default="pass one as y"
        What else can be done about columns that are not numeric.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Without NaN and infinity.

    Raises
    ------
    ValueError
        If X has columns that are not numeric, NaN or infinity; the message names the
        columns and what to do.
    """
    _refuse_non_numeric(X, otherwise)
    matrix = check_array(
        X, dtype=[np.float64, np.float32], ensure_all_finite=False, input_name="X"
    )
    names = column_names(X) or range(matrix.shape[1])
    _refuse(np.isnan(matrix), "NaN", names)
    _refuse(np.isinf(matrix), "infinity", names)
    return matrix


def column_names(X):
    """Return the column names of a DataFrame, None for any other X."""
    columns = getattr(X, "columns", None)
    return None if columns is None else [str(name) for name in columns]


def listing(names, limit=8):
    """Join names with commas, the first few of many."""
    names = [str(name) for name in names]
    shown, rest = ", ".join(names[:limit]), len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def _refuse_non_numeric(X, otherwise):
    names = [name for name in getattr(X, "columns", ()) if not _is_numeric(X[name])]
    if names:
        raise ValueError(
            f"X has columns that are not numeric: {listing(names)}. Drop them, encode "
            f"them (OneHotEncoder, OrdinalEncoder), or {otherwise}."
        )


def _is_numeric(column):
    # An empty slice knows the dtype as numpy sees it: nullable, arrow, polars ones too.
    return np.asarray(column[:0]).dtype.kind in "biuf"


def _refuse(found, what, names):
    columns = np.flatnonzero(found.any(axis=0))
    if len(columns):
        raise ValueError(
            f"Input X contains {what} in {found.any(axis=1).sum():,} of {len(found):,} "
            f"rows, in the columns {listing(names[i] for i in columns)}. Drop these "
            "rows, or impute them first (sklearn.impute.SimpleImputer)."
        )
