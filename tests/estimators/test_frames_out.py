"""Frames of codes: named columns, the index of X, from every kind and every table."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ConvolutionalAutoencoder,
)
from skae.model_selection import AutoencoderSearchCV

parametrize = pytest.mark.parametrize

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
frames = parametrize("kind", FRAMES)


def table(X):
    """Rows with names, and an index that is not their number."""
    return pd.DataFrame(X, columns=list("abcde"), index=3 * np.arange(len(X)) + 7)


def names(model):
    return [f"{type(model).__name__.lower()}{i}" for i in range(2)]


@frames
def test_every_kind_names_its_columns_and_keeps_the_index(variants, variant, kind, X):
    X = table(X)
    model = variants[variant]()
    expected = model.fit(X).transform(X)
    rows = model.reconstruct(X)
    model.set_output(transform=kind)
    for codes in (model.transform(X), clone(model).fit_transform(X)):
        assert type(codes) is FRAMES[kind]
        assert list(codes.columns) == names(model)
        assert_array_equal(codes.to_numpy(), expected)
        if kind == "pandas":
            assert_array_equal(codes.index, X.index)
    # As with PCA: what is decoded has no names.
    assert_array_equal(model.inverse_transform(expected), rows)
    assert type(model.inverse_transform(model.transform(X))) is np.ndarray


@frames
@parametrize("predictor", [AutoencoderClassifier, AutoencoderRegressor])
def test_predictors_too(predictor, kind, dense, X):
    X = table(X)
    y = (X["a"] > X["b"]).astype(int)
    model = predictor(dense(), max_iter=2, random_state=0).fit(X, y)
    model.set_output(transform=kind)
    for rows in (X, dd.from_pandas(X, npartitions=3)):
        codes = model.transform(rows)
        assert type(codes) is FRAMES[kind]
        assert list(codes.columns) == names(model)
        if kind == "pandas":
            assert_array_equal(codes.index, X.index)


@frames
@parametrize(
    "convert",
    [
        pl.DataFrame,
        lambda X: dd.from_pandas(X, npartitions=3),
        lambda X: dd.from_pandas(X, npartitions=3).query("a > -1"),
    ],
    ids=["polars", "dask", "dask of unknown length"],
)
def test_frames_of_other_packages(kind, convert, dense, X):
    X = table(X)
    model = dense().fit(X)
    expected = model.transform(X)
    codes = model.set_output(transform=kind).transform(convert(X))
    assert type(codes) is FRAMES[kind]
    assert list(codes.columns) == names(model)
    assert_allclose(codes.to_numpy(), expected, rtol=1e-12)
    if kind == "pandas" and convert is not pl.DataFrame:
        assert_array_equal(codes.index, X.index)


@frames
def test_lazy_arrays_are_computed(kind, dense, X):
    model = dense().fit(X)
    expected = model.transform(X)
    codes = model.set_output(transform=kind).transform(da.from_array(X, chunks=(20, 5)))
    assert type(codes) is FRAMES[kind]
    assert list(codes.columns) == names(model)
    assert_allclose(codes.to_numpy(), expected, rtol=1e-12)


def test_lazy_rows_stay_so_where_no_frames_are_asked_for(dense, X):
    lazy = dd.from_pandas(table(X), npartitions=3)
    model = dense().fit(table(X))
    assert isinstance(model.transform(lazy), da.Array)
    assert isinstance(model.set_output(transform="default").transform(lazy), da.Array)


@frames
def test_the_global_setting(kind, dense, X):
    lazy, model = dd.from_pandas(table(X), npartitions=3), dense().fit(table(X))
    with config_context(transform_output=kind):
        assert type(model.transform(lazy)) is FRAMES[kind]
        model.set_output(transform="default")
        assert isinstance(model.transform(lazy), da.Array)


def test_pipelines_pass_it_on(dense, X):
    X = table(X)
    pipeline = make_pipeline(StandardScaler(), dense()).set_output(transform="pandas")
    codes = pipeline.fit_transform(X)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    assert list(pipeline.get_feature_names_out()) == list(codes.columns)
    assert_array_equal(codes.index, X.index)
    assert list(pipeline[-1].feature_names_in_) == list("abcde")


def test_column_transformers_and_unions_put_names_before(dense, X):
    X = table(X)
    columns = ColumnTransformer(
        [("ae", dense(), ["a", "b", "c"]), ("scale", StandardScaler(), ["d"])],
        remainder="passthrough",
    ).set_output(transform="pandas")
    expected = ["ae__autoencoder0", "ae__autoencoder1", "scale__d", "remainder__e"]
    assert list(columns.fit_transform(X).columns) == expected
    assert_array_equal(columns.transform(X).index, X.index)
    union = FeatureUnion([("one", dense()), ("two", dense(random_state=1))])
    codes = union.set_output(transform="pandas").fit_transform(X)
    assert list(codes.columns) == [
        f"{name}__autoencoder{i}" for name in ("one", "two") for i in range(2)
    ]
    assert_array_equal(codes.index, X.index)


@frames
def test_searches_hand_on_what_their_estimator_gives(kind, dense, X):
    model = dense().set_output(transform=kind)
    search = AutoencoderSearchCV(model, {"weight_decay": [0.0, 0.1]}, cv=2)
    codes = search.fit_transform(table(X))
    assert type(codes) is FRAMES[kind]
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]


@pytest.fixture
def imputer(dense, X):
    return dense(nan_policy="omit").fit(table(X))


GAPPY = {
    "pandas": lambda X: X,
    "polars": pl.DataFrame,
    "arrow": lambda X: pa.Table.from_pandas(X, preserve_index=False),
    "dask": lambda X: dd.from_pandas(X, npartitions=3),
}


@frames
@parametrize("convert", GAPPY.values(), ids=GAPPY.keys())
def test_filled_rows_are_the_frame_again(kind, convert, imputer, X):
    gappy = table(X)
    gappy.iloc[::3, 1] = np.nan
    expected = imputer.impute(gappy)
    assert type(expected) is np.ndarray
    given = convert(gappy)
    filled = imputer.set_output(transform=kind).impute(given)
    assert type(filled) is FRAMES[kind]
    assert list(filled.columns) == list("abcde")
    assert_allclose(filled.to_numpy(), expected, rtol=1e-12)
    if kind == "pandas" and hasattr(given, "index"):
        assert_array_equal(filled.index, gappy.index)


@frames
def test_filled_rows_without_names_have_those_of_the_fit(kind, imputer, dense, X):
    gappy = np.where(np.arange(5) == 2, np.nan, X)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        filled = imputer.set_output(transform=kind).impute(gappy)
    assert list(filled.columns) == list("abcde")
    nameless = dense(nan_policy="omit").fit(X)
    assert list(nameless.set_output(transform=kind).impute(gappy).columns) == [
        f"x{i}" for i in range(5)
    ]


@frames
def test_columns_with_numbers_for_names(kind, dense, X):
    model = dense(nan_policy="omit").fit(X).set_output(transform=kind)
    numbers = list(range(5)) if kind == "pandas" else list("01234")
    assert list(model.impute(pd.DataFrame(X)).columns) == numbers


def test_images_are_filled_as_arrays(X):
    images = X[:, :4].reshape(-1, 1, 2, 2)
    model = ConvolutionalAutoencoder(
        2, input_shape=(1, 2, 2), channels=(2,), max_iter=1, nan_policy="omit"
    ).fit(images)
    filled = model.set_output(transform="pandas").impute(images)
    assert_array_equal(filled, images, strict=True)


def test_a_kind_of_ones_own_has_its_own_names(X):
    class MyAutoencoder(Autoencoder):
        """A variant that somebody wrote."""

    model = MyAutoencoder(2, max_iter=1, random_state=0).set_output(transform="pandas")
    codes = model.fit_transform(table(X))
    assert list(codes.columns) == ["myautoencoder0", "myautoencoder1"]
