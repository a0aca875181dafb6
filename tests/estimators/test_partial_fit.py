"""Fits in parts: they go on where they were, and forget nothing."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

VARIANTS = [
    Autoencoder(8, random_state=0),
    Autoencoder(8, likelihood="bernoulli", random_state=0),
    ContractiveAutoencoder(8, random_state=0),
    DenoisingAutoencoder(8, noise=0.1, random_state=0),
    SparseAutoencoder(12, random_state=0),
    TopKAutoencoder(12, k=4, random_state=0),
    VariationalAutoencoder(4, random_state=0),
    ConvolutionalAutoencoder(8, channels=(4,), input_shape=(1, 8, 8), random_state=0),
    LinearAutoencoder(8),
]
variants = pytest.mark.parametrize("estimator", VARIANTS, ids=repr)


@pytest.fixture(scope="module")
def parts():
    return np.array_split((load_digits().data / 16.0).astype(np.float32), 6)


def feed(estimator, parts, passes=1):
    for _ in range(passes):
        for part in parts:
            estimator.partial_fit(part)
    return estimator


@variants
def test_more_parts_lower_the_error(estimator, parts):
    X = np.concatenate(parts)
    first = clone(estimator).partial_fit(parts[0]).score(X)
    assert feed(clone(estimator), parts, 8).score(X) > first


@variants
def test_same_seed_same_bits_and_pickles_go_on(estimator, parts):
    once = feed(clone(estimator), parts[:4])
    other = pickle.loads(pickle.dumps(feed(clone(estimator), parts[:2])))
    feed(other, parts[2:4])
    assert_array_equal(other.transform(parts[5]), once.transform(parts[5]))


def test_linear_is_pca_of_all_rows(parts):
    found = feed(LinearAutoencoder(8), parts)
    X = np.concatenate(parts).astype(np.float64)
    pca = PCA(8, svd_solver="full").fit(X)
    assert found.n_samples_ == len(X)
    assert_allclose(found.mean_, pca.mean_, atol=1e-7)
    assert_allclose(found.explained_variance_, pca.explained_variance_, rtol=1e-5)
    assert_allclose(found.noise_variance_, pca.noise_variance_, rtol=1e-4)
    assert_allclose(np.abs(found.components_ @ pca.components_.T), np.eye(8), atol=1e-4)


def test_linear_goes_on_from_a_fit(parts):
    X = np.concatenate(parts)
    found = LinearAutoencoder(8).fit(np.concatenate(parts[:5])).partial_fit(parts[5])
    assert found.n_samples_ == len(X)
    assert found.score(X) == pytest.approx(
        LinearAutoencoder(8).fit(X).score(X), abs=2e-3
    )


@pytest.mark.parametrize("passes", [10])
def test_parts_come_near_a_fit_of_as_many_epochs(parts, passes):
    X = np.concatenate(parts)
    whole = Autoencoder(8, max_iter=passes, early_stopping=False, random_state=0).fit(X)
    found = feed(Autoencoder(8, random_state=0), parts, passes)
    error = found.reconstruction_error(X).mean()
    assert error < 1.1 * whole.reconstruction_error(X).mean()


def test_goes_on_from_a_fit(parts):
    X = np.concatenate(parts)
    model = Autoencoder(8, max_iter=30, random_state=0).fit(X)
    before = model.score(X)
    feed(model, parts)
    assert model.score(X) > before - 0.01
    assert model.n_iter_ == 6 == len(model.loss_curve_)


def test_unlike_rows_do_not_wreck_the_old_fit(parts):
    X = np.concatenate(parts)
    model = feed(Autoencoder(8, random_state=0), parts, 10)
    before = model.reconstruction_error(X).mean()
    model.partial_fit(5.0 * np.random.default_rng(0).random((300, 64), np.float32))
    assert model.reconstruction_error(X).mean() < 2.0 * before


def test_the_learning_rate_does_not_die(parts):
    """After many parts, new data are still learned."""
    model = feed(Autoencoder(8, random_state=0), parts, 20)
    other = np.flip(np.concatenate(parts), axis=1).copy()
    before = model.reconstruction_error(other).mean()
    feed(model, np.array_split(other, 6), 20)
    assert model.reconstruction_error(other).mean() < 0.5 * before


def test_first_call_fixes_the_width(parts):
    model = Autoencoder(4, random_state=0).partial_fit(parts[0])
    code = model.transform(parts[1])
    with pytest.raises(ValueError, match="64 features"):
        model.partial_fit(parts[1][:, :10])
    assert_array_equal(model.transform(parts[1]), code)


def test_another_network_is_refused(parts):
    model = Autoencoder(4, random_state=0).partial_fit(parts[0])
    with pytest.raises(
        ValueError,
        match=r"partial_fit needs .*but n_components was 4 and is 5\. Set them",
    ):
        model.set_params(n_components=5).partial_fit(parts[1])


def test_another_likelihood_is_refused(parts):
    model = Autoencoder(4, random_state=0).partial_fit(parts[0])
    with pytest.raises(ValueError, match=r"but Gaussian.* became Bernoulli"):
        model.set_params(likelihood="bernoulli").partial_fit(parts[1])


def test_divergence_leaves_the_old_fit(parts):
    model = Autoencoder(4, random_state=0).partial_fit(parts[0])
    code = model.transform(parts[1])
    with pytest.raises(FloatingPointError, match="learning_rate_init"):
        model.set_params(learning_rate_init=1e4).partial_fit(parts[1])
    assert_array_equal(model.transform(parts[1]), code)


def test_fit_begins_anew(parts):
    model = feed(Autoencoder(4, max_iter=3, random_state=0), parts).fit(parts[0])
    expected = Autoencoder(4, max_iter=3, random_state=0).fit(parts[0])
    assert_array_equal(model.transform(parts[1]), expected.transform(parts[1]))
    assert model.loss_curve_ == expected.loss_curve_


def test_one_row_at_a_time(parts):
    model = Autoencoder(2, random_state=0).partial_fit(parts[0])
    for row in parts[1][:5]:
        model.partial_fit(row[None])
    assert np.isfinite(model.transform(parts[1])).all()


FEWEST = [
    (Autoencoder(4), 5),
    (Autoencoder(100), 65),  # there are no more axes than features
    (Autoencoder(4, linear_path=False), 2),
    (DenoisingAutoencoder(4, noise=0.1), 5),
    (VariationalAutoencoder(4), 5),
    (TopKAutoencoder(12, k=4), 2),
    (LinearAutoencoder(4), 4),  # which goes on from the covariance of all rows
]


@pytest.mark.parametrize(("estimator", "fewest"), FEWEST, ids=repr)
def test_first_rows_that_are_too_few_are_refused(estimator, fewest, parts):
    X = parts[0]
    model = clone(estimator)
    for n in (1, fewest - 1):
        with pytest.raises(ValueError, match=f"n_components={model.n_components}"):
            model.partial_fit(X[:n])
        assert not hasattr(model, "n_features_in_")
    model.partial_fit(X[:fewest]).partial_fit(X[:1])
    assert np.isfinite(model.reconstruct(X)).all()


def test_what_to_do_about_few_first_rows_is_said(parts):
    with pytest.raises(
        ValueError, match=r"at least 5 are needed, and X has 3\. Gather"
    ):
        Autoencoder(4).partial_fit(parts[0][:3])


def test_paired_rows(parts):
    model = DenoisingAutoencoder(8, random_state=0)
    for part in parts:
        model.partial_fit(part + 0.1, X_clean=part)
    assert model.score(parts[0] + 0.1, X_clean=parts[0]) > 0.5


def test_layer_by_layer_there_are_no_parts():
    assert not hasattr(StackedAutoencoder(), "partial_fit")


def test_wide_rows_of_a_linear_one_are_refused():
    with pytest.raises(ValueError, match="at most 4096"):
        LinearAutoencoder(2).partial_fit(np.zeros((3, 5000)))


def test_missing_entries(parts):
    rng = np.random.default_rng(0)
    gappy = [np.where(rng.random(p.shape) < 0.2, np.nan, p) for p in parts]
    model = feed(Autoencoder(8, nan_policy="omit", random_state=0), gappy, 5)
    gone = np.isnan(gappy[5])
    left = np.mean((model.impute(gappy[5]) - parts[5])[gone] ** 2)
    by_mean = np.mean((parts[5] - np.nanmean(gappy[5], axis=0))[gone] ** 2)
    assert left < 0.5 * by_mean
    with pytest.raises(ValueError, match="whole rows"):
        LinearAutoencoder(2, nan_policy="omit").partial_fit(gappy[0])


def test_rows_that_the_likelihood_cannot_have_are_refused(parts):
    model = Autoencoder(2, likelihood="bernoulli").partial_fit(parts[0])
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        model.partial_fit(parts[1] - 0.5)


def test_linear_goes_on_from_a_fit_of_few_wide_rows():
    X = np.random.default_rng(0).normal(size=(60, 100))
    found = LinearAutoencoder(2).fit(X[:10])
    before = found.explained_variance_.sum() / found.explained_variance_ratio_.sum()
    moments = found.partial_fit(X[10:])._stream
    first = np.var(X[:10], axis=0, ddof=1).sum()
    assert before == pytest.approx(first)
    rest = X[10:] - X[10:].mean(axis=0)
    way = X[10:].mean(axis=0) - X[:10].mean(axis=0)
    between = 10 * 50 / 60 * way @ way
    expected = 9 * first + (rest**2).sum() + between
    assert np.trace(moments.gram) == pytest.approx(expected)
