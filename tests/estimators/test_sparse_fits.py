"""Fits of rows that stay sparse are those of dense rows, but for rounding."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.data import SparseRows, SparseSource

SETTINGS = {
    "max_iter": 3, "random_state": 0, "hidden_layer_sizes": (6,), "batch_size": 23,
    "precision": "float64", "early_stopping": False,
}  # fmt: skip


def autoencoder(**changes):
    return Autoencoder(3, **(SETTINGS | changes))


STAY_SPARSE = [
    autoencoder(),
    autoencoder(hidden_layer_sizes=()),
    autoencoder(hidden_layer_sizes=(), linear_path=False, code_activation="relu"),
    autoencoder(hidden_layer_sizes=(8, 6)),
    autoencoder(hidden_layer_sizes=(8, 7, 6), linear_path=False),
    autoencoder(tied_weights=True),
    autoencoder(tied_weights=True, linear_path=False),
    autoencoder(tied_weights=True, hidden_layer_sizes=(), likelihood="poisson"),
    autoencoder(output_activation="logistic"),
    autoencoder(likelihood="bernoulli"),
    autoencoder(likelihood="poisson", hidden_layer_sizes=(8, 6)),
    autoencoder(shuffle=False, weight_decay=0.1),
    autoencoder(early_stopping=True),
    autoencoder(early_stopping="auto"),
    SparseAutoencoder(5, **SETTINGS),
    SparseAutoencoder(5, penalty="kl", **SETTINGS),
    StackedAutoencoder(3, **SETTINGS),
    VariationalAutoencoder(2, **SETTINGS),
]

ARE_MADE_DENSE = [
    ContractiveAutoencoder(3, **SETTINGS),
    DenoisingAutoencoder(3, **SETTINGS),
    TopKAutoencoder(4, k=2, **SETTINGS),
]


@pytest.fixture
def X():
    """With rows and columns in which nothing is stored."""
    rng = np.random.default_rng(0)
    rows = rng.random((150, 4)) @ rng.random((4, 40))
    rows = np.where(rows * rng.random(rows.shape) > 0.9, rows / rows.max(), 0.0)
    rows[[3, 77]], rows[:, [0, 9]] = 0.0, 0.0
    return sparse.csr_array(rows)


@pytest.fixture
def all_are_thin(monkeypatch):
    monkeypatch.setattr(SparseSource, "is_thin", lambda self, n_rows: True)


@pytest.fixture
def products(monkeypatch):
    """Numbers of rows that were multiplied without having been made dense."""
    found, times = [], SparseRows.times

    def counted(self, weight):
        found.append(len(self))
        return times(self, weight)

    monkeypatch.setattr(SparseRows, "times", counted)
    return found


def assert_alike(found, expected, X, rtol=1e-7):
    for name, weight in expected._fitted.weights.items():
        scale = np.abs(weight).max()
        assert_allclose(
            found._fitted.weights[name], weight, rtol, rtol * scale, err_msg=name
        )
    assert found.loss_ == pytest.approx(expected.loss_, rel=rtol)
    assert_allclose(found.loss_curve_, expected.loss_curve_, rtol)
    assert_allclose(found.transform(X), expected.transform(X.toarray()), rtol, rtol)


@pytest.mark.parametrize("estimator", STAY_SPARSE, ids=repr)
def test_fit_is_that_of_rows_made_dense(estimator, X, products, monkeypatch):
    expected = clone(estimator).fit(X)
    assert not products
    monkeypatch.setattr(SparseSource, "is_thin", lambda self, n_rows: True)
    assert_alike(clone(estimator).fit(X), expected, X)
    assert len(products) > 3 * 150 // 23


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "poisson"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_fit_is_that_of_the_array(X, likelihood, precision, all_are_thin, products):
    settings = {"likelihood": likelihood, "precision": precision, "shuffle": False}
    model = autoencoder(linear_path=False, **settings)
    expected, found = clone(model).fit(X.toarray()), clone(model).fit(X)
    assert_alike(found, expected, X, 1e-3 if precision == "float32" else 1e-9)
    assert products


@pytest.mark.parametrize("estimator", ARE_MADE_DENSE, ids=repr)
def test_steps_that_need_dense_rows_have_them(estimator, X, products, monkeypatch):
    expected = clone(estimator).fit(X)
    monkeypatch.setattr(SparseSource, "is_thin", lambda self, n_rows: True)
    found = clone(estimator).fit(X)
    assert not products
    for name, weight in expected._fitted.weights.items():
        assert_array_equal(found._fitted.weights[name], weight)


@pytest.mark.parametrize(
    "kind", [sparse.csc_array, sparse.coo_array, sparse.csr_matrix]
)
@pytest.mark.parametrize("likelihood", ["gaussian", "poisson"])
def test_same_bits_from_any_format(X, kind, likelihood, all_are_thin):
    model = autoencoder(likelihood=likelihood, precision="float32")
    expected, found = clone(model).fit(X), clone(model).fit(kind(X))
    for name, weight in expected._fitted.weights.items():
        assert_array_equal(found._fitted.weights[name], weight)
    assert_array_equal(found.transform(kind(X)), expected.transform(X))
    assert found.loss_ == expected.loss_


@pytest.mark.parametrize("block_size", [7, 1000])
def test_same_steps_from_blocks_of_any_size(X, block_size, all_are_thin):
    model = autoencoder(linear_path=False)
    expected, found = (
        clone(model).fit(X),
        model.set_params(block_size=block_size).fit(X),
    )
    for name, weight in expected._fitted.weights.items():
        assert_array_equal(found._fitted.weights[name], weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "estimator",
    [autoencoder(), autoencoder(likelihood="poisson"), LinearAutoencoder(3)],
    ids=repr,
)
def test_transform_is_that_of_the_array(estimator, X, dtype, all_are_thin, products):
    X = X.astype(dtype)
    found = estimator.fit(X)
    products.clear()
    tol = 1e-4 if dtype == np.float32 else 1e-12
    assert_allclose(found.transform(X), found.transform(X.toarray()), tol, tol)
    assert sum(products) == len(X.toarray())
    assert found.transform(X).dtype == dtype
    assert_allclose(found.transform(X[:3]), found.transform(X)[:3], tol, tol)


def test_partial_fit_goes_on(X, products, monkeypatch):
    expected = autoencoder().partial_fit(X).partial_fit(X)
    monkeypatch.setattr(SparseSource, "is_thin", lambda self, n_rows: True)
    found = autoencoder().partial_fit(X).partial_fit(X)
    assert_allclose(found.transform(X), expected.transform(X), rtol=1e-7, atol=1e-7)
    assert products


def test_rows_far_from_zero_are_made_dense(X, all_are_thin, products):
    far = sparse.csr_array(X.toarray() + 1e8)
    model = autoencoder().fit(far)
    assert np.isfinite(model.transform(far)).all()
    assert not products


def test_values_too_large_are_refused(X, all_are_thin):
    X.data[5] = 1e30
    with pytest.raises(ValueError, match="too large for dtype"):
        autoencoder(likelihood="poisson", precision="float32").fit(X)


def test_only_wide_rows_of_little_are_thin():
    def source(d, share):
        X = sparse.random_array((600, d), density=share, rng=0, format="csr")
        return SparseSource(X, 1000)

    assert source(2000, 0.01).is_thin(500)
    assert not source(2000, 0.01).is_thin(50)
    assert not source(2000, 0.1).is_thin(500)
    assert not source(100, 0.01).is_thin(1000)


def test_dense_rows_of_a_fit_are_few(monkeypatch):
    # They are, where it starts, but no more at a time than of rows that do not stay
    # sparse.
    seen, dense = [], SparseRows.to_dense

    def counted(self):
        seen.append(len(self))
        return dense(self)

    monkeypatch.setattr(SparseRows, "to_dense", counted)
    X = sparse.random_array((700, 20_000), density=0.001, rng=0, format="csr")
    model = Autoencoder(2, hidden_layer_sizes=(4,), max_iter=1, likelihood="poisson")
    model.fit(X).transform(X)
    assert max(seen) <= 16 * 2**20 // (8 * 20_000)
