"""Missing entries: `nan_policy`, and `impute`, in every variant."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators.objective import Objective

BRIEF = {"max_iter": 8, "random_state": 0, "hidden_layer_sizes": (16,)}
SHAPED = {"max_iter": 3, "random_state": 0}
VARIANTS = {
    "linear": LinearAutoencoder(3),
    "linear, adam": LinearAutoencoder(3, solver="adam", random_state=0),
    "dense": Autoencoder(3, **BRIEF),
    "tied": Autoencoder(3, tied_weights=True, **BRIEF),
    "textbook": Autoencoder(3, linear_path=False, **BRIEF),
    "held out": Autoencoder(3, early_stopping=True, **BRIEF),
    "on its own loss": Autoencoder(3, early_stopping=False, **BRIEF),
    "bernoulli": Autoencoder(3, likelihood="bernoulli", **BRIEF),
    "poisson": Autoencoder(3, likelihood="poisson", **BRIEF),
    "logistic": Autoencoder(3, output_activation="logistic", **BRIEF),
    "denoising": DenoisingAutoencoder(3, noise=0.1, **BRIEF),
    "salt": DenoisingAutoencoder(3, corruption="salt_and_pepper", **BRIEF),
    "contractive": ContractiveAutoencoder(3, **BRIEF),
    "contractive, deep": ContractiveAutoencoder(
        3, **BRIEF | {"hidden_layer_sizes": (16, 8)}
    ),
    "sparse": SparseAutoencoder(8, **BRIEF),
    "sparse, kl": SparseAutoencoder(8, penalty="kl", **BRIEF),
    "topk": TopKAutoencoder(8, k=2, **BRIEF),
    "topk, revived": TopKAutoencoder(100, k=1, **BRIEF),
    "variational": VariationalAutoencoder(3, **BRIEF),
    "stacked": StackedAutoencoder(3, **BRIEF),
    "stacked, not tuned": StackedAutoencoder(3, fine_tune=False, **BRIEF),
    "convolutional": ConvolutionalAutoencoder(3, input_shape=(1, 4, 2), **SHAPED),
    "convolutional, similar": ConvolutionalAutoencoder(
        3, input_shape=(1, 4, 2), ssim_weight=0.1, **SHAPED
    ),
    "attention": AttentionAutoencoder(3, input_shape=(4, 2), width=8, **SHAPED),
}


def make_rows(n=120, seed=0, missing=0.25):
    """Rows in [0, 1] near a curved surface, whole and with gaps."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, size=(n, 2))
    rows = np.column_stack([t, t**2, np.sin(2 * t), np.prod(t, axis=1), t[:, 0] ** 3])
    rows = 0.45 * rows / np.abs(rows).max(axis=0) + 0.5
    gone = rng.random(rows.shape) < missing
    return rows, np.where(gone, np.nan, rows)


WHOLE, X = make_rows()
MISSING = np.isnan(X)


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=VARIANTS)
def variant(request):
    return clone(request.param).set_params(nan_policy="omit")


@pytest.fixture(scope="module")
def model(variant):
    return clone(variant).fit(X)


class TestEveryVariant:
    def test_fills_what_is_missing_and_nothing_else(self, model):
        given = X.copy()
        filled = model.impute(given)
        assert_array_equal(given, X)
        assert filled.tobytes() == np.where(MISSING, filled, X).tobytes()
        assert_array_equal(filled[MISSING], model.reconstruct(X)[MISSING])
        assert np.isfinite(filled).all()

    def test_knows_more_than_the_mean(self, model):
        by_mean = SimpleImputer().fit_transform(X)
        left = (model.impute(X) - WHOLE)[MISSING]
        assert np.mean(left**2) < np.mean((by_mean - WHOLE)[MISSING] ** 2)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_keeps_the_dtype(self, model, dtype):
        rows = X.astype(dtype)
        for result in (model.impute(rows), model.transform(rows)):
            assert result.dtype == dtype
        assert_array_equal(model.impute(rows)[~MISSING], rows[~MISSING])

    def test_scores_are_finite(self, model):
        assert np.isfinite(model.transform(X)).all()
        assert np.isfinite(model.reconstruction_error(X)).all()
        assert np.isfinite(model.score_samples(X)).all()
        assert np.isfinite(model.score(X))
        assert np.isfinite([model.loss_, *model.loss_curve_]).all()

    def test_errors_are_of_what_is_there(self, model):
        by_entry = model.reconstruction_error(X, per_feature=True)
        assert (by_entry[MISSING] == 0).all()
        n_there = (~MISSING).sum(axis=1)
        means = by_entry.sum(axis=1) / np.maximum(n_there, 1)
        assert_allclose(model.reconstruction_error(X), means)

    def test_a_row_is_itself_in_any_company(self, model):
        for method in ("transform", "score_samples", "impute"):
            together = getattr(model, method)(X[:12])
            alone = [getattr(model, method)(row[None])[0] for row in X[:12]]
            assert_allclose(together, alone, atol=1e-9)

    def test_a_row_without_an_entry_is_the_mean(self, model):
        empty = np.full((1, 8), np.nan)
        filled = model.impute(empty)
        assert np.isfinite(filled).all()
        assert model.reconstruction_error(empty) == 0
        assert model.score_samples(empty) == pytest.approx(0, abs=5)

    def test_whole_rows_are_as_ever(self, model):
        assert_array_equal(model.impute(WHOLE), WHOLE)
        expected = model.inverse_transform(model.transform(WHOLE))
        assert_allclose(model.reconstruct(WHOLE), expected, atol=1e-9)

    def test_pickles_and_clones(self, model):
        copy = pickle.loads(pickle.dumps(model))
        assert_array_equal(copy.impute(X), model.impute(X))
        assert clone(model).nan_policy == "omit"

    def test_the_same_seed_gives_the_same_bits(self, variant, model):
        if variant.get_params().get("random_state", 0) is None:
            return
        again = clone(variant).fit(X).impute(X)
        assert again.tobytes() == model.impute(X).tobytes()

    def test_without_gaps_the_fit_is_the_one_without_the_policy(self, variant):
        raising = clone(variant).set_params(nan_policy="raise").fit(WHOLE)
        omitting = clone(variant).fit(WHOLE)
        for method in ("transform", "reconstruct", "reconstruction_error"):
            expected = getattr(raising, method)(WHOLE)
            assert getattr(omitting, method)(WHOLE).tobytes() == expected.tobytes()
        scores = omitting.score_samples(WHOLE), raising.score_samples(WHOLE)
        assert scores[0].tobytes() == scores[1].tobytes()
        assert omitting.score(WHOLE) == raising.score(WHOLE)
        assert omitting.loss_curve_ == raising.loss_curve_
        assert np.isfinite(omitting.impute(X)).all()

    def test_infinity_is_refused(self, model, variant):
        bad = X.copy()
        bad[0, 0] = np.inf
        for call in (clone(variant).fit, model.transform, model.impute):
            with pytest.raises(ValueError, match="infinity"):
                call(bad)

    def test_columns_without_an_entry_are_named(self, variant):
        names = [f"x{i}" for i in range(8)]
        frame = pd.DataFrame(X, columns=names).assign(x3=np.nan, x5=np.nan)
        with pytest.raises(ValueError, match=r"without a single .* entry: x3, x5\."):
            clone(variant).fit(frame)

    def test_the_tag_says_so(self, variant):
        assert variant.__sklearn_tags__().input_tags.allow_nan
        raising = clone(variant).set_params(nan_policy="raise")
        assert not raising.__sklearn_tags__().input_tags.allow_nan

    def test_raise_says_what_to_do(self, variant):
        raising = clone(variant).set_params(nan_policy="raise")
        with pytest.raises(ValueError, match=r"Input X contains NaN\.[^$]*'?omit"):
            raising.fit(X)
        raising.fit(WHOLE).set_params(nan_policy="omit")
        for method in ("transform", "impute", "score", "reconstruct"):
            with pytest.raises(ValueError, match=r"contains NaN\.[^$]*nan_policy"):
                getattr(raising, method)(X)


class TestLinear:
    def test_it_is_pca_where_nothing_is_missing(self):
        model, pca = (
            LinearAutoencoder(3, nan_policy="omit").fit(WHOLE),
            PCA(3).fit(WHOLE),
        )
        assert_allclose(abs(model.components_), abs(pca.components_), atol=1e-8)
        assert_allclose(model.explained_variance_, pca.explained_variance_)

    def test_what_is_there_is_more_likely_than_under_any_model_nearby(self):
        model = LinearAutoencoder(3, nan_policy="omit").fit(X)
        best, rng = model.score_samples(X).sum(), np.random.default_rng(0)
        d, k = X.shape[1], 3

        def likelihood(mean, axes, variances, noise):
            C = axes.T * variances @ axes + noise * (np.eye(d) - axes.T @ axes)
            total = 0.0
            for row in X:
                o = ~np.isnan(row)
                left, part = (row - mean)[o], C[np.ix_(o, o)]
                total -= 0.5 * left @ np.linalg.solve(part, left)
                total -= 0.5 * np.linalg.slogdet(2 * np.pi * part)[1]
            return total

        n = len(X)
        share = (n - 1) / n  # the likelihood is highest without Bessel's correction
        found = (
            model.mean_,
            model.components_,
            share * model.explained_variance_,
            share * model.noise_variance_,
        )
        unbiased = likelihood(
            model.mean_,
            model.components_,
            model.explained_variance_,
            model.noise_variance_,
        )
        assert_allclose(unbiased, best, rtol=1e-6)
        highest = likelihood(*found)
        for size in (1e-3, 1e-2):
            for _ in range(5):
                axes = found[1] + size * rng.normal(size=(k, d))
                axes = np.linalg.qr(axes.T)[0].T
                mean = found[0] + 0.1 * size * rng.normal(size=d)
                assert likelihood(mean, axes, *found[2:]) < highest
                widths = found[2] * np.exp(size * rng.normal(size=k))
                assert likelihood(*found[:2], widths, found[3]) < highest

    def test_a_code_is_that_of_the_row_as_it_is_expected_to_be(self):
        model = LinearAutoencoder(3, nan_policy="omit").fit(X)
        axes, noise = model.components_, model.noise_variance_
        loadings = np.sqrt(model.explained_variance_ - noise)[:, None] * axes
        for row, code in zip(X[:20], model.transform(X[:20]), strict=True):
            o = ~np.isnan(row)
            known = loadings[:, o]
            z = np.linalg.solve(
                known @ known.T + noise * np.eye(3), known @ (row - model.mean_)[o]
            )
            completed = np.where(o, row, model.mean_ + z @ loadings)
            assert_allclose(code, axes @ (completed - model.mean_), rtol=1e-7)

    def test_a_row_without_an_entry_has_the_code_of_the_mean(self):
        model = LinearAutoencoder(3, nan_policy="omit").fit(X)
        empty = np.full((1, 8), np.nan)
        assert_allclose(model.transform(empty), 0.0, atol=1e-12)
        assert_allclose(model.impute(empty)[0], model.mean_)

    def test_both_solvers_find_the_same(self):
        exact = LinearAutoencoder(3, nan_policy="omit").fit(X)
        adam = LinearAutoencoder(
            3, solver="adam", nan_policy="omit", max_iter=200, random_state=0
        ).fit(X)
        assert_allclose(adam.impute(X), exact.impute(X), atol=1e-3)

    def test_loss_is_the_mean_over_what_is_there(self):
        model = LinearAutoencoder(3, nan_policy="omit").fit(X)
        left = (model.reconstruct(X) - X)[~MISSING]
        assert_allclose(model.loss_, np.mean(left**2))

    @pytest.mark.parametrize("unit", [1e-150, 1e-8, 1e8])
    @pytest.mark.parametrize("offset", [0.0, 100.0])
    def test_units_and_offsets_do_not_matter(self, unit, offset):
        expected = LinearAutoencoder(3, nan_policy="omit").fit(X).impute(X)
        rows = unit * (X + offset)
        filled = LinearAutoencoder(3, nan_policy="omit").fit(rows).impute(rows)
        assert_allclose(filled / unit - offset, expected, atol=1e-8)

    def test_as_many_components_as_features(self):
        model = LinearAutoencoder(8, nan_policy="omit").fit(X)
        assert_allclose(model.reconstruct(WHOLE), WHOLE)
        left = (model.impute(X) - WHOLE)[MISSING]
        assert np.mean(left**2) < 0.6 * np.mean((WHOLE - WHOLE.mean(0))[MISSING] ** 2)


class TestDense:
    def test_the_loss_starts_at_that_of_the_completed_rows_pca(self):
        model = Autoencoder(3, nan_policy="omit", early_stopping=False, random_state=0)
        model.set_params(max_iter=1, learning_rate_init=1e-12).fit(X)
        filled = model._fitted.scaling.undo(
            model._fitted.filler.fill(model._fitted.scaling.apply(torch.from_numpy(X)))
        ).numpy()
        pca = PCA(3).fit(filled)
        projected = pca.inverse_transform(pca.transform(filled))
        expected = np.mean((projected - X)[~MISSING] ** 2)
        assert model.loss_ < 1.1 * expected

    def test_gradient_by_hand_is_that_of_autograd(self, monkeypatch):
        settings = dict(max_iter=4, precision="float64", early_stopping=False)
        by_hand = Autoencoder(3, nan_policy="omit", random_state=0, **settings).fit(X)
        compose = Autoencoder._compose

        def by_autograd(self, n_features):
            return replace(compose(self, n_features), backprop=None)

        monkeypatch.setattr(Autoencoder, "_compose", by_autograd)
        other = Autoencoder(3, nan_policy="omit", random_state=0, **settings).fit(X)
        assert_allclose(by_hand.loss_curve_, other.loss_curve_, rtol=1e-9)
        assert_allclose(by_hand.reconstruct(X), other.reconstruct(X), atol=1e-8)

    def test_more_is_hidden_in_training_and_counts_in_the_loss(self):
        composition = Autoencoder(3)._compose(8).hiding(0.5)
        model = Autoencoder(3, nan_policy="omit", random_state=0, max_iter=2).fit(X)
        objective = Objective(composition, filler=model._fitted.filler)
        rows = torch.from_numpy(WHOLE - WHOLE.mean(0))
        seen, target = objective.pair(rows, torch.Generator().manual_seed(0))
        assert torch.equal(target, rows)
        assert 0.3 < float((seen != rows).double().mean()) < 0.7
        assert not seen.isnan().any()

    def test_gaps_only_in_validation_data(self):
        model = Autoencoder(3, nan_policy="omit", random_state=0, max_iter=5)
        model.fit(WHOLE, X_val=X)
        assert np.isfinite(model.validation_loss_curve_).all()

    def test_gaps_in_paired_rows(self):
        model = DenoisingAutoencoder(3, nan_policy="omit", random_state=0, max_iter=5)
        model.fit(X, X_clean=make_rows(seed=0)[0])
        assert np.isfinite(model.score(X, X_clean=WHOLE))
        model.fit(WHOLE, X_clean=X)
        assert np.isfinite(model.score(WHOLE, X_clean=X))

    def test_warm_start_goes_on_with_gaps_and_without(self):
        model = Autoencoder(3, nan_policy="omit", warm_start=True, **BRIEF).fit(X)
        before = model.loss_
        assert model.fit(X).loss_ < before
        assert np.isfinite(model.fit(WHOLE).impute(X)).all()

    def test_enough_rows_to_hold_some_out(self):
        _, rows = make_rows(1200)
        model = Autoencoder(3, nan_policy="omit", max_iter=3, random_state=0).fit(rows)
        assert np.isfinite(model.validation_loss_curve_).all()


def test_frames_with_NA():
    frame = pd.DataFrame(X).astype("Float64")
    frame.columns = [f"x{i}" for i in range(8)]
    assert frame.isna().to_numpy().any()
    model = Autoencoder(3, nan_policy="omit", **BRIEF).fit(frame)
    by_array = Autoencoder(3, nan_policy="omit", **BRIEF).fit(X)
    assert_allclose(model.impute(frame), by_array.impute(X), atol=1e-9)


def test_images_keep_their_shape():
    images = X.reshape(-1, 1, 4, 2)
    model = ConvolutionalAutoencoder(
        3, input_shape=(1, 4, 2), nan_policy="omit", **SHAPED
    ).fit(images)
    filled = model.impute(images)
    assert filled.shape == images.shape
    assert_array_equal(filled.reshape(X.shape)[~MISSING], X[~MISSING])


def test_padding_says_already_what_NaN_is():
    model = AttentionAutoencoder(width=8, padding=np.nan, nan_policy="omit")
    with pytest.raises(ValueError, match="'nan_policy' parameter"):
        model.fit(X)


def test_padding_with_gaps_can_be_imputed():
    model = AttentionAutoencoder(3, width=8, padding=0.0, max_iter=2, random_state=0)
    filled = model.fit(X).impute(X)
    assert np.isfinite(filled).all()
    assert_array_equal(filled[~MISSING], X[~MISSING])


@pytest.mark.parametrize("fine_tune", ["all", "head"])
def test_a_classifier_on_an_encoder_that_omits(fine_tune):
    y = (WHOLE[:, 0] > 0.5).astype(int)
    model = AutoencoderClassifier(
        Autoencoder(3, nan_policy="omit", **BRIEF),
        fine_tune=fine_tune,
        alpha=0.1,
        max_iter=5,
        random_state=0,
    ).fit(X, y)
    assert model.score(X, y) > 0.8
