"""Every autoencoder can be drawn, and its relatives as far as they have the methods."""

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import skae
from skae.inspection import (
    DictionaryDisplay,
    EmbeddingDisplay,
    LatentGridDisplay,
    LatentTraversalDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
    ReconstructionErrorDisplay,
)

SHORT = {"n_components": 3, "random_state": 0}

FAMILY = [
    skae.LinearAutoencoder(3),
    *(
        getattr(skae, f"{name}Autoencoder")(max_iter=2, **SHORT)
        for name in ("", "Stacked", "Denoising", "Contractive", "Sparse", "Variational")
    ),
    skae.TopKAutoencoder(k=2, max_iter=2, **SHORT),
    skae.ConvolutionalAutoencoder(input_shape=(1, 8, 8), max_iter=1, **SHORT),
    skae.AttentionAutoencoder(input_shape=(8, 8), max_iter=1, **SHORT),
]

RELATIVES = [
    PCA(3),
    NMF(3, init="random", max_iter=1000, random_state=0),
    make_pipeline(MinMaxScaler(), skae.Autoencoder(max_iter=2, **SHORT)),
]


def name_of(estimator):
    return type(estimator).__name__


def values_of_images(display):
    """Values of the pixels of a picture, those between the images left out."""
    (image,) = display.ax_.get_images()
    return np.ma.masked_invalid(image.get_array()).compressed()


def heights_in_cells(display, middles, height):
    """Values of the bars or lines that stand in cells of a height around middles."""
    _, drawn = display.ax_.collections
    ends = [segment[:, 1] for segment in drawn.get_segments()]
    n_ends = 1 if len(ends) == len(middles) else 2  # a line in each cell, or bars
    ends = np.reshape(np.concatenate(ends), (len(middles), -1))
    return (ends[:, n_ends - 1 :: n_ends] - middles[:, None]) / (0.45 * height)


def check_atoms(display, n_rows, n_features, images):
    atoms = display.atoms[display.units_]
    assert atoms.shape == (len(display.order), n_features)
    largest = np.abs(atoms).max(axis=1, keepdims=True)
    atoms = atoms / np.where(largest > 0, largest, 1)
    if images:
        assert_same_values(values_of_images(display), atoms)
    else:
        drawn = heights_in_cells(display, np.arange(len(atoms)), -1)
        assert_allclose(drawn, atoms, atol=1e-9)


def check_codes(display, n_rows, n_features, images):
    (points,) = display.points_
    assert points.get_offsets().shape == (n_rows, 2)
    assert_allclose(points.get_offsets(), display.codes[:, :2])


def check_grid(display, n_rows, n_features, images):
    n_steps = display.decoded.shape[0]
    assert display.decoded.shape == (n_steps, n_steps, n_features)
    if images:
        assert_same_values(values_of_images(display), display.decoded)
        return
    planes = display.statistics.standardise(display.decoded)
    if n_features <= 16:
        for i, ax in enumerate(display.axes_):
            filled = ax.collections[0]
            ends = planes[..., i].min(), planes[..., i].max()
            assert_allclose((filled.zmin, filled.zmax), ends)
        return
    rows = planes.reshape(n_steps**2, -1)
    rows /= max(1.0, np.abs(rows).max())
    x, y = display.values
    drawn = heights_in_cells(display, np.repeat(y, len(x)), y[1] - y[0])
    assert_allclose(drawn, rows, atol=1e-9)


def check_traversal(display, n_rows, n_features, images):
    assert display.decoded.shape[2] == n_features
    if images:
        assert_same_values(values_of_images(display), display.decoded)
        return
    drawn = [[line.get_ydata() for line in ax.lines] for ax in display.axes_]
    assert_allclose(drawn, display.statistics.standardise(display.decoded))


def check_reconstructions(display, n_rows, n_features, images):
    assert display.X.shape == display.X_hat.shape == (n_rows, n_features)
    X, X_hat = display.X[display.rows_], display.X_hat[display.rows_]
    if images:
        assert_same_values(values_of_images(display), np.stack([X, X_hat]))
        return
    deviation = np.nanstd(display.X, axis=0)
    errors = (X_hat - X) / np.where(deviation > 0, deviation, 1)
    assert_allclose(display.image_.get_array()[1:], np.abs(errors))


def check_errors(display, n_rows, n_features, images):
    assert display.errors.shape == (n_rows,)
    (bars,) = display.bars_
    x, y = bars.get_xy().T
    edges = np.unique(x)
    counts, _ = np.histogram(display.errors, edges)
    assert counts.sum() == n_rows
    assert_allclose(y[1 : 2 * len(counts) : 2], 100 * counts / n_rows)


def assert_same_values(drawn, rows):
    rows = rows[np.isfinite(rows)]
    assert np.ptp(rows) > 0
    assert_allclose(np.sort(drawn), np.sort(rows), atol=1e-9)


CHECKS = {
    DictionaryDisplay: check_atoms,
    EmbeddingDisplay: check_codes,
    LatentGridDisplay: check_grid,
    LatentTraversalDisplay: check_traversal,
    ReconstructionDisplay: check_reconstructions,
    ReconstructionErrorDisplay: check_errors,
}

OF_ROWS = list(CHECKS)


def check(display, X, *, images):
    """What is drawn is what the display holds of X, as images or otherwise."""
    assert display.figure_ is display.ax_.figure
    CHECKS[type(display)](display, *X.shape, images)


@pytest.mark.parametrize("estimator", FAMILY + RELATIVES, ids=name_of)
def test_what_can_be_drawn_of_it(estimator, digits):
    X = digits.X[:60]
    fitted = estimator.fit(X)
    images = name_of(estimator) != "AttentionAutoencoder"
    for display in OF_ROWS:
        check(display.from_estimator(fitted, X), X, images=images)
    if estimator not in RELATIVES[:2]:
        trained = fitted[-1] if hasattr(fitted, "steps") else fitted
        training = LossCurveDisplay.from_estimator(fitted).lines_[0]
        assert_array_equal(training.get_ydata(), trained.loss_curve_)


def test_heads_have_losses_and_codes(digits):
    model = skae.AutoencoderClassifier(max_iter=2, random_state=0)
    model.fit(digits.X, digits.y)
    losses = LossCurveDisplay.from_estimator(model)
    assert losses.unit is None
    assert_array_equal(losses.lines_[0].get_ydata(), model.loss_curve_)
    codes = EmbeddingDisplay.from_estimator(model, digits.X, digits.y)
    assert_allclose(codes.codes, model.transform(digits.X))
    ones = codes.codes[digits.y == 1][:, :2]
    assert_allclose(codes.points_[1].get_offsets(), ones)


@pytest.mark.parametrize("display", OF_ROWS)
def test_what_is_not_fitted_is_refused(display, digits):
    with pytest.raises(NotFittedError):
        display.from_estimator(skae.Autoencoder(), digits.X)


@pytest.mark.parametrize("display", OF_ROWS)
def test_where_nothing_can_be_drawn(display, dense, digits):
    fig, axes = plt.subplots(1, 2)
    for several in (axes, list(axes)):
        with pytest.raises(TypeError, match=r"a single matplotlib Axes.* Got \w+ of 2"):
            display.from_estimator(dense, digits.X, ax=several)
    with pytest.raises(TypeError, match=r"a single matplotlib Axes.* Got Figure"):
        display.from_estimator(dense, digits.X, ax=fig)
    for size in (5, "large", (3, 0), (3, None), (3, 4, 5), (3, np.inf), (np.nan, 1)):
        with pytest.raises(ValueError, match="figsize must be two numbers"):
            display.from_estimator(dense, digits.X, figsize=size)
    with pytest.raises(ValueError, match="Pass ax or figsize, not both"):
        display.from_estimator(dense, digits.X, ax=axes[0], figsize=(3, 4))
    assert plt.get_fignums() == [fig.number]
    drawn = display.from_estimator(dense, digits.X, figsize=(9, 5))
    assert_array_equal(drawn.figure_.get_size_inches(), (9, 5))
    assert drawn.plot(figsize=[4, 3]).figure_.bbox.height == 3 * drawn.figure_.dpi


@pytest.mark.parametrize("display", OF_ROWS)
def test_data_frames_of_polars(display, wine):
    X = pl.DataFrame(wine.X.to_dict(orient="list"))
    model = skae.Autoencoder(2, max_iter=2, random_state=0).fit(X)
    check(display.from_estimator(model, X), X, images=False)


@pytest.mark.parametrize("display", OF_ROWS)
def test_gaps(display, digits):
    gone = np.random.default_rng(0).random((60, 64)) < 0.1
    X = np.where(gone, np.nan, digits.X[:60])
    model = skae.Autoencoder(2, nan_policy="omit", max_iter=2, random_state=0).fit(X)
    check(display.from_estimator(model, X), X, images=True)


@pytest.mark.parametrize("display", OF_ROWS)
def test_tensors(display, digits):
    X = torch.from_numpy(digits.X[:60]).requires_grad_()
    model = skae.Autoencoder(2, max_iter=2, random_state=0).fit(X)
    model.set_output(transform="torch")
    check(display.from_estimator(model, X), X, images=True)
