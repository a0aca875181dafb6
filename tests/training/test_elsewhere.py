"""Gradients that are left where a product made them are those that are copied."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import skae.networks.products as house
from skae import (
    Autoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.networks import DenseBackprop
from skae.training import FlatTensors

FITS = {
    "with a path": Autoencoder(3, hidden_layer_sizes=(20, 10)),
    "without a path": Autoencoder(3, linear_path=False),
    "without hidden layers": Autoencoder(3, hidden_layer_sizes=()),
    "tied": Autoencoder(3, tied_weights=True),
    "with decay": Autoencoder(3, weight_decay=0.1),
    "logistic": Autoencoder(3, output_activation="logistic"),
    "validated": Autoencoder(3, early_stopping=True),
    "denoising": DenoisingAutoencoder(3),
    "lengths of readers": SparseAutoencoder(9, alpha=1e-3),
    "divergence": SparseAutoencoder(9, penalty="kl"),
    "hidden units": SparseAutoencoder(9, hidden_layer_sizes=(8,), penalize="hidden"),
    "revival": TopKAutoencoder(30, k=2),
    "variational": VariationalAutoencoder(3, likelihood="bernoulli"),
}


@pytest.fixture
def copied(monkeypatch):
    """Call it, and from then on all gradients are copied."""

    def copy(self, by, out, left, right):
        by.mm(left, right, out=out)

    return lambda: monkeypatch.setattr(DenseBackprop, "_leave", copy)


@pytest.fixture(autouse=True)
def makes_all(monkeypatch):
    """A library that brings an array for every product but those of 31 rows."""

    def make(left, right, bias=None):
        return left @ right if bias is None else torch.addmm(bias, left, right)

    by = house.Products(torch.mm, torch.addmm, make)

    def choose(left, right):
        if left.dim() > 2:
            return house._STACKED
        return house._TORCH if 31 in (*left.shape, *right.shape) else by

    monkeypatch.setattr("skae.networks.backprop.products", choose)


def fit(estimator):
    X = np.random.default_rng(0).uniform(size=(95, 12)).astype(np.float32)
    estimator.set_params(batch_size=32, max_iter=3, random_state=0)
    if estimator.early_stopping == "auto":
        estimator.set_params(early_stopping=False)
    estimator.fit(X)
    return estimator.reconstruct(X), estimator.loss_curve_


@pytest.mark.parametrize("kind", FITS)
def test_fits_are_the_same_to_the_last_bit(kind, copied):
    rows, losses = fit(FITS[kind])
    copied()
    copied_rows, copied_losses = fit(FITS[kind])
    assert len(losses) == 3
    assert losses == copied_losses
    assert_array_equal(rows, copied_rows)


def test_what_is_elsewhere_comes_home():
    shapes = {"a": (3, 4), "b": (5,)}
    gradients = FlatTensors(shapes, dtype=torch.float32, device=torch.device("cpu"))
    gradients.gather()  # nothing is
    first, second = torch.arange(8.0).view(2, 4), torch.arange(5.0)
    address = gradients.views["a"][1:].data_ptr()
    gradients.elsewhere = {address: first, gradients.views["b"].data_ptr(): second}
    gradients.gather()
    assert torch.equal(gradients.views["a"][1:], first)
    assert torch.equal(gradients.views["b"], second)
    assert not gradients.views["a"][0].any()
    assert gradients.elsewhere == {}
