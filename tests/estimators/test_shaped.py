"""Samples with a shape: images in, images out, and rows wherever features count."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skae import ConvolutionalAutoencoder, DenoisingAutoencoder, VariationalAutoencoder

SHAPE = (2, 6, 5)
SETTINGS = {
    "input_shape": SHAPE,
    "channels": (3,),
    "max_iter": 3,
    "batch_size": 20,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}


def convolutional(**changes):
    return ConvolutionalAutoencoder(2, **SETTINGS | changes)


@pytest.fixture
def images():
    """Images of a moving spot: (60, 2, 6, 5), in [0, 1]."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:6, :5]
    centres = rng.uniform(0, 5, size=(60, 2))[:, :, None, None]
    spots = np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 4.0)
    return spots[:, None] * np.array([1.0, 0.5])[:, None, None]


@pytest.fixture
def rows(images):
    return images.reshape(len(images), -1)


def test_images_and_their_rows_give_the_same_fit(images, rows):
    shaped, flat = convolutional().fit(images), convolutional().fit(rows)
    assert shaped.n_features_in_ == flat.n_features_in_ == 60
    assert_array_equal(shaped.transform(images), flat.transform(rows))
    assert_array_equal(shaped.transform(rows), flat.transform(images))
    assert shaped.score(images) == flat.score(rows)
    for method in ("reconstruction_error", "score_samples"):
        assert_array_equal(getattr(shaped, method)(images), getattr(flat, method)(rows))


def test_reconstructions_have_the_shape_of_what_was_given(images, rows):
    shaped, flat = convolutional().fit(images), convolutional().fit(rows)
    Z = shaped.transform(images)
    assert shaped.inverse_transform(Z).shape == images.shape
    assert flat.inverse_transform(Z).shape == rows.shape
    for ae in (shaped, flat):
        assert ae.reconstruct(images).shape == images.shape
        assert ae.reconstruct(rows).shape == rows.shape
    assert_array_equal(shaped.inverse_transform(Z), shaped.reconstruct(images))


def test_tensors_of_images_are_images(images):
    ae = convolutional().fit(torch.from_numpy(images))
    expected = convolutional().fit(images)
    assert_array_equal(
        ae.transform(torch.from_numpy(images)), expected.transform(images)
    )


def test_images_of_another_shape_are_refused(images):
    turned = images.transpose(0, 2, 3, 1)
    advice = r"Its last axis is to be the first: X.transpose\(0, 3, 1, 2\)"
    with pytest.raises(ValueError, match=advice):
        convolutional().fit(turned)
    ae = convolutional().fit(images)
    with pytest.raises(ValueError, match=advice):
        ae.transform(turned)
    with pytest.raises(
        ValueError, match="axes of a sample are channels, height, width"
    ):
        ae.transform(images[:, :, :4])


def test_images_with_channels_last_are_told_how_to_turn(images):
    """Where the shape says it of itself; X follows it, and nothing else is amiss."""
    turned = images[:, :1].transpose(0, 2, 3, 1)
    ae = convolutional(input_shape=turned.shape[1:])
    with pytest.warns(UserWarning, match="6 channels of 5 x 1") as caught:
        ae.fit(turned)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    remedy = "(1, 6, 5) and pass X.reshape(-1, 6, 5, 1).transpose(0, 3, 1, 2)."
    assert str(caught[0].message).endswith(f"set input_shape={remedy}")
    for X in (turned, turned.reshape(len(turned), -1)):
        assert_array_equal(X.reshape(-1, 6, 5, 1).transpose(0, 3, 1, 2), images[:, :1])
    assert ae.transform(turned).shape == (60, 2)  # it warns once, of the fit


@pytest.mark.parametrize(
    "shape",
    [(3, 32, 3), (16, 100, 1), (64, 1, 1), (1, 64, 1), (512, 4, 4), (28, 28, 2)],
)
def test_shapes_with_a_short_last_axis_are_taken_at_their_word(shape):
    X = np.random.default_rng(0).normal(size=(4, *shape))
    ae = convolutional(input_shape=shape, max_iter=1).fit(X)  # warnings are errors
    assert ae.reconstruct(X).shape == X.shape


def test_images_without_a_shape_to_expect_are_refused(images):
    with pytest.raises(ValueError, match="Set input_shape to the shape of a sample"):
        convolutional(input_shape=None).fit(images)


def test_grey_images_need_no_axis_of_channels(images):
    grey = images[:, :1]
    full, bare = (
        convolutional(input_shape=(1, 6, 5)).fit(X) for X in (grey, grey[:, 0])
    )
    assert_array_equal(full.transform(grey), bare.transform(grey[:, 0]))
    assert bare.reconstruct(grey[:, 0]).shape == (60, 6, 5)
    assert bare.inverse_transform(bare.transform(grey)).shape == (60, 6, 5)


def test_shape_set_after_fit_waits_for_the_next_one(images):
    ae = convolutional().fit(images)
    expected = ae.transform(images)
    assert_array_equal(
        ae.set_params(input_shape=(1, 12, 5)).transform(images), expected
    )


def test_rows_of_another_length_are_refused(rows):
    with pytest.raises(ValueError, match=r"X has 59 features, but input_shape=\(2, 6"):
        convolutional().fit(rows[:, 1:])


@pytest.mark.parametrize("shape", [(6, 5), (0, 6, 5), ("a", 6, 5), (2.5, 6, 5), 30])
def test_what_is_no_shape_is_refused(rows, shape):
    with pytest.raises(ValueError, match="'input_shape' parameter of Convolutional"):
        convolutional(input_shape=shape).fit(rows)


@pytest.mark.parametrize("channels", [(), 0, (3, 0), (2.5,), "wide"])
def test_what_are_no_channels_is_refused(rows, channels):
    with pytest.raises(ValueError, match="'channels' parameter of Convolutional"):
        convolutional(channels=channels).fit(rows)


def test_rows_are_signals_where_no_shape_is_given(rows):
    signals = rows.reshape(-1, 1, 1, 60)
    plain = convolutional(input_shape=None).fit(rows)
    shaped = convolutional(input_shape=(1, 1, 60)).fit(signals)
    assert_array_equal(plain.transform(rows), shaped.transform(signals))


def test_noise_is_that_of_the_denoising_autoencoder(images, rows):
    """What is corrupted, and how the path starts, are the same parts."""
    settings = {"max_iter": 1, "learning_rate_init": 1e-12, "early_stopping": False}
    settings |= {"random_state": 0, "precision": "float64", "noise": 0.3}
    dense = DenoisingAutoencoder(2, **settings).fit(rows)
    shaped = ConvolutionalAutoencoder(2, input_shape=SHAPE, **settings).fit(images)
    assert_allclose(shaped.transform(images), dense.transform(rows), atol=1e-7)
    assert_allclose(shaped.best_loss_, dense.best_loss_, rtol=1e-6)


def test_noise_must_be_a_probability_where_it_hits_entries(images):
    with pytest.raises(ValueError, match="a probability with corruption='masking'"):
        convolutional(noise=1.5, corruption="masking").fit(images)


def test_clean_images_are_targets(images):
    noisy = images + np.random.default_rng(0).normal(scale=0.3, size=images.shape)
    ae = convolutional(max_iter=20).fit(noisy, X_clean=images)
    assert ae.score(noisy, X_clean=images) > ae.score(noisy)


def test_validation_images_are_flattened_as_well(images, rows):
    shaped = convolutional().fit(images[:40], X_val=images[40:])
    flat = convolutional().fit(rows[:40], X_val=rows[40:])
    assert shaped.validation_loss_curve_ == flat.validation_loss_curve_


def test_beta_makes_it_variational(images, rows):
    """It starts at probabilistic PCA, as the dense one does."""
    settings = {"max_iter": 1, "learning_rate_init": 1e-12, "early_stopping": False}
    settings |= {"random_state": 0, "precision": "float64", "beta": 1.0}
    dense = VariationalAutoencoder(2, **settings).fit(rows)
    shaped = ConvolutionalAutoencoder(2, input_shape=SHAPE, **settings).fit(images)
    for mine, other in zip(
        shaped.transform_distribution(images),
        dense.transform_distribution(rows),
        strict=True,
    ):
        assert_allclose(mine, other, atol=1e-6)
    assert_allclose(shaped.kl_per_component_, dense.kl_per_component_, atol=1e-6)
    assert shaped.n_active_components_ == 2
    assert_allclose(
        shaped.score_samples(images, n_samples=5),
        dense.score_samples(rows, n_samples=5),
        rtol=1e-5,
    )
    drawn = shaped.sample(3, random_state=0)
    assert drawn.shape == (3, *SHAPE)
    assert_allclose(drawn.reshape(3, -1), dense.sample(3, random_state=0), atol=1e-5)


def test_there_is_nothing_to_sample_from_without_beta(images):
    plain, variational = convolutional(), convolutional(beta=1.0)
    for method in ("sample", "transform_distribution"):
        assert not hasattr(plain, method)
        assert hasattr(variational, method)
    fitted = convolutional().fit(images).set_params(beta=1.0)
    assert not hasattr(fitted, "sample")
    advice = "ConvolutionalAutoencoder has no sample: .* Set beta above 0, and fit"
    with pytest.raises(AttributeError, match=advice):
        fitted.sample()
    with pytest.raises(ValueError, match="n_samples must be a positive int"):
        fitted.score_samples(images, n_samples=0)
    assert not hasattr(fitted, "kl_per_component_")


def test_attributes_of_a_variational_fit_do_not_outlive_it(images):
    ae = convolutional(beta=1.0).fit(images).set_params(beta=0.0).fit(images)
    assert not hasattr(ae, "kl_per_component_")
    assert not hasattr(ae, "n_active_components_")


def test_noise_variance_knows_nothing_of_the_similarity(images):
    settings = {"max_iter": 1, "learning_rate_init": 1e-12, "beta": 1.0}
    plain = convolutional(**settings).fit(images)
    similar = convolutional(ssim_weight=0.5, **settings).fit(images)
    assert_allclose(similar.noise_variance_, plain.noise_variance_, rtol=1e-6)


def test_far_images_are_encoded_by_the_path(images):
    ae = convolutional(max_iter=20).fit(images)
    far = images[:1] * 1e3
    farther = far + images[:1]
    step = ae.transform(farther) - ae.transform(far)
    again = ae.transform(farther + images[:1]) - ae.transform(farther)
    assert_allclose(step, again, rtol=1e-6)


def test_fit_can_be_pickled_and_cloned(images):
    ae = convolutional().fit(images)
    copy = pickle.loads(pickle.dumps(ae))
    assert copy.inverse_transform(copy.transform(images)).shape == images.shape
    assert_array_equal(copy.transform(images), ae.transform(images))
    assert_array_equal(clone(ae).fit(images).transform(images), ae.transform(images))


def test_warm_start_goes_on(images):
    ae = convolutional(warm_start=True).fit(images)
    before = ae.best_loss_
    assert ae.fit(images).best_loss_ < before


@pytest.mark.parametrize(
    "other",
    [{"channels": (4,)}, {"kernel_size": 2}, {"input_shape": (1, 12, 5)}],
    ids=str,
)
def test_warm_start_with_another_network_is_refused(rows, other):
    ae = convolutional(warm_start=True).fit(rows)
    with pytest.raises(ValueError, match=r"warm_start=True needs .*shape"):
        ae.set_params(**other).fit(rows)


def test_it_stands_in_a_pipeline_and_is_searched(rows):
    pipe = make_pipeline(MinMaxScaler(), convolutional())
    grid = {"convolutionalautoencoder__channels": [(2,), (3,)]}
    search = GridSearchCV(pipe, grid, cv=2).fit(rows)
    assert search.best_estimator_.transform(rows).shape == (60, 2)


def test_module_maps_rows(images, rows):
    ae = convolutional().fit(images)
    with torch.no_grad():
        output = ae.network_(torch.from_numpy(rows))
    assert_allclose(output, ae.reconstruct(rows), atol=1e-8)
