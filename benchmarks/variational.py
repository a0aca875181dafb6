"""Variational autoencoder on MNIST, 784-400-20, Bernoulli: skae beside a torch loop.

The loop is the one that everybody writes: DataLoader, ReLU, Adam at 1e-3, batches of
128. skae is trained for as many epochs, once as one would and once with the loop's own
recipe. All bounds are estimated by one function on the test rows, with the divergence
in closed form and one draw a row.
"""

from __future__ import annotations

import warnings

import numpy as np
from datasets import mnist
from naive import NaiveVAE
from report import parse, seconds, table, write
from sklearn.exceptions import ConvergenceWarning

from skae import VariationalAutoencoder

HIDDEN, CODE, BATCH = 400, 20, 128

RECIPES = {
    "skae": {"learning_rate_init": 4e-3, "precision": "auto"},
    "skae, the loop's recipe": {
        "batch_size": BATCH,
        "learning_rate_init": 1e-3,
        "learning_rate": "constant",
        "activation": "relu",
        "linear_path": False,
    },
}


def bound(X, mean, std, decode):
    """Mean evidence lower bound of the rows of X, in nats."""
    noise = np.random.default_rng(0).standard_normal(mean.shape).astype(mean.dtype)
    p = np.clip(decode(mean + std * noise).astype(np.float64), 1e-7, 1 - 1e-7)
    fit = np.sum(X * np.log(p) + (1 - X) * np.log1p(-p), axis=1)
    divergence = 0.5 * np.sum(mean**2 + std**2 - 1 - 2 * np.log(std), axis=1)
    return float(np.mean(fit - divergence))


def main():
    """Print the table and write the JSON."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    args = parse(__doc__)
    if args.smoke:
        train = np.random.default_rng(0).random((300, 784), dtype=np.float32)
        test, epochs, seeds = train[:100], 1, (0,)
    else:
        train, _, test, _ = mnist()
        epochs, seeds = 10, (0, 1, 2)
    rows = []
    for seed in seeds:
        naive = NaiveVAE(train, (train.shape[1], HIDDEN, CODE), BATCH, seed)
        spent, _ = seconds(lambda n=naive: [n.epoch() for _ in range(epochs)])
        reached = bound(test, *naive.distribution(test), naive.decode)
        rows.append(("torch loop", seed, spent, reached))
        for name, parameters in RECIPES.items():
            model = VariationalAutoencoder(
                CODE,
                hidden_layer_sizes=(HIDDEN,),
                likelihood="bernoulli",
                max_iter=epochs,
                early_stopping=False,
                random_state=seed,
                **parameters,
            )
            spent, _ = seconds(lambda m=model: m.fit(train))
            reached = bound(
                test, *model.transform_distribution(test), model.inverse_transform
            )
            rows.append((name, seed, spent, reached))
    keys = ("model", "seed", "seconds", "test bound")
    rows = [dict(zip(keys, row, strict=True)) for row in rows]
    table(rows)
    ratios = {}
    for name in dict.fromkeys(row["model"] for row in rows):
        spent = [row["seconds"] for row in rows if row["model"] == name]
        first = [row["seconds"] for row in rows if row["model"] == "torch loop"]
        ratios[name] = float(np.median(np.divide(first, spent)))
        print(f"{name}: {ratios[name]:.2f} times the loop's speed")
    write("variational", args, {"fits": rows, "times the loop's speed": ratios})


if __name__ == "__main__":
    main()
