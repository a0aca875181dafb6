"""The denoising autoencoder: its corruptions, and the linear one's closed forms."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skae import Autoencoder, DenoisingAutoencoder
from skae.estimators.randomness import Seeds
from skae.objectives import (
    CORRUPTIONS,
    GaussianNoise,
    MaskingNoise,
    SaltAndPepper,
    make_corruption,
)

PLAIN = {
    "early_stopping": False,
    "precision": "float64",
    "tol": 0.0,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}
STILL = PLAIN | {"max_iter": 1, "learning_rate_init": 1e-300}
LINEAR = {"hidden_layer_sizes": ()}

every_corruption = pytest.mark.parametrize("corruption", CORRUPTIONS)


def correlated_rows(n, d=4, seed=0):
    """Normal rows with mean zero and variances from 4 down, in a basis of their own."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(d, d)))
    X = rng.normal(size=(n, d)) * np.sqrt(4.0 / np.arange(1, d + 1)) @ basis
    return X - X.mean(axis=0)


def linear_map(estimator):
    """Matrix that a linear autoencoder without hidden layers applies: x to W x."""
    weights = estimator._fitted.weights
    return weights["decoder.0.weight"].T @ weights["encoder.0.weight"]


def wiener_filter(X, sigma, k):
    """V diag(l / (l + sigma^2)) V', of the k largest eigenvalues l."""
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    values, vectors = values[-k:], vectors[:, -k:]
    return vectors * (values / (values + sigma**2)) @ vectors.T


def marginalised_filter(X, probability):
    """P Q^-1 of Chen et al. 2012, for rows of mean zero."""
    keep, scatter = 1.0 - probability, np.cov(X.T, bias=True)
    corrupted = keep**2 * scatter
    np.fill_diagonal(corrupted, keep * np.diag(scatter))
    return keep * scatter @ np.linalg.inv(corrupted)


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_linear_one_starts_at_the_wiener_filter(sigma, k):
    X = correlated_rows(100_000)
    start = DenoisingAutoencoder(k, noise=sigma, **LINEAR, **STILL).fit(X)
    assert_allclose(linear_map(start), wiener_filter(X, sigma, k), atol=1e-2)


@pytest.mark.parametrize("linear_path", [True, False])
def test_linear_one_is_trained_to_the_wiener_filter(linear_path):
    X, sigma = correlated_rows(4000), 1.0
    fitted = DenoisingAutoencoder(
        2,
        noise=sigma,
        linear_path=linear_path,
        learning_rate_init=1e-2,
        batch_size=100,
        max_iter=60,
        **LINEAR,
        **PLAIN,
    ).fit(X)
    assert_allclose(linear_map(fitted), wiener_filter(X, sigma, 2), atol=0.02)


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_linear_one_starts_at_the_marginalised_filter(probability):
    X = correlated_rows(100_000)
    start = DenoisingAutoencoder(
        4, corruption="masking", noise=probability, **LINEAR, **STILL
    ).fit(X)
    expected = marginalised_filter(X, probability)
    assert_allclose(linear_map(start), expected, atol=1e-2)


@pytest.mark.parametrize("linear_path", [True, False])
def test_linear_one_is_trained_to_the_marginalised_filter(linear_path):
    X, probability = correlated_rows(4000), 0.3
    fitted = DenoisingAutoencoder(
        4,
        corruption="masking",
        noise=probability,
        linear_path=linear_path,
        learning_rate_init=1e-2,
        batch_size=100,
        max_iter=60,
        **LINEAR,
        **PLAIN,
    ).fit(X)
    expected = marginalised_filter(X, probability)
    assert_allclose(linear_map(fitted), expected, atol=0.05)


@every_corruption
def test_start_is_the_least_squares_fit_to_the_corrupted_rows(corruption):
    X = correlated_rows(500) * 30.0 + 200.0
    start = DenoisingAutoencoder(
        4, corruption=corruption, noise=0.4, **LINEAR, **STILL
    ).fit(X)
    part = make_corruption(corruption, 0.4)
    scaling = start._fitted.scaling
    mean, scale = torch.from_numpy(scaling.mean), scaling.scale
    rows = (torch.from_numpy(X) - mean) / scale
    part = part.in_units(mean, scale, X.min(), X.max())
    noisy = part.corrupt(rows, Seeds(0).judgement()) * scale + mean
    design = np.column_stack([noisy.numpy(), np.ones(len(X))])
    expected = design @ np.linalg.lstsq(design, X)[0]
    assert_allclose(start.reconstruct(noisy.numpy()), expected, rtol=1e-8)


def many_zeros():
    return torch.zeros((5000, 4), dtype=torch.float64)


def test_gaussian_noise_is_normal():
    noise = GaussianNoise(1.7).corrupt(many_zeros(), torch.Generator().manual_seed(0))
    assert stats.kstest(noise.numpy().ravel(), stats.norm(0.0, 1.7).cdf).pvalue > 0.01
    assert_allclose(np.corrcoef(noise.numpy().T), np.eye(4), atol=4 / np.sqrt(5000))


def assert_share(hits, probability):
    """Independent entries hit with this probability, within 4 standard errors."""
    error = np.sqrt(probability * (1.0 - probability) / hits.numel())
    assert abs(float(hits.double().mean()) - probability) < 4 * error
    correlations = np.corrcoef(hits.double().numpy().T)
    assert_allclose(correlations, np.eye(4), atol=4 / np.sqrt(len(hits)))


@pytest.mark.parametrize("probability", [0.1, 0.6])
def test_masking_hits_every_entry_with_its_probability(probability):
    rows = many_zeros() + 3.0
    corrupted = MaskingNoise(probability).corrupt(rows, torch.Generator())
    assert_share(corrupted == 0.0, probability)
    assert torch.equal(corrupted[corrupted != 0.0], rows[corrupted != 0.0])


@pytest.mark.parametrize("probability", [0.1, 0.6])
def test_salt_and_pepper_come_with_equal_chances(probability):
    rows = many_zeros() + 0.5
    corrupted = SaltAndPepper(probability).corrupt(rows, torch.Generator())
    assert_share(corrupted == 0.0, probability / 2)
    assert_share(corrupted == 1.0, probability / 2)
    kept = (corrupted != 0.0) & (corrupted != 1.0)
    assert torch.equal(corrupted[kept], rows[kept])


@every_corruption
def test_corruption_is_new_at_every_call_and_leaves_the_rows(corruption):
    rows = torch.rand((50, 4), generator=torch.Generator().manual_seed(0))
    before, generator = rows.clone(), torch.Generator().manual_seed(1)
    part = make_corruption(corruption, 0.5)
    first, second = (part.corrupt(rows, generator) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(part.corrupt(rows, generator.manual_seed(1)), first)
    assert torch.equal(rows, before)
    assert first.dtype == rows.dtype


@every_corruption
def test_corruption_of_scaled_rows_is_that_of_the_rows(corruption):
    X = torch.from_numpy(correlated_rows(200) * 30.0 + 200.0)
    mean, scale, least, most = X.mean(0), 7.0, float(X.min()), float(X.max())
    part = make_corruption(corruption, 0.3)
    scaled = part.in_units(mean, scale, least, most)
    plain = part.in_units(torch.zeros_like(mean), 1.0, least, most)
    noisy = scaled.corrupt((X - mean) / scale, torch.Generator().manual_seed(0))
    expected = plain.corrupt(X, torch.Generator().manual_seed(0))
    assert_allclose(noisy * scale + mean, expected, atol=1e-10)
    values = set(expected[expected != X].tolist())
    if corruption == "masking":
        assert values == {0.0}
    if corruption == "salt_and_pepper":
        assert values == {least, most}


def test_no_noise_is_no_corruption():
    assert all(make_corruption(name, 0.0) is None for name in CORRUPTIONS)


SETTINGS = [
    {},
    {"linear_path": False, "hidden_layer_sizes": (8, 4)},
    {"tied_weights": True},
    {"likelihood": "bernoulli", "weight_decay": 1e-3},
    {"code_activation": "logistic"},
    {"early_stopping": "auto"},
]


def trained(kind, X, **settings):
    short = {"hidden_layer_sizes": (8,), "max_iter": 5, "learning_rate_init": 1e-2}
    return kind(2, **PLAIN | short | settings).fit(X)


def shares(n=60):
    return np.random.default_rng(0).beta(0.5, 0.5, size=(n, 5))


@every_corruption
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_without_noise_it_is_the_autoencoder_bit_for_bit(settings, corruption):
    settings = {"precision": "float32"} | settings
    plain = trained(Autoencoder, shares(), **settings)
    quiet = trained(
        DenoisingAutoencoder, shares(), corruption=corruption, noise=0, **settings
    )
    for name, weight in plain._fitted.weights.items():
        assert_array_equal(quiet._fitted.weights[name], weight, err_msg=name)
    assert quiet.loss_curve_ == plain.loss_curve_


# Not those that start at PCA itself: the gradient by the code is zero there, and of
# any other, were it 1e-9, Adam makes a step.
OFF_PCA = [
    {"linear_path": False, "hidden_layer_sizes": (8, 4)},
    {"linear_path": False, "tied_weights": True},
    {"linear_path": False, "early_stopping": "auto"},
    {"likelihood": "bernoulli", "weight_decay": 1e-3},
    {"code_activation": "logistic"},
]


@every_corruption
@pytest.mark.parametrize("settings", OFF_PCA, ids=str)
def test_hardly_any_noise_is_hardly_any_difference(settings, corruption):
    plain = trained(Autoencoder, shares(), **settings)
    quiet = trained(
        DenoisingAutoencoder, shares(), corruption=corruption, noise=1e-9, **settings
    )
    for name, weight in plain._fitted.weights.items():
        assert_allclose(quiet._fitted.weights[name], weight, atol=1e-6, err_msg=name)
    assert_allclose(quiet.loss_curve_, plain.loss_curve_, rtol=1e-6)


def test_validation_rows_are_corrupted_always_in_the_same_way():
    X, new = shares(), shares(500)[-200:]
    settings = STILL | {"noise": 0.5, "max_iter": 4}
    fitted = DenoisingAutoencoder(2, **settings).fit(X, X_val=new)
    assert len(set(fitted.validation_loss_curve_)) == 1
    assert fitted.best_loss_ == fitted.validation_loss_curve_[0]
    assert fitted.best_loss_ > fitted.reconstruction_error(new).mean()


@pytest.mark.parametrize("corruption", ["masking", "salt_and_pepper"])
def test_probabilities_are_at_most_one(corruption):
    settings = {"corruption": corruption, "max_iter": 1, "early_stopping": False}
    DenoisingAutoencoder(2, noise=1.0, **settings).fit(shares())
    with pytest.raises(ValueError, match=r"'noise' parameter .+ must be a probability"):
        DenoisingAutoencoder(2, noise=1.1, **settings).fit(shares())


def test_it_takes_noise_away():
    t = np.random.default_rng(0).uniform(-3, 3, size=(600, 1))
    clean = np.column_stack([np.cos(t), np.sin(t), t / 3, np.cos(2 * t)])
    noisy = clean + 0.3 * np.random.default_rng(1).normal(size=clean.shape)
    settings = {"max_iter": 30, "learning_rate_init": 1e-2, "random_state": 0}

    def left(estimator):
        return np.mean((estimator.fit(clean).reconstruct(noisy) - clean) ** 2)

    denoiser = left(DenoisingAutoencoder(2, noise=0.3, **settings))
    assert denoiser < 0.9 * left(Autoencoder(2, **settings))
    assert denoiser < 0.5 * np.mean((noisy - clean) ** 2)
