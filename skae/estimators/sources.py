"""X that is not one dense array in memory: which source its rows are read from."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags
from sklearn.utils.validation import _check_n_features, check_array, validate_data

from skae._optional import import_optional
from skae.data import (
    ArraySource,
    LazySource,
    Source,
    SparseSource,
    fits_on,
    rows_of_a_block,
)
from skae.estimators.settings import choose_device, choose_dtype

FLOATS = (np.float64, np.float32)

QUIETLY = np.errstate(over="ignore", invalid="ignore")
"""For what scikit-learn looks at: infinities get its error, and no warning before."""


def source_of(estimator, X, *, reset, trains):
    """Source of the rows of X, or None where they are one dense array.

    What a fit reads in one block is that block, as if it had been an array.

    Parameters
    ----------
    estimator : AutoencoderTransformer
        Its feature names and width are set (`reset`) or compared.
    X : object
        As the user gave it.
    reset : bool
        Whether the width is set, and not compared.
    trains : bool
        Whether this is the X of a fit, for which the parameters say how.

    Raises
    ------
    ImportError
        For a path, where dask is not installed.
    ValueError
        As scikit-learn's `validate_data`; blocks are checked as they are read.
    """
    if isinstance(X, Source):
        _check_n_features(estimator, X, reset=reset)
        return X
    if isinstance(X, str | os.PathLike):
        X = _opened(X)
    if _is_sparse(X):
        if _takes_sparse(estimator, trains):
            return _sparse(estimator, X, reset, trains)
        _refuse_sparse_with_gaps(estimator)
    if is_lazy(X):
        return _lazy(estimator, X, reset, trains)
    return None


def source_of_file(estimator, X, *, reset, trains):
    """Source of rows that are mapped from a file, or None where they are few.

    They are validated block by block.
    """
    is_file = isinstance(X, np.memmap) and X.ndim == 2 and X.dtype.kind in "fiub"
    if not is_file or _is_padded(estimator):
        return None
    size = _block_size(estimator, X, trains)
    if size >= len(X):
        return None
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return ArraySource(X, size, _float(X.dtype), _check(estimator))


def in_blocks(estimator, X, *, trains):
    """X itself, or its source where a fit is asked for in blocks that are smaller.

    So it is where a GPU that trains has no room for all rows.
    """
    size = getattr(estimator, "block_size", "auto") if trains else "auto"
    if trains and size == "auto" and not _fits(estimator, X):
        size = rows_of_a_block(size, X.shape[1])
    if size == "auto" or size >= len(X) or _is_padded(estimator):
        return X
    return ArraySource(X, size, X.dtype, np.asarray)


def _fits(estimator, X):
    """Whether the device that trains has room for all rows of X.

    An estimator without a device has others that train.
    """
    device = choose_device(getattr(estimator, "device", "cpu"))
    dtype = choose_dtype(getattr(estimator, "precision", "float32"))
    return fits_on(device, X.size * dtype.itemsize)


def check_ranges(likelihood, **given):
    """Refuse rows, by the names they are given under, that a likelihood cannot have."""
    for name, rows in given.items():
        if likelihood.bounds and rows is not None:
            likelihood.check(*range_of(rows), name)


def range_of(X):
    """Least and largest of what is there of X, an array or a source."""
    blocks = X.blocks() if isinstance(X, Source) else [X]
    least, most = zip(*((np.nanmin(b), np.nanmax(b)) for b in blocks), strict=True)
    return float(min(least)), float(max(most))


def blocks_of(X, n_rows):
    """Rows of X, an array or a source, of which at most so many are dense at a time."""
    size = min(n_rows, X.block_size) if isinstance(X, Source) else n_rows
    return (X[start : start + size] for start in range(0, len(X), size))


def is_lazy(X):
    """Whether X is an array or a frame of dask's."""
    return hasattr(X, "__dask_graph__") and hasattr(X, "ndim")


def lazily(estimator, X, function, n_columns):
    """Map `function` over the rows of a lazy X, chunk by chunk, when it is computed.

    Parameters
    ----------
    estimator : AutoencoderTransformer
        Whose feature names and width are compared.
    X : dask array or frame of shape (n_samples, n_features)
        Left as it is.
    function : callable
        From rows to rows.
    n_columns : int
        Of the result.

    Returns
    -------
    dask array of shape (n_samples, n_columns)
        With the chunks of X.
    """
    _check_names(estimator, X, reset=False)
    check = _check(estimator)
    return mapped(X, lambda block: function(check(block)), n_columns)


def mapped(X, function, n_columns):
    """As `lazily`, where it is the function that looks at the rows."""
    rows = _as_array(X).rechunk({1: -1})
    empty, token = np.empty((0, n_columns), _float(rows.dtype)), uuid4().hex

    def of_a_block(block):
        return function(block) if len(block) else empty

    # A fit has no name that dask could find by itself, as its frames ask for one.
    of_a_block.__dask_tokenize__ = lambda: token
    return rows.map_blocks(
        of_a_block,
        dtype=empty.dtype,
        chunks=(rows.chunks[0], (n_columns,)),
        meta=empty,
    )


def _takes_sparse(estimator, trains):
    """Whether sparse rows are taken: by the parameters, or as in the fit."""
    if trains or not hasattr(estimator, "_omitted"):
        return get_tags(estimator).input_tags.sparse
    shapeless = not hasattr(estimator, "input_shape")
    return shapeless and not estimator._omitted


def _refuse_sparse_with_gaps(estimator):
    """Say so where sparse rows would be taken if none could be missing."""
    if getattr(estimator, "_omitted", False):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required with "
            'nan_policy="omit": what a sparse matrix leaves out are zeros. Set '
            'nan_policy="raise", or make X dense with NaN where entries are missing.'
        )


def _is_sparse(X):
    """Whether X is sparse: of scipy, or a frame of nothing but sparse columns."""
    if sparse.issparse(X):
        return True
    columns = getattr(X, "dtypes", ()) if hasattr(X, "sparse") else ()
    return len(columns) > 0 and all(hasattr(c, "fill_value") for c in columns)


def _opened(path):
    """The rows that a file or folder holds, through dask."""
    name = os.fspath(path).rstrip("/\\")
    if name.endswith(".zarr"):
        import_optional("zarr", extra="dask")  # which dask asks for by another name
        return import_optional("dask.array", extra="dask").from_zarr(name)
    if name.endswith((".parquet", ".parq")):
        return import_optional("dask.dataframe", extra="dask").read_parquet(name)
    raise ValueError(
        f"X is the string {name!r}, which does not end in .zarr or .parquet: pass the "
        "rows themselves, or the path of such a file or folder."
    )


def _sparse(estimator, X, reset, trains):
    X = validate_data(
        estimator, X, reset=reset, accept_sparse="csr", dtype=FLOATS, copy=False
    )
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return SparseSource(X, _block_size(estimator, X, trains))


def _lazy(estimator, X, reset, trains):
    _check_names(estimator, X, reset)
    rows = _as_array(X)
    if not all(rows.shape):
        check_array(np.empty(rows.shape), estimator=estimator)  # says what is wrong
    size = _block_size(estimator, rows, trains)
    source = LazySource(rows, size, _float(rows.dtype), _check(estimator))
    return source[:] if trains and size >= len(source) else source


@contextmanager
def advice_on_axes():
    """Say what to do about samples that are no rows, such as images."""
    try:
        yield
    except ValueError as error:
        if "Found array with dim" not in str(error):
            raise
        raise ValueError(
            f"{error}\nMake a row of every sample, X.reshape(len(X), -1), or use "
            "ConvolutionalAutoencoder for images, AttentionAutoencoder for sequences."
        ) from error


def _is_padded(estimator):
    """Whether rows have to be looked at as a whole, to find what is no data."""
    return getattr(estimator, "padding", None) is not None


def _check_names(estimator, X, reset):
    """Set or compare the width, and the names of the columns that a frame has.

    What has no two axes is refused.
    """
    if _is_padded(estimator):
        raise ValueError(
            "padding needs X as an array in memory, and here it is dask's: compute it "
            "first, or as much of it as fits."
        )
    if X.ndim != 2:
        with advice_on_axes():
            check_array(np.empty((1,) * X.ndim), estimator=estimator)
    names = X._meta if hasattr(X, "to_dask_array") else X
    validate_data(estimator, names, reset=reset, skip_check_array=True)


def _block_size(estimator, X, trains):
    """Rows of a block; the parameter is that of a fit."""
    size = getattr(estimator, "block_size", "auto") if trains else "auto"
    return rows_of_a_block(size, X.shape[1])


def _as_array(X):
    """X as an array of dask's, whose chunks have known sizes."""
    if hasattr(X, "to_dask_array"):
        return X.to_dask_array(lengths=True)
    return X.copy().compute_chunk_sizes() if np.isnan(X.shape[0]) else X


def _float(dtype):
    return dtype if dtype in FLOATS else np.dtype(np.float64)


def _check(estimator):
    """What looks at all rows that are read; gaps are as they were in the fit."""
    finite = "allow-nan" if getattr(estimator, "_omitted", False) else True
    names = {"input_name": "X", "estimator": type(estimator).__name__}
    return partial(_look_at, dtype=FLOATS, ensure_all_finite=finite, **names)


@QUIETLY
def _look_at(rows, **how):
    """Rows as `check_array` gives them; with a name of its own, which pickles need."""
    return check_array(rows, **how)
