"""Probabilistic PCA of rows with gaps, against what can be said in closed form."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from skae.data import ProbabilisticPCA

EXACT = {"tol": 1e-12, "max_iter": 3000}


def make(n=200, d=6, k=2, missing=0.3, noise=0.3, seed=0):
    """Rows of probabilistic PCA, whole and with gaps."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(k, d))
    whole = rng.normal(size=(n, k)) @ loadings + noise * rng.normal(size=(n, d)) + 2.0
    gappy = np.where(rng.random((n, d)) < missing, np.nan, whole)
    return whole, gappy


def fit(rows, rank=2, **settings):
    return ProbabilisticPCA.fit(torch.from_numpy(rows), rank, **EXACT | settings)


def covariance(model):
    return model.loadings.T @ model.loadings + model.noise * np.eye(len(model.mean))


def likelihood(model, rows):
    return float(model.log_density(torch.from_numpy(rows)).sum())


@pytest.fixture(scope="module")
def gappy():
    return make()[1]


@pytest.fixture(scope="module")
def model(gappy):
    return fit(gappy)


def test_without_gaps_it_is_that_of_scikit_learn():
    whole, _ = make()
    pca, model = PCA(2).fit(whole), fit(whole)
    n = len(whole)
    assert_allclose(covariance(model), pca.get_covariance() * (n - 1) / n, rtol=1e-10)
    assert_allclose(model.mean, pca.mean_)


def test_a_density_is_that_of_the_normal_distribution(model, gappy):
    C = covariance(model)
    for row in gappy[:20]:
        o = ~np.isnan(row)
        if o.any():
            expected = multivariate_normal(model.mean[o], C[np.ix_(o, o)]).logpdf(
                row[o]
            )
            assert_allclose(likelihood(model, row[None]), expected, rtol=1e-10)


def test_gaps_are_filled_by_the_conditional_expectation(model, gappy):
    C, filled = covariance(model), model.fill(torch.from_numpy(gappy)).numpy()
    for row, found in zip(gappy[:20], filled, strict=False):
        o, m = ~np.isnan(row), np.isnan(row)
        gain = np.linalg.solve(C[np.ix_(o, o)], row[o] - model.mean[o])
        assert_allclose(found[m], model.mean[m] + C[np.ix_(m, o)] @ gain, rtol=1e-9)
        assert (found[o] == row[o]).all()


def test_a_row_without_an_entry_is_the_mean(model):
    empty = torch.full((1, 6), torch.nan, dtype=torch.float64)
    assert_allclose(model.fill(empty)[0], model.mean)


def test_rows_without_a_gap_are_as_they_are(model):
    whole = torch.from_numpy(make()[0])
    assert model.fill(whole) is whole


def test_every_step_makes_the_rows_more_likely(gappy):
    steps = [
        likelihood(fit(gappy, tol=-np.inf, max_iter=n), gappy) for n in range(1, 8)
    ]
    assert (np.diff(steps) > 0).all()


def test_no_model_nearby_makes_the_rows_more_likely(model, gappy):
    rng, best = np.random.default_rng(0), likelihood(model, gappy)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(5):
            other = ProbabilisticPCA(
                model.mean + size * rng.normal(size=model.mean.shape),
                model.loadings + size * rng.normal(size=model.loadings.shape),
                model.noise * np.exp(size * rng.normal()),
            )
            assert likelihood(other, gappy) < best


def test_it_finds_the_model_that_the_rows_are_from():
    _, gappy = make(n=20_000, noise=0.5)
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(2, 6))
    model = fit(gappy, tol=1e-9)
    assert_allclose(model.noise, 0.25, rtol=0.03)
    expected = loadings.T @ loadings + 0.25 * np.eye(6)
    assert_allclose(covariance(model), expected, atol=0.1)


def test_representatives_have_the_covariance(model):
    rows = model.representatives()
    assert_allclose(rows.T @ rows / len(rows), covariance(model), atol=1e-12)


def test_expectations_keep_within_bounds(model, gappy):
    filled = model.clipped((1.9, 2.1)).fill(torch.from_numpy(gappy)).numpy()
    assert filled[np.isnan(gappy)].min() == 1.9
    assert filled[np.isnan(gappy)].max() == 2.1


def test_noise_free_rows_are_completed():
    whole, gappy = make(n=300, d=12, missing=0.2, noise=0.0)
    filled = fit(gappy, tol=1e-9).fill(torch.from_numpy(gappy)).numpy()
    assert_allclose(filled, whole, atol=0.05)


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (5, 2)])
def test_few_rows_and_columns(shape):
    rows = np.random.default_rng(0).normal(size=shape)
    rows[0, 0] = np.nan
    model = fit(rows, rank=1, max_iter=50)
    assert model.fill(torch.from_numpy(rows)).isfinite().all()
    assert model.noise > 0


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_rows(value):
    rows = np.full((9, 4), value)
    rows[::2, 1] = np.nan
    filled = fit(rows, rank=2, max_iter=50).fill(torch.from_numpy(rows))
    assert_allclose(filled, value)


def test_a_row_is_filled_alike_in_any_company(model, gappy):
    rows = torch.from_numpy(gappy)
    alone = torch.cat([model.fill(row[None]) for row in rows])
    assert_allclose(model.fill(rows), alone, rtol=1e-12)


def test_it_keeps_the_dtype_and_pickles(model, gappy):
    rows = torch.from_numpy(gappy)
    assert model.fill(rows.float()).dtype == torch.float32
    copy = pickle.loads(pickle.dumps(model))
    assert torch.equal(copy.fill(rows), model.fill(rows))
