"""Microseconds of `transform` for one row, and seconds and memory for 60,000.

What scikit-learn itself takes for one row is measured beside: a transformer that
validates it and gives it back. The floor for many rows is the network's matrix products
and activations alone, over rows that are scaled already, into preallocated arrays.
"""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import torch
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


class Floor:
    """Products and activations of 784-300-150 with a path: nothing before or after."""

    def __init__(self, model, X, chunk_bytes=4 * 2**20):
        fitted = model._fitted
        self.x = fitted.scaling.apply(torch.from_numpy(X))
        w = {k: torch.from_numpy(v).to(self.x) for k, v in fitted.weights.items()}
        self.bias, self.last = w["encoder.0.bias"], w["encoder.1.weight"].t()
        self.first, self.limit = w["encoder.0.weight"].t(), fitted.network.limit
        self.k = self.last.shape[1]
        n_rows = min(len(X), chunk_bytes // (X.itemsize * X.shape[1]))
        self.h = self.x.new_empty((n_rows, self.first.shape[1]))
        self.entering = self.x.new_empty((n_rows, len(self.last)))
        self.hidden = torch.empty_like(self.entering)
        self.out = self.x.new_empty((len(X), self.k))

    def run(self):
        """Encode all rows."""
        n_rows = len(self.h)
        for x, out in zip(self.x.split(n_rows), self.out.split(n_rows), strict=True):
            h, entering, hidden = (
                a[: len(x)] for a in (self.h, self.entering, self.hidden)
            )
            torch.addmm(self.bias, x, self.first, out=h)
            torch.clamp(h[:, self.k :], -self.limit, self.limit, out=entering)
            torch.ops.aten.gelu.out(entering, out=hidden)
            torch.addmm(h[:, : self.k], hidden, self.last, out=out)
        return self.out


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
        floor = Floor(model, X)
        np.testing.assert_allclose(floor.run(), model.transform(X), atol=1e-4)
        whole = interleaved(
            {
                "floor": floor.run,
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
                "one row over PCA": times["skae"] / times["PCA"],
                "all rows s": whole["skae"],
                "floor s": whole["floor"],
                "over floor": whole["skae"] / whole["floor"],
                "PCA all rows s": whole["PCA"],
                "numpy MB beyond X": peak / 2**20,
            }
        )
    table(rows)
    write("transform", args, {"rows": n_rows, "transform": rows})


if __name__ == "__main__":
    main()
