"""The variational autoencoder: its bound, its divergence, and the linear one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import logsumexp
from torch.distributions import Normal, kl_divergence

from skae import VariationalAutoencoder
from skae.networks import GaussianCode
from skae.objectives import KLToPrior

SETTINGS = {
    "hidden_layer_sizes": (8,),
    "early_stopping": False,
    "precision": "float64",
    "tol": 0.0,
    "n_iter_no_change": np.inf,
    "learning_rate_init": 1e-2,
    "max_iter": 5,
    "random_state": 0,
}
LINEAR = {"hidden_layer_sizes": ()}
STILL = {"max_iter": 1, "learning_rate_init": 1e-300}


def vae(n_components=2, **changes):
    return VariationalAutoencoder(n_components, **SETTINGS | changes)


def rows(n=300, d=5, seed=0):
    """Two strong directions and noise around them, far from zero."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(d, d)))
    widths = np.array([3.0, 2.0, *[0.7] * (d - 2)])
    return 10.0 * rng.normal(size=(n, d)) * widths @ basis + 50.0


def shares(n=60):
    return np.random.default_rng(0).beta(0.5, 0.5, size=(n, 5))


class ProbabilisticPCA:
    """The model of maximal likelihood (Tipping and Bishop 1999)."""

    def __init__(self, X, k):
        values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
        self.mean, self.noise = X.mean(axis=0), values[:-k].mean()
        self.variances = values[: -k - 1 : -1]
        self.widths = vectors[:, : -k - 1 : -1] * np.sqrt(self.variances - self.noise)

    def log_likelihood(self, X):
        covariance = self.widths @ self.widths.T + self.noise * np.eye(len(self.mean))
        return stats.multivariate_normal(self.mean, covariance).logpdf(X)


@pytest.fixture(scope="module")
def optimum():
    """A linear VAE at the optimum, and the model that it then is."""
    X = rows()
    model = ProbabilisticPCA(X, 2)
    fitted = vae(noise_variance=model.noise, **LINEAR, **STILL).fit(X)
    assert fitted.best_iteration_ == 0
    return fitted, model


class TestDivergence:
    @staticmethod
    def code(n=20, k=3):
        generator = torch.Generator().manual_seed(0)
        return torch.randn((n, 2 * k), generator=generator, dtype=torch.float64)

    def normal(self):
        mean, log_variance = self.code().chunk(2, dim=1)
        return Normal(mean, log_variance.mul(0.5).exp())

    def test_it_is_that_of_torch(self):
        expected = kl_divergence(self.normal(), Normal(0.0, 1.0))
        terms = KLToPrior(1.0).statistic(self.code())
        assert_allclose(terms, expected, rtol=1e-12, atol=1e-15)
        total = KLToPrior(0.3).total(terms.mean(0), None)
        assert_allclose(total, 0.3 * expected.sum(1).mean(), rtol=1e-12)

    def test_it_is_what_draws_say(self):
        generator, normal = torch.Generator().manual_seed(1), self.normal()
        draws = [GaussianCode().draw(self.code(), generator) for _ in range(4000)]
        ratios = torch.stack(
            [normal.log_prob(z) - Normal(0.0, 1.0).log_prob(z) for z in draws]
        )
        error = ratios.std(0) / np.sqrt(len(ratios))
        gap = ratios.mean(0) - KLToPrior(1.0).statistic(self.code())
        assert (gap.abs() < 4 * error).all()

    def test_the_prior_itself_costs_nothing(self):
        code = torch.zeros((4, 6), dtype=torch.float64)
        assert KLToPrior(1.0).statistic(code).abs().max() == 0.0

    @pytest.mark.parametrize("free_bits", [0.0, 0.9, 100.0])
    def test_gradient_by_hand_is_that_of_autograd(self, free_bits):
        penalty, code = KLToPrior(0.7, free_bits), self.code().requires_grad_()
        value = penalty.total(penalty.statistic(code).mean(0), None)
        (expected,) = torch.autograd.grad(value, code)
        columns = code.detach().t().contiguous()
        out = torch.full_like(columns, torch.nan)
        actual, by_norms = penalty.gradient(columns, None, out)
        assert by_norms is None
        assert_allclose(actual, value.detach(), rtol=1e-12)
        assert_allclose(out.t(), expected, rtol=1e-12, atol=1e-15)
        free = penalty.statistic(self.code()).mean(0) < free_bits
        assert free.tolist() == [not by.any() for by in out[:3]]

    def test_free_bits_are_what_a_component_costs_at_least(self):
        means = torch.tensor([0.1, 0.6, 3.0])
        assert KLToPrior(2.0, 0.5).total(means, None) == 2.0 * (0.5 + 0.6 + 3.0)

    @pytest.mark.parametrize("variance", [0.5, 0.1, "fit"])
    def test_objective_orders_as_the_bound_does(self, variance):
        # Per entry, -bound = loss / 2 s + log(s) / 2 + penalty; at its best, s = loss.
        penalty = KLToPrior(1.0, variance=variance)

        def bound(loss, divergence):
            s = loss if variance == "fit" else variance
            return loss / (2 * s) + np.log(s) / 2 + divergence

        rng = np.random.default_rng(0)
        pairs = [tuple(rng.uniform(0.01, 1.0, 2)) for _ in range(50)]
        by_bound = sorted(pairs, key=lambda pair: bound(*pair))
        assert sorted(pairs, key=lambda pair: penalty.objective(*pair)) == by_bound


class TestLinear:
    """Without hidden layers it is probabilistic PCA, of which all is known."""

    def test_it_starts_at_the_posterior(self, optimum):
        fitted, model = optimum
        mean, std = fitted.transform_distribution(rows())
        expected = (rows() - model.mean) @ (model.widths / model.variances)
        signs = np.sign((mean * expected).sum(axis=0))
        assert_allclose(mean * signs, expected, rtol=1e-8, atol=1e-8)
        posterior = np.sqrt(model.noise / model.variances)
        assert_allclose(std, np.tile(posterior, (300, 1)), rtol=1e-10)

    @pytest.mark.parametrize("n_samples", [1, 7, 100])
    def test_bound_at_the_optimum_is_the_log_likelihood(self, optimum, n_samples):
        fitted, model = optimum
        for X in (rows(), rows(20, seed=1)):
            bound = fitted.score_samples(X, n_samples=n_samples)
            assert_allclose(bound, model.log_likelihood(X), rtol=1e-10)

    def test_fitted_noise_is_what_the_axes_leave(self, optimum):
        _, model = optimum
        X = rows()
        fitted = vae(**LINEAR, **STILL).fit(X)
        error = np.sqrt(2.0 / X.size)  # relative, of a mean of squares
        assert fitted.noise_variance_ == pytest.approx(model.noise, rel=4 * error)

    @pytest.mark.parametrize("linear_path", [True, False])
    def test_training_reaches_the_log_likelihood(self, optimum, linear_path):
        X, (_, model) = rows(), optimum
        settings = LINEAR | {"learning_rate_init": 0.2, "max_iter": 300}
        fitted = vae(linear_path=linear_path, batch_size=60, **settings).fit(X)
        expected = model.log_likelihood(X).mean()
        assert fitted.score_samples(X).mean() == pytest.approx(expected, rel=1e-3)

    def test_training_does_not_leave_the_optimum(self, optimum):
        X, (_, model) = rows(), optimum
        fitted = vae(noise_variance=model.noise, max_iter=20, **LINEAR).fit(X)
        expected = model.log_likelihood(X).mean()
        assert fitted.score_samples(X).mean() == pytest.approx(expected, rel=1e-5)

    def test_samples_are_of_the_model(self, optimum):
        fitted, model = optimum
        drawn = fitted.sample(40_000, random_state=0)
        scale = np.sqrt(np.diag(model.widths @ model.widths.T))
        error = (drawn.mean(axis=0) - model.mean) / (scale / np.sqrt(len(drawn)))
        assert (np.abs(error) < 4).all()
        covariance, expected = np.cov(drawn.T), model.widths @ model.widths.T
        assert_allclose(covariance, expected, atol=0.03 * scale.max() ** 2)


class TestImportanceWeightedBound:
    """With a posterior that is wrong by the same in every row, so is the bound."""

    SHIFT, FACTOR = 0.4, 1.5

    @pytest.fixture
    def wrong(self, optimum):
        """Posterior means shifted, and deviations multiplied."""
        fitted, _ = optimum
        bias = fitted._fitted.weights["encoder.0.bias"].copy()
        bias[:2] += self.SHIFT
        bias[2:] += 2.0 * np.log(self.FACTOR)
        weights = fitted._fitted.weights | {"encoder.0.bias": bias}
        other = VariationalAutoencoder()
        vars(other).update(vars(fitted))
        other._fitted = replace(fitted._fitted, weights=weights, _casts={})
        return other

    def log_ratios(self, model, shape):
        """log p(z | x) - log q(z | x) of draws from q, whatever x is."""
        eps = np.random.default_rng(0).normal(size=(*shape, 2))
        deviation = np.sqrt(model.noise / model.variances)
        z = self.SHIFT + self.FACTOR * deviation * eps
        posterior = stats.norm(0.0, deviation).logpdf(z)
        proposal = stats.norm(self.SHIFT, self.FACTOR * deviation).logpdf(z)
        return (posterior - proposal).sum(axis=-1)

    def expected(self, model, n_samples, n_repeats=4000):
        """Mean gap of the bound to the log-likelihood, and its deviation."""
        ratios = self.log_ratios(model, (n_repeats, n_samples))
        bounds = logsumexp(ratios, axis=1) - np.log(n_samples)
        return bounds.mean(), bounds.std()

    @pytest.mark.parametrize("n_samples", [1, 4, 16, 100])
    def test_it_is_what_theory_says(self, wrong, optimum, n_samples):
        _, model = optimum
        gap = wrong.score_samples(rows(), n_samples=n_samples)
        gap = gap - model.log_likelihood(rows())
        assert_allclose(gap, gap.mean(), atol=1e-8)
        mean, deviation = self.expected(model, n_samples)
        n_repeats = -(-16 // n_samples)
        assert abs(gap.mean() - mean) < 4 * deviation / np.sqrt(n_repeats)
        assert mean < 0.0

    def test_it_rises_to_the_log_likelihood(self, wrong, optimum):
        _, model = optimum
        gaps = [self.expected(model, n_samples)[0] for n_samples in (1, 4, 16, 100)]
        assert gaps == sorted(gaps)
        exact = model.log_likelihood(rows()).mean()
        bound = wrong.score_samples(rows(), n_samples=4096).mean()
        mean, deviation = self.expected(model, 4096, n_repeats=200)
        assert bound > exact + gaps[0]
        assert abs(bound - exact - mean) < 4 * deviation
        assert abs(mean) < 0.01

    def test_evidence_lower_bound_falls_short_by_the_divergence(self, wrong, optimum):
        _, model = optimum
        deviation = torch.from_numpy(np.sqrt(model.noise / model.variances))
        proposal = Normal(self.SHIFT, self.FACTOR * deviation)
        divergence = float(kl_divergence(proposal, Normal(0.0, deviation)).sum())
        mean, spread = self.expected(model, 1)
        assert abs(mean + divergence) < 4 * spread / np.sqrt(4000)
        gap = wrong.score_samples(rows()) - model.log_likelihood(rows())
        assert abs(gap.mean() + divergence) < 4 * spread / np.sqrt(16)


DENSITIES = {
    "gaussian": (shares(), lambda mean, s: stats.norm(mean, np.sqrt(s)).logpdf),
    "bernoulli": (shares().round(), lambda mean, s: stats.bernoulli(mean).logpmf),
    "poisson": ((shares() * 9).round(), lambda mean, s: stats.poisson(mean).logpmf),
}


@pytest.mark.parametrize("likelihood", DENSITIES)
@pytest.mark.parametrize("n_samples", [1, 6])
def test_bound_is_its_definition(likelihood, n_samples):
    X, density = DENSITIES[likelihood]
    fitted = vae(likelihood=likelihood).fit(X)
    mean, std = fitted.transform_distribution(X)
    shape, generator = (-(-16 // n_samples), n_samples, 2), torch.Generator()
    noise = torch.empty(shape, dtype=torch.float64)
    noise = noise.normal_(generator=generator.manual_seed(0)).numpy()

    def log_ratio(eps):
        z = mean + std * eps
        decoded = density(fitted.inverse_transform(z), fitted.noise_variance_)(X)
        prior, proposal = stats.norm.logpdf(z), stats.norm(mean, std).logpdf(z)
        return decoded.sum(axis=1) + (prior - proposal).sum(axis=1)

    bounds = [
        logsumexp([log_ratio(eps) for eps in draws], axis=0) - np.log(n_samples)
        for draws in noise
    ]
    actual = fitted.score_samples(X, n_samples=n_samples)
    assert_allclose(actual, np.mean(bounds, axis=0), rtol=1e-9)


@pytest.mark.parametrize("n_samples", [1, 20])
def test_bound_of_a_row_knows_no_other_row(n_samples, monkeypatch):
    X = shares()
    fitted = vae().fit(X)
    expected = fitted.score_samples(X, n_samples=n_samples)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = fitted.score_samples(X[order], n_samples=n_samples)
    assert_allclose(shuffled, expected[order], rtol=1e-9)
    alone = fitted.score_samples(X[7:8], n_samples=n_samples)
    assert_allclose(alone, expected[7:8], rtol=1e-9)
    monkeypatch.setattr("skae.estimators.fitted._CHUNK_BYTES", 200)
    in_parts = fitted.score_samples(X, n_samples=n_samples)
    assert_allclose(in_parts, expected, rtol=1e-9)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "many", None])
def test_numbers_of_draws_are_positive(n_samples):
    fitted = vae().fit(shares())
    with pytest.raises(ValueError, match=r"n_samples must be a positive int\. Got"):
        fitted.score_samples(shares(), n_samples=n_samples)
    with pytest.raises(ValueError, match=r"n_samples must be a positive int\. Got"):
        fitted.sample(n_samples)
