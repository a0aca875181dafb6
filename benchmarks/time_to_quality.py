"""Test error against seconds on MNIST, code 150, one hidden layer of 300.

skae, a naive DataLoader loop, MLPRegressor(X, X) and PCA(150), in one run. The loop
sets the mark: the error that it has after 25 epochs, and the seconds it takes. skae is
charged the fewest of its epochs that reach the mark with every seed. All in: everything
from the call of `fit` on is counted, imports are not.
"""

from __future__ import annotations

import statistics
import warnings

import numpy as np
from datasets import mnist
from naive import NaiveLoop
from report import parse, seconds, table, write
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from skae import Autoencoder

WIDTHS = (784, 300, 150)


def squared_error(X, reconstruction):
    """Mean over all entries."""
    return float(np.mean((X - reconstruction) ** 2))


def run_naive(train, test, epochs, seed):
    """Seconds of `epochs` of the naive loop, and its curve of test errors."""
    loop, spent, curve = NaiveLoop(train, WIDTHS, 150, seed=seed), 0.0, []
    for _ in range(epochs):
        spent += seconds(loop.epoch)[0]
        curve.append((spent, loop.error(test)))
    return curve


def run_skae(train, test, epochs, seed):
    """Seconds of a fit of `epochs`, and the test error after it."""
    model = Autoencoder(
        150,
        hidden_layer_sizes=(300,),
        learning_rate_init=3e-3,
        batch_size=150,
        max_iter=epochs,
        early_stopping=False,
        precision="auto",
        random_state=seed,
    )
    spent, _ = seconds(lambda: model.fit(train))
    return spent, squared_error(test, model.reconstruct(test))


def run_mlp(train, test, epochs, seed):
    """Seconds of `epochs` of MLPRegressor, and its test error."""
    model = MLPRegressor(
        hidden_layer_sizes=(300, 150, 300),
        batch_size=150,
        max_iter=epochs,
        random_state=seed,
    )
    spent, _ = seconds(lambda: model.fit(train, train))
    return spent, squared_error(test, model.predict(test))


def run_pca(train, test):
    """Seconds of PCA(150), and its test error."""
    model = PCA(150)
    spent, _ = seconds(lambda: model.fit(train))
    return spent, squared_error(test, model.inverse_transform(model.transform(test)))


def main():
    """Print the table and write the JSON."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    args = parse(__doc__)
    if args.smoke:
        train = np.random.default_rng(0).random((500, 784), dtype=np.float32)
        test, seeds, naive_epochs, epochs, mlp_epochs = train[:100], [0], 2, [1, 2], 1
    else:
        train, _, test, _ = mnist()
        seeds, naive_epochs, epochs, mlp_epochs = [0, 1, 2], 25, [1, 2, 5, 10], 5
    rows, marks, all_fits = [], [], []
    for seed in seeds:
        curve = run_naive(train, test, naive_epochs, seed)
        fits = {n: run_skae(train, test, n, seed) for n in epochs}
        marks.append(curve[-1])
        all_fits.append(fits)
        rows.append(_row("naive", naive_epochs, seed, curve[-1]))
        rows += [_row("skae", n, seed, result) for n, result in fits.items()]
        rows.append(_row("PCA", "-", seed, run_pca(train, test)))
        mlp = run_mlp(train, test, mlp_epochs, seed)
        rows.append(_row("MLPRegressor", mlp_epochs, seed, mlp))
    table(rows)
    ratio = times_faster(marks, all_fits, epochs)
    print(f"to the naive loop's last error: {ratio:.1f} times faster (median)")
    write("time_to_quality", args, {"runs": rows, "times faster": ratio})


def times_faster(marks, all_fits, epochs):
    """Median over the seeds; nan where no number of epochs always reaches the mark."""
    pairs = list(zip(marks, all_fits, strict=True))
    for n in epochs:
        if all(fits[n][1] <= error for (_, error), fits in pairs):
            return statistics.median(spent / fits[n][0] for (spent, _), fits in pairs)
    return float("nan")


def _row(method, epochs, seed, result):
    spent, error = result
    return {
        "method": method,
        "epochs": epochs,
        "seed": seed,
        "seconds": spent,
        "test MSE": error,
    }


if __name__ == "__main__":
    main()
