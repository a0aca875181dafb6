"""Samples: drawn with a seed, beside the rows that are most like them."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline

from skae import ConvolutionalAutoencoder
from skae.inspection import SamplesDisplay


def test_samples_and_the_rows_that_are_nearest(vae, digits, ax):
    display = SamplesDisplay.from_estimator(
        vae, digits.X, n_samples=13, random_state=0, ax=ax, cmap="gray_r"
    )
    samples = vae.sample(13, random_state=0)
    assert_allclose(display.samples, samples)
    distances = np.linalg.norm(samples[:, None] - digits.X, axis=2)
    assert_array_equal(display.nearest, digits.X[distances.argmin(axis=1)])
    (image,) = ax.get_images()
    picture = image.get_array()
    assert picture.shape == (4 * 9 - 1, 10 * 9 - 1)
    assert_allclose(picture[18:26, 9:17], samples[11].reshape(8, 8))
    assert_allclose(picture[27:35, 9:17], display.nearest[11].reshape(8, 8))
    assert np.ma.getmaskarray(picture)[18:, 30:].all()  # there are no more
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["sample", "nearest row"] * 2


def test_samples_alone(vae):
    display = SamplesDisplay.from_estimator(vae, n_samples=3, random_state=0)
    assert display.nearest is None
    assert display.ax_.get_images()[0].get_array().shape == (8, 26)
    assert len(display.ax_.get_yticks()) == 0


def test_samples_of_a_pipeline_are_in_units_of_its_x(pipeline, wine):
    ax = Figure().subplots()
    display = SamplesDisplay.from_estimator(
        pipeline, wine.X, n_samples=6, random_state=0, ax=ax
    )
    inner = pipeline[-1].sample(6, random_state=0)
    samples = pipeline[0].inverse_transform(inner)
    assert_allclose(display.samples, samples)
    scaled = (samples - wine.X.mean().values) / wine.X.std(ddof=0).values
    assert_allclose([line.get_ydata() for line in ax.lines], scaled)
    assert ax.get_ylabel() == "standard deviations"
    assert ax.get_xticklabels()[0].get_text() == "alcohol"
    assert len(ax.collections) == 1
    assert {line.get_color() for line in ax.lines} == {"C0"}  # none is unlike others
    again = display.plot(color="k", alpha=1.0)
    assert {line.get_color() for line in again.ax_.lines} == {"k"}


def test_a_table_that_nothing_is_known_of(pipeline):
    display = SamplesDisplay.from_estimator(pipeline, random_state=0, linewidth=2)
    assert display.ax_.get_ylabel() == "value [units of X]"
    assert display.ax_.lines[0].get_linewidth() == 2
    assert display.ax_.get_xticklabels()[0].get_text() == "alcohol"  # as in the fit
    assert {line.get_linestyle() for line in display.ax_.lines} == {"None"}
    assert display.ax_.get_yscale() == "symlog"
    unnamed = SamplesDisplay.from_samples(display.samples)
    assert unnamed.ax_.get_xlabel() == "feature"
    assert unnamed.ax_.get_yscale() == "linear"
    alike = SamplesDisplay.from_samples(np.ones((2, 3)), feature_names=list("abc"))
    assert alike.ax_.get_yscale() == "linear"


def test_other_models_and_steps(digits):
    density = KernelDensity(bandwidth=2.0).fit(digits.X)
    display = SamplesDisplay.from_estimator(density, random_state=0)
    assert_allclose(display.samples, density.sample(20, random_state=0))
    model = make_pipeline("passthrough", PCA(5), KernelDensity()).fit(digits.X)
    assert SamplesDisplay.from_estimator(model).samples.shape == (20, 64)


def test_samples_that_are_there_already(digits):
    display = SamplesDisplay.from_samples(digits.X[:5], digits.X)
    assert_array_equal(display.nearest, digits.X[:5])
    assert SamplesDisplay.from_samples(digits.X[:5]).nearest is None


def test_rows_with_gaps(digits):
    X = digits.X.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    X[0] = np.nan  # nothing is known of it, nor how far it is
    display = SamplesDisplay.from_samples(digits.X[1:6], X)
    assert_array_equal(display.nearest, X[1:6])
    table = SamplesDisplay.from_samples(digits.X[1:6], X, image_shape=False)
    spread = (digits.X[1:6] - table.statistics.mean) / table.statistics.std
    assert_allclose([line.get_ydata() for line in table.ax_.lines], spread)


def test_what_cannot_be_drawn(dense, digits):
    with pytest.raises(TypeError, match="'sample', which Autoencoder does not have"):
        SamplesDisplay.from_estimator(dense)
    images = digits.X[:20].reshape(20, 1, 8, 8)
    plain = ConvolutionalAutoencoder(2, input_shape=(1, 8, 8), max_iter=1).fit(images)
    with pytest.raises(TypeError, match="Set beta above 0"):
        SamplesDisplay.from_estimator(plain)
