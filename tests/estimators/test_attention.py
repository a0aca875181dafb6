"""What only the attention autoencoder does: sequences, padding, its weights."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skae import AttentionAutoencoder
from skae.networks.attention import sinusoids

STEPS, FEATURES, K = 6, 3, 2
SHAPE = (STEPS, FEATURES)
SETTINGS = {
    "n_components": K,
    "input_shape": SHAPE,
    "width": 8,
    "n_heads": 2,
    "n_layers": 1,
    "max_iter": 5,
    "learning_rate_init": 1e-2,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}


def make(**changes):
    return AttentionAutoencoder(**SETTINGS | changes)


def sequences(n=60, seed=0):
    """Waves of random phase and frequency: (n, STEPS, FEATURES)."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.5, 2.0, (n, 1, 1))
    phase = rng.uniform(0.0, 2 * np.pi, (n, 1, FEATURES))
    time = np.arange(STEPS)[None, :, None] / STEPS
    return np.sin(2 * np.pi * frequency * time + phase)


def padded(X, padding=np.nan, seed=0):
    """The same, cut to random lengths of at least two steps."""
    lengths = np.random.default_rng(seed).integers(2, STEPS + 1, len(X))
    X = X.copy()
    X[np.arange(STEPS) >= lengths[:, None]] = padding
    return X


class TestShapes:
    def test_flat_rows_and_sequences_are_the_same(self):
        X = sequences()
        flat, shaped = make().fit(X.reshape(60, -1)), make().fit(X)
        assert shaped.n_features_in_ == STEPS * FEATURES
        assert_array_equal(flat.transform(X), shaped.transform(X.reshape(60, -1)))
        assert shaped.reconstruct(X).shape == X.shape
        assert flat.reconstruct(X.reshape(60, -1)).shape == (60, STEPS * FEATURES)
        assert shaped.inverse_transform(shaped.transform(X)).shape == X.shape
        assert flat.inverse_transform(flat.transform(X)).shape == (60, 18)
        assert_array_equal(
            flat.attention_weights(X), shaped.attention_weights(X.reshape(60, -1))
        )

    def test_columns_of_a_table_are_tokens(self):
        X = sequences()[:, :, 0]
        model = make(input_shape=None).fit(X)
        assert model._fitted.network.input_shape == (STEPS, 1)
        assert model.attention_weights(X).shape == (60, 1, 2, STEPS, STEPS)

    @pytest.mark.parametrize("shape", [(4, 4), (18,), (6, 3, 1), (6, 0), "wide"])
    def test_other_shapes_are_refused(self, shape):
        with pytest.raises(ValueError, match=r"input_shape"):
            make(input_shape=shape).fit(sequences())

    def test_sequences_of_another_length_are_refused(self):
        model = make().fit(sequences())
        with pytest.raises(ValueError, match=r"shape \(5, 3\).*steps, features"):
            model.transform(sequences()[:, :5])

    def test_heads_must_share_the_width(self):
        with pytest.raises(ValueError, match=r"'n_heads'.*a divisor of width=8"):
            make(n_heads=3).fit(sequences())

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_results_are_in_the_dtype_of_X(self, dtype):
        X = sequences().astype(dtype)
        model = make(precision="float32").fit(X)
        assert model.transform(X).dtype == dtype
        assert model.reconstruct(X).dtype == dtype
        assert model.attention_weights(X).dtype == dtype


class TestHouse:
    def test_it_learns_what_pca_cannot(self):
        X = sequences(400)
        start = make(max_iter=1, learning_rate_init=1e-300).fit(X).score(X)
        model = make(max_iter=40, learning_rate_init=2e-2, width=16).fit(X)
        assert model.score(X) > start + 0.05

    @pytest.mark.parametrize("changes", [{}, {"padding": -9.0}, {"beta": 0.1}], ids=str)
    def test_it_pickles_and_copies(self, changes):
        X = padded(sequences(), -9.0)
        model = make(**changes).fit(X)
        for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert_array_equal(other.transform(X), model.transform(X))
            assert_array_equal(other.attention_weights(X), model.attention_weights(X))
        again = clone(model).fit(X)
        assert_array_equal(again.transform(X), model.transform(X))

    def test_output_can_be_a_frame(self):
        pandas = pytest.importorskip("pandas")
        frame = make().set_output(transform="pandas").fit_transform(sequences())
        assert isinstance(frame, pandas.DataFrame)
        names = ["attentionautoencoder0", "attentionautoencoder1"]
        assert list(frame.columns) == names

    def test_it_stands_in_a_pipeline(self):
        X = sequences()
        pipeline = make_pipeline(FunctionTransformer(np.square), make()).fit(X)
        assert_array_equal(pipeline.transform(X), make().fit(X**2).transform(X**2))

    def test_warm_start_goes_on(self):
        X = sequences()
        model = make(warm_start=True).fit(X)
        before = model.score(X)
        assert model.fit(X).score(X) > before
        with pytest.raises(ValueError, match="warm_start=True needs a network"):
            model.set_params(width=4).fit(X)
        assert model.score(X) > before

    def test_other_likelihoods_see_sequences_of_counts(self):
        rate = np.exp(1.5 * sequences(200))
        X = np.random.default_rng(0).poisson(rate).astype(float)
        settings = {"likelihood": "poisson", "max_iter": 20}
        assert make(**settings).fit(X).score(X) > 0.2
        settings = {"likelihood": "bernoulli", "max_iter": 20}
        assert make(**settings).fit(X > 1).score(X > 1) > 0.2

    def test_noise_makes_a_denoiser(self):
        X = sequences(200)
        noisy = X + 0.5 * np.random.default_rng(1).normal(size=X.shape)
        settings = {"n_components": 8, "max_iter": 20}
        plain = make(**settings).fit(X).score(noisy, X_clean=X)
        assert make(**settings, noise=0.5).fit(X).score(noisy, X_clean=X) > plain

    def test_beta_makes_a_generator(self):
        X = sequences(200)
        model = make(beta=0.1).fit(X)
        assert model.sample(4, random_state=0).shape == (4, *SHAPE)
        mean, std = model.transform_distribution(X)
        assert mean.shape == std.shape == (200, K)
        assert np.isfinite(model.score_samples(X)).all()
        assert not hasattr(make().fit(X), "sample")

    def test_the_module_gives_what_the_estimator_gives(self):
        torch = pytest.importorskip("torch")
        X = padded(sequences())
        model = make(padding=np.nan).fit(X)
        module = model.network_
        code = module.encode(torch.from_numpy(X.reshape(60, -1))).detach()
        assert_allclose(code, model.transform(X), rtol=1e-10, atol=1e-12)


class TestPadding:
    CHANGES = (
        {},
        {"beta": 0.1},
        {"noise": 0.1},
        {"noise": 0.1, "corruption": "masking"},
        {"noise": 0.1, "corruption": "salt_and_pepper"},
        {"likelihood": "poisson"},
        {"likelihood": "bernoulli"},
        {"output_activation": "logistic"},
        {"linear_path": False},
        {"early_stopping": True},
        {"early_stopping": "auto"},
        {"precision": "float32"},
    )

    @staticmethod
    def suited(changes):
        """Padded data that the likelihood can have."""
        return padded((sequences() + 1.0) / 2.0)

    @pytest.mark.parametrize("changes", CHANGES, ids=str)
    def test_every_method_gives_numbers(self, changes):
        X = self.suited(changes)
        model = make(padding=np.nan, **changes).fit(X)
        assert np.isfinite(model.transform(X)).all()
        assert np.isfinite(model.loss_curve_).all()
        assert np.isfinite(model.mean_).all()
        assert np.isfinite(model.score_samples(X)).all()
        assert np.isfinite(model.reconstruction_error(X)).all()
        assert np.isfinite(model.score(X))
        assert_allclose(model.attention_weights(X).sum(-1), 1.0, atol=1e-6)

    @pytest.mark.parametrize("changes", CHANGES, ids=str)
    def test_a_value_is_the_same_as_nan(self, changes):
        X = self.suited(changes)
        missing = np.isnan(X)
        by_nan = make(padding=np.nan, **changes).fit(X)
        by_value = make(padding=-7.0, **changes).fit(np.where(missing, -7.0, X))
        assert_array_equal(
            by_value.transform(np.where(missing, -7.0, X)), by_nan.transform(X)
        )
        assert by_value.loss_ == by_nan.loss_

    @pytest.mark.parametrize("changes", CHANGES[:-1], ids=str)
    def test_without_a_padded_step_it_is_the_same_as_without_padding(self, changes):
        X = (sequences() + 1.0) / 2.0
        plain = make(**changes).fit(X)
        model = make(padding=np.nan, **changes).fit(X)
        for method in ("transform", "reconstruct", "score_samples"):
            actual, expected = (getattr(m, method)(X) for m in (model, plain))
            assert_allclose(actual, expected, rtol=1e-7, atol=1e-9)
        assert_allclose(model.loss_, plain.loss_, rtol=1e-9)
        assert_allclose(model.score(X), plain.score(X), rtol=1e-9)

    def test_padding_comes_back_and_the_decoder_fills_it(self):
        X = padded(sequences(), -7.0)
        model = make(padding=-7.0).fit(X)
        missing = X == -7.0
        assert (model.reconstruct(X)[missing] == -7.0).all()
        assert (model.reconstruct(X)[~missing] != -7.0).all()
        decoded = model.inverse_transform(model.transform(X))
        assert np.abs(decoded).max() < 7.0
        assert_allclose(decoded[~missing], model.reconstruct(X)[~missing], atol=1e-12)
        flat = X.reshape(60, -1)
        assert_array_equal(
            model.reconstruct(flat), model.reconstruct(X).reshape(60, -1)
        )

    def test_single_entries_may_be_missing_and_are_filled_in(self):
        X = sequences()
        X[::3, 2, 1] = np.nan
        model = make(padding=np.nan).fit(X)
        assert np.isfinite(model.reconstruct(X)).all()
        errors = model.reconstruction_error(X, per_feature=True).reshape(X.shape)
        assert (errors[::3, 2, 1] == 0.0).all()

    def test_errors_and_scores_are_those_of_what_is_there(self):
        X = padded(sequences())
        model, there = make(padding=np.nan).fit(X), ~np.isnan(X)
        squares = np.square(model.inverse_transform(model.transform(X)) - X)
        expected = np.nanmean(squares, axis=(1, 2))
        assert_allclose(model.reconstruction_error(X), expected, rtol=1e-10)
        assert_allclose(model.loss_, np.nanmean(squares), rtol=1e-10)
        means = np.nanmean(X, axis=0)
        assert_allclose(model.mean_, means.ravel(), rtol=1e-10)
        total = np.nansum(np.square(X - means))
        assert_allclose(model.score(X), 1 - np.nansum(squares) / total, rtol=1e-10)
        variance = model.noise_variance_
        densities = -0.5 * (squares / variance + np.log(2 * np.pi * variance))
        expected = np.where(there, densities, 0.0).sum(axis=(1, 2))
        assert_allclose(model.score_samples(X), expected, rtol=1e-9)

    def test_a_sequence_without_a_step_has_the_code_of_the_mean(self):
        X = padded(sequences())
        model = make(padding=np.nan).fit(X)
        nothing = np.full((1, *SHAPE), np.nan)
        mean = model.mean_.reshape(1, *SHAPE)
        assert_allclose(model.transform(nothing), model.transform(mean), atol=1e-12)
        assert np.isnan(model.reconstruct(nothing)).all()
        assert model.reconstruction_error(nothing) == model.score_samples(nothing) == 0

    def test_a_step_that_nobody_has_is_no_matter(self):
        X = sequences()
        X[:, -1] = np.nan
        model = make(padding=np.nan).fit(X)
        assert (model.mean_.reshape(SHAPE)[-1] == 0.0).all()
        assert np.isfinite(model.transform(X)).all()

    def test_nothing_but_padding_is_refused(self):
        with pytest.raises(ValueError, match=r"nothing but padding.*padding=0"):
            make(padding=0).fit(np.zeros((9, *SHAPE)))

    def test_nan_is_refused_without_padding(self):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            make().fit(padded(sequences()))
        assert not make().__sklearn_tags__().input_tags.allow_nan
        assert make(padding=0.0).__sklearn_tags__().input_tags.allow_nan

    def test_infinity_is_refused_with_padding(self):
        X = padded(sequences())
        X[0, 0, 0] = np.inf
        with pytest.raises(ValueError, match="infinity"):
            make(padding=np.nan).fit(X)

    def test_a_zero_among_others_is_not_padding(self):
        X = sequences()
        X[:, 1, 0] = 0.0
        model = make(padding=0.0).fit(X)
        assert_allclose(model.transform(X), make().fit(X).transform(X), atol=1e-9)

    def test_padding_is_that_of_the_fit(self):
        X = padded(sequences(), -7.0)
        model = make(padding=-7.0).fit(X)
        expected = model.transform(X)
        assert_array_equal(model.set_params(padding=None).transform(X), expected)

    def test_targets_and_validation_rows_may_be_padded(self):
        X = padded(sequences())
        noisy = X + 0.1
        paired = make(padding=np.nan).fit(noisy, X_clean=X)
        assert paired.score(noisy, X_clean=X) > 0.0
        validated = make(padding=np.nan).fit(X, X_val=padded(sequences(9, seed=1)))
        assert np.isfinite(validated.validation_loss_curve_).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_an_export_that_asks_for_waves_first_leaves_none_behind():
    X = sequences(20)
    model = make(positions="sinusoidal").fit(X)
    expected = model.transform(X)
    sinusoids.cache_clear()
    rows = torch.from_numpy(X.reshape(len(X), -1))
    torch.export.export(model.network_.requires_grad_(False), (rows,), strict=False)
    assert_array_equal(model.transform(X), expected)
