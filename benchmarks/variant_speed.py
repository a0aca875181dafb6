"""Seconds of an epoch of every variant, over those of the plain autoencoder.

The same network and data for both: MNIST, code 32, one hidden layer of 300; 256 and
2,048 units without hidden layers for the sparse ones. Beside the hand-written step the
same objective by autograd.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from datasets import mnist
from report import interleaved, parse, table, write

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

DEEP = {"n_components": 32, "hidden_layer_sizes": (300,)}
WIDE = {"hidden_layer_sizes": (), "learning_rate_init": 1e-3}


def by_autograd(model):
    """The same variant without a hand-written step."""
    compose = model._compose
    model._compose = lambda d: replace(compose(d), backprop=None)
    return model


def pairs():
    """Name, the variant's class and parameters, and those of its plain counterpart."""
    relu, logistic = {"code_activation": "relu"}, {"code_activation": "logistic"}
    wide, wider = {"n_components": 256, **WIDE}, {"n_components": 2048, **WIDE}
    return [
        ("denoising", DenoisingAutoencoder, DEEP, DEEP),
        ("variational", VariationalAutoencoder, DEEP, DEEP),
        ("contractive", ContractiveAutoencoder, DEEP, DEEP),
        ("L1", SparseAutoencoder, wide, wide | relu),
        ("KL", SparseAutoencoder, wide | {"penalty": "kl"}, wide | logistic),
        ("top-k", TopKAutoencoder, wider | {"k": 32}, wider | relu),
    ]


def main():
    """Print the table and write the JSON."""
    args, rows = parse(__doc__), []
    X, repeats = mnist()[0][:20000], 3
    settings = {"max_iter": 2, "early_stopping": False, "random_state": 0}
    if args.smoke:
        X, repeats = np.random.default_rng(0).random((100, 784), dtype=np.float32), 1
    for name, kind, parameters, plain in pairs():
        models = {
            "plain": Autoencoder(**plain, **settings),
            "by hand": kind(**parameters, **settings),
            "autograd": by_autograd(kind(**parameters, **settings)),
        }
        times = interleaved(
            {key: lambda m=m: m.fit(X) for key, m in models.items()}, repeats
        )
        rows.append(
            {
                "variant": name,
                "plain s": times["plain"] / 2,
                "variant over plain": times["by hand"] / times["plain"],
                "autograd over plain": times["autograd"] / times["plain"],
            }
        )
    table(rows)
    write("variant_speed", args, {"epochs": rows})


if __name__ == "__main__":
    main()
