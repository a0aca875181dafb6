"""What is refused, by every estimator, wherever rows come in.

Each test is a row of the fault matrix on an estimator of every kind. It has been fitted
before, and it is afterwards as if nothing had been.
"""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skae import Autoencoder
from skae.model_selection import AutoencoderSearchCV


def _with(*values, dtype=np.float64):
    """Rows in which a few entries are these."""

    def make(rows):
        rows = rows.astype(dtype)
        rows[: len(values), 1] = values
        return rows

    return make


def _gappy(frame):
    return frame.mask(frame > 1.0)


def _frame(rows):
    return pd.DataFrame(rows, columns=list("abcd"))


NAN = "Input X contains NaN"
INFINITE = "Input X contains infinity or a value too large"
STRING = "could not convert string to float: .*'x'"
MASK = "its mask would be lost"
DATES = "X holds dates or durations"
_STRUCTURE = [(name, float) for name in "abcd"]

REFUSED = {
    (1, "NaN"): (_with(np.nan), ValueError, NAN),
    (1, "NaN in float32"): (_with(np.nan, dtype=np.float32), ValueError, NAN),
    (2, "inf"): (_with(np.inf), ValueError, INFINITE),
    (2, "-inf"): (_with(-np.inf), ValueError, INFINITE),
    (2, "inf and -inf"): (_with(np.inf, -np.inf), ValueError, INFINITE),
    (2, "inf in float16"): (
        _with(np.inf, -np.inf, dtype=np.float16),
        ValueError,
        INFINITE,
    ),
    (2, "longdouble beyond float64"): (
        lambda rows: rows.astype(np.longdouble) * np.longdouble("1e400"),
        ValueError,
        INFINITE,
    ),
    (20, "no rows"): (lambda rows: rows[:0], ValueError, r"0 sample\(s\)"),
    (20, "no columns"): (
        lambda rows: rows[:, :0],
        ValueError,
        r"0 feature\(s\)|X has 0 features",
    ),
    (21, "1-D"): (lambda rows: rows[0], ValueError, "Expected 2D array, got 1D array"),
    (22, "3-D"): (
        lambda rows: np.stack([rows] * 2, axis=2),
        ValueError,
        r"Found array with dim 3|samples of the shape \(4, 2\)",
    ),
    (23, "scalar"): (lambda rows: 3.0, ValueError, "got scalar array"),
    (24, "None"): (lambda rows: None, ValueError, "got scalar array"),
    (25, "ragged"): (
        lambda rows: [[1.0, 2.0], [1.0]],
        ValueError,
        "inhomogeneous shape",
    ),
    (32, "complex"): (lambda rows: rows * 1j, ValueError, "Complex data not supported"),
    (33, "strings"): (
        lambda rows: np.full(rows.shape, "x", dtype=object),
        ValueError,
        STRING,
    ),
    (34, "structured"): (
        lambda rows: np.ones(len(rows), dtype=_STRUCTURE),
        ValueError,
        "X is a structured array",
    ),
    (35, "masked"): (lambda rows: np.ma.array(rows, mask=rows > 1.0), TypeError, MASK),
    (35, "masked rows"): (
        lambda rows: [np.ma.array(row, mask=row > 1.0) for row in rows],
        TypeError,
        MASK,
    ),
    (36, "datetime64"): (
        lambda rows: rows.astype(np.int64).astype("datetime64[s]"),
        TypeError,
        DATES,
    ),
    (37, "timedelta64"): (
        lambda rows: rows.astype(np.int64).astype("timedelta64[s]"),
        TypeError,
        DATES,
    ),
    (38, "np.matrix"): (np.asmatrix, TypeError, "np.matrix is not supported"),
    (48, "tensor without numbers"): (
        lambda rows: torch.empty(rows.shape, device="meta"),
        ValueError,
        "meta device",
    ),
    (51, "NA"): (lambda rows: _gappy(_frame(rows).astype("Float64")), ValueError, NAN),
    (51, "NA in objects"): (
        lambda rows: _gappy(_frame(rows).astype(object)),
        ValueError,
        NAN,
    ),
    (52, "categories"): (
        lambda rows: _frame(rows).assign(a=pd.Categorical(["x", "y"] * 6)),
        ValueError,
        STRING,
    ),
    (54, "polars null"): (
        lambda rows: pl.from_pandas(_gappy(_frame(rows))),
        ValueError,
        NAN,
    ),
}


def _cases(table, rows=range(1, 101)):
    """The cases of a table as parameters, marked with their rows of the matrix."""
    return [
        pytest.param(*case, id=f"{row}-{name}", marks=pytest.mark.fault(row))
        for (row, name), case in table.items()
        if row in rows
    ]


def _entrances(estimator, good, bad, y):
    """All calls that rows can come in by, of a fitted estimator."""
    for method in (
        "transform",
        "reconstruct",
        "reconstruction_error",
        "score_samples",
        "impute",
        "predict",
        "predict_proba",
    ):
        if hasattr(estimator, method):
            yield lambda method=method: getattr(estimator, method)(bad)
    yield lambda: estimator.fit(bad, y)
    yield lambda: estimator.score(bad, y)
    if hasattr(estimator, "partial_fit"):
        yield lambda: estimator.partial_fit(bad)
    if hasattr(estimator, "inverse_transform") and bad is not None:  # None: not given
        yield lambda: estimator.fit(good, X_val=bad)
        yield lambda: estimator.fit(good, X_clean=bad)
        yield lambda: estimator.score(good, X_clean=bad)


@pytest.fixture(autouse=True)
def _other_warnings():
    """Leave alone what is said of names, which are not what is asked about here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        warnings.filterwarnings("ignore", "the matrix subclass")
        yield


@pytest.mark.parametrize(("make", "error", "message"), _cases(REFUSED))
def test_refused_wherever_rows_come_in(
    every_estimator, rows, learn, refusal, make, error, message
):
    bad, y = make(rows), np.arange(len(rows)) % 2
    new = clone(every_estimator)
    for fit in {"fit", "partial_fit"} & set(dir(new)):
        with refusal(new, error, message):
            getattr(new, fit)(bad, y)
    fitted = learn(every_estimator, rows)
    before = fitted.transform(rows)
    for enter in _entrances(fitted, rows, bad, y):
        with refusal(fitted, error, message):
            enter()
    assert_array_equal(fitted.transform(rows), before)


# Of what is no table of some rows, the search itself complains, who splits it.
_TABLES = {*range(1, 20), *range(26, 101)} - {34}


@pytest.mark.parametrize(("make", "error", "message"), _cases(REFUSED, _TABLES))
def test_refused_by_a_search(rows, refusal, make, error, message):
    bad = make(rows)
    search = AutoencoderSearchCV(
        Autoencoder(hidden_layer_sizes=(4,), max_iter=1, random_state=0),
        {"weight_decay": [0.0, 0.1]},
        cv=2,
        error_score="raise",
    ).fit(rows)
    before = search.transform(rows)
    with refusal(search, error, message):
        search.fit(bad)
    with pytest.raises(error, match=message):
        search.transform(bad)
    assert_array_equal(search.transform(rows), before)


CODES = {
    (1, "NaN"): (np.array([[0.0, np.nan]]), ValueError, "Input Z contains NaN"),
    (2, "inf and -inf"): (
        np.array([[np.inf, -np.inf]]),
        ValueError,
        "Input Z contains infinity",
    ),
    (20, "no rows"): (np.empty((0, 2)), ValueError, r"0 sample\(s\)"),
    (21, "1-D"): (np.ones(2), ValueError, "Expected 2D array, got 1D array"),
    (22, "3-D"): (np.ones((2, 2, 2)), ValueError, "Found array with dim 3"),
    (24, "None"): (None, ValueError, "got scalar array"),
    (32, "complex"): (np.ones((1, 2)) * 1j, ValueError, "Complex data not supported"),
    (33, "strings"): (np.array([["x", "y"]]), ValueError, STRING),
    (35, "masked"): (np.ma.array(np.ones((1, 2)), mask=True), TypeError, MASK),
    (36, "datetime64"): (np.ones((1, 2), dtype="datetime64[s]"), TypeError, DATES),
    (39, "CSR"): (sparse.eye_array(2, format="csr"), TypeError, "Sparse data"),
    (61, "another width"): (np.ones((1, 5)), ValueError, "this decoder expects"),
}


@pytest.mark.parametrize(("bad", "error", "message"), _cases(CODES))
def test_refused_as_codes(every_autoencoder, rows, refusal, bad, error, message):
    every_autoencoder.set_params(n_components=2).fit(rows)
    with refusal(every_autoencoder, error, message):
        every_autoencoder.inverse_transform(bad)


SPARSE = {
    (39, "CSR"): (sparse.csr_array,),
    (40, "CSC"): (sparse.csc_array,),
    (41, "COO"): (sparse.coo_array,),
    (42, "pandas"): (lambda rows: _frame(rows).astype(pd.SparseDtype(float, 0.0)),),
}


@pytest.mark.parametrize("convert", _cases(SPARSE))
def test_sparse_rows_are_refused_where_they_cannot_be_taken(
    every_one_of_dense_rows, rows, learn, refusal, convert
):
    fitted, y = learn(every_one_of_dense_rows, rows), np.arange(len(rows)) % 2
    for enter in _entrances(fitted, rows, convert(rows), y):
        with refusal(fitted, TypeError, "Sparse data was passed .*toarray"):
            enter()
