"""The contract of every autoencoder, beside scikit-learn's own checks."""

import copy
import math
import pickle
import random
import warnings
from itertools import count
from types import FunctionType, ModuleType

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import expit, logit, xlogy
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import r2_score

from skae import Autoencoder, LinearAutoencoder
from skae.training import HandwrittenStep

SETTINGS = {
    "hidden_layer_sizes": (8,),
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "batch_size": 20,
    "max_iter": 5,
    "tol": 0.0,
    "n_iter_no_change": 100,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}
DESCENT = {"solver": "adam", "max_iter": 3, "precision": "float64", "random_state": 0}


def dense(**changes):
    return Autoencoder(**SETTINGS | changes)


VARIANTS = {
    "dense": lambda: dense(),
    "deep-tied": lambda: dense(hidden_layer_sizes=(8, 4), tied_weights=True),
    "plain": lambda: dense(linear_path=False, code_activation="tanh"),
    "bernoulli": lambda: dense(likelihood="bernoulli"),
    "logistic": lambda: dense(output_activation="logistic"),
    "linear": lambda: LinearAutoencoder(),
    "descent": lambda: LinearAutoencoder(**DESCENT),
    "shrunk": lambda: LinearAutoencoder(weight_decay=0.1),
}
GAUSSIAN = sorted({*VARIANTS} - {"bernoulli"})
TRAINED = ["dense", "deep-tied", "plain", "bernoulli", "logistic"]

METHODS = [
    "transform",
    "inverse_transform",
    "reconstruct",
    "reconstruction_error",
    "score",
    "score_samples",
]


def make_data(n=60, seed=0):
    """Rows in [0, 1] with something to learn."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-3, 3, size=(n, 2))
    weights = np.array([[1.0, -1.0, 0.5, 0.0, 2.0], [0.5, 1.0, 0.0, -2.0, 1.0]])
    return expit(t @ weights + 0.5 * t[:, :1] ** 2 + 0.3 * rng.normal(size=(n, 5)))


@pytest.fixture
def X():
    return make_data()


@pytest.fixture
def new():
    return make_data(11, seed=1)


@pytest.fixture(params=VARIANTS)
def fitted(request, X):
    return VARIANTS[request.param]().fit(X)


only = pytest.mark.parametrize
gaussian = only("fitted", GAUSSIAN, indirect=True)
trained = only("fitted", TRAINED, indirect=True)


class TestMethods:
    def test_fit_returns_the_estimator(self, X):
        for make in VARIANTS.values():
            estimator = make()
            assert estimator.fit(X) is estimator

    def test_codes_have_a_column_for_each_component(self, fitted, new):
        assert fitted.transform(new).shape == (11, 2)
        assert fitted.n_components_ == 2
        assert len(fitted.get_feature_names_out()) == 2

    def test_fit_transform_is_both(self, fitted, X):
        assert_array_equal(clone(fitted).fit_transform(X), fitted.transform(X))

    def test_reconstruct_is_transform_and_back(self, fitted, new):
        there = fitted.transform(new)
        back = fitted.inverse_transform(there)
        assert back.shape == new.shape
        assert_allclose(fitted.reconstruct(new), back, rtol=1e-12)

    def test_labels_are_ignored(self, fitted, X):
        again = clone(fitted).fit(X, np.arange(len(X)))
        assert_array_equal(again.transform(X), fitted.transform(X))
        assert again.score(X, np.arange(len(X))) == fitted.score(X)

    def test_rows_do_not_depend_on_each_other(self, fitted, new):
        order = np.random.default_rng(0).permutation(len(new))
        for name in ("transform", "reconstruct", "score_samples"):
            method = getattr(fitted, name)
            expected = method(new)
            assert_allclose(method(new[order]), expected[order], rtol=1e-9)
            one_by_one = np.concatenate([method(row[None]) for row in new])
            assert_allclose(one_by_one, expected, rtol=1e-9)

    def test_many_rows_are_taken_in_parts(self, fitted, new):
        # 8 bytes x 8 units x 70,000 rows are more than a cache holds.
        many = np.resize(new, (70_000, 5))
        expected = np.resize(fitted.transform(new), (70_000, 2))
        assert_allclose(fitted.transform(many), expected, rtol=1e-9, atol=1e-12)
        expected = np.resize(fitted.reconstruction_error(new), 70_000)
        assert_allclose(fitted.reconstruction_error(many), expected, rtol=1e-9)

    @only("make", VARIANTS.values(), ids=VARIANTS)
    @only("name", METHODS)
    def test_nothing_works_before_fit(self, make, name):
        with pytest.raises(NotFittedError):
            getattr(make(), name)(np.zeros((2, 2)))

    def test_there_is_no_network_before_fit(self):
        with pytest.raises(NotFittedError):
            dense().network_  # noqa: B018

    def test_codes_of_another_width_are_refused(self, fitted):
        with pytest.raises(ValueError, match="Z has 3 features, but this decoder"):
            fitted.inverse_transform(np.zeros((2, 3)))

    def test_rows_given_are_not_changed(self, X):
        before = X.copy()
        for make in VARIANTS.values():
            estimator = make().fit(X)
            for name in ("transform", "reconstruct", "score", "score_samples"):
                getattr(estimator, name)(X)
        assert_array_equal(X, before)


class TestErrors:
    """What a reconstruction costs: by row, by entry, and as a share."""

    def test_error_of_a_row_is_the_mean_of_its_entries(self, fitted, new):
        entries = fitted.reconstruction_error(new, per_feature=True)
        assert entries.shape == new.shape
        assert_allclose(fitted.reconstruction_error(new), entries.mean(axis=1))

    @gaussian
    def test_gaussian_error_is_the_squared_one(self, fitted, new):
        expected = (new - fitted.reconstruct(new)) ** 2
        actual = fitted.reconstruction_error(new, per_feature=True)
        assert_allclose(actual, expected, rtol=1e-9, atol=1e-15)

    def test_bernoulli_error_is_the_cross_entropy(self, X, new):
        fitted = VARIANTS["bernoulli"]().fit(X)
        mean = fitted.reconstruct(new)
        expected = -xlogy(new, mean) - xlogy(1 - new, 1 - mean)
        actual = fitted.reconstruction_error(new, per_feature=True)
        assert_allclose(actual, expected, rtol=1e-9)

    @gaussian
    def test_gaussian_score_is_r2_over_all_entries(self, fitted, X):
        expected = r2_score(X, fitted.reconstruct(X), multioutput="variance_weighted")
        assert fitted.score(X) == pytest.approx(expected, rel=1e-9)
        centred, around = X - X.mean(axis=0), fitted.reconstruct(X) - X.mean(axis=0)
        pooled = r2_score(centred.ravel(), around.ravel())
        assert fitted.score(X) == pytest.approx(pooled, rel=1e-9)

    @gaussian
    def test_new_rows_are_compared_with_the_training_mean(self, fitted, X, new):
        left = np.sum((new - fitted.reconstruct(new)) ** 2)
        total = np.sum((new - X.mean(axis=0)) ** 2)
        assert fitted.score(new) == pytest.approx(1 - left / total, rel=1e-9)

    def test_bernoulli_score_is_the_share_of_deviance(self, X, new):
        fitted = VARIANTS["bernoulli"]().fit(X)

        def deviance(mean):
            return np.sum(
                xlogy(new, new / mean) + xlogy(1 - new, (1 - new) / (1 - mean))
            )

        left, total = deviance(fitted.reconstruct(new)), deviance(X.mean(axis=0))
        assert fitted.score(new) == pytest.approx(1 - left / total, rel=1e-9)

    @only("n", [1, 2, 20])
    @only("make", [dense, lambda: LinearAutoencoder(1)], ids=["dense", "linear"])
    def test_score_of_constant_data_is_one(self, make, n):
        # Of no deviance at all nothing is left: 0 / 0.
        X = np.full((n, 3), 0.1)
        assert make().fit(X).score(X) == 1.0

    def test_score_of_constant_data_reconstructed_badly_is_zero(self):
        # As scikit-learn's r2_score has it, and not minus infinity.
        fitted = dense(linear_path=False, activation="logistic").fit(np.ones((9, 3)))
        fitted._fitted.weights["decoder.0.bias"] += 1.0
        assert fitted.score(np.ones((9, 3))) == 0.0
        assert r2_score([1.0, 1.0], [2.0, 2.0]) == 0.0


class TestDensities:
    @only("fitted", ["dense", "deep-tied", "plain", "logistic"], indirect=True)
    def test_gaussian_one_is_normal_around_the_reconstruction(self, fitted, new):
        noise = stats.norm(fitted.reconstruct(new), math.sqrt(fitted.noise_variance_))
        expected = noise.logpdf(new).sum(axis=1)
        assert_allclose(fitted.score_samples(new), expected, rtol=1e-9)

    @trained
    def test_noise_variance_is_the_training_loss(self, fitted):
        assert fitted.noise_variance_ == pytest.approx(fitted.loss_, rel=1e-12)

    def test_bernoulli_one_is_that_of_coins(self, X, new):
        fitted = VARIANTS["bernoulli"]().fit(X)
        coins = stats.bernoulli(fitted.reconstruct(new.round()))
        expected = coins.logpmf(new.round()).sum(axis=1)
        assert_allclose(fitted.score_samples(new.round()), expected, rtol=1e-9)

    @only("scale", [1e-3, 1.0, 1e3])
    def test_units_shift_it_by_the_volume(self, scale, X):
        base, scaled = (dense().fit(X * s) for s in (1.0, scale))
        expected = base.score_samples(X) - 5 * math.log(scale)
        assert_allclose(scaled.score_samples(X * scale), expected, rtol=1e-6)

    def test_it_is_finite_where_nothing_is_lost(self):
        X = np.full((20, 5), 0.25)
        for make in VARIANTS.values():
            assert np.isfinite(make().fit(X).score_samples(X)).all()

    @only("fitted", ["dense", "deep-tied", "bernoulli", "linear"], indirect=True)
    def test_outliers_have_less_of_it(self, fitted, X):
        outlier = X[:1].copy()
        outlier[0, 0] = 1.0 - outlier[0, 0]
        outlier[0, 3] = 1.0 - outlier[0, 3]
        scores = fitted.score_samples(X)
        assert fitted.score_samples(outlier)[0] < np.median(scores)


class TestLosses:
    def test_loss_is_the_mean_error_of_the_training_data(self, fitted, X):
        expected = fitted.reconstruction_error(X).mean()
        assert fitted.loss_ == pytest.approx(expected, rel=1e-6)

    @only("likelihood", ["gaussian", "bernoulli"])
    def test_loss_in_float32_too(self, likelihood, X):
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

    @only("name", ["dense", "plain", "descent"])
    @only("scale", [1e-3, 1e4])
    def test_losses_are_in_squared_units_of_the_data(self, name, scale, X, new):
        def losses(unit):
            if name == "descent":
                fitted = VARIANTS[name]().fit(X * unit)
            else:
                fitted = VARIANTS[name]().fit(X * unit, X_val=new * unit)
            curves = fitted.loss_curve_ + fitted.validation_loss_curve_
            return np.array([fitted.loss_, fitted.best_loss_, *curves])

        assert_allclose(losses(scale), losses(1.0) * scale**2, rtol=1e-5)

    def test_best_loss_counts_the_penalty_and_loss_does_not(self, X):
        fitted = dense(weight_decay=0.1).fit(X)
        assert fitted.loss_ == pytest.approx(fitted.reconstruction_error(X).mean())
        assert fitted.best_loss_ > fitted.loss_

    def test_every_kept_loss_is_at_most_that_of_the_start(self, X):
        for name in TRAINED:
            still = VARIANTS[name]().set_params(max_iter=1, learning_rate_init=1e-300)
            assert VARIANTS[name]().fit(X).loss_ <= still.fit(X).loss_ * (1 + 1e-12)


class TestValidation:
    @trained
    def test_it_is_watched_in_every_epoch(self, fitted, X, new):
        fitted.fit(X, X_val=new)
        assert len(fitted.validation_loss_curve_) == fitted.n_iter_

    @trained
    def test_the_weights_kept_are_the_best_on_it(self, fitted, X, new):
        fitted.set_params(learning_rate_init=0.1, max_iter=12).fit(X, X_val=new)
        error = fitted.reconstruction_error(new).mean()
        assert fitted.best_loss_ == pytest.approx(error, rel=1e-6)
        assert fitted.best_loss_ <= min(fitted.validation_loss_curve_)

    def test_it_replaces_what_early_stopping_would_set_aside(self, X, new):
        with_it = dense(early_stopping=True, validation_fraction=0.5).fit(X, X_val=new)
        without = dense(early_stopping=False).fit(X, X_val=new)
        assert_array_equal(with_it.transform(X), without.transform(X))

    def test_it_is_in_the_units_of_the_training_data(self, X):
        fitted = dense().fit(X, X_val=X + 1.0)
        error = fitted.reconstruction_error(X + 1.0).mean()
        assert fitted.best_loss_ == pytest.approx(error, rel=1e-6)

    def test_another_width_is_refused(self, X, new):
        with pytest.raises(ValueError, match="4 features"):
            dense().fit(X, X_val=new[:, :4])

    @only("objective", [{"likelihood": "bernoulli"}, {"output_activation": "logistic"}])
    def test_data_outside_the_bounds_are_refused(self, objective, X, new):
        with pytest.raises(ValueError, match=r"^X must lie in \[0, 1\]"):
            dense(**objective).fit(X * 1.5)
        with pytest.raises(ValueError, match=r"^X_val must lie in \[0, 1\]"):
            dense(**objective).fit(X, X_val=new - 1.0)


class TestEarlyStopping:
    def test_it_keeps_the_weights_that_are_best_on_rows_set_aside(self, X):
        fitted = dense(
            early_stopping=True,
            validation_fraction=0.3,
            learning_rate_init=0.1,
            max_iter=20,
        ).fit(X)
        assert len(fitted.validation_loss_curve_) == fitted.n_iter_
        assert fitted.best_loss_ <= min(fitted.validation_loss_curve_)

    def test_patience_ends_the_training(self, X):
        patient = {"early_stopping": True, "max_iter": 50, "tol": 0.9}
        fitted = dense(n_iter_no_change=3, **patient).fit(X)
        assert fitted.n_iter_ == 4

    @only("early_stopping", [True, "auto"])
    def test_an_empty_split_falls_back_to_the_training_loss(self, early_stopping, X):
        few = X[:5]
        fitted = dense(early_stopping=early_stopping, validation_fraction=0.1).fit(few)
        plain = dense(early_stopping=False).fit(few)
        assert fitted.validation_loss_curve_ == []
        assert_array_equal(fitted.transform(few), plain.transform(few))

    def test_one_row_is_enough(self, X):
        for early_stopping in (True, False, "auto"):
            fitted = dense(early_stopping=early_stopping).fit(X[:1])
            assert_allclose(fitted.reconstruct(X[:1]), X[:1])


class TestAutomaticStopping:
    """early_stopping="auto": folds below 1000 rows, a part set aside from there on."""

    AUTO = {"early_stopping": "auto"}

    def test_folds_judge_and_all_rows_train(self, X):
        fitted = dense(**self.AUTO, max_iter=12).fit(X)
        assert 1 <= fitted.n_iter_ <= len(fitted.validation_loss_curve_) == 12
        best = int(np.argmin(fitted.validation_loss_curve_))
        assert fitted.n_iter_ == best + 1
        error = fitted.reconstruction_error(X).mean()
        assert fitted.loss_ == pytest.approx(error, rel=1e-6)

    def test_where_the_last_epoch_is_the_best_it_is_the_plain_fit(self, X):
        fitted, plain = (dense(**kind).fit(X) for kind in (self.AUTO, {}))
        assert np.argmin(fitted.validation_loss_curve_) == 4
        assert_array_equal(fitted.transform(X), plain.transform(X))

    def test_where_there_is_nothing_to_learn_pca_remains(self):
        X = np.random.default_rng(0).normal(size=(60, 8))
        fitted = dense(**self.AUTO, max_iter=30, hidden_layer_sizes=(64,)).fit(X)
        pca = PCA(2, svd_solver="full").fit(X)
        expected = pca.inverse_transform(pca.transform(X))
        assert_allclose(fitted.reconstruct(X), expected, rtol=1e-9)
        assert fitted.n_iter_ == len(fitted.loss_curve_) == 1

    def test_many_rows_are_split(self):
        X = make_data(1000)
        auto, split = (
            dense(early_stopping=kind, validation_fraction=0.1, batch_size=200).fit(X)
            for kind in ("auto", True)
        )
        assert len(auto.validation_loss_curve_) == auto.n_iter_
        assert_array_equal(auto.transform(X), split.transform(X))

    def test_data_to_validate_on_replace_the_folds(self, X, new):
        auto, plain = (dense(**kind).fit(X, X_val=new) for kind in (self.AUTO, {}))
        assert_array_equal(auto.transform(X), plain.transform(X))

    def test_constant_rate_does_not_warn_where_the_folds_have_ended_it(self):
        # Training was not cut short: the folds have found its end.
        X = np.random.default_rng(0).normal(size=(60, 8))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = dense(**self.AUTO, learning_rate="constant").fit(X)
        assert fitted.n_iter_ < 5

    def test_same_seed_gives_the_same_bits(self, X):
        first, second = (dense(**self.AUTO).fit(X) for _ in range(2))
        assert_array_equal(first.transform(X), second.transform(X))


class TestBeyondTheData:
    @only(
        "changes", [{}, {"tied_weights": True}, {"hidden_layer_sizes": (8, 4)}], ids=str
    )
    def test_the_network_goes_on_linearly(self, changes, X):
        fitted = dense(**changes).fit(X)
        steps = X.mean(axis=0) + np.outer([1e4, 2e4, 3e4], [1.0, -2.0, 0.5, 1.0, 3.0])
        for method in (fitted.transform, fitted.reconstruct):
            near, far, farther = method(steps)
            assert_allclose(farther - far, far - near, rtol=1e-6)

    def test_codes_beyond_go_on_linearly_too(self, X):
        fitted = dense().fit(X)
        near, far, farther = fitted.inverse_transform(
            np.outer([1e4, 2e4, 3e4], [1.0, -2.0])
        )
        assert_allclose(farther - far, far - near, rtol=1e-6)


class TestWarmStart:
    STILL = {"learning_rate_init": 1e-300, "max_iter": 1}

    @trained
    def test_it_goes_on_from_the_last_fit(self, fitted, X):
        before = fitted.reconstruct(X)
        fitted.set_params(warm_start=True, **self.STILL).fit(X)
        assert_allclose(fitted.reconstruct(X), before, rtol=1e-12)

    @only("fitted", ["dense", "plain", "bernoulli", "logistic"], indirect=True)
    def test_without_it_a_fit_starts_anew(self, fitted, X):
        before = fitted.reconstruct(X)
        fitted.set_params(warm_start=False, **self.STILL).fit(X)
        assert not np.allclose(fitted.reconstruct(X), before)

    def test_the_first_fit_is_an_ordinary_one(self, X):
        warm, cold = (dense(warm_start=warm).fit(X) for warm in (True, False))
        assert_array_equal(warm.transform(X), cold.transform(X))

    def test_training_gets_on_with_it(self, X):
        fitted = dense(warm_start=True, max_iter=3).fit(X)
        losses = [fitted.fit(X).loss_ for _ in range(6)]
        assert sorted(losses, reverse=True) == losses
        assert losses[-1] < losses[0]

    def test_units_of_the_first_fit_are_kept(self, X):
        fitted = dense(warm_start=True, linear_path=False).fit(X)
        before = fitted.transform(X)
        fitted.set_params(**self.STILL).fit(10.0 * X + 7.0)
        assert_allclose(fitted.transform(X), before, rtol=1e-12)

    @only("kind", ["auto", True, False])
    def test_every_kind_of_stopping_can_be_gone_on_from(self, kind, X):
        fitted = dense(early_stopping=kind, warm_start=True).fit(X)
        before = fitted.reconstruct(X)
        fitted.set_params(**self.STILL).fit(X)
        assert_allclose(fitted.reconstruct(X), before, rtol=0.2)

    @only(
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
    def test_another_network_is_refused(self, change, X):
        fitted = dense(warm_start=True).fit(X)
        before = fitted.transform(X)
        with pytest.raises(ValueError, match="warm_start=True needs"):
            fitted.set_params(**change).fit(X)
        assert_array_equal(fitted.transform(X), before)

    def test_another_number_of_features_is_refused(self, X):
        fitted = dense(warm_start=True).fit(X)
        with pytest.raises(ValueError, match="warm_start"):
            fitted.fit(X[:, :4])
        assert fitted.transform(X).shape == (60, 2)

    @only(
        "change",
        [{"likelihood": "bernoulli"}, {"output_activation": "logistic"}],
        ids=str,
    )
    def test_another_likelihood_is_refused(self, change, X):
        # Its outputs mean something else, and its X is in other units.
        fitted = dense(warm_start=True).fit(X)
        with pytest.raises(ValueError, match="warm_start"):
            fitted.set_params(**change).fit(X)


def torch_objects(root):
    """Everything from torch that can be reached from `root` through its attributes."""
    seen, found, queue = set(), [], [root]
    while queue:
        item = queue.pop()
        if id(item) in seen or isinstance(item, type | ModuleType | FunctionType):
            continue
        seen.add(id(item))
        if type(item).__module__.split(".")[0] == "torch":
            found.append(item)
        elif isinstance(item, dict):
            queue += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            queue += item
        elif isinstance(item, np.ndarray) and item.base is not None:
            queue.append(item.base)
        queue += list(getattr(item, "__dict__", {}).values())
    return found


class TestState:
    def test_the_walk_finds_what_it_looks_for(self):
        class Holder:
            pass

        holder = Holder()
        holder.deep = {"a": [(torch.zeros(1),)]}
        holder.array = torch.ones(2).numpy()
        assert len(torch_objects(holder)) == 2

    def test_there_is_no_torch_object_in_a_fitted_estimator(self, fitted, new):
        for method in (fitted.transform, fitted.reconstruct, fitted.score):
            method(new)
            method(new.astype(np.float32))
        fitted.network_  # noqa: B018
        fitted.score_samples(new)
        assert torch_objects(fitted) == []

    def test_a_pickle_knows_nothing_of_torch_tensors(self, fitted, new):
        fitted.transform(new)
        assert b"torch" not in pickle.dumps(fitted)

    @only("copier", [copy.deepcopy, copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
    def test_copies_do_the_same(self, copier, fitted, new):
        other = copier(fitted)
        for name in METHODS:
            data = np.ones((3, 2)) if name == "inverse_transform" else new
            assert_array_equal(getattr(other, name)(data), getattr(fitted, name)(data))

    def test_clones_are_not_fitted_and_fit_the_same(self, fitted, X):
        other = clone(fitted)
        with pytest.raises(NotFittedError):
            other.transform(X)
        assert_array_equal(other.fit(X).transform(X), fitted.transform(X))

    def test_pickles_do_not_grow_with_use(self, fitted, new):
        before = len(pickle.dumps(fitted))
        fitted.transform(new)
        fitted.transform(new.astype(np.float32))
        assert len(pickle.dumps(fitted)) == before

    def test_parameters_are_not_touched_by_fit(self, fitted):
        again = clone(fitted).get_params()
        assert fitted.get_params() == again

    @only("name", [*VARIANTS])
    def test_set_params_after_fit_changes_nothing(self, name, X, new):
        fitted = VARIANTS[name]().fit(X)
        before = {
            m: getattr(fitted, m)(np.ones((3, 2)) if m == "inverse_transform" else new)
            for m in METHODS
        }
        fitted.set_params(n_components=4, tied_weights=not fitted.tied_weights)
        if isinstance(fitted, Autoencoder):
            fitted.set_params(
                hidden_layer_sizes=(3,),
                activation="tanh",
                likelihood="gaussian",
                output_activation="identity",
                linear_path=False,
            )
        for m, expected in before.items():
            data = np.ones((3, 2)) if m == "inverse_transform" else new
            assert_array_equal(getattr(fitted, m)(data), expected)

    def test_the_network_is_that_of_the_fit_too(self, X, new):
        fitted = dense().fit(X).set_params(hidden_layer_sizes=(3,), n_components=4)
        with torch.no_grad():
            output = fitted.network_(torch.from_numpy(new)).numpy()
        assert_allclose(output, fitted.reconstruct(new), rtol=1e-12)


class Interrupt:
    """Presses Ctrl+C at a step of the training."""

    def __init__(self, monkeypatch, at_step):
        steps, step = count(1), HandwrittenStep.__call__

        def interrupted(self, batch):
            if next(steps) == at_step:
                raise KeyboardInterrupt
            return step(self, batch)

        monkeypatch.setattr(HandwrittenStep, "__call__", interrupted)


class TestFailedFit:
    def snapshot(self, fitted, X):
        kept = {k: v for k, v in vars(fitted).items() if k.endswith("_")}
        return kept, fitted.transform(X)

    def assert_intact(self, fitted, X, snapshot):
        kept, codes = self.snapshot(fitted, X)
        assert kept.keys() == snapshot[0].keys()
        assert all(kept[name] is snapshot[0][name] for name in kept)
        assert_array_equal(codes, snapshot[1])

    def test_refused_data_leave_the_old_fit(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        for bad in (X * np.nan, X[:0], X[:, 0], X * 1e300):
            with pytest.raises(ValueError):  # noqa: PT011
                fitted.fit(bad)
        self.assert_intact(fitted, X, snapshot)

    def test_refused_parameters_leave_the_old_fit(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        with pytest.raises(ValueError, match="'n_components' parameter"):
            fitted.set_params(n_components=0).fit(X)
        self.assert_intact(fitted, X, snapshot)

    def test_refused_data_of_another_width_leave_the_old_width(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        wide = np.hstack([X, X])
        with pytest.raises(ValueError, match="NaN"):
            fitted.fit(np.where(wide > 0.5, np.nan, wide))
        self.assert_intact(fitted, X, snapshot)

    @trained
    def test_divergence_leaves_the_old_fit(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        fitted.set_params(
            learning_rate_init=1e6,
            max_iter=50,
            output_activation="identity",
            likelihood="gaussian",
        )
        with pytest.raises(FloatingPointError, match=r"diverged in epoch \d+"):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    @trained
    def test_an_interrupt_in_the_first_epoch_leaves_the_old_fit(
        self, fitted, X, monkeypatch
    ):
        snapshot = self.snapshot(fitted, X)
        Interrupt(monkeypatch, at_step=2)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    @trained
    def test_a_later_interrupt_keeps_the_last_complete_epoch(
        self, fitted, X, monkeypatch
    ):
        Interrupt(monkeypatch, at_step=8)  # three steps make an epoch
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            fitted.fit(X)
        assert fitted.n_iter_ == 2
        assert fitted.loss_ == pytest.approx(fitted.reconstruction_error(X).mean())

    @only("at_step", [1, 5, 20])
    def test_an_interrupt_in_the_folds_leaves_the_old_fit(
        self, at_step, X, monkeypatch
    ):
        # No epoch of the fit itself is complete: there is nothing to keep.
        fitted = dense(early_stopping="auto").fit(X)
        snapshot = self.snapshot(fitted, X)
        Interrupt(monkeypatch, at_step)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    def test_a_first_fit_that_fails_leaves_none(self, X):
        estimator = dense()
        with pytest.raises(ValueError, match="NaN"):
            estimator.fit(X * np.nan)
        with pytest.raises(NotFittedError):
            estimator.transform(X)

    @only("sizes", [(0,), (8, -1), (2.5,), ("8",)], ids=str)
    def test_hidden_layers_must_have_units(self, sizes, X):
        with pytest.raises(ValueError, match="hidden_layer_sizes"):
            dense(hidden_layer_sizes=sizes).fit(X)

    @only("sizes", [8, [8], np.array([8]), (np.int64(8),)], ids=str)
    def test_hidden_layers_can_be_written_in_many_ways(self, sizes, X):
        expected = dense(hidden_layer_sizes=(8,)).fit(X).transform(X)
        assert_array_equal(
            dense(hidden_layer_sizes=sizes).fit(X).transform(X), expected
        )

    def test_more_components_than_pca_has_are_refused_by_the_linear_one(self, X):
        for solver in ("exact", "adam"):
            with pytest.raises(
                ValueError, match="n_components=6 must be between 1 and"
            ):
                LinearAutoencoder(6, solver=solver).fit(X)


class TestRandomness:
    RANDOM = {"linear_path": False}

    def codes(self, random_state, X):
        return dense(**self.RANDOM, random_state=random_state).fit(X).transform(X)

    @only("name", [*TRAINED, "descent"])
    def test_same_seed_gives_the_same_bits(self, name, X):
        first, second = (VARIANTS[name]().fit(X).reconstruct(X) for _ in range(2))
        assert_array_equal(first, second)

    def test_other_seed_gives_other_weights(self, X):
        assert not np.allclose(self.codes(0, X), self.codes(1, X))

    def test_no_seed_gives_other_weights_every_time(self, X):
        assert not np.allclose(self.codes(None, X), self.codes(None, X))

    def test_a_random_state_gives_its_next_draw(self, X):
        state, twin = np.random.RandomState(3), np.random.RandomState(3)
        first, second = self.codes(state, X), self.codes(state, X)
        assert not np.allclose(first, second)
        assert_array_equal(self.codes(twin, X), first)
        assert_array_equal(self.codes(twin, X), second)

    def test_numpy_integers_are_seeds(self, X):
        assert_array_equal(self.codes(np.int64(5), X), self.codes(5, X))

    @only("random_state", [None, 0, np.random.RandomState(0)], ids=str)
    def test_global_generators_are_left_alone(self, random_state, X):
        numpys = np.random.mtrand._rand
        before = torch.get_rng_state(), numpys.get_state()[1].copy(), random.getstate()
        self.codes(random_state, X)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert_array_equal(numpys.get_state()[1], before[1])
        assert random.getstate() == before[2]

    def test_transform_is_deterministic(self, fitted, new):
        assert_array_equal(fitted.transform(new), fitted.transform(new))


class TestDtypes:
    @only("dtype", [np.float32, np.float64])
    def test_dtype_of_the_rows_is_kept(self, dtype, fitted, new):
        rows = new.astype(dtype)
        codes = fitted.transform(rows)
        assert codes.dtype == dtype
        assert fitted.inverse_transform(codes).dtype == dtype
        assert fitted.reconstruct(rows).dtype == dtype

    def test_float32_codes_are_those_of_float64_rounded(self, fitted, new):
        rows = new.astype(np.float32)
        expected = fitted.transform(rows.astype(np.float64))
        assert_allclose(fitted.transform(rows), expected, rtol=1e-4, atol=1e-5)

    @only("dtype", [np.int64, np.uint8, bool])
    def test_whole_numbers_become_float64(self, dtype, new):
        X = make_data().round().astype(dtype)
        fitted = dense().fit(X)
        assert fitted.transform(X).dtype == np.float64

    @only("precision", ["float32", "float64", "bfloat16", "auto"])
    def test_every_precision_learns_the_same(self, precision, X):
        reference = dense(precision="float64").fit(X).loss_
        loss = dense(precision=precision).fit(X).loss_
        assert loss == pytest.approx(reference, rel=0.05)


class TestTensors:
    KINDS = {
        "float64": lambda X: torch.from_numpy(X),
        "float32": lambda X: torch.from_numpy(X).float(),
        "bfloat16": lambda X: torch.from_numpy(X).bfloat16(),
        "requires_grad": lambda X: torch.from_numpy(X).requires_grad_(),
        "transposed": lambda X: torch.from_numpy(X.T.copy()).t(),
    }

    @only("kind", KINDS)
    def test_they_are_taken_like_arrays(self, kind, X):
        tensor = self.KINDS[kind](X)
        plain = tensor.detach()
        array = (plain.float() if kind == "bfloat16" else plain).numpy()
        for name in ("dense", "linear"):
            by_tensor, by_array = (
                VARIANTS[name]().fit(rows) for rows in (tensor, array)
            )
            codes = by_tensor.transform(tensor)
            assert isinstance(codes, np.ndarray)
            assert_array_equal(codes, by_array.transform(array))
            back = by_tensor.inverse_transform(torch.from_numpy(codes))
            assert_array_equal(back, by_array.inverse_transform(codes))
            assert by_tensor.score(tensor) == by_array.score(array)

    def test_they_can_be_what_is_validated_on(self, X, new):
        by_tensor = dense().fit(X, X_val=torch.from_numpy(new))
        assert_array_equal(
            by_tensor.transform(X), dense().fit(X, X_val=new).transform(X)
        )


class TestRefusals:
    """What numpy would silently misread. scikit-learn refuses the rest."""

    @only(
        ("X", "error", "words"),
        [
            (np.ma.ones((9, 2)), TypeError, "mask would be lost"),
            (np.ones((9, 2), "datetime64[D]"), TypeError, "dates or durations"),
            (np.ones((9, 2), [("a", float)]), ValueError, "structured array"),
            (torch.ones((9, 2), device="meta"), ValueError, "holds no numbers"),
        ],
        ids=["masked", "dates", "structured", "meta"],
    )
    def test_it_is_refused_on_every_way_in(self, X, error, words):
        fitted = dense().fit(make_data()[:, :2])
        for method in (fitted.fit, fitted.transform, fitted.inverse_transform):
            with pytest.raises(error, match=words):
                method(X)


class TestVerbose:
    def lines(self, capsys):
        return capsys.readouterr().out.splitlines()

    def test_every_epoch_is_told(self, X, capsys):
        dense(verbose=True).fit(X)
        lines = self.lines(capsys)
        assert [line.split(",")[0] for line in lines] == [
            f"Iteration {i}" for i in range(1, 6)
        ]

    def test_nothing_is_said_without_it(self, fitted, capsys):
        assert self.lines(capsys) == []

    @only("make", [dense, lambda **v: LinearAutoencoder(**DESCENT, **v)])
    def test_losses_are_those_of_the_curve(self, make, X, capsys):
        fitted = make(verbose=True).fit(30.0 * X)
        told = [float(line.split("loss = ")[1]) for line in self.lines(capsys)]
        assert told == pytest.approx(fitted.loss_curve_, rel=1e-6)

    def test_validation_losses_are_told_too(self, X, new, capsys):
        fitted = dense(verbose=True).fit(30.0 * X, X_val=30.0 * new)
        told = [float(line.split("loss = ")[2]) for line in self.lines(capsys)]
        assert told == pytest.approx(fitted.validation_loss_curve_, rel=1e-6)


class TestConvergenceWarning:
    def test_a_constant_rate_warns_at_the_last_epoch(self, X):
        with pytest.warns(
            ConvergenceWarning, match=r"Maximum iterations \(5\) reached"
        ):
            dense(learning_rate="constant").fit(X)

    def test_the_warning_points_at_the_caller(self, X):
        with pytest.warns(ConvergenceWarning) as caught:
            dense(learning_rate="constant").fit(X)
        assert caught[0].filename == __file__

    def test_a_constant_rate_that_was_stopped_does_not(self, X):
        settings = {"learning_rate": "constant", "tol": 0.9, "n_iter_no_change": 2}
        assert dense(**settings).fit(X).n_iter_ < 5

    def test_a_plan_that_came_to_its_end_does_not(self, X):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert dense(learning_rate="cosine").fit(X).n_iter_ == 5


def test_logistic_outputs_are_between_zero_and_one(X):
    for name in ("bernoulli", "logistic"):
        far = VARIANTS[name]().fit(X).inverse_transform(np.full((1, 2), 1e3))
        assert ((far >= 0.0) & (far <= 1.0)).all()


def test_bernoulli_starts_at_the_mean_where_pca_does_not_help():
    X = np.random.default_rng(0).integers(0, 2, size=(200, 30)).astype(float)
    start = dense(
        n_components=1, likelihood="bernoulli", max_iter=1, learning_rate_init=1e-300
    ).fit(X)
    mean = np.clip(X.mean(axis=0), 1e-4, 1 - 1e-4)
    assert np.isfinite(logit(mean)).all()
    assert start.score(X) >= 0.0
