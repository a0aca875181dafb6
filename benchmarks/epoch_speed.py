"""Seconds per epoch: skae's hand-written step, its autograd step, and a naive loop.

W1 is MNIST through 784-300-150-300-784 in batches of 150, W2 is digits through
64-32-8-32-64 in batches of 32 and of 200; ELU, Adam at 1e-3, no linear path: the same
network and the same recipe for all. A fit of skae is timed whole, with validation of
X, scaling and the evaluation after training, and divided by its epochs; the loop alone
is what each epoch after the first one adds. Fits without the extra openblas make their
products with torch alone.
"""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from datasets import mnist
from naive import NaiveLoop
from report import interleaved, parse, table, write
from sklearn.datasets import load_digits

from skae import Autoencoder


def workloads(smoke):
    """Name, data, encoder widths, batch size, epochs of a timed fit."""
    digits = (load_digits().data / 16).astype(np.float32)
    work = [
        ("W2, batch 32", digits, (64, 32, 8), 32, 20),
        ("W2, batch 200", digits, (64, 32, 8), 200, 60),
    ]
    if smoke:
        return [(name, X[:300], w, b, 2) for name, X, w, b, _ in work]
    return [("W1, batch 150", mnist()[0], (784, 300, 150), 150, 5), *work]


def autoencoder(widths, batch_size, epochs, precision="float32"):
    """skae with the recipe of the naive loop."""
    return Autoencoder(
        widths[-1],
        hidden_layer_sizes=widths[1:-1],
        activation="elu",
        linear_path=False,
        learning_rate="constant",
        learning_rate_init=1e-3,
        batch_size=batch_size,
        max_iter=epochs,
        n_iter_no_change=np.inf,
        early_stopping=False,
        precision=precision,
        random_state=0,
    )


def without_openblas(estimator, X):
    """Fit as where the library is not installed."""
    with patch("skae.networks.products.openblas", lambda: None):
        estimator.fit(X)


def measure(name, X, widths, batch_size, epochs, repeats):
    """One line of the table."""
    loop = NaiveLoop(X, widths, batch_size)
    losses = [loop.epoch() for _ in range(epochs)]
    plain = autoencoder(widths, batch_size, epochs)
    single = autoencoder(widths, batch_size, 1)
    rounded = autoencoder(widths, batch_size, epochs, precision="bfloat16")
    times = interleaved(
        {
            "naive": lambda: [loop.epoch() for _ in range(max(1, epochs // 3))],
            "skae": lambda: plain.fit(X),
            "one epoch": lambda: single.fit(X),
            "without openblas": lambda: without_openblas(plain, X),
            "one epoch without": lambda: without_openblas(single, X),
            "skae, bfloat16 products": lambda: rounded.fit(X),
        },
        repeats,
    )
    naive = times["naive"] / max(1, epochs // 3)
    loop_seconds = (times["skae"] - times["one epoch"]) / (epochs - 1)
    without = times["without openblas"] - times["one epoch without"]
    return {
        "workload": name,
        "naive s": naive,
        "skae s": times["skae"] / epochs,
        "ratio": naive / (times["skae"] / epochs),
        "loop alone s": loop_seconds,
        "loop alone ratio": naive / loop_seconds,
        "of that without openblas": loop_seconds / without * (epochs - 1),
        "bfloat16 ratio": naive / (times["skae, bfloat16 products"] / epochs),
        "naive loss": losses[-1],
        "skae loss": plain.loss_curve_[-1],
    }


def main():
    """Print the table and write the JSON."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    args = parse(__doc__)
    repeats = 1 if args.smoke else 3
    rows = [measure(*work, repeats) for work in workloads(args.smoke)]
    table(rows)
    write("epoch_speed", args, {"seconds per epoch": rows})


if __name__ == "__main__":
    main()
