"""Frames: their dtypes, their missing values, their column names."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from skae import Autoencoder

NAMES = list("abcdef")


@pytest.fixture
def frame(X):
    """X with column names."""
    return pd.DataFrame(X, columns=NAMES)


def _nullable(frame):
    return pd.DataFrame(
        {
            "a": frame["a"].astype("Float64"),
            "b": frame["b"].round().astype("Int64"),
            "c": (frame["c"] > 1.0).astype("boolean"),
            "d": frame["d"].astype("double[pyarrow]"),
            "e": frame["e"].round().astype("Int8"),
            "f": frame["f"].astype("Float32"),
        }
    )


FRAMES = {
    "plain": lambda frame: frame,
    "float32": lambda frame: frame.astype(np.float32),
    "float32 and float64": lambda frame: frame.astype({"a": np.float32}),
    "whole numbers and bools": lambda frame: frame.assign(a=1, b=frame["b"] > 0.0),
    "nullable": _nullable,
    "objects": lambda frame: frame.astype(object),
    "categories that are numbers": lambda frame: frame.assign(
        a=pd.Categorical(frame["a"].round())
    ),
    "polars": pl.from_pandas,
    "polars, mixed": lambda frame: pl.from_pandas(frame).with_columns(
        pl.col("a").round().cast(pl.Int8), pl.col("b") > 0.0
    ),
    "Arrow": lambda frame: pl.from_pandas(frame).to_arrow(),
}


@pytest.mark.parametrize("convert", FRAMES.values(), ids=FRAMES)
def test_frame_is_fitted_as_its_numbers(
    estimator, frame, everything, assert_same, convert
):
    frame = convert(frame)
    numbers = np.column_stack([np.asarray(frame[name]) for name in NAMES])
    dtype = np.float32 if numbers.dtype == np.float32 else np.float64
    numbers = numbers.astype(dtype)
    expected = everything(clone(estimator).fit(numbers), numbers)
    assert_same(everything(estimator.fit(frame), frame), expected)
    assert list(estimator.feature_names_in_) == NAMES


MISSING = {
    "NaN": lambda frame: frame.mask(frame > 1.0),
    "NA, Float64": lambda frame: frame.astype("Float64").mask(frame > 1.0),
    "NA, Int64": lambda frame: frame.round().astype("Int64").mask(frame > 1.0),
    "NA, boolean": lambda frame: (frame > 0).astype("boolean").mask(frame > 1.0),
    "NA, Arrow": lambda frame: frame.astype("double[pyarrow]").mask(frame > 1.0),
    "NA, objects": lambda frame: frame.astype(object).mask(frame > 1.0, None),
    "NaN, category": lambda frame: frame.assign(a=pd.Categorical([1.0, np.nan] * 30)),
    "null, polars": lambda frame: pl.from_pandas(frame.mask(frame > 1.0)),
    "null, polars, integers": lambda frame: pl.from_pandas(
        frame.round().astype("Int64").mask(frame > 1.0)
    ),
    "null, Arrow": lambda frame: pl.from_pandas(frame.mask(frame > 1.0)).to_arrow(),
}


@pytest.mark.parametrize("lose", MISSING.values(), ids=MISSING)
def test_missing_value_is_refused_as_nan(estimator, frame, assert_refused, lose):
    # The frame has names, and the fit that it comes after has none.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        message = r"Input X contains NaN\."
        assert_refused(estimator, lose(frame), ValueError, message)


STRINGS = {
    "pandas": lambda frame: frame.assign(a="x"),
    "objects": lambda frame: frame.assign(a=np.array(["x"] * 60, dtype=object)),
    "categories": lambda frame: frame.assign(a=pd.Categorical(["x", "y"] * 30)),
    "polars": lambda frame: pl.from_pandas(frame).with_columns(a=pl.lit("x")),
    "polars, categories": lambda frame: pl.from_pandas(frame).with_columns(
        a=pl.lit("x").cast(pl.Categorical)
    ),
}


@pytest.mark.parametrize("replace", STRINGS.values(), ids=STRINGS)
def test_column_of_strings_is_refused(estimator, frame, assert_refused, replace):
    message = "could not convert string to float: .*'x'"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        assert_refused(estimator, replace(frame), ValueError, message)


@pytest.mark.parametrize("replace", STRINGS.values(), ids=STRINGS)
def test_columns_of_strings_are_named(estimator, frame, assert_refused, replace):
    message = r"(?s)Columns of X that are not numbers: a\. Drop them, or encode them"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        assert_refused(estimator, replace(frame), ValueError, message)


def test_of_many_columns_of_strings_a_few_are_named(estimator, assert_refused):
    frame = pd.DataFrame({f"c{i}": ["x"] * 60 for i in range(20)})
    message = "(?s)not numbers: c0, c1, c2, c3, c4, c5, c6, c7 and 12 more. Drop them"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        assert_refused(estimator, frame, ValueError, message)


def test_of_a_table_of_arrows_they_are_named_as_well(X):
    table = pa.table({"a": X[:, 0], "b": ["x"] * len(X)})
    with pytest.raises(ValueError, match=r"Columns of X that are not numbers: b\."):
        Autoencoder(2).fit(table)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform", "impute"])
def test_lazy_frame_of_polars_is_to_be_collected(frame, method):
    model = Autoencoder(2, max_iter=1, random_state=0).fit(frame)
    with pytest.raises(TypeError, match=r"X is a LazyFrame, .*: pass X\.collect\(\)"):
        getattr(model, method)(pl.from_pandas(frame).lazy())


def _outcome(estimator, fitted_on, method, X):
    """Error or warnings that a call ends with, without the estimator's name."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            getattr(clone(estimator).fit(fitted_on), method)(X)
            error = ()
        except (ValueError, TypeError) as raised:
            error = (type(raised), str(raised))
    name = type(estimator).__name__
    said = [*error, *(str(w.message) for w in caught)]
    return [s.replace(name, "PCA") if isinstance(s, str) else s for s in said]


def _with_duplicates(frame):
    return frame.set_axis(["a", *NAMES[:-1]], axis=1)


NAMINGS = {
    "the same": (lambda f: f, lambda f: f),
    "reordered": (lambda f: f, lambda f: f[NAMES[::-1]]),
    "unseen": (lambda f: f, lambda f: f.rename(columns={"a": "new"})),
    "missing": (lambda f: f, lambda f: f.drop(columns="a")),
    "one too many": (lambda f: f, lambda f: f.assign(new=1.0)),
    "array after frame": (lambda f: f, lambda f: f.to_numpy()),
    "frame after array": (lambda f: f.to_numpy(), lambda f: f),
    "narrower array": (lambda f: f.to_numpy(), lambda f: f.to_numpy()[:, :5]),
    "wider array": (lambda f: f.to_numpy(), lambda f: f.to_numpy()[:, [*range(6), 0]]),
    "duplicates": (_with_duplicates, _with_duplicates),
    "duplicates only later": (lambda f: f, _with_duplicates),
    "names that are numbers": (lambda f: f.set_axis(range(6), axis=1), lambda f: f),
    "some names numbers": (lambda f: f, lambda f: f.rename(columns={"a": 0})),
}


@pytest.mark.parametrize("method", ["fit", "transform"])
@pytest.mark.parametrize(("before", "after"), NAMINGS.values(), ids=NAMINGS)
def test_column_names_are_met_as_by_pca(estimator, frame, before, after, method):
    expected = _outcome(PCA(2), before(frame), method, after(frame))
    outcome = _outcome(estimator, before(frame), method, after(frame))
    assert outcome == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[NAMES[::-1]], "must be in the same order"),
        (lambda f: f.rename(columns={"a": "new"}), "unseen at fit time:\n- new"),
        (lambda f: f.drop(columns="a"), "now missing:\n- a"),
        (lambda f: f.to_numpy()[:, :5], "X has 5 features, but .* is expecting 6"),
    ],
    ids=["reordered", "unseen", "missing", "narrower"],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_other_columns_are_refused(estimator, frame, refusal, change, message):
    before = estimator.fit(frame).transform(frame)
    for method in ("transform", "reconstruct", "score", "score_samples"):
        with refusal(estimator, ValueError, message):
            getattr(estimator, method)(change(frame))
    assert np.array_equal(estimator.transform(frame), before)


def test_refit_that_fails_keeps_the_old_column_names(estimator, frame, refusal):
    before = estimator.fit(frame).transform(frame)
    other = frame.rename(columns={"a": "new"})
    other.iloc[0, 0] = np.nan
    with refusal(estimator, ValueError, "contains NaN"):
        estimator.fit(other)
    assert list(estimator.feature_names_in_) == NAMES
    assert np.array_equal(estimator.transform(frame), before)


def test_refit_on_an_array_forgets_the_column_names(estimator, frame, X):
    estimator.fit(frame).fit(X)
    assert not hasattr(estimator, "feature_names_in_")


def test_validation_frame_needs_the_columns_of_the_training_frame(
    dense, frame, refusal
):
    with refusal(dense, ValueError, "unseen at fit time:\n- new"):
        dense.fit(frame, X_val=frame.rename(columns={"a": "new"}))
    with pytest.raises(NotFittedError):
        dense.transform(frame)
