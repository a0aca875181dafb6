"""What every autoencoder can do once it is fitted, beside scikit-learn's own checks."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import xlogy
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score

from skae import LinearAutoencoder

METHODS = [
    "transform",
    "inverse_transform",
    "reconstruct",
    "reconstruction_error",
    "score",
    "score_samples",
]
PENALISED = ["contractive", "sparse", "sparse-kl"]
NORMAL = ["dense", "deep-tied", "plain", "logistic", "denoising", "top-k", "stacked"]
NORMAL += PENALISED
GAUSSIAN = [*NORMAL, "variational", "linear", "descent", "shrunk"]
TRAINED = [*NORMAL, "bernoulli", "poisson"]

parametrize = pytest.mark.parametrize
gaussian = parametrize("fitted", GAUSSIAN, indirect=True)
trained = parametrize("fitted", TRAINED, indirect=True)


class TestMethods:
    def test_fit_returns_the_estimator(self, variants, X):
        for make in variants.values():
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

    @parametrize("name", METHODS)
    def test_nothing_works_before_fit(self, variants, variant, name):
        with pytest.raises(NotFittedError):
            getattr(variants[variant](), name)(np.zeros((2, 2)))

    def test_there_is_no_network_before_fit(self, dense):
        with pytest.raises(NotFittedError):
            dense().network_  # noqa: B018

    def test_codes_of_another_width_are_refused(self, fitted):
        with pytest.raises(ValueError, match="Z has 3 features, but this decoder"):
            fitted.inverse_transform(np.zeros((2, 3)))

    def test_rows_given_are_not_changed(self, variants, X):
        before = X.copy()
        for make in variants.values():
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

    def test_bernoulli_error_is_the_cross_entropy(self, variants, X, new):
        fitted = variants["bernoulli"]().fit(X)
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

    def test_bernoulli_score_is_the_share_of_deviance(self, variants, X, new):
        fitted = variants["bernoulli"]().fit(X)

        def deviance(mean):
            return np.sum(
                xlogy(new, new / mean) + xlogy(1 - new, (1 - new) / (1 - mean))
            )

        left, total = deviance(fitted.reconstruct(new)), deviance(X.mean(axis=0))
        assert fitted.score(new) == pytest.approx(1 - left / total, rel=1e-9)

    @parametrize("n", [1, 2, 20])
    def test_score_of_constant_data_is_one(self, dense, n):
        # Of no deviance at all nothing is left: 0 / 0.
        X = np.full((n, 3), 0.1)
        for estimator in (dense(), LinearAutoencoder(1)):
            assert estimator.fit(X).score(X) == 1.0

    def test_score_of_constant_data_reconstructed_badly_is_zero(self, dense):
        # As scikit-learn's r2_score has it, and not minus infinity.
        fitted = dense(linear_path=False, activation="logistic").fit(np.ones((9, 3)))
        fitted._fitted.weights["decoder.0.bias"] += 1.0
        assert fitted.score(np.ones((9, 3))) == 0.0
        assert r2_score([1.0, 1.0], [2.0, 2.0]) == 0.0


class TestDensities:
    @parametrize("fitted", NORMAL, indirect=True)
    def test_gaussian_one_is_normal_around_the_reconstruction(self, fitted, new):
        noise = stats.norm(fitted.reconstruct(new), math.sqrt(fitted.noise_variance_))
        expected = noise.logpdf(new).sum(axis=1)
        assert_allclose(fitted.score_samples(new), expected, rtol=1e-9)

    @trained
    def test_noise_variance_is_the_training_loss(self, fitted):
        assert fitted.noise_variance_ == pytest.approx(fitted.loss_, rel=1e-12)

    def test_bernoulli_one_is_that_of_coins(self, variants, X, new):
        fitted = variants["bernoulli"]().fit(X)
        coins = stats.bernoulli(fitted.reconstruct(new.round()))
        expected = coins.logpmf(new.round()).sum(axis=1)
        assert_allclose(fitted.score_samples(new.round()), expected, rtol=1e-9)

    @parametrize("scale", [1e-3, 1.0, 1e3])
    def test_units_shift_it_by_the_volume(self, dense, scale, X):
        base, scaled = (dense().fit(X * s) for s in (1.0, scale))
        expected = base.score_samples(X) - 5 * math.log(scale)
        assert_allclose(scaled.score_samples(X * scale), expected, rtol=1e-6)

    def test_it_is_finite_where_nothing_is_lost(self, variants):
        X = np.full((20, 5), 0.25)
        for make in variants.values():
            assert np.isfinite(make().fit(X).score_samples(X)).all()

    @parametrize("fitted", ["dense", "deep-tied", "bernoulli", "linear"], indirect=True)
    def test_outliers_have_less_of_it(self, fitted, X):
        outlier = X[:1].copy()
        outlier[0, 0] = 1.0 - outlier[0, 0]
        outlier[0, 3] = 1.0 - outlier[0, 3]
        scores = fitted.score_samples(X)
        assert fitted.score_samples(outlier)[0] < np.median(scores)


class TestBeyondTheData:
    @parametrize(
        "changes", [{}, {"tied_weights": True}, {"hidden_layer_sizes": (8, 4)}], ids=str
    )
    def test_the_network_goes_on_linearly(self, dense, changes, X):
        fitted = dense(**changes).fit(X)
        steps = X.mean(axis=0) + np.outer([1e4, 2e4, 3e4], [1.0, -2.0, 0.5, 1.0, 3.0])
        for method in (fitted.transform, fitted.reconstruct):
            near, far, farther = method(steps)
            assert_allclose(farther - far, far - near, rtol=1e-6)

    def test_codes_beyond_go_on_linearly_too(self, dense, X):
        fitted = dense().fit(X)
        near, far, farther = fitted.inverse_transform(
            np.outer([1e4, 2e4, 3e4], [1.0, -2.0])
        )
        assert_allclose(farther - far, far - near, rtol=1e-6)


class TestDtypes:
    @parametrize("dtype", [np.float32, np.float64])
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

    @parametrize("dtype", [np.int64, np.uint8, bool])
    def test_whole_numbers_become_float64(self, dense, make_data, dtype, new):
        X = make_data().round().astype(dtype)
        fitted = dense().fit(X)
        assert fitted.transform(X).dtype == np.float64

    @parametrize("precision", ["float32", "float64", "bfloat16", "auto"])
    def test_every_precision_learns_the_same(self, dense, precision, X):
        reference = dense(precision="float64").fit(X).loss_
        loss = dense(precision=precision).fit(X).loss_
        assert loss == pytest.approx(reference, rel=0.05)

    def test_lists_and_objects_are_numbers_too(self, dense, X):
        fitted = dense().fit(X)
        for rows in (X.tolist(), X.astype(object)):
            assert_array_equal(dense().fit(rows).transform(rows), fitted.transform(X))


class TestTensors:
    KINDS = {
        "float64": lambda X: torch.from_numpy(X),
        "float32": lambda X: torch.from_numpy(X).float(),
        "bfloat16": lambda X: torch.from_numpy(X).bfloat16(),
        "requires_grad": lambda X: torch.from_numpy(X).requires_grad_(),
        "transposed": lambda X: torch.from_numpy(X.T.copy()).t(),
    }

    @parametrize("kind", KINDS)
    def test_they_are_taken_like_arrays(self, variants, kind, X):
        tensor = self.KINDS[kind](X)
        plain = tensor.detach()
        array = (plain.float() if kind == "bfloat16" else plain).numpy()
        for name in ("dense", "linear"):
            by_tensor, by_array = (
                variants[name]().fit(rows) for rows in (tensor, array)
            )
            codes = by_tensor.transform(tensor)
            assert isinstance(codes, np.ndarray)
            assert_array_equal(codes, by_array.transform(array))
            back = by_tensor.inverse_transform(torch.from_numpy(codes))
            assert_array_equal(back, by_array.inverse_transform(codes))
            assert by_tensor.score(tensor) == by_array.score(array)

    def test_they_can_be_what_is_validated_on(self, dense, X, new):
        by_tensor = dense().fit(X, X_val=torch.from_numpy(new))
        assert_array_equal(
            by_tensor.transform(X), dense().fit(X, X_val=new).transform(X)
        )


class TestRefusals:
    """What would be silently misread, or lost. scikit-learn refuses the rest."""

    def test_rows_to_validate_on_must_fit_the_precision(self, dense, X, new):
        with pytest.raises(ValueError, match=r"too large.*StandardScaler"):
            dense(precision="float32").fit(X, X_val=1e60 * new)

    def test_results_must_fit_the_dtype_of_the_rows(self, dense, X):
        fitted = dense().fit(X)
        far = np.full((1, 5), 3e38, np.float32)
        with pytest.raises(ValueError, match=r"too large.*StandardScaler"):
            fitted.reconstruction_error(far)
        assert np.isfinite(fitted.reconstruction_error(far.astype(float))).all()

    @parametrize(
        ("X", "error", "words"),
        [
            (np.ma.ones((9, 2)), TypeError, "mask would be lost"),
            (np.ones((9, 2), "datetime64[D]"), TypeError, "dates or durations"),
            (np.ones((9, 2), [("a", float)]), ValueError, "structured array"),
            (torch.ones((9, 2), device="meta"), ValueError, "holds no numbers"),
        ],
        ids=["masked", "dates", "structured", "meta"],
    )
    def test_it_is_refused_on_every_way_in(self, dense, make_data, X, error, words):
        fitted = dense().fit(make_data()[:, :2])
        for method in (fitted.fit, fitted.transform, fitted.inverse_transform):
            with pytest.raises(error, match=words):
                method(X)


def test_logistic_outputs_are_between_zero_and_one(variants, X):
    for name in ("bernoulli", "logistic"):
        far = variants[name]().fit(X).inverse_transform(np.full((1, 2), 1e3))
        assert ((far >= 0.0) & (far <= 1.0)).all()


def test_bernoulli_starts_at_the_mean_where_pca_does_not_help(dense):
    X = np.random.default_rng(0).integers(0, 2, size=(200, 30)).astype(float)
    start = dense(
        n_components=1, likelihood="bernoulli", max_iter=1, learning_rate_init=1e-300
    ).fit(X)
    assert start.score(X) >= 0.0
