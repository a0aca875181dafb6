"""LinearAutoencoder beside PCA: the angle to the float64 subspace, and seconds."""

from __future__ import annotations

import numpy as np
from datasets import mnist
from report import interleaved, parse, seconds, table, write
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA

from skae import LinearAutoencoder


def reference(X, n_components):
    """First right singular vectors of the centred data, in float64: (k, d)."""
    wide = X.astype(np.float64)
    wide -= wide.mean(axis=0)
    return np.linalg.svd(wide, full_matrices=False)[2][:n_components]


def angle(model, axes):
    """Largest principal angle between the subspaces, in rad."""
    return float(subspace_angles(model.components_.T, axes.T)[0])


def measure(name, X, n_components, repeats):
    """One line of the table."""
    axes = reference(X, n_components)
    models = {
        "PCA": PCA(n_components),
        "exact": LinearAutoencoder(n_components),
    }
    times = interleaved({k: lambda m=m: m.fit(X) for k, m in models.items()}, repeats)
    trained = LinearAutoencoder(n_components, solver="adam", random_state=0)
    spent, _ = seconds(lambda: trained.fit(X))
    ratios = [m.explained_variance_ratio_ for m in models.values()]
    return {
        "data": name,
        "dtype": str(X.dtype),
        "n_components": n_components,
        "PCA s": times["PCA"],
        "exact s": times["exact"],
        "exact / PCA": times["exact"] / times["PCA"],
        "PCA rad": angle(models["PCA"], axes),
        "exact rad": angle(models["exact"], axes),
        "adam rad": angle(trained, axes),
        "adam s": spent,
        "variance ratio error": float(np.abs(ratios[0] - ratios[1]).max()),
    }


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    work = [
        ("digits", load_digits().data, 8),
        ("breast cancer, raw", load_breast_cancer().data, 8),
    ]
    if not args.smoke:
        train = mnist()[0]
        work += [("MNIST", train, 32), ("MNIST", train.astype(np.float64), 32)]
    rows = [measure(*item, repeats=1 if args.smoke else 5) for item in work]
    table(rows)
    write("linear", args, {"fits": rows})


if __name__ == "__main__":
    main()
