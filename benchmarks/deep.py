"""The deep network of Hinton and Salakhutdinov (2006): 784-1000-500-250-30 on MNIST.

They report a squared error of 3.00 an image on the test set, and 13.87 for PCA.
"""

from __future__ import annotations

import numpy as np
from datasets import mnist
from report import parse, seconds, table, write
from sklearn.decomposition import PCA

from skae import Autoencoder


def error(model, X):
    """Mean over images of the squared error of an image."""
    rest = X - model.inverse_transform(model.transform(X))
    return float(np.mean(np.sum(rest**2, axis=1)))


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    if args.smoke:
        train = np.random.default_rng(0).random((400, 784), dtype=np.float32)
        test, epochs = train[:100], 1
    else:
        (train, _, test, _), epochs = mnist(), 90
    model = Autoencoder(
        30,
        hidden_layer_sizes=(1000, 500, 250),
        batch_size=250,
        max_iter=epochs,
        weight_decay=1e-5,
        early_stopping=False,
        precision="auto",
        random_state=0,
    )
    rows = []
    for name, estimator in (("PCA", PCA(30)), ("skae", model)):
        spent, _ = seconds(lambda estimator=estimator: estimator.fit(train))
        rows.append(
            {
                "method": name,
                "minutes": spent / 60,
                "test error": error(estimator, test),
            }
        )
    table(rows)
    write("deep", args, {"epochs": epochs, "runs": rows})


if __name__ == "__main__":
    main()
