"""Filling entries that are missing: autoencoders beside scikit-learn's imputers.

Of scikit-learn's digits, 8x8, of 2,000 of MNIST's shrunk to 16x16, and of four tables,
standardised, 30 % of the entries are missing at random; the imputers have their
defaults, and so have the autoencoders but for their components: 16 and 32 for images, a
third and half of the features for tables. The error is the root mean square over the
missing entries, in rows that were fitted to and in new ones: 1,000 more of MNIST's, and
30 % of the rows of the others.
"""

from __future__ import annotations

import numpy as np
from datasets import mnist
from report import parse, seconds, table, write
from sklearn import datasets

# IterativeImputer is not there without it.
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skae import Autoencoder, LinearAutoencoder

MISSING = 0.3
N_TRAIN, N_TEST = 2000, 1000


def digits():
    """Rows to fit to and new ones, of the digits of 8x8 pixels from 0 to 16."""
    return train_test_split(datasets.load_digits().data, test_size=0.3, random_state=0)


def small_mnist():
    """The same of MNIST, in 16x16 pixels from 0 to 1: means of 2x2 of the padded 32."""
    train, _, test, _ = mnist()
    return shrunk(train[:N_TRAIN]), shrunk(test[:N_TEST])


def table_of(load):
    """The same of a table that scikit-learn brings, standardised."""
    return train_test_split(scale(load().data), test_size=0.3, random_state=0)


SOURCES = {
    "digits": digits,
    "MNIST 16x16": small_mnist,
    "iris": lambda: table_of(datasets.load_iris),
    "wine": lambda: table_of(datasets.load_wine),
    "breast cancer": lambda: table_of(datasets.load_breast_cancer),
    "diabetes": lambda: table_of(datasets.load_diabetes),
}


def shrunk(rows):
    """Images of 28x28 pixels as rows of 256."""
    images = rows.reshape(-1, 28, 28).astype(np.float64)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return images.reshape(-1, 16, 2, 16, 2).mean((2, 4)).reshape(-1, 256)


def with_gaps(X, seed):
    """A copy of X in which entries are missing."""
    gone = np.random.default_rng(seed).random(X.shape) < MISSING
    return np.where(gone, np.nan, X)


def imputers(d, smoke=False):
    """Names and models, for rows of `d` features."""
    known = {"max_iter": 1} if smoke else {}
    linear, dense = (16, 32) if d >= 64 else (max(1, d // 3), d // 2)
    settings = {"nan_policy": "omit", "random_state": 0}
    return {
        "SimpleImputer": SimpleImputer(keep_empty_features=True),
        "KNNImputer": KNNImputer(keep_empty_features=True),
        "IterativeImputer": IterativeImputer(
            random_state=0, keep_empty_features=True, **known
        ),
        f"LinearAutoencoder({linear})": LinearAutoencoder(linear, **settings),
        f"Autoencoder({dense})": Autoencoder(dense, **settings, **known),
    }


def line(name, model, train, test):
    """Fit and judge one model."""
    gappy, new = with_gaps(train, 0), with_gaps(test, 1)
    fill = getattr(model, "impute", model.transform)
    spent, filled = seconds(lambda: model.fit(gappy) and fill(gappy))
    return {
        "imputer": name,
        "RMSE": error(filled, train, gappy),
        "RMSE, new rows": error(fill(new), test, new),
        "seconds": spent,
    }


def error(filled, X, gappy):
    """Root mean square over what was missing."""
    return float(np.sqrt(np.mean((filled - X)[np.isnan(gappy)] ** 2)))


def main():
    """Print the tables and write the JSON."""
    args, content = parse(__doc__, data=tuple(SOURCES)), {}
    for name in ["digits"] if args.smoke else args.data:
        train, test = SOURCES[name]()
        if args.smoke:
            train, test = train[:100], test[:50]
        rows = []
        for imputer, model in imputers(train.shape[1], args.smoke).items():
            rows.append(line(imputer, model, train, test))
        print(name)
        table(rows)
        content[name] = rows
    write("missing", args, content)


if __name__ == "__main__":
    main()
