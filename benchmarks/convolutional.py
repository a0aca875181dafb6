"""Convolutional and dense autoencoder and PCA on images: MNIST and COIL-20, code 32.

The dense autoencoder is trained for as many epochs as take the convolutional one's
time. Of COIL-20, every fourth angle is left out. The last line is what a
weight of the structural similarity buys, and what it costs.
"""

from __future__ import annotations

import numpy as np
import torch
from datasets import coil20, mnist
from report import parse, seconds, table, write
from sklearn.decomposition import PCA

from skae import Autoencoder, ConvolutionalAutoencoder
from skae.objectives import structural_similarity

K = 32
SSIM_WEIGHT = 0.3
SETTINGS = {"early_stopping": False, "random_state": 0}


def every_fourth_angle():
    """COIL-20 without every fourth angle of each object, and these angles."""
    X, y = coil20()
    order = np.argsort(y, kind="stable")
    X = X[order].reshape(20, 72, 1024)
    left_out = np.arange(72) % 4 == 3
    return X[:, ~left_out].reshape(-1, 1024), X[:, left_out].reshape(-1, 1024)


def judge(name, model, train, test, shape):
    """Fit a model; its error and similarity on the test images."""
    spent, _ = seconds(lambda: model.fit(train))
    decoded = model.inverse_transform(model.transform(test))
    images = (torch.from_numpy(x).view(-1, *shape) for x in (test, decoded))
    return {
        "model": name,
        "epochs": getattr(model, "n_iter_", ""),
        "seconds": spent,
        "test MSE": float(np.mean((decoded - test) ** 2)),
        "test SSIM": float(structural_similarity(*images, data_range=1.0).mean()),
    }


def epochs_in(budget, model, train):
    """Epochs that `model` is trained for in so many seconds."""
    one, three = (
        seconds(lambda n=n: model.set_params(max_iter=n).fit(train))[0] for n in (1, 3)
    )
    return 1 + max(0, int(np.ceil(2 * (budget - one) / (three - one))))


def compare(name, train, test, shape, epochs, parameters, widths):
    """Print a table for one set of images, and return its rows."""
    parameters = {"input_shape": shape, **parameters, **SETTINGS}
    convolutional = ConvolutionalAutoencoder(K, max_iter=epochs, **parameters)
    rows = [judge("PCA", PCA(min(K, len(train))), train, test, shape)]
    rows.append(judge("convolutional", convolutional, train, test, shape))
    for width in widths:
        shared = {key: parameters[key] for key in ("batch_size", "learning_rate_init")}
        dense = Autoencoder(K, hidden_layer_sizes=(width,), **shared, **SETTINGS)
        dense.set_params(max_iter=epochs_in(rows[1]["seconds"], dense, train))
        rows.append(judge(f"dense, {width}", dense, train, test, shape))
    convolutional.set_params(ssim_weight=SSIM_WEIGHT)
    label = f"convolutional, SSIM {SSIM_WEIGHT}"
    rows.append(judge(label, convolutional, train, test, shape))
    print(name)
    table(rows)
    return rows


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    found = {}
    if args.smoke:
        noise = np.random.default_rng(0).random((300, 100), dtype=np.float32)
        recipe = {"channels": (4, 8), "batch_size": 32, "learning_rate_init": 2e-3}
        sets = [("noise", noise[:200], noise[200:], (1, 10, 10), 1, recipe, (16,))]
    else:
        train, _, test, _ = mnist()
        recipe = {"channels": (32, 64), "batch_size": 200, "learning_rate_init": 4e-3}
        few = {"channels": (64, 128), "batch_size": 32, "learning_rate_init": 2e-3}
        widths = (128, 512, 1024)
        sets = [
            ("MNIST", train, test, (1, 28, 28), 6, recipe, widths),
            ("COIL-20", *every_fourth_angle(), (1, 32, 32), 30, few, widths),
        ]
    for name, *arguments in sets:
        found[name] = compare(name, *arguments)
    write("convolutional", args, found)


if __name__ == "__main__":
    main()
