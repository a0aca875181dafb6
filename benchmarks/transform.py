"""Microseconds of `transform` for one row, and seconds and memory for 60,000."""

from __future__ import annotations

import tracemalloc

import numpy as np
from report import interleaved, parse, table, write
from sklearn.decomposition import PCA
from sklearn.utils.validation import validate_data

from skae import Autoencoder


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
        one = X[:1]

        def many(call, n=20 if args.smoke else 500):
            return lambda: [call() for _ in range(n)] and None

        n = 20 if args.smoke else 500
        times = interleaved(
            {
                "validation": many(
                    lambda m=model, x=one: validate_data(
                        m, x, reset=False, dtype=(np.float64, np.float32)
                    )
                ),
                "skae": many(lambda m=model, x=one: m.transform(x)),
                "PCA": many(lambda m=pca, x=one: m.transform(x)),
            },
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
