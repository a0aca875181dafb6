"""Every autoencoder can be drawn, and its relatives as far as they have the methods."""

import numpy as np
import polars as pl
import pytest
import torch
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

OF_ROWS = [
    DictionaryDisplay,
    EmbeddingDisplay,
    LatentGridDisplay,
    LatentTraversalDisplay,
    ReconstructionDisplay,
    ReconstructionErrorDisplay,
]

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


def has_data(drawn):
    """Whether there is something on the figure of the axes."""
    assert drawn.figure_ is drawn.ax_.figure
    return any(ax.has_data() for ax in drawn.figure_.axes)


@pytest.mark.parametrize("estimator", FAMILY + RELATIVES, ids=name_of)
def test_what_can_be_drawn_of_it(estimator, digits):
    X = digits.X[:60]
    fitted = estimator.fit(X)
    for display in OF_ROWS:
        assert has_data(display.from_estimator(fitted, X))
    if estimator not in RELATIVES[:2]:
        LossCurveDisplay.from_estimator(fitted)


def test_heads_have_losses_and_codes(digits):
    model = skae.AutoencoderClassifier(max_iter=2, random_state=0)
    model.fit(digits.X, digits.y)
    assert LossCurveDisplay.from_estimator(model).unit is None
    EmbeddingDisplay.from_estimator(model, digits.X, digits.y)


@pytest.mark.parametrize("display", OF_ROWS)
def test_what_is_not_fitted_is_refused(display, digits):
    with pytest.raises(NotFittedError):
        display.from_estimator(skae.Autoencoder(), digits.X)


@pytest.mark.parametrize("display", OF_ROWS)
def test_data_frames_of_polars(display, wine):
    X = pl.DataFrame(wine.X.to_dict(orient="list"))
    model = skae.Autoencoder(2, max_iter=2, random_state=0).fit(X)
    assert has_data(display.from_estimator(model, X))


@pytest.mark.parametrize("display", OF_ROWS)
def test_gaps(display, digits):
    gone = np.random.default_rng(0).random((60, 64)) < 0.1
    X = np.where(gone, np.nan, digits.X[:60])
    model = skae.Autoencoder(2, nan_policy="omit", max_iter=2, random_state=0).fit(X)
    assert has_data(display.from_estimator(model, X))


@pytest.mark.parametrize("display", OF_ROWS)
def test_tensors(display, digits):
    X = torch.from_numpy(digits.X[:60]).requires_grad_()
    model = skae.Autoencoder(2, max_iter=2, random_state=0).fit(X)
    model.set_output(transform="torch")
    assert has_data(display.from_estimator(model, X))
