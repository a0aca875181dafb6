"""Real data for the benchmarks: from SKAE_DATA, or what scikit-learn brings."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

MOST_ROWS = 4000


def folder():
    """Folder named by SKAE_DATA, or None."""
    name = os.environ.get("SKAE_DATA")
    return Path(name) if name else None


def mnist():
    """MNIST as (60000, 784) and (10000, 784) float32 in [0, 1], with labels."""
    root = folder()
    if root is None:
        X, y = datasets.fetch_openml("mnist_784", return_X_y=True, as_frame=False)
        X, y = (X / 255).astype(np.float32), y.astype(int)
        return X[:60000], y[:60000], X[60000:], y[60000:]
    parts = []
    for kind in ("train", "t10k"):
        with gzip.open(root / "mnist" / f"{kind}-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
        with gzip.open(root / "mnist" / f"{kind}-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(int)
        parts += [pixels.astype(np.float32) / 255, labels]
    return tuple(parts)


def coil20():
    """COIL-20 as (1440, 1024) float32 in [0, 1], with the object's number."""
    from scipy.io import loadmat

    content = loadmat(folder() / "coil20.mat")
    return content["X"].astype(np.float32) / 255, content["Y"].ravel()


def tables():
    """Names and arrays of all tables at hand: name -> (n_samples, n_features)."""
    found = {
        "iris": datasets.load_iris().data,
        "wine": datasets.load_wine().data,
        "breast cancer": datasets.load_breast_cancer().data,
        "diabetes": datasets.load_diabetes().data,
        "digits": datasets.load_digits().data,
    }
    if folder() is not None:
        for path in sorted((folder() / "adbench").glob("*.npz")):
            found[path.stem.split("_", 1)[1]] = np.load(path)["X"].astype(np.float64)
        found["MNIST"] = mnist()[0].astype(np.float64)
        found["COIL-20"] = coil20()[0].astype(np.float64)
    return found


def split(X, seed):
    """At most 4,000 rows, 30 % of them for testing, features standardised."""
    if len(X) > MOST_ROWS:
        rows = np.random.default_rng(seed).choice(len(X), MOST_ROWS, replace=False)
        X = X[rows]
    train, test = train_test_split(X, test_size=0.3, random_state=seed)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)
