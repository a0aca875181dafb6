"""X on its way in: what scikit-learn would let pass, or cannot read."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skae.data import Source
from skae.estimators.sources import (
    FLOATS,
    QUIETLY,
    advice_on_axes,
    in_blocks,
    mapped,
    source_of,
    source_of_file,
)

_NATIVE = frozenset(map(np.dtype, FLOATS))

_FEW_ENTRIES = 2**14
"""Up to here scikit-learn's validation takes longer than what it is for."""


def check_fitted(estimator):
    """Refuse an estimator without a fit, as `check_is_fitted` does."""
    if not hasattr(estimator, "n_features_in_"):
        check_is_fitted(estimator)


@QUIETLY
def check_X(estimator, X, *, reset, trains=None):
    """Validate X for `estimator` and give it as an array of float32 or float64.

    Parameters
    ----------
    estimator : AutoencoderTransformer
        Its feature names and width are set (`reset`) or compared.
    X : array-like or torch.Tensor of shape (n_samples, n_features)
        Anything scikit-learn takes, tensors on any device, and what a source reads.
    reset : bool
        Whether the width is set, and not compared.
    trains : bool or None
        Whether this is the X of a fit; None: if the width is set.

    Returns
    -------
    ndarray or Source of shape (n_samples, n_features)
        Of any layout; float32 and float64 are left as they are. A source gives its rows
        as such arrays.

    Raises
    ------
    TypeError
        For masked arrays, whose mask would be lost, and for dates.
    ValueError
        As scikit-learn's `validate_data`.
    """
    trains = reset if trains is None else trains
    source = source_of(estimator, X, reset=reset, trains=trains)
    if source is not None:
        return estimator._flatten(source, reset=reset)
    rows = estimator._flatten(as_plain_array(X), reset=reset)
    source = source_of_file(estimator, rows, reset=reset, trains=trains)
    if source is not None:
        return source
    return in_blocks(estimator, estimator._validate(rows, reset=reset), trains=trains)


def check_rows(estimator, rows, *, reset, omits=False):
    """Let scikit-learn validate rows for `estimator`, unless they are in order.

    With `omits` NaN may stand for what is missing, but not for all of a feature that
    is to be learnt.
    """
    compares = reset or hasattr(estimator, "feature_names_in_")
    if not compares and _are_in_order(rows, estimator.n_features_in_):
        return rows
    finite = "allow-nan" if omits else True
    with _advice_on_nan(estimator), advice_on_axes(), _naming_strings(rows):
        rows = validate_data(
            estimator, rows, reset=reset, dtype=FLOATS, ensure_all_finite=finite
        )
    if omits and reset:
        _refuse_empty_features(estimator, rows)
    return rows


@contextmanager
def _advice_on_nan(estimator):
    """Say what to do about missing entries, in place of what scikit-learn proposes."""
    advice = getattr(estimator, "_advice_on_nan", None)
    try:
        yield
    except ValueError as error:
        what, *_ = str(error).split("\n")
        if advice is None or "contains NaN" not in what:
            raise
        raise ValueError(f"{what}\n{advice}") from error


@contextmanager
def _naming_strings(rows):
    """Say which columns of a frame are not numbers, where numpy tells an entry only."""
    try:
        yield
    except ValueError as error:
        columns = getattr(rows, "column_names", getattr(rows, "columns", ()))
        if "could not convert string to float" not in str(error):
            raise
        strange = [str(name) for name in columns if not _is_numeric(rows[name])]
        if not strange:
            raise
        raise ValueError(
            f"{error}\nColumns of X that are not numbers: {', '.join(strange[:8])}"
            f"{f' and {len(strange) - 8} more' if strange[8:] else ''}. Drop them, or "
            "encode them first (OneHotEncoder, OrdinalEncoder)."
        ) from error


def _is_numeric(column):
    try:
        np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        return False
    return True


def _refuse_empty_features(estimator, rows):
    """Refuse features without a single entry, by their names."""
    empty = np.flatnonzero(np.isnan(rows).all(axis=0))
    if len(empty):
        names = getattr(estimator, "feature_names_in_", np.arange(rows.shape[1]))
        raise ValueError(
            "Input X has features without a single observed entry: "
            f"{', '.join(map(str, names[empty]))}. There is nothing to learn about "
            "them; leave them out."
        )


def _are_in_order(rows, width):
    """Whether a look shows that scikit-learn would give back the very same rows.

    They are few; with many, validation is as quick as a look.
    """
    return (
        type(rows) is np.ndarray
        and rows.dtype in _NATIVE
        and rows.shape[1:] == (width,)
        and 0 < rows.size <= _FEW_ENTRIES
        and bool(np.isfinite(rows).all())
    )


def check_beside(estimator, X, name):
    """Validate rows that come beside X under a `name` of their own; as `check_X`."""
    try:
        return check_X(estimator, X, reset=False)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"In {name}: {error}") from error


def check_clean(estimator, X_clean, X):
    """Validate the targets of the rows of X; as `check_X`.

    Where X is an array in memory, they are one too.
    """
    X_clean = check_beside(estimator, X_clean, "X_clean")
    if len(X_clean) != len(X):
        raise ValueError(
            f"X_clean has {len(X_clean)} rows, and X has {len(X)}: each row of X "
            "needs the one that it is to become."
        )
    return X_clean if isinstance(X, Source) else X_clean[:]


def refuse_both(X_val):
    """Refuse validation data beside paired targets: they would have none."""
    if X_val is not None:
        raise ValueError(
            "X_clean and X_val cannot be given together: X_val has no clean rows to be "
            "compared with. Leave X_val out; early_stopping=True sets pairs aside."
        )


def warn_of_targets(X, y, stacklevel=5):
    """Warn where y looks like the rows that X is to become, and is not X again.

    Only arrays in memory are compared.
    """
    shape = getattr(y, "shape", ())
    if y is X or len(shape) < 2 or shape != getattr(X, "shape", None):
        return
    if not (type(X) is type(y) is np.ndarray and np.array_equal(X, y)):
        warnings.warn(
            "y is ignored, and has the shape of X: if it holds the clean rows that X "
            "is to become, pass them as X_clean.",
            stacklevel=stacklevel,
        )


def refuse(estimator, name, must_be):
    """Raise scikit-learn's error for a parameter that its constraints let pass."""
    raise InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {must_be}. "
        f"Got {getattr(estimator, name)!r} instead."
    )


def sizes_of(estimator, name, layer, at_least=0):
    """Sizes of layers as a tuple of int, from a number or any sequence of them.

    Raises
    ------
    InvalidParameterError
        When the parameter `name` is neither, or holds fewer than `at_least` sizes.
    """
    sizes = np.asarray(getattr(estimator, name), dtype=object)
    sizes = np.atleast_1d(sizes).tolist()
    good = all(isinstance(size, Integral) and size > 0 for size in sizes)
    if not good or len(sizes) < at_least:
        refuse(
            estimator,
            name,
            f"a positive int or an array-like of positive int, one for each {layer}",
        )
    return tuple(map(int, sizes))


def check_device(estimator):
    """Refuse a `device` that is none of this machine's."""
    if not is_device(estimator.device):
        refuse(estimator, "device", device_asked_for(estimator.device))


def device_asked_for(name):
    """Say what `is_device` asks for, in place of this name."""
    wanted = "'auto' or a torch device of this machine"
    if not str(name).startswith("cuda"):
        return wanted
    count = torch.cuda.device_count()
    seen = f"the CUDA devices 0 to {count - 1}" if count else "no CUDA device"
    return f"{wanted}, on which torch sees {seen}"


def is_device(name):
    """Whether a name is "auto", or that of a torch device of this machine."""
    if not isinstance(name, str):
        return False
    if name == "auto":
        return True
    try:
        return torch.empty(1, device=torch.device(name)).device.type != "meta"
    except (RuntimeError, AssertionError):  # how torch says that there is no such one
        return False


def decode_lazily(fitted, Z):
    """Map the decoder of a fit over the rows of lazy codes, chunk by chunk."""
    k, d = fitted.network.n_components, fitted.network.n_features
    check_code(np.zeros((1, *Z.shape[1:])), k)
    return mapped(Z, lambda block: fitted.decode(check_code(block, k)), d)


@QUIETLY
def check_code(Z, n_components):
    """Validate codes for the decoder; as `check_X`, but of `n_components` columns."""
    Z = as_plain_array(Z)
    if _are_in_order(Z, n_components):
        return Z
    Z = check_array(Z, dtype=FLOATS, input_name="Z")
    if Z.shape[1] != n_components:
        raise ValueError(
            f"Z has {Z.shape[1]} features, but this decoder expects {n_components}: "
            "one column for each component of the code."
        )
    return Z


def as_plain_array(X):
    """Bring tensors to numpy, and refuse what numpy would silently misread."""
    if type(X) is np.ndarray and X.dtype.kind == "f":
        return X
    if isinstance(X, torch.Tensor):
        return off_torch(X)
    if hasattr(X, "collect_schema") and not hasattr(X, "__array__"):
        raise TypeError(
            f"X is a {type(X).__name__}, whose rows are yet to be computed: pass "
            "X.collect()."
        )
    rows = X if isinstance(X, list | tuple) else ()
    if any(isinstance(masked, np.ma.MaskedArray) for masked in (X, *rows)):
        raise TypeError(
            "X is a masked array, and its mask would be lost. Fill it first, for "
            "example with X.filled(value) or with SimpleImputer on X.filled(np.nan)."
        )
    if rows:
        X = np.asarray(X)
    types = _types(X)
    if any(str(dtype).lower().startswith(_DATES) for dtype in types):
        raise TypeError(
            "X holds dates or durations. Turn them into numbers first, for example "
            "days since a date of your choice."
        )
    if any(getattr(dtype, "kind", None) == "V" for dtype in types):
        raise ValueError(
            "X is a structured array. Turn it into a plain one first, for example "
            "with numpy.lib.recfunctions.structured_to_unstructured."
        )
    return X


_DATES = ("date", "time", "duration", "period")
"""How numpy, pandas, polars and Arrow begin the names of such types."""


def _types(X):
    """Types of the columns of a frame or table, of an array, of objects in an array."""
    columns = getattr(X, "dtypes", None)
    if isinstance(columns, Iterable):
        return list(columns)
    if isinstance(X, np.ndarray) and X.dtype.kind == "O":
        return {getattr(entry, "dtype", None) for entry in X.flat}
    table = getattr(X, "schema", None)
    return getattr(table, "types", [getattr(X, "dtype", None)])


def off_torch(X):
    """Array of a tensor's numbers, which may share their memory; what is none as it is.

    Numbers of fewer than 32 bits, of which numpy knows one kind only, are float32 then.
    """
    if not isinstance(X, torch.Tensor):
        return X
    if X.is_nested or X.layout != torch.strided:
        raise TypeError(
            f"X is a {'nested' if X.is_nested else X.layout} tensor, and only dense "
            "ones are read. Pass a sparse array of scipy's, which is never dense as a "
            "whole, or X.to_dense(), or X.to_padded_tensor(value) of a nested tensor."
        )
    if X.is_meta:
        raise ValueError("X is a tensor on the meta device, which holds no numbers.")
    X = X.detach().to("cpu")
    if X.is_floating_point() and X.dtype.itemsize < 4:
        X = X.float()
    return X.resolve_conj().resolve_neg().numpy()
