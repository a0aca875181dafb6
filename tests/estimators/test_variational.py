"""What only the variational autoencoder does: sample, collapse, warm up."""

import random
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.distributions import Normal, kl_divergence

from skae import VariationalAutoencoder
from skae.estimators.ramp import Ramp

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


class TestDistribution:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_means_are_what_transform_gives(self, dtype):
        X = shares().astype(dtype)
        fitted = vae().fit(X)
        mean, std = fitted.transform_distribution(X)
        assert_array_equal(mean, fitted.transform(X))
        assert std.shape == mean.shape == (60, 2)
        assert std.dtype == mean.dtype == dtype
        assert (std > 0.0).all()

    def test_divergence_by_component_is_that_of_the_distribution(self, monkeypatch):
        monkeypatch.setattr("skae.estimators.generative._BLOCK_ROWS", 7)
        fitted = vae(3).fit(rows())
        mean, std = map(torch.from_numpy, fitted.transform_distribution(rows()))
        expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).mean(0)
        assert_allclose(fitted.kl_per_component_, expected, rtol=1e-10)
        assert fitted.n_active_components_ == int((expected > 0.01).sum())


class TestSample:
    @pytest.fixture
    def fitted(self):
        return vae().fit(shares())

    def test_same_seed_gives_the_same_rows(self, fitted):
        first, second = (fitted.sample(9, random_state=3) for _ in range(2))
        assert first.shape == (9, 5)
        assert_array_equal(first, second)
        assert not np.array_equal(fitted.sample(9, random_state=4), first)

    def test_no_seed_gives_other_rows_every_time(self, fitted):
        assert not np.array_equal(fitted.sample(9), fitted.sample(9))

    def test_a_random_state_gives_its_next_draw(self, fitted):
        state, twin = np.random.RandomState(3), np.random.RandomState(3)
        first, second = (fitted.sample(2, random_state=state) for _ in range(2))
        assert not np.array_equal(first, second)
        assert_array_equal(fitted.sample(2, random_state=twin), first)

    @pytest.mark.parametrize("random_state", [None, 0])
    def test_global_generators_are_left_alone(self, fitted, random_state):
        numpys = np.random.mtrand._rand
        before = torch.get_rng_state(), numpys.get_state()[1].copy(), random.getstate()
        fitted.sample(9, random_state=random_state)
        fitted.score_samples(shares(), n_samples=3)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert_array_equal(numpys.get_state()[1], before[1])
        assert random.getstate() == before[2]

    def test_rows_are_means_of_the_likelihood(self):
        fitted = vae(likelihood="bernoulli").fit(shares())
        drawn = fitted.sample(500, random_state=0)
        assert ((drawn >= 0.0) & (drawn <= 1.0)).all()


class TestCollapse:
    def test_a_code_that_tells_nothing_apart_is_warned_of(self):
        with pytest.warns(UserWarning, match="The posterior has collapsed") as caught:
            fitted = vae(beta=1000.0, max_iter=50).fit(rows())
        assert caught[0].filename == __file__
        assert fitted.n_active_components_ == 0
        assert (fitted.kl_per_component_ < 0.01).all()

    def test_rows_that_are_all_alike_have_nothing_to_tell_apart(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = vae().fit(np.full((30, 5), 3.0))
        assert fitted.n_active_components_ == 0

    def test_a_code_that_says_something_is_not_warned_of(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert vae().fit(rows()).n_active_components_ == 2

    def test_free_bits_keep_it_from_collapsing(self):
        settings = {"beta": 1000.0, "free_bits": 0.5, "max_iter": 50}
        fitted = vae(**settings).fit(rows())
        assert fitted.n_active_components_ == 2


class TestWarmUp:
    def test_weight_rises_in_equal_steps(self):
        ramp, none = Ramp(4), Ramp(0)
        assert [ramp() for _ in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
        assert [none() for _ in range(3)] == [1.0, 1.0, 1.0]

    def test_warm_up_of_a_single_step_is_none(self):
        # One batch makes an epoch, and the first step has the full weight.
        warm, cold = (
            vae(beta_warm_up=epochs, batch_size=60).fit(shares()) for epochs in (1, 0)
        )
        assert_array_equal(warm.transform(shares()), cold.transform(shares()))

    def test_what_is_monitored_has_the_full_weight(self):
        X = shares()
        warm, cold = (vae(beta_warm_up=epochs, **STILL).fit(X) for epochs in (99, 0))
        assert warm.best_loss_ == cold.best_loss_

    def test_it_lets_the_code_learn_before_it_is_held(self):
        X, settings = rows(), {"beta": 1000.0, "linear_path": False, "max_iter": 20}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            warm = vae(beta_warm_up=10**6, **settings).fit(X, X_val=X)
            cold = vae(**settings).fit(X, X_val=X)
        assert warm.loss_curve_[-1] < 0.75 * cold.loss_curve_[-1]


class TestNoise:
    def test_given_one_is_kept_in_units_of_x(self):
        assert vae(noise_variance=7.0).fit(rows()).noise_variance_ == pytest.approx(7.0)

    @pytest.mark.parametrize("unit", [1e-3, 1e4])
    def test_units_only_shift_the_bound(self, unit):
        X = rows()
        base, scaled = vae().fit(X), vae().fit(X * unit)
        noise = base.noise_variance_ * unit**2
        assert scaled.noise_variance_ == pytest.approx(noise, rel=1e-6)
        expected = base.score_samples(X) - 5 * np.log(unit)
        assert_allclose(scaled.score_samples(X * unit), expected, rtol=1e-6)

    def test_fitted_one_is_the_error_of_what_draws_decode_to(self):
        X = rows(2000)
        fitted = vae().fit(X)
        mean, std = fitted.transform_distribution(X)
        eps = np.random.default_rng(0).normal(size=(20, *mean.shape))
        errors = [
            np.mean((fitted.inverse_transform(mean + std * e) - X) ** 2) for e in eps
        ]
        spread = np.std(errors) * np.sqrt(1 + 1 / len(errors))
        assert abs(fitted.noise_variance_ - np.mean(errors)) < 4 * spread
        assert fitted.noise_variance_ > fitted.loss_


def test_outliers_are_less_likely():
    fitted = vae(max_iter=30).fit(rows())
    usual = fitted.score_samples(rows())
    assert fitted.score_samples(rows()[:1] + 200.0)[0] < usual.min()
