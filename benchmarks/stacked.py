"""Greedy layers and fine-tuning beside training from scratch, at equal time.

MNIST through 784-1000-500-250-30 from He's random start. The stacked network takes a
number of epochs for each layer and for the whole; the deep one is then given as many
epochs as fit into the same seconds.
"""

from __future__ import annotations

import numpy as np
from datasets import mnist
from report import parse, seconds, table, write

from skae import Autoencoder, StackedAutoencoder


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    if args.smoke:
        train = np.random.default_rng(0).random((300, 784), dtype=np.float32)
        test, sizes, epochs = train[:100], (20, 10), 1
    else:
        train, _, test, _ = mnist()
        sizes, epochs = (1000, 500, 250), 5
    settings = {"hidden_layer_sizes": sizes, "linear_path": False, "init": "he"}
    settings |= {"early_stopping": False, "random_state": 0}

    def judge(name, model):
        spent, _ = seconds(lambda: model.fit(train))
        error = float(np.mean((model.reconstruct(test) - test) ** 2))
        return {
            "model": name,
            "epochs": model.max_iter,
            "seconds": spent,
            "test MSE": error,
            "squared error an image": error * train.shape[1],
        }

    greedy = StackedAutoencoder(30, fine_tune=False, max_iter=epochs, **settings)
    stacked = StackedAutoencoder(30, max_iter=epochs, **settings)
    rows = [judge("greedy layers alone", greedy), judge("stacked", stacked)]
    one, three = (
        judge("from scratch", Autoencoder(30, max_iter=n, **settings))["seconds"]
        for n in (1, 3)
    )
    more = 1 + max(0, int(np.ceil(2 * (rows[1]["seconds"] - one) / (three - one))))
    rows.append(judge("from scratch", Autoencoder(30, max_iter=more, **settings)))
    table(rows)
    write("stacked", args, {"models": rows})


if __name__ == "__main__":
    main()
