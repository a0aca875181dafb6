"""Arrays of the wrong shape or of another dtype than float32 and float64."""

import datetime

import dask.array
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags

MISSHAPEN = {
    "no rows": (np.empty((0, 6)), r"0 sample\(s\)"),
    "no columns": (np.empty((60, 0)), r"0 feature\(s\)"),
    "nothing": ([], "Expected 2D array, got 1D array"),
    "1-D": (np.ones(6), "Expected 2D array, got 1D array"),
    "1-D tensor": (torch.ones(6), "Expected 2D array, got 1D array"),
    "3-D": (np.ones((60, 6, 2)), "Found array with dim 3"),
    "series": (pd.Series(np.ones(6)), "Expected a 2-dimensional container"),
    "scalar": (3.0, "Expected 2D array, got scalar array"),
    "None": (None, "Expected 2D array, got scalar array"),
    "ragged list": ([[1.0, 2.0], [1.0]], "inhomogeneous shape"),
    "ragged array": (np.array([[1.0, 2.0], [1.0]], dtype=object), "a sequence"),
}


@pytest.mark.parametrize(("bad", "message"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_misshapen_data_are_refused(estimator, assert_refused, bad, message):
    assert_refused(estimator, bad, ValueError, message)


@pytest.mark.parametrize("make", [np.ones, torch.ones, dask.array.ones])
def test_images_get_advice(estimator, assert_refused, make):
    message = r"Found array with dim 3.*\n.*X.reshape\(len\(X\), -1\), or use Convolut"
    assert_refused(estimator, make((60, 6, 2)), ValueError, message)


@pytest.mark.parametrize(
    "bad", [np.ones(2), np.ones((3, 2, 1)), 1.0, None, np.empty((0, 2))], ids=str
)
def test_misshapen_codes_are_refused(estimator, X, refusal, bad):
    with refusal(estimator.fit(X), ValueError, "Expected 2D array|Found array with"):
        estimator.inverse_transform(bad)


@pytest.mark.parametrize("width", [1, 3])
def test_codes_of_another_width_are_refused(estimator, X, refusal, width):
    message = f"Z has {width} features, but this decoder expects 2"
    with refusal(estimator.fit(X), ValueError, message):
        estimator.inverse_transform(np.ones((3, width)))


def _integers(X):
    """Small whole numbers, which every numeric dtype holds."""
    return np.round(10.0 * np.abs(X))


OTHER_DTYPES = {
    "float16": lambda X: _integers(X).astype(np.float16),
    "longdouble": lambda X: _integers(X).astype(np.longdouble),
    "big-endian float64": lambda X: _integers(X).astype(">f8"),
    "big-endian float32": lambda X: _integers(X).astype(">f4"),
    "big-endian int16": lambda X: _integers(X).astype(">i2"),
    "int64": lambda X: _integers(X).astype(np.int64),
    "int8": lambda X: _integers(X).clip(0, 127).astype(np.int8),
    "uint8": lambda X: _integers(X).clip(0, 127).astype(np.uint8),
    "uint64": lambda X: _integers(X).astype(np.uint64),
    "bool": lambda X: X > 1.0,
    "objects": lambda X: _integers(X).astype(object),
    "list of lists": lambda X: _integers(X).tolist(),
    "tuple of rows": lambda X: tuple(_integers(X)),
    "list of whole numbers": lambda X: _integers(X).astype(int).tolist(),
}


@pytest.mark.parametrize("convert", OTHER_DTYPES.values(), ids=OTHER_DTYPES)
def test_other_dtype_is_fitted_as_its_float64(
    estimator, X, everything, assert_same, convert
):
    other = convert(X)
    plain = np.asarray(other).astype(np.float64)
    expected = everything(estimator.fit(plain), plain)
    assert_same(everything(estimator.fit(other), other), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f8", np.int64, bool])
def test_codes_of_another_dtype_are_decoded_as_their_float64(estimator, X, dtype):
    estimator.fit(X)
    codes = np.array([[0, 1], [1, 1]]).astype(dtype)
    expected = estimator.inverse_transform(codes.astype(np.float64))
    assert_array_equal(estimator.inverse_transform(codes), expected)


def test_largest_integers_are_fitted(estimator, assert_finite):
    X = np.array([[2**63 - 1, -(2**63)], [0, 2**62], [1, 5]])
    assert_finite(estimator.fit(X), X)


def test_longdouble_beyond_float64_is_refused(estimator, X, assert_refused):
    bad = X.astype(np.longdouble)
    bad[0, 0] = np.longdouble("1e400")
    # The cast to float64 is scikit-learn's, and its warning numpy's.
    with np.errstate(over="ignore"):
        assert_refused(estimator, bad, ValueError, "Input X contains infinity")


NOT_REAL = {
    "complex": np.ones((60, 6), dtype=complex),
    "complex list": [[1j, 2.0]],
    "complex tensor": torch.ones((60, 6), dtype=torch.complex64),
}


@pytest.mark.parametrize("bad", NOT_REAL.values(), ids=NOT_REAL)
def test_complex_numbers_are_refused(estimator, assert_refused, bad):
    assert_refused(estimator, bad, ValueError, "Complex data not supported")


STRINGS = {
    "strings": np.array([["a", "b"]]),
    "bytes": np.array([[b"a", b"b"]]),
    "objects": np.array([["a", 1.0]], dtype=object),
    "list": [["a", 1.0]],
}


@pytest.mark.parametrize("bad", STRINGS.values(), ids=STRINGS)
def test_strings_are_refused(estimator, assert_refused, bad):
    message = "could not convert string to float: .*'a'"
    assert_refused(estimator, bad, ValueError, message)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_object_is_refused_as_nan(estimator, X, assert_refused, missing):
    bad = X.astype(object)
    bad[3, 2] = missing
    assert_refused(estimator, bad, ValueError, r"Input X contains NaN\.")


@pytest.mark.parametrize("as_records", [False, True])
def test_structured_array_is_refused(estimator, assert_refused, as_records):
    bad = np.ones(60, dtype=[("a", float), ("b", float)])
    bad = bad.view(np.recarray) if as_records else bad
    assert_refused(estimator, bad, ValueError, "X is a structured array")


def _masked(X, mask):
    return np.ma.array(X, mask=mask)


MASKED = {
    "array": lambda X: _masked(X, X > 1.0),
    "array without masked entries": lambda X: _masked(X, False),
    "list of rows": lambda X: [_masked(row, row > 1.0) for row in X],
    "tuple of rows": lambda X: tuple(_masked(row, row > 1.0) for row in X),
}


@pytest.mark.parametrize("mask", MASKED.values(), ids=MASKED)
def test_masked_data_are_refused_before_the_mask_is_lost(
    estimator, X, assert_refused, mask
):
    assert_refused(estimator, mask(X), TypeError, "mask would be lost")


def test_masked_codes_are_refused_before_the_mask_is_lost(estimator, X, refusal):
    codes = _masked(estimator.fit(X).transform(X), False)
    with refusal(estimator, TypeError, "mask would be lost"):
        estimator.inverse_transform(codes)


_DAY = datetime.datetime(2020, 1, 1)
_DAYS = np.array([["2020-01-01", "2020-01-02"]] * 3, dtype="datetime64[ns]")
_COLUMN = pd.Series(_DAYS[:, 0])

DATES = {
    "datetime64": _DAYS,
    "timedelta64": _DAYS - _DAYS[0, 0],
    "objects that are datetime64": np.array([[_DAYS[0, 0]] * 2] * 3, dtype=object),
    "list of datetime64": [[np.datetime64("2020-01-01")] * 2] * 3,
    "list of timedelta64": [[np.timedelta64(1, "D")] * 2] * 3,
    "pandas": pd.DataFrame({"a": _COLUMN, "b": 1.0}),
    "pandas, with a time zone": pd.DataFrame({"a": _COLUMN.dt.tz_localize("UTC")}),
    "pandas, durations": pd.DataFrame({"a": _COLUMN - _COLUMN[0], "b": 1.0}),
    "pandas, periods": pd.DataFrame({"a": _COLUMN.dt.to_period("D"), "b": 1.0}),
    "pandas on Arrow": pd.DataFrame({"a": _COLUMN.astype("timestamp[ns][pyarrow]")}),
    "polars, times": pl.DataFrame({"a": [_DAY] * 3, "b": [1.0] * 3}),
    "polars, dates": pl.DataFrame({"a": [_DAY.date()] * 3}),
    "polars, durations": pl.DataFrame({"a": [_DAY - _DAY] * 3}),
    "Arrow, times": pa.table({"a": [_DAY] * 3, "b": [1.0] * 3}),
    "Arrow, dates": pa.table({"a": [_DAY.date()] * 3}),
}


@pytest.mark.parametrize("bad", DATES.values(), ids=DATES)
def test_dates_are_refused(estimator, assert_refused, bad):
    assert_refused(estimator, bad, TypeError, "X holds dates or durations")


@pytest.mark.parametrize(
    "bad", [np.array([[_DAY] * 2] * 3), [[_DAY] * 2] * 3], ids=["array", "list"]
)
def test_datetime_objects_are_refused(estimator, assert_refused, bad):
    assert_refused(estimator, bad, TypeError, "must be a string or a real number")


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_np_matrix_is_refused(estimator, X, assert_refused):
    assert_refused(estimator, np.asmatrix(X), TypeError, "np.matrix is not supported")


SPARSE = {
    "CSR array": sparse.csr_array,
    "CSC array": sparse.csc_array,
    "COO array": sparse.coo_array,
    "CSR matrix": sparse.csr_matrix,
    "pandas": lambda X: pd.DataFrame(X).astype(pd.SparseDtype(float, 0.0)),
}


@pytest.mark.parametrize("convert", SPARSE.values(), ids=SPARSE)
def test_sparse_data(estimator, X, assert_refused, convert):
    """They are fitted and encoded, or refused where samples have a shape."""
    dense = np.where(X > 1.0, X, 0.0)
    rows = convert(dense)
    if not get_tags(estimator).input_tags.sparse:
        assert_refused(estimator, rows, TypeError, "Sparse data was passed for X")
        return
    fitted = clone(estimator).fit(rows)
    assert_allclose(fitted.transform(rows), fitted.transform(dense), atol=1e-6)
    assert np.isfinite(fitted.score(rows))


def test_sparse_tensor_is_refused(estimator, X, assert_refused):
    bad = torch.from_numpy(X).to_sparse()
    assert_refused(estimator, bad, TypeError, "torch.sparse_coo tensor, and only dense")
