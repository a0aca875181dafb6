"""The classifier and the regressor on images and on sequences of different lengths."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator

from skae import (
    AttentionAutoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ConvolutionalAutoencoder,
)

STEPS = 12
QUICK = {"max_iter": 3, "random_state": 0}


@pytest.fixture
def y():
    return np.arange(60) % 2


@pytest.fixture
def images(y):
    """Bars that lie or stand: (60, 1, 6, 5)."""
    rng = np.random.default_rng(0)
    found = 0.1 * rng.normal(size=(60, 1, 6, 5))
    for image, stands in zip(found[:, 0], y, strict=True):
        if stands:
            image[:, rng.integers(5)] += 1.0
        else:
            image[rng.integers(6)] += 1.0
    return found


@pytest.fixture
def sequences(y):
    """Waves, slow or fast, of 6 to 12 steps; the rest is NaN: (60, 12, 1)."""
    rng = np.random.default_rng(0)
    time = np.arange(STEPS)
    waves = np.sin(time * (0.3 + 0.9 * y[:, None]) + rng.uniform(0, 6, size=(60, 1)))
    lengths = rng.integers(6, STEPS + 1, size=(60, 1))
    return np.where(time < lengths, waves, np.nan)[:, :, None]


def convolutional():
    return ConvolutionalAutoencoder(
        4, input_shape=(1, 6, 5), channels=(4,), early_stopping=False, **QUICK
    )


def attention(padding=np.nan):
    return AttentionAutoencoder(
        4,
        input_shape=(STEPS, 1),
        width=8,
        padding=padding,
        early_stopping=False,
        **QUICK,
    )


@pytest.mark.parametrize("fine_tune", ["head", "all", "gradual"])
def test_images_and_their_rows_are_classified_alike(images, y, fine_tune):
    rows = images.reshape(60, -1)
    shaped, flat = (
        AutoencoderClassifier(convolutional(), fine_tune=fine_tune, **QUICK).fit(X, y)
        for X in (images, rows)
    )
    assert shaped.n_features_in_ == flat.n_features_in_ == 30
    assert_array_equal(shaped.predict_proba(images), flat.predict_proba(rows))
    assert_array_equal(shaped.transform(rows), flat.transform(images))
    assert shaped.score(images, y) == flat.score(rows, y)


def test_images_become_other_images(images):
    turned = images.transpose(0, 1, 3, 2).reshape(60, -1)
    model = AutoencoderRegressor(convolutional(), **QUICK).fit(images, turned)
    assert model.predict(images).shape == (60, 30)
    assert model.score(images, turned) > 0.3


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_padding_is_no_part_of_a_sequence(sequences, y, alpha):
    settings = {"alpha": alpha, **QUICK}
    padded = np.where(np.isnan(sequences), -7.0, sequences)
    with_nan = AutoencoderClassifier(attention(), **settings).fit(sequences, y)
    with_value = AutoencoderClassifier(attention(-7.0), **settings).fit(padded, y)
    assert_array_equal(
        with_nan.predict_proba(sequences), with_value.predict_proba(padded)
    )


def test_missing_steps_are_refused_where_nobody_reckons_with_them(sequences, y):
    model = AutoencoderClassifier(attention(padding=None), **QUICK)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(sequences, y)


def test_a_frozen_encoder_of_images_takes_images(images, y):
    frozen = FrozenEstimator(convolutional().fit(images))
    model = AutoencoderClassifier(frozen, fine_tune="head", **QUICK).fit(images, y)
    assert_array_equal(model.transform(images), frozen.transform(images))


def test_a_template_is_left_as_it_was(images, sequences, y):
    for autoencoder, X in ((convolutional(), images), (attention(), sequences)):
        before = vars(autoencoder).copy()
        AutoencoderClassifier(autoencoder, **QUICK).fit(X, y)
        assert vars(autoencoder) == before
