"""Every variant as an ONNX graph, in ONNX Runtime, beside the same methods in Python.

Fitted to MNIST's digits, or to scikit-learn's where SKAE_DATA is not set. The largest
difference of each method is that over 2,000 test rows, as a share of the largest number
that the method gives, or of 1. The k largest entries of a code are not a continuous
function of a row: where two are equal but for rounding, either may be kept in float32.
Rows of which another entry was kept are counted, and left out of that difference.

Times are those of ONNX Runtime over those of `transform`, in float32, with as many
threads for both as torch has.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
import torch
from datasets import folder, mnist
from report import interleaved, parse, table, write
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
from skae.persistence import to_onnx

COMPARED = 2000
METHODS = ("transform", "inverse_transform", "reconstruct")
COMMON = {"max_iter": 10, "early_stopping": False, "random_state": 0}


def variants(side):
    """One estimator of every kind, by name."""
    image = {"input_shape": (1, side, side)}
    sequence = {"input_shape": (side, side), "width": 16, "n_layers": 1}
    found = {
        "linear": LinearAutoencoder(32),
        "linear, gaps": LinearAutoencoder(16, nan_policy="omit"),
        "dense, gaps": Autoencoder(32, nan_policy="omit", **COMMON),
        "deep": Autoencoder(32, hidden_layer_sizes=(256, 128, 64), **COMMON),
        "tied": Autoencoder(32, tied_weights=True, **COMMON),
        "bernoulli": Autoencoder(32, likelihood="bernoulli", **COMMON),
        "poisson": Autoencoder(32, likelihood="poisson", **COMMON),
        "denoising": DenoisingAutoencoder(32, **COMMON),
        "contractive": ContractiveAutoencoder(32, **COMMON),
        "sparse, l1": SparseAutoencoder(128, **COMMON),
        "sparse, kl": SparseAutoencoder(128, penalty="kl", **COMMON),
        "top-k": TopKAutoencoder(256, k=16, **COMMON),
        "variational": VariationalAutoencoder(32, **COMMON),
        "stacked": StackedAutoencoder(32, hidden_layer_sizes=(128, 64), **COMMON),
        "convolutional": ConvolutionalAutoencoder(32, **image, **COMMON),
        "attention": AttentionAutoencoder(32, **sequence, **COMMON),
        "padding": AttentionAutoencoder(32, padding=0.0, **sequence, **COMMON),
    }
    activations = ("gelu", "relu", "elu", "silu", "tanh", "logistic", "identity")
    for name in activations:
        found[name] = Autoencoder(32, activation=name, **COMMON)
        found[f"code {name}"] = Autoencoder(
            32, code_activation=name, linear_path=False, **COMMON
        )
    return found


def data(smoke):
    """Training and test rows in [0, 1], their labels, and the side of an image."""
    if folder() is None or smoke:
        X, y = load_digits(return_X_y=True)
        return X[:500] / 16, y[:500], X[500:] / 16, 8
    X, y, X_test, _ = mnist()
    return X[:2000].astype(float), y[:2000], X_test.astype(float), 28


class Session:
    """A graph in ONNX Runtime."""

    def __init__(self, estimator, method, dtype):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.runtime = onnxruntime.InferenceSession(
            to_onnx(estimator, method=method, dtype=dtype).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )
        self.input = self.runtime.get_inputs()[0].name

    def __call__(self, X):
        return self.runtime.run(None, {self.input: X})


def with_gaps(X):
    """A tenth of the entries missing."""
    return np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)


def difference(found, wanted):
    """Largest difference, as a share of the largest number."""
    return float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max()))


def compare(estimator, X, dtype):
    """Largest difference of each method, and rows of which other entries are kept."""
    X, row = X.astype(dtype), {}
    Z = estimator.transform(X)
    (code,) = Session(estimator, "transform", dtype)(X)
    keeps = hasattr(estimator, "k_")
    same = ((code != 0) == (Z != 0)).all(1) if keeps else np.ones(len(X), dtype=bool)
    row["transform"] = difference(code[same], Z[same])
    (found,) = Session(estimator, "inverse_transform", dtype)(Z)
    row["inverse_transform"] = difference(found, estimator.inverse_transform(Z))
    (found,) = Session(estimator, "reconstruct", dtype)(X[same])
    row["reconstruct"] = difference(found, estimator.reconstruct(X[same]))
    return row | {"other entries kept": int((~same).sum())}


def timed(estimator, X, repeats, n):
    """Time of ONNX Runtime over that of `transform`, for one row, n times, and all."""
    X = X.astype(np.float32)
    session, one = Session(estimator, "transform", "float32"), X[:1]

    def few(transform):
        return [transform(one) for _ in range(n)]

    functions = {"skae": estimator.transform, "onnx": session}
    many = interleaved({k: lambda f=f: f(X) for k, f in functions.items()}, repeats)
    ones = interleaved({k: lambda f=f: few(f) for k, f in functions.items()}, repeats)
    return {
        "one row us": ones["skae"] / n * 1e6,
        "one row, onnx over skae": ones["onnx"] / ones["skae"],
        "all rows s": many["skae"],
        "all rows, onnx over skae": many["onnx"] / many["skae"],
    }


def predictors(X, y):
    """Fitted estimators that predict, by name."""
    settings = {"max_iter": 3, "random_state": 0}
    head = {"hidden_layer_sizes": (32,), **settings}
    pipeline = make_pipeline(
        StandardScaler(), Autoencoder(32, **COMMON), LogisticRegression(max_iter=500)
    )
    return {
        "scaler, autoencoder, classifier": pipeline.fit(X, y),
        "classifier": AutoencoderClassifier(Autoencoder(32, **COMMON), **head).fit(
            X, y
        ),
        "regressor": AutoencoderRegressor(Autoencoder(32, **COMMON), **head).fit(X, y),
    }


def compare_predictions(model, X, dtype):
    """Largest difference of probabilities, or of numbers; other labels."""
    X = X.astype(dtype)
    *labels, numbers = Session(model, None, dtype)(X)
    predicted = model.predict(X)
    if not labels:
        return {"numbers": difference(numbers.ravel(), predicted), "other labels": 0}
    return {
        "numbers": difference(numbers, model.predict_proba(X)),
        "other labels": int((labels[0] != predicted).sum()),
    }


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    X, y, X_test, side = data(args.smoke)
    X_test, repeats, n = (X_test[:50], 1, 2) if args.smoke else (X_test, 3, 200)
    agreement, times = [], []
    for name, estimator in variants(side).items():
        gaps = "gaps" in name
        rows, test = (with_gaps(X), with_gaps(X_test)) if gaps else (X, X_test)
        estimator.fit(rows)
        for dtype in ("float32", "float64"):
            found = compare(estimator, test[:COMPARED], dtype)
            agreement.append({"variant": name, "dtype": dtype} | found)
        times.append({"variant": name} | timed(estimator, test, repeats, n))
    predictions = [
        {"model": name, "dtype": dtype} | compare_predictions(model, X_test, dtype)
        for name, model in predictors(X, y).items()
        for dtype in ("float32", "float64")
    ]
    largest = {
        dtype: max(
            row[method]
            for row in agreement
            for method in METHODS
            if row["dtype"] == dtype
        )
        for dtype in ("float32", "float64")
    }
    for rows in (agreement, predictions, times):
        table(rows)
        print()
    print("largest difference:", largest)
    content = {
        "rows": len(X_test),
        "onnxruntime": onnxruntime.__version__,
        "largest": largest,
        "agreement": agreement,
        "predictions": predictions,
        "times": times,
    }
    write("onnx_agreement", args, content)


if __name__ == "__main__":
    main()
