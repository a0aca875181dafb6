"""Write a saved estimator of every kind, and what it says about some rows.

``python write.py`` makes the folder of this release beside it, once for a release. Such
files stay: every later version must read them, and give the same results.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.frozen import FrozenEstimator

import skae
from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

SHORT = {"n_components": 2, "max_iter": 2, "batch_size": 20, "random_state": 0}
DENSE = {**SHORT, "hidden_layer_sizes": (4,)}
TOKENS = {**SHORT, "width": 4, "n_heads": 2, "n_layers": 1}


def rows(n=40, seed=0):
    """Rows of six features in [0, 1], with something to learn: (n, 6)."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-3, 3, size=(n, 2))
    weights = np.array([[1, -1, 0.5, 0, 2, 1], [0.5, 1, 0, -2, 1, -1]])
    return expit(t @ weights + 0.5 * t[:, :1] ** 2 + 0.3 * rng.normal(size=(n, 6)))


def with_gaps(X):
    """The same rows with every seventh entry missing."""
    X = X.copy()
    X.ravel()[::7] = np.nan
    return X


def framed(X):
    """The same rows as a frame with names."""
    return pd.DataFrame(X, columns=["a", "b", "größe", "d", "e", "f"])


def in_parts(estimator):
    """Fit an estimator to two parts of the rows."""
    return estimator.partial_fit(rows()[:20]).partial_fit(rows()[20:])


def labels(X):
    """Names of three classes."""
    return np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [0.4, 0.8])]


def few(X):
    """The labels of every second row; the others have none."""
    return np.where(np.arange(len(X)) % 2, labels(X), "none")


def _padded(n=20):
    X = rows(n, 2).reshape(n, 3, 2)
    X[::3, 2] = -1.0
    return X


ZOO = {
    "linear": lambda: LinearAutoencoder().fit(rows()),
    "linear-adam": lambda: LinearAutoencoder(
        solver="adam", max_iter=2, random_state=0
    ).fit(rows()),
    "linear-gaps": lambda: LinearAutoencoder(nan_policy="omit").fit(with_gaps(rows())),
    "linear-parts": lambda: in_parts(LinearAutoencoder()),
    "dense": lambda: Autoencoder(**DENSE).fit(rows()),
    "dense-float32": lambda: Autoencoder(**DENSE).fit(rows().astype(np.float32)),
    "deep-tied": lambda: Autoencoder(
        **DENSE | {"hidden_layer_sizes": [4, 3]}, tied_weights=True, precision="float64"
    ).fit(rows()),
    "textbook": lambda: Autoencoder(
        **DENSE, linear_path=False, code_activation="tanh", early_stopping=True
    ).fit(rows()),
    "bernoulli": lambda: Autoencoder(**DENSE, likelihood="bernoulli").fit(rows()),
    "logistic": lambda: Autoencoder(**DENSE, output_activation="logistic").fit(rows()),
    "poisson": lambda: Autoencoder(**DENSE, likelihood="poisson").fit(rows()),
    "gaps": lambda: Autoencoder(**DENSE, nan_policy="omit").fit(with_gaps(rows())),
    "frame": lambda: Autoencoder(**DENSE).fit(framed(rows())),
    "parts": lambda: in_parts(Autoencoder(**DENSE)),
    "fit-and-parts": lambda: in_parts(Autoencoder(**DENSE).fit(rows())),
    "denoising": lambda: DenoisingAutoencoder(**DENSE, noise=0.1).fit(rows()),
    "contractive": lambda: ContractiveAutoencoder(**DENSE).fit(rows()),
    "sparse": lambda: SparseAutoencoder(**DENSE).fit(rows()),
    "sparse-kl": lambda: SparseAutoencoder(
        **DENSE | {"hidden_layer_sizes": ()}, penalty="kl"
    ).fit(rows()),
    "top-k": lambda: TopKAutoencoder(
        **DENSE | {"n_components": 4, "hidden_layer_sizes": ()}, k=2
    ).fit(rows()),
    "variational": lambda: VariationalAutoencoder(**DENSE).fit(rows()),
    "stacked": lambda: StackedAutoencoder(**DENSE).fit(rows()),
    "convolutional": lambda: ConvolutionalAutoencoder(
        **SHORT, channels=(2,), input_shape=(1, 2, 3)
    ).fit(rows().reshape(-1, 1, 2, 3)),
    "convolutional-variational": lambda: ConvolutionalAutoencoder(
        **SHORT, channels=(2,), input_shape=(1, 2, 3), beta=1.0, noise=0.1
    ).fit(rows()),
    "attention": lambda: AttentionAutoencoder(**TOKENS, input_shape=(3, 2)).fit(rows()),
    "attention-padded": lambda: AttentionAutoencoder(
        **TOKENS, input_shape=(3, 2), padding=-1.0, positions="sinusoidal"
    ).fit(_padded()),
    "classifier": lambda: AutoencoderClassifier(
        DenoisingAutoencoder(**DENSE, noise=0.1),
        **{"alpha": 0.5, "consistency": 0.5, "unlabeled": "none"},
        **{"class_weight": {"low": 2.0}, "max_iter": 2, "random_state": 0},
    ).fit(rows(), few(rows())),
    "classifier-of-stacked": lambda: AutoencoderClassifier(
        StackedAutoencoder(**DENSE), hidden_layer_sizes=3, max_iter=2, random_state=0
    ).fit(rows(), rows()[:, 0] > 0.5),
    "regressor": lambda: AutoencoderRegressor(
        Autoencoder(**DENSE), fine_tune="head", random_state=0
    ).fit(rows(), rows()[:, 0]),
    "regressor-of-frozen": lambda: AutoencoderRegressor(
        FrozenEstimator(ZOO["linear"]()), max_iter=2, random_state=0
    ).fit(rows(), rows()[:, :2]),
}
"""A fitted estimator of every kind, by name."""


def new_rows(estimator, n=5, seed=1):
    """Rows as an estimator has seen some: (n, 6)."""
    X = rows(n, seed)
    return framed(X) if hasattr(estimator, "feature_names_in_") else X


def outputs(estimator):
    """What an estimator says about rows that it has not seen, by method."""
    X = new_rows(estimator)
    codes = estimator.transform(X)
    if not hasattr(estimator, "inverse_transform"):
        found = {"transform": codes, "predict": estimator.predict(X)}
        if hasattr(estimator, "predict_proba"):
            found["predict_proba"] = estimator.predict_proba(X)
        return found
    return {
        "transform": codes,
        "inverse_transform": estimator.inverse_transform(codes),
        "reconstruct": estimator.reconstruct(X),
        "reconstruction_error": estimator.reconstruction_error(X),
        "score": np.asarray(estimator.score(X)),
        "score_samples": estimator.score_samples(X),
    }


def write(folder):
    """Save one of every kind in a folder, and what they say in ``expected.npz``."""
    folder.mkdir()
    expected = {}
    for name, make in ZOO.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = make()
        estimator.save(folder / f"{name}.skae")
        for method, output in outputs(estimator).items():
            expected[f"{name}/{method}"] = output
    np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    release = ".".join(skae.__version__.split(".")[:3])
    parser.add_argument("release", nargs="?", default=release)
    write(Path(__file__).parent / parser.parse_args().release)
