"""Microseconds of `transform` for one row, and seconds and memory for 60,000.

What scikit-learn itself takes for one row is measured beside: a transformer that
validates it and gives it back.
"""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
from report import interleaved, parse, table, write
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted, validate_data

from skae import Autoencoder


class Validation(TransformerMixin, BaseEstimator):
    """The least that a transformer of scikit-learn does."""

    def fit(self, X, y=None):
        validate_data(self, X)
        return self

    def transform(self, X):
        check_is_fitted(self, "n_features_in_")
        return validate_data(self, X, reset=False, dtype=(np.float64, np.float32))


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    n_rows, repeats = (500, 3) if args.smoke else (60000, 5)
    rng = np.random.default_rng(0)
    rows = []
    for dtype in (np.float32, np.float64):
        X = rng.random((n_rows, 784), dtype=dtype)
        model = Autoencoder(
            150, hidden_layer_sizes=(300,), max_iter=1, early_stopping=False
        ).fit(X[:1000])
        pca = PCA(150).fit(X[:1000])
        models = {"validation": Validation().fit(X[:1000]), "skae": model, "PCA": pca}
        n = 20 if args.smoke else 500

        def many(transform, x=X[:1], n=n):
            for _ in range(n):
                transform(x)

        times = interleaved(
            {name: partial(many, m.transform) for name, m in models.items()},
            2 * repeats + 1,
        )
        whole = interleaved(
            {
                "skae": lambda m=model, x=X: m.transform(x),
                "PCA": lambda m=pca, x=X: m.transform(x),
            },
            repeats,
        )
        tracemalloc.start()
        model.transform(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append(
            {
                "dtype": np.dtype(dtype).name,
                "one row us": times["skae"] / n * 1e6,
                "validation us": times["validation"] / n * 1e6,
                "above validation us": (times["skae"] - times["validation"]) / n * 1e6,
                "PCA one row us": times["PCA"] / n * 1e6,
                "all rows s": whole["skae"],
                "PCA all rows s": whole["PCA"],
                "numpy MB beyond X": peak / 2**20,
            }
        )
    table(rows)
    write("transform", args, {"rows": n_rows, "transform": rows})


if __name__ == "__main__":
    main()
