"""Rows in pairs: what is seen, and what it is to become."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder, DenoisingAutoencoder, LinearAutoencoder

parametrize = pytest.mark.parametrize

PAIRED = [
    *["dense", "deep-tied", "plain", "bernoulli", "logistic", "poisson", "denoising"],
    *["contractive", "sparse", "sparse-kl", "top-k", "variational", "convolutional"],
]
every_paired = parametrize("name", PAIRED)


@pytest.fixture
def noisy(X):
    """X with noise, which stays in [0, 1]."""
    noise = 0.2 * np.random.default_rng(5).normal(size=X.shape)
    return np.clip(X + noise, 0.0, 1.0)


class TestFit:
    @every_paired
    def test_the_targets_are_learnt(self, variants, name, X, noisy):
        fitted = variants[name]().fit(noisy, X_clean=X)
        other = variants[name]().fit(noisy)
        assert not np.allclose(fitted.reconstruct(noisy), other.reconstruct(noisy))

    @parametrize("name", ["dense", "bernoulli", "poisson", "sparse", "variational"])
    def test_loss_is_that_of_the_targets(self, variants, name, X, noisy):
        fitted = variants[name]().fit(noisy, X_clean=X)
        likelihood = fitted._fitted.likelihood
        back = torch.from_numpy(fitted.reconstruct(noisy))
        loss = likelihood.loss(likelihood.link(back), torch.from_numpy(X)).mean()
        assert fitted.loss_ == pytest.approx(float(loss), rel=1e-9)

    @parametrize("fit", ["fit", "partial_fit"])
    @parametrize("kind", [np.asarray, pd.DataFrame, torch.from_numpy])
    def test_targets_in_the_place_of_labels_are_told_from_them(
        self, dense, X, noisy, fit, kind
    ):
        said = "y is ignored.* pass them as X_clean"
        with pytest.warns(UserWarning, match=said) as caught:
            getattr(dense(), fit)(kind(noisy), kind(X))
        assert caught[0].filename == __file__
        same = kind(X)
        getattr(dense(), fit)(same, same)  # nothing is lost
        getattr(dense(), fit)(same, X[:, :1])

    def test_rows_again_in_the_place_of_labels_are_no_targets(self, dense, X):
        dense().fit(X, X.copy())

    @every_paired
    def test_rows_as_their_own_targets_are_no_pairs(self, variants, name, X):
        # But for a corruption, which pairs do without, and the path's least squares.
        changes = {"noise": 0.0} if name == "denoising" else {}
        paired = variants[name](**changes) if changes else variants[name]()
        plain = variants[name](**changes) if changes else variants[name]()
        paired.fit(X, X_clean=X)
        plain.fit(X)
        assert paired.loss_ == pytest.approx(plain.loss_, rel=1e-2)

    def test_a_textbook_network_is_the_same_to_the_bit(self, dense, X):
        settings = {"linear_path": False, "hidden_layer_sizes": (8, 4)}
        paired, plain = (dense(**settings).fit(X, **k) for k in ({"X_clean": X}, {}))
        assert_allclose(paired.reconstruct(X), plain.reconstruct(X), rtol=1e-6)

    def test_a_linear_one_starts_at_the_least_squares_fit(self, dense, X, noisy):
        still = {"hidden_layer_sizes": (), "max_iter": 1, "learning_rate_init": 1e-300}
        start = dense(n_components=5, **still).fit(noisy, X_clean=X)
        design = np.column_stack([noisy, np.ones(len(X))])
        expected = design @ np.linalg.lstsq(design, X)[0]
        assert_allclose(start.reconstruct(noisy), expected, rtol=1e-8)

    @parametrize("early_stopping", [False, True, "auto"])
    def test_pairs_keep_together(self, dense, early_stopping, X):
        # In whatever order they are taken: shuffled, split, in folds.
        wanted = 1.0 - X[:, ::-1]
        fitted = dense(early_stopping=early_stopping, max_iter=30).fit(
            X, X_clean=wanted
        )
        assert fitted.score(X, X_clean=wanted) > 0.7

    def test_a_corruption_is_left_out(self, X, noisy):
        settings = {"max_iter": 5, "early_stopping": False, "random_state": 0}
        denoiser = DenoisingAutoencoder(2, noise=0.5, **settings)
        plain = Autoencoder(2, **settings).fit(noisy, X_clean=X)
        codes = denoiser.fit(noisy, X_clean=X).transform(noisy)
        assert_allclose(codes, plain.transform(noisy), rtol=1e-4, atol=1e-5)

    def test_units_are_those_of_what_is_seen(self, dense, X, noisy):
        fitted = dense().fit(noisy, X_clean=X)
        assert_allclose(fitted._fitted.scaling.mean, noisy.mean(axis=0))

    def test_training_mean_is_that_of_the_targets(self, dense, X, noisy):
        shifted = X + 3.0
        fitted = dense().fit(noisy, X_clean=shifted)
        assert_allclose(fitted.mean_, shifted.mean(axis=0), rtol=1e-10)

    def test_labels_are_ignored(self, dense, X, noisy):
        labels = np.arange(len(X))
        with_them = dense().fit(noisy, labels, X_clean=X)
        without = dense().fit(noisy, X_clean=X)
        assert_array_equal(with_them.transform(X), without.transform(X))
        expected = without.score(noisy, X_clean=X)
        assert with_them.score(noisy, labels, X_clean=X) == expected

    def test_frames_lists_and_tensors_are_taken(self, dense, X, noisy):
        expected = dense().fit(noisy, X_clean=X).transform(noisy)
        for convert in (np.ndarray.tolist, torch.from_numpy, np.asfortranarray):
            fitted = dense().fit(noisy, X_clean=convert(X))
            assert_array_equal(fitted.transform(noisy), expected)
        frame, clean = (
            pd.DataFrame(rows, columns=list("abcde")) for rows in (noisy, X)
        )
        assert_array_equal(dense().fit(frame, X_clean=clean).transform(frame), expected)

    def test_rows_given_are_not_changed(self, dense, X, noisy):
        before = X.copy(), noisy.copy()
        dense().fit(noisy, X_clean=X).score(noisy, X_clean=X)
        assert_array_equal(X, before[0])
        assert_array_equal(noisy, before[1])

    def test_warm_start_goes_on_with_pairs(self, dense, X, noisy):
        fitted = dense(warm_start=True).fit(noisy, X_clean=X)
        before = fitted.reconstruct(noisy)
        fitted.set_params(learning_rate_init=1e-300, max_iter=1).fit(noisy, X_clean=X)
        assert_allclose(fitted.reconstruct(noisy), before, rtol=1e-12)


class TestScore:
    @every_paired
    def test_it_is_the_share_of_the_deviance_of_the_targets(
        self, variants, name, X, noisy
    ):
        fitted = variants[name]().fit(noisy, X_clean=X)
        likelihood, target = fitted._fitted.likelihood, torch.from_numpy(X)

        def deviance(mean):
            output = likelihood.link(torch.from_numpy(mean))
            return float(likelihood.deviance(output.expand_as(target), target).sum())

        expected = 1 - deviance(fitted.reconstruct(noisy)) / deviance(fitted.mean_)
        assert fitted.score(noisy, X_clean=X) == pytest.approx(expected, rel=1e-7)

    @pytest.mark.parametrize("fitted", ["linear", "stacked", "dense"], indirect=True)
    def test_without_them_rows_are_their_own(self, fitted, X, noisy):
        assert fitted.score(X, X_clean=X) == pytest.approx(fitted.score(X), rel=1e-12)
        assert fitted.score(noisy, X_clean=X) != pytest.approx(fitted.score(noisy))

    def test_targets_of_another_dtype_are_compared_in_that_of_the_rows(
        self, dense, X, noisy
    ):
        fitted = dense().fit(noisy, X_clean=X)
        expected = fitted.score(noisy, X_clean=X)
        mixed = fitted.score(noisy.astype(np.float32), X_clean=X)
        assert mixed == pytest.approx(expected, rel=1e-4)


class TestRefusals:
    def test_another_number_of_rows(self, dense, X, noisy):
        estimator = dense()
        with pytest.raises(ValueError, match="X_clean has 59 rows, and X has 60"):
            estimator.fit(noisy, X_clean=X[1:])
        estimator.fit(noisy, X_clean=X)
        before = estimator.transform(X)
        for method in (estimator.fit, estimator.score):
            with pytest.raises(ValueError, match="X_clean has 61 rows, and X has 60"):
                method(noisy, X_clean=np.vstack([X, X[:1]]))
        assert_array_equal(estimator.transform(X), before)

    def test_another_number_of_features(self, dense, X, noisy):
        fitted = dense().fit(noisy)
        for method in (fitted.fit, fitted.score):
            with pytest.raises(ValueError, match="X has 4 features"):
                method(noisy, X_clean=X[:, :4])

    def test_entries_that_are_not_finite(self, dense, X, noisy):
        fitted, bad = dense().fit(noisy), X.copy()
        bad[3, 2] = np.nan
        for method in (fitted.fit, fitted.score):
            with pytest.raises(ValueError, match="contains NaN"):
                method(noisy, X_clean=bad)

    def test_validation_rows_beside_them(self, dense, X, noisy, new):
        with pytest.raises(ValueError, match="X_clean and X_val cannot be given tog"):
            dense().fit(noisy, X_clean=X, X_val=new)

    @parametrize("likelihood", ["bernoulli", "poisson"])
    def test_targets_outside_the_bounds(self, dense, likelihood, X, noisy):
        with pytest.raises(ValueError, match=r"^X_clean must lie in \[0, "):
            dense(likelihood=likelihood).fit(noisy, X_clean=X - 2.0)

    @parametrize("name", ["linear", "descent", "stacked"])
    def test_those_that_cannot_learn_from_pairs(self, variants, name, X, noisy):
        fitted = variants[name]().fit(X)
        before = fitted.transform(X)
        with pytest.raises(ValueError, match="X_clean"):
            fitted.fit(noisy, X_clean=X)
        assert_array_equal(fitted.transform(X), before)


class TestRouting:
    """Through scikit-learn's metadata routing."""

    @pytest.fixture(autouse=True)
    def _routing(self):
        with sklearn.config_context(enable_metadata_routing=True):
            yield

    def test_pairs_come_through_a_pipeline(self, dense, X, noisy):
        reducer = dense().set_fit_request(X_clean=True)
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("reduce", reducer)],
            transform_input=["X_clean"],
        ).fit(noisy, X_clean=X)
        scale = StandardScaler().fit(noisy)
        seen, wanted = scale.transform(noisy), scale.transform(X)
        expected = dense().fit(seen, X_clean=wanted)
        assert_array_equal(pipeline.transform(noisy), expected.transform(seen))

    def test_they_are_not_passed_unless_asked_for(self, dense, X, noisy):
        pipeline = Pipeline([("reduce", dense())])
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
            pipeline.fit(noisy, X_clean=X)
        reducer = dense().set_fit_request(X_clean=False)
        with pytest.raises(TypeError, match="X_clean"):
            Pipeline([("reduce", reducer)]).fit(noisy, X_clean=X)

    def test_cross_validation_takes_pairs_apart_together(self, dense, X, noisy):
        reducer = dense().set_fit_request(X_clean=True).set_score_request(X_clean=True)
        scores = cross_validate(reducer, noisy, params={"X_clean": X}, cv=2)
        half = np.arange(60) < 30
        expected = [
            dense()
            .fit(noisy[train], X_clean=X[train])
            .score(noisy[~train], X_clean=X[~train])
            for train in (~half, half)
        ]
        assert_allclose(scores["test_score"], expected, rtol=1e-12)


def test_pairs_beat_what_only_sees_noise():
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, size=(800, 1))
    X = np.column_stack([t, t**2, np.cos(3 * t), np.sin(3 * t)])
    noisy = X + 0.3 * rng.normal(size=X.shape)
    settings = {"max_iter": 40, "random_state": 0}
    paired = Autoencoder(2, **settings).fit(noisy[:400], X_clean=X[:400])
    score = paired.score(noisy[400:], X_clean=X[400:])
    for other in (LinearAutoencoder(2), Autoencoder(2, **settings)):
        assert score > other.fit(noisy[:400]).score(noisy[400:], X_clean=X[400:])
    pca = PCA(2).fit(noisy[:400])
    left = np.sum((pca.inverse_transform(pca.transform(noisy[400:])) - X[400:]) ** 2)
    assert score > 1 - left / np.sum((X[400:] - X[:400].mean(axis=0)) ** 2)
