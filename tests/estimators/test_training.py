"""What a fit reports, what it is judged by, when it ends and where it begins."""

import random
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from skae import Autoencoder, LinearAutoencoder

PLAIN = ["dense", "deep-tied", "plain", "bernoulli", "logistic", "poisson", "stacked"]
PENALISED = ["contractive", "sparse", "sparse-kl", "variational"]
TRAINED = [*PLAIN, *PENALISED, "denoising", "top-k"]

parametrize = pytest.mark.parametrize
plain = parametrize("fitted", PLAIN, indirect=True)
trained = parametrize("fitted", TRAINED, indirect=True)


class TestLosses:
    def test_loss_is_the_mean_error_of_the_training_data(self, fitted, X):
        expected = fitted.reconstruction_error(X).mean()
        assert fitted.loss_ == pytest.approx(expected, rel=1e-6)

    @parametrize("likelihood", ["gaussian", "bernoulli"])
    def test_loss_in_float32_too(self, dense, likelihood, X):
        fitted = dense(precision="float32", likelihood=likelihood).fit(X)
        expected = fitted.reconstruction_error(X).mean()
        assert fitted.loss_ == pytest.approx(expected, rel=1e-6)

    def test_curve_has_an_entry_for_each_epoch(self, fitted):
        assert len(fitted.loss_curve_) == fitted.n_iter_
        assert np.isfinite(fitted.loss_curve_).all()

    @trained
    def test_all_planned_epochs_are_run(self, fitted):
        assert fitted.n_iter_ == fitted.max_iter

    def test_exact_solver_has_one_iteration(self, X):
        fitted = LinearAutoencoder().fit(X)
        assert fitted.loss_curve_ == [fitted.loss_]

    @parametrize("name", ["dense", "plain", "descent"])
    @parametrize("scale", [1e-3, 1e4])
    def test_losses_are_in_squared_units_of_the_data(
        self, variants, name, scale, X, new
    ):
        def losses(unit):
            if name == "descent":
                fitted = variants[name]().fit(X * unit)
            else:
                fitted = variants[name]().fit(X * unit, X_val=new * unit)
            curves = fitted.loss_curve_ + fitted.validation_loss_curve_
            return np.array([fitted.loss_, fitted.best_loss_, *curves])

        assert_allclose(losses(scale), losses(1.0) * scale**2, rtol=1e-5)

    def test_best_loss_counts_the_penalty_and_loss_does_not(self, dense, X):
        fitted = dense(weight_decay=0.1).fit(X)
        assert fitted.loss_ == pytest.approx(fitted.reconstruction_error(X).mean())
        assert fitted.best_loss_ > fitted.loss_

    def test_every_kept_loss_is_at_most_that_of_the_start(self, variants, X):
        for name in PLAIN:
            still = variants[name]().set_params(max_iter=1, learning_rate_init=1e-300)
            assert variants[name]().fit(X).loss_ <= still.fit(X).loss_ * (1 + 1e-12)


class TestValidation:
    @trained
    def test_it_is_watched_in_every_epoch(self, fitted, X, new):
        fitted.fit(X, X_val=new)
        assert len(fitted.validation_loss_curve_) == fitted.n_iter_

    @plain
    def test_the_weights_kept_are_the_best_on_it(self, fitted, X, new):
        fitted.set_params(learning_rate_init=0.1, max_iter=12).fit(X, X_val=new)
        error = fitted.reconstruction_error(new).mean()
        assert fitted.best_loss_ == pytest.approx(error, rel=1e-6)
        assert fitted.best_loss_ <= min(fitted.validation_loss_curve_)

    @parametrize("fitted", [*PENALISED, "denoising"], indirect=True)
    def test_penalty_and_noise_count_in_it(self, fitted, X, new):
        fitted.fit(X, X_val=new)
        assert fitted.best_loss_ == pytest.approx(min(fitted.validation_loss_curve_))
        assert fitted.best_loss_ > fitted.reconstruction_error(new).mean()

    def test_it_replaces_what_early_stopping_would_set_aside(self, dense, X, new):
        with_it = dense(early_stopping=True, validation_fraction=0.5).fit(X, X_val=new)
        without = dense(early_stopping=False).fit(X, X_val=new)
        assert_array_equal(with_it.transform(X), without.transform(X))

    def test_it_is_in_the_units_of_the_training_data(self, dense, X):
        fitted = dense().fit(X, X_val=X + 1.0)
        error = fitted.reconstruction_error(X + 1.0).mean()
        assert fitted.best_loss_ == pytest.approx(error, rel=1e-6)

    def test_another_width_is_refused(self, dense, X, new):
        with pytest.raises(ValueError, match="4 features"):
            dense().fit(X, X_val=new[:, :4])

    @parametrize(
        "objective", [{"likelihood": "bernoulli"}, {"output_activation": "logistic"}]
    )
    def test_data_outside_the_bounds_are_refused(self, dense, objective, X, new):
        with pytest.raises(ValueError, match=r"^X must lie in \[0, 1\]"):
            dense(**objective).fit(X * 1.5)
        with pytest.raises(ValueError, match=r"^X_val must lie in \[0, 1\]"):
            dense(**objective).fit(X, X_val=new - 1.0)


class TestEarlyStopping:
    def test_it_keeps_the_weights_that_are_best_on_rows_set_aside(self, dense, X):
        fitted = dense(
            early_stopping=True,
            validation_fraction=0.3,
            learning_rate_init=0.1,
            max_iter=20,
        ).fit(X)
        assert len(fitted.validation_loss_curve_) == fitted.n_iter_
        assert fitted.best_loss_ <= min(fitted.validation_loss_curve_)

    def test_patience_ends_the_training(self, dense, X):
        patient = {"early_stopping": True, "max_iter": 50, "tol": 0.9}
        fitted = dense(n_iter_no_change=3, **patient).fit(X)
        assert fitted.n_iter_ == 4

    @parametrize("early_stopping", [True, "auto"])
    def test_an_empty_split_falls_back_to_the_training_loss(
        self, dense, early_stopping, X
    ):
        few = X[:5]
        fitted = dense(early_stopping=early_stopping, validation_fraction=0.1).fit(few)
        plain = dense(early_stopping=False).fit(few)
        assert fitted.validation_loss_curve_ == []
        assert_array_equal(fitted.transform(few), plain.transform(few))

    def test_one_row_is_enough(self, dense, X):
        for early_stopping in (True, False, "auto"):
            fitted = dense(early_stopping=early_stopping).fit(X[:1])
            assert_allclose(fitted.reconstruct(X[:1]), X[:1])


class TestAutomaticStopping:
    """early_stopping="auto": folds below 1000 rows, a part set aside from there on."""

    AUTO = {"early_stopping": "auto"}

    def test_folds_judge_and_all_rows_train(self, dense, X):
        fitted = dense(**self.AUTO, max_iter=12).fit(X)
        assert 1 <= fitted.n_iter_ <= len(fitted.validation_loss_curve_) == 12
        best = int(np.argmin(fitted.validation_loss_curve_))
        assert fitted.n_iter_ == best + 1
        error = fitted.reconstruction_error(X).mean()
        assert fitted.loss_ == pytest.approx(error, rel=1e-6)

    def test_where_the_last_epoch_is_the_best_it_is_the_plain_fit(self, dense, X):
        fitted, plain = (dense(**kind).fit(X) for kind in (self.AUTO, {}))
        assert np.argmin(fitted.validation_loss_curve_) == 4
        assert_array_equal(fitted.transform(X), plain.transform(X))

    def test_where_there_is_nothing_to_learn_pca_remains(self, dense):
        X = np.random.default_rng(0).normal(size=(60, 8))
        fitted = dense(**self.AUTO, max_iter=30, hidden_layer_sizes=(64,)).fit(X)
        pca = PCA(2, svd_solver="full").fit(X)
        expected = pca.inverse_transform(pca.transform(X))
        assert_allclose(fitted.reconstruct(X), expected, rtol=1e-9)
        assert fitted.n_iter_ == len(fitted.loss_curve_) == 1

    def test_many_rows_are_split(self, dense, make_data):
        X = make_data(1000)
        auto, split = (
            dense(early_stopping=kind, validation_fraction=0.1, batch_size=200).fit(X)
            for kind in ("auto", True)
        )
        assert len(auto.validation_loss_curve_) == auto.n_iter_
        assert_array_equal(auto.transform(X), split.transform(X))

    def test_data_to_validate_on_replace_the_folds(self, dense, X, new):
        auto, plain = (dense(**kind).fit(X, X_val=new) for kind in (self.AUTO, {}))
        assert_array_equal(auto.transform(X), plain.transform(X))

    def test_constant_rate_does_not_warn_where_the_folds_have_ended_it(self, dense):
        # Training was not cut short: the folds have found its end.
        X = np.random.default_rng(0).normal(size=(60, 8))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = dense(**self.AUTO, learning_rate="constant").fit(X)
        assert fitted.n_iter_ < 5

    def test_same_seed_gives_the_same_bits(self, dense, X):
        first, second = (dense(**self.AUTO).fit(X) for _ in range(2))
        assert_array_equal(first.transform(X), second.transform(X))


class TestWarmStart:
    STILL = {"learning_rate_init": 1e-300, "max_iter": 1}

    @trained
    def test_it_goes_on_from_the_last_fit(self, fitted, X):
        before = fitted.reconstruct(X)
        fitted.set_params(warm_start=True, **self.STILL).fit(X)
        assert_allclose(fitted.reconstruct(X), before, rtol=1e-12)

    @parametrize("fitted", ["dense", "plain", "bernoulli", "logistic"], indirect=True)
    def test_without_it_a_fit_starts_anew(self, fitted, X):
        before = fitted.reconstruct(X)
        fitted.set_params(warm_start=False, **self.STILL).fit(X)
        assert not np.allclose(fitted.reconstruct(X), before)

    def test_the_first_fit_is_an_ordinary_one(self, dense, X):
        warm, cold = (dense(warm_start=warm).fit(X) for warm in (True, False))
        assert_array_equal(warm.transform(X), cold.transform(X))

    def test_training_gets_on_with_it(self, dense, X):
        fitted = dense(warm_start=True, max_iter=3).fit(X)
        losses = [fitted.fit(X).loss_ for _ in range(6)]
        assert sorted(losses, reverse=True) == losses
        assert losses[-1] < losses[0]

    def test_units_of_the_first_fit_are_kept(self, dense, X):
        fitted = dense(warm_start=True, linear_path=False).fit(X)
        before = fitted.transform(X)
        fitted.set_params(**self.STILL).fit(10.0 * X + 7.0)
        assert_allclose(fitted.transform(X), before, rtol=1e-12)

    @parametrize("kind", ["auto", True, False])
    def test_every_kind_of_stopping_can_be_gone_on_from(self, dense, kind, X):
        fitted = dense(early_stopping=kind, warm_start=True).fit(X)
        before = fitted.reconstruct(X)
        fitted.set_params(**self.STILL).fit(X)
        assert_allclose(fitted.reconstruct(X), before, rtol=0.2)

    @parametrize(
        "change",
        [
            {"n_components": 3},
            {"hidden_layer_sizes": (9,)},
            {"activation": "tanh"},
            {"tied_weights": True},
            {"linear_path": False},
        ],
        ids=str,
    )
    def test_another_network_is_refused(self, dense, change, X):
        fitted = dense(warm_start=True).fit(X)
        before = fitted.transform(X)
        with pytest.raises(ValueError, match="warm_start=True needs"):
            fitted.set_params(**change).fit(X)
        assert_array_equal(fitted.transform(X), before)

    def test_another_number_of_features_is_refused(self, dense, X):
        fitted = dense(warm_start=True).fit(X)
        with pytest.raises(ValueError, match="warm_start"):
            fitted.fit(X[:, :4])
        assert fitted.transform(X).shape == (60, 2)

    @parametrize(
        "change",
        [{"likelihood": "bernoulli"}, {"output_activation": "logistic"}],
        ids=str,
    )
    def test_another_likelihood_is_refused(self, dense, change, X):
        # Its outputs mean something else, and its X is in other units.
        fitted = dense(warm_start=True).fit(X)
        with pytest.raises(ValueError, match="warm_start"):
            fitted.set_params(**change).fit(X)


class TestRandomness:
    @pytest.fixture
    def codes(self, dense, X):
        """Codes of a network that starts at random, by random_state."""
        return lambda random_state: (
            dense(linear_path=False, random_state=random_state).fit(X).transform(X)
        )

    @parametrize("name", [*TRAINED, "descent"])
    def test_same_seed_gives_the_same_bits(self, variants, name, X):
        first, second = (variants[name]().fit(X).reconstruct(X) for _ in range(2))
        assert_array_equal(first, second)

    def test_other_seed_gives_other_weights(self, codes):
        assert not np.allclose(codes(0), codes(1))

    def test_no_seed_gives_other_weights_every_time(self, codes):
        assert not np.allclose(codes(None), codes(None))

    def test_a_random_state_gives_its_next_draw(self, codes):
        state, twin = np.random.RandomState(3), np.random.RandomState(3)
        first, second = codes(state), codes(state)
        assert not np.allclose(first, second)
        assert_array_equal(codes(twin), first)
        assert_array_equal(codes(twin), second)

    def test_numpy_integers_are_seeds(self, codes):
        assert_array_equal(codes(np.int64(5)), codes(5))

    @parametrize("random_state", [None, 0, np.random.RandomState(0)], ids=str)
    def test_global_generators_are_left_alone(self, random_state, codes):
        numpys = np.random.mtrand._rand
        before = torch.get_rng_state(), numpys.get_state()[1].copy(), random.getstate()
        codes(random_state)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert_array_equal(numpys.get_state()[1], before[1])
        assert random.getstate() == before[2]

    def test_transform_is_deterministic(self, fitted, new):
        assert_array_equal(fitted.transform(new), fitted.transform(new))


def test_training_mean_is_told(fitted, X):
    assert_allclose(fitted.mean_, X.mean(axis=0), rtol=1e-6)


def test_best_iteration_is_0_where_the_start_is_kept(dense, X):
    assert dense(max_iter=2, learning_rate_init=1e-300).fit(X).best_iteration_ == 0
    assert 1 <= dense(max_iter=2).fit(X).best_iteration_ <= 2


class ByAutograd(Autoencoder):
    """The dense autoencoder without its hand-written gradient."""

    def _compose(self, n_features):
        return replace(super()._compose(n_features), backprop=None)


@parametrize("tied_weights", [False, True])
@parametrize("likelihood", ["gaussian", "bernoulli"])
def test_autograd_trains_the_same_network(likelihood, tied_weights, X):
    settings = {
        "likelihood": likelihood,
        "tied_weights": tied_weights,
        "weight_decay": 1e-3,
        "precision": "float64",
        "early_stopping": False,
        "max_iter": 5,
        "random_state": 0,
    }
    ours, expected = Autoencoder(**settings).fit(X), ByAutograd(**settings).fit(X)
    assert ours.n_iter_ == 5
    assert_allclose(ours.loss_curve_, expected.loss_curve_, rtol=1e-10)
    assert_allclose(ours.transform(X), expected.transform(X), rtol=1e-8, atol=1e-10)
