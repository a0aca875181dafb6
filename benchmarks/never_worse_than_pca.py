"""Held-out error of the default Autoencoder over PCA's, on every table at hand.

30 % of at most 4,000 rows of each set are held out, features are standardised on the
rest, n_components is 2, 4 and 8 where there are more features, three seeds. A fit that
ended at PCA itself, where it started, is counted as such and not as below.
"""

from __future__ import annotations

import numpy as np
from datasets import split, tables
from report import parse, seconds, table, write
from sklearn.decomposition import PCA

from skae import Autoencoder

SIZES = (2, 4, 8)


def error(model, X):
    """Mean squared error of the reconstruction."""
    return float(np.mean((X - model.inverse_transform(model.transform(X))) ** 2))


def case(name, X, n_components, seed, **parameters):
    """One fit beside PCA's."""
    train, test = split(X, seed)
    pca = PCA(n_components).fit(train)
    model = Autoencoder(n_components, random_state=seed, **parameters)
    spent, _ = seconds(lambda: model.fit(train))
    start = error(pca, train)
    return {
        "data": name,
        "n_components": n_components,
        "seed": seed,
        "ratio": error(model, test) / error(pca, test),
        "ended at PCA": bool(abs(model.loss_ / start - 1.0) < 1e-6),
        "seconds": spent,
    }


def cases(names, seeds, **parameters):
    """All cases of the named tables."""
    return [
        case(name, X, n_components, seed, **parameters)
        for name, X in tables().items()
        if names is None or name in names
        for n_components in SIZES
        if n_components < X.shape[1]
        for seed in seeds
    ]


def summary(rows):
    """Shares and quantiles of the ratios."""
    ratios = np.array([row["ratio"] for row in rows])
    at_pca = np.array([row["ended at PCA"] for row in rows])
    return {
        "cases": len(rows),
        "below PCA": float(np.mean((ratios < 1.0) & ~at_pca)),
        "above PCA": float(np.mean((ratios > 1.0) & ~at_pca)),
        "median ratio": float(np.median(ratios)),
        "largest ratio": float(ratios.max()),
        "ended at PCA": float(at_pca.mean()),
        "median seconds": float(np.median([row["seconds"] for row in rows])),
    }


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    rows = cases({"iris"}, [0], max_iter=2) if args.smoke else cases(None, [0, 1, 2])
    names = dict.fromkeys(row["data"] for row in rows)
    table(
        [
            {"data": name} | summary([row for row in rows if row["data"] == name])
            for name in names
        ]
    )
    print()
    table([summary(rows)])
    write("never_worse_than_pca", args, {"summary": summary(rows), "cases": rows})


if __name__ == "__main__":
    main()
