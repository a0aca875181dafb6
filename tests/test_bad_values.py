"""Values that a parameter cannot have: refused by name, on every estimator."""

import inspect

import numpy as np
import pytest

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

ESTIMATORS = [
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
]

X = np.random.default_rng(0).normal(size=(30, 6))

BAD = {
    **{
        name: [0]
        for name in ("batch_size", "block_size", "kernel_size", "max_iter", "width")
    },
    "checkpoint_dir": [1, b"bytes"],
    "checkpoint_every": [0, 1.5],
    **{name: [-1.0] for name in ("beta", "noise", "ssim_weight")},
    "n_layers": [0],
    "n_components": [0, 1.5],
    "learning_rate": ["adaptive"],
    "learning_rate_init": [0.0],
    "tol": [1.0],
    "n_iter_no_change": [0],
    "weight_decay": [-1e-3],
    "shuffle": ["yes"],
    "tied_weights": [None],
    "precision": ["float16"],
    "device": [0],
    "nan_policy": ["ignore", None],
    "random_state": ["seed"],
    "hidden_layer_sizes": ["wide", 0],
    "activation": ["sigmoid"],
    "code_activation": [None],
    "output_activation": ["tanh"],
    "input_shape": [(6,), (3, 0)],
    "linear_path": ["auto"],
    "init": ["zeros"],
    "likelihood": ["normal"],
    "n_heads": [0, 3],
    "positions": ["random"],
    "padding": ["zeros", np.inf],
    "early_stopping": ["always"],
    "validation_fraction": [1.0],
    "warm_start": [1.5],
    "channels": [(), 0],
    "corruption": ["blur"],
}


@pytest.mark.fault(63, 64)
@pytest.mark.parametrize(
    ("Estimator", "name", "value"),
    [
        (Estimator, name, value)
        for Estimator in ESTIMATORS
        for name, values in BAD.items()
        if name in inspect.signature(Estimator).parameters
        for value in values
    ],
    ids=str,
)
def test_bad_values_are_refused_by_name(Estimator, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of {Estimator.__name__}"):
        Estimator(**{name: value}).fit(X)
