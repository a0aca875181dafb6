"""The contractive autoencoder on MNIST: how much less its code moves, and the price.

Code 32, one hidden layer of 300. The squared norm of the encoder's Jacobian is divided
by the total variance of the codes, both on test rows, so that a code gains nothing by
shrinking. A linear classifier trained on clean codes is tested on those of rows with
normal noise added. Last, seconds of an epoch beside the plain autoencoder's.
"""

from __future__ import annotations

import numpy as np
import torch
from datasets import mnist
from report import interleaved, parse, table, write
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder, ContractiveAutoencoder, DenoisingAutoencoder

LEVELS = (0.0, 0.25, 0.5, 1.0)


def squared_jacobian_norm(model, X):
    """Mean over the rows of X, through the public torch module."""
    network, total = model.network_, 0.0
    rows = torch.from_numpy(X.astype(np.float64))
    network = network.double()
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: network.encode(x[None])[0]))
    with torch.no_grad():
        for block in rows.split(50):
            total += float(jacobian(block).square().sum())
    return total / len(X)


def accuracies(model, train, labels, test, test_labels):
    """Of a linear classifier on the code, at every level of noise."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    classifier.fit(model.transform(train), labels)
    noise = np.random.default_rng(0).standard_normal(test.shape, dtype=np.float32)
    return {
        f"accuracy, noise {level}": float(
            classifier.score(model.transform(test + level * noise), test_labels)
        )
        for level in LEVELS
    }


def line(name, model, data, n_rows):
    """Fit and judge one model."""
    train, labels, test, test_labels = data
    model.fit(train)
    scale = float(model.transform(test).var(0).sum())
    return {
        "model": name,
        "test MSE": float(np.mean((model.reconstruct(test) - test) ** 2)),
        "Jacobian / variance": float(
            squared_jacobian_norm(model, test[:n_rows]) / scale
        ),
        **accuracies(model, train[:10000], labels[:10000], test, test_labels),
    }


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    settings = {"hidden_layer_sizes": (300,), "early_stopping": False}
    settings |= {"max_iter": 10, "random_state": 0}
    data, n_rows, repeats = None, 200, 5
    if args.smoke:
        train = np.random.default_rng(0).random((300, 784), dtype=np.float32)
        labels = np.arange(300) % 10
        data, n_rows, repeats = (train, labels, train[:100], labels[:100]), 10, 1
        settings["max_iter"] = 1
    data = data or mnist()
    rows = []
    for path in (False, True):
        common = {**settings, "linear_path": path}
        models = {
            "plain": Autoencoder(32, **common),
            "contractive, 1e-3": ContractiveAutoencoder(32, alpha=1e-3, **common),
            "contractive, 1e-2": ContractiveAutoencoder(32, alpha=1e-2, **common),
            "denoising, 0.5": DenoisingAutoencoder(32, noise=0.5, **common),
        }
        for name, model in models.items():
            rows.append({"path": path} | line(name, model, data, n_rows))
            print(name, flush=True)
    table(rows)
    common = {**settings, "max_iter": 2}
    models = {
        "plain": Autoencoder(32, **common),
        "contractive": ContractiveAutoencoder(32, **common),
    }
    times = interleaved(
        {name: lambda m=m: m.fit(data[0]) for name, m in models.items()}, repeats
    )
    ratio = times["contractive"] / times["plain"]
    print(f"seconds of two epochs over the plain autoencoder's: {ratio:.2f}")
    write("contractive", args, {"models": rows, "time over plain": ratio})


if __name__ == "__main__":
    main()
