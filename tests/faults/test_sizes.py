"""Data of hardly any rows or columns, and codes wider than the data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skae import Autoencoder, LinearAutoencoder


@pytest.fixture
def estimator(any_estimator):
    return any_estimator


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_few_rows_are_fitted(estimator, X, assert_finite, n_samples):
    X = X[:n_samples]
    estimator.set_params(n_components=1).fit(X)
    assert_finite(estimator, X)
    assert estimator.transform(X).shape == (n_samples, 1)


def test_one_row_is_reconstructed(estimator, X):
    X = X[:1]
    assert_allclose(estimator.set_params(n_components=1).fit(X).reconstruct(X), X)


def test_one_feature_is_fitted(estimator, X, assert_finite):
    X = X[:, :1]
    estimator.set_params(n_components=1).fit(X)
    assert_finite(estimator, X)
    assert estimator.reconstruct(X).shape == (60, 1)


def test_one_entry_is_fitted(estimator, assert_finite):
    X = np.array([[3.0]])
    assert_finite(estimator.set_params(n_components=1).fit(X), X)


@pytest.mark.parametrize("early_stopping", ["auto", True, False])
@pytest.mark.parametrize("n_samples", [9, 10, 11, 15, 16, 17, 31, 32, 33])
def test_last_batch_of_any_size_is_trained_on(
    dense, X, assert_finite, n_samples, early_stopping
):
    dense.set_params(batch_size=16, early_stopping=early_stopping)
    assert_finite(dense.fit(X[:n_samples]), X)


def test_batch_larger_than_the_data_is_the_data(dense, X, everything, assert_same):
    dense.set_params(early_stopping=False)
    small = clone(dense).set_params(batch_size=60).fit(X)
    large = clone(dense).set_params(batch_size=10**6).fit(X)
    assert_same(everything(small, X), everything(large, X))


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.99])
def test_validation_split_of_no_rows_or_of_nearly_all(
    dense, X, assert_finite, fraction
):
    assert_finite(dense.set_params(validation_fraction=fraction).fit(X), X)


def test_row_alone_gets_the_code_that_it_gets_among_others(estimator, X):
    codes = estimator.fit(X).transform(X)
    alone = [estimator.transform(row[None])[0] for row in X]
    assert_allclose(alone, codes, atol=1e-9)


@pytest.mark.parametrize("solver", ["exact", "adam"])
@pytest.mark.parametrize("shape", [(60, 6), (4, 6)], ids=["features", "rows"])
def test_linear_code_wider_than_the_data_is_refused(X, refusal, solver, shape):
    estimator = LinearAutoencoder(solver=solver, max_iter=3).fit(X)
    before = estimator.transform(X)
    estimator.set_params(n_components=7)
    message = rf"n_components=7 must be between 1 and .*={min(shape)} with solver"
    with refusal(estimator, ValueError, message):
        estimator.fit(X[: shape[0]])
    assert np.array_equal(estimator.transform(X), before)


@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize("shape", [(60, 6), (4, 6)], ids=["features", "rows"])
def test_dense_code_wider_than_the_data_is_fitted(X, assert_finite, linear_path, shape):
    X = X[: shape[0]]
    estimator = Autoencoder(9, max_iter=3, linear_path=linear_path, random_state=0)
    assert_finite(estimator.fit(X), X)
    assert estimator.transform(X).shape == (len(X), 9)


UNIT_INTERVAL = {
    "zeros": np.zeros((20, 3)),
    "halves": np.full((20, 3), 0.5),
    "one row": np.full((1, 3), [0.1, 0.5, 0.9]),
    "the same row": np.tile([0.1, 0.5, 0.9], (20, 1)),
}


@pytest.mark.parametrize("tied_weights", [False, True])
@pytest.mark.parametrize(
    "parameters", [{"likelihood": "bernoulli"}, {"output_activation": "logistic"}]
)
@pytest.mark.parametrize("rows", UNIT_INTERVAL.values(), ids=UNIT_INTERVAL)
def test_constant_shares_are_fitted(rows, parameters, tied_weights, assert_finite):
    estimator = Autoencoder(2, tied_weights=tied_weights, random_state=0, **parameters)
    assert_finite(estimator.fit(rows), rows)


@pytest.mark.parametrize("tied_weights", [False, True])
def test_narrow_shares_are_learnt_under_a_penalty(tied_weights):
    rng = np.random.default_rng(0)
    rows = 0.5 + 1e-3 * rng.normal(size=(300, 5))
    estimator = Autoencoder(
        likelihood="bernoulli",
        tied_weights=tied_weights,
        weight_decay=1e-5,
        early_stopping=False,
        random_state=0,
    )
    assert estimator.fit(rows).score(rows) > 0.4


@pytest.mark.parametrize("n", [1, 4097])
def test_last_rows_of_a_reversed_array_are_transformed(n):
    rows = np.random.default_rng(0).normal(size=(n, 64))
    estimator = Autoencoder(max_iter=1, random_state=0).fit(rows[:100])
    codes = estimator.transform(rows)
    assert_allclose(estimator.transform(rows[::-1])[::-1], codes, atol=1e-9)
