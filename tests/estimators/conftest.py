"""Small data, and an estimator of every kind that learns them in a moment."""

import inspect

import numpy as np
import pytest
from scipy.special import expit

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

NARROW = {"width": 4, "n_heads": 2, "n_layers": 1}
SETTINGS = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "batch_size": 20,
    "max_iter": 5,
    "tol": 0.0,
    "n_iter_no_change": 100,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}
DESCENT = {"solver": "adam", "max_iter": 3, "precision": "float64", "random_state": 0}


def maker(Estimator, **parameters):
    """Makes one that is quick, with changes."""
    names = inspect.signature(Estimator).parameters
    settings = {name: SETTINGS[name] for name in SETTINGS if name in names}
    return lambda **changes: Estimator(**settings | parameters | changes)


make_dense = maker(Autoencoder)


def make_descent(**changes):
    return LinearAutoencoder(**DESCENT | changes)


VARIANTS = {
    "dense": make_dense,
    "deep-tied": lambda: make_dense(hidden_layer_sizes=(8, 4), tied_weights=True),
    "plain": lambda: make_dense(linear_path=False, code_activation="tanh"),
    "bernoulli": lambda: make_dense(likelihood="bernoulli"),
    "logistic": lambda: make_dense(output_activation="logistic"),
    "poisson": maker(Autoencoder, likelihood="poisson"),
    "denoising": maker(DenoisingAutoencoder, noise=0.1),
    "contractive": maker(ContractiveAutoencoder),
    "sparse": maker(SparseAutoencoder),
    "sparse-kl": maker(SparseAutoencoder, penalty="kl", hidden_layer_sizes=()),
    "top-k": maker(TopKAutoencoder, k=1),
    "variational": maker(VariationalAutoencoder),
    "stacked": maker(StackedAutoencoder),
    "convolutional": maker(ConvolutionalAutoencoder, channels=(4,)),
    "attention": maker(AttentionAutoencoder, **NARROW),
    "attention-variational": maker(AttentionAutoencoder, beta=1.0, **NARROW),
    "linear": LinearAutoencoder,
    "descent": make_descent,
    "shrunk": lambda: LinearAutoencoder(weight_decay=0.1),
}


def rows_with_structure(n=60, seed=0):
    """Rows in [0, 1] with something to learn."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-3, 3, size=(n, 2))
    weights = np.array([[1.0, -1.0, 0.5, 0.0, 2.0], [0.5, 1.0, 0.0, -2.0, 1.0]])
    return expit(t @ weights + 0.5 * t[:, :1] ** 2 + 0.3 * rng.normal(size=(n, 5)))


@pytest.fixture
def make_data():
    return rows_with_structure


@pytest.fixture
def X():
    """What is learnt: (60, 5)."""
    return rows_with_structure()


@pytest.fixture
def new():
    """What was not seen in training: (11, 5)."""
    return rows_with_structure(11, seed=1)


@pytest.fixture
def dense():
    """Makes an Autoencoder that is quick, with changes."""
    return make_dense


@pytest.fixture
def descent():
    """Makes a LinearAutoencoder that trains, with changes."""
    return make_descent


@pytest.fixture
def variants():
    """Makers of one estimator of every kind, by name."""
    return VARIANTS


@pytest.fixture(params=VARIANTS)
def variant(request):
    """Name of every kind, one after the other."""
    return request.param


@pytest.fixture(params=VARIANTS)
def fitted(request, X):
    """An estimator of every kind, or of those asked for by name, fitted to X."""
    return VARIANTS[request.param]().fit(X)
