"""Denoising MNIST, code 150, one hidden layer of 300, five epochs.

Noise of sigma 1.0 on pixels in [0, 1], and masking of half the pixels. Beside it PCA,
with the number of components that denoises the test rows best, and the plain
autoencoder. The textbook prints a *train* error of 0.0408 for the Gaussian noise. How
far the code moves is the mean squared distance between the codes of a row and of its
noisy copy, over the total variance of the codes.
"""

from __future__ import annotations

import numpy as np
from datasets import mnist
from report import parse, seconds, table, write
from sklearn.decomposition import PCA

from skae import Autoencoder, DenoisingAutoencoder

SIZES = (5, 10, 15, 20, 30, 40, 60, 80, 100, 120, 150)


def noisy(X, corruption, noise):
    """A corrupted copy of X, by numpy's generator."""
    rng = np.random.default_rng(0)
    if corruption == "gaussian":
        return X + noise * rng.standard_normal(X.shape, dtype=np.float32)
    return X * (rng.random(X.shape, dtype=np.float32) >= noise)


def best_pca(train, test, seen):
    """Least error over the numbers of components, and which one."""
    pca = PCA(min(150, *train.shape)).fit(train)
    Z, errors = pca.transform(seen), {}
    for k in SIZES:
        if k <= pca.n_components_:
            X_hat = Z[:, :k] @ pca.components_[:k] + pca.mean_
            errors[k] = float(np.mean((X_hat - test) ** 2))
    return min((error, k) for k, error in errors.items())


def line(name, model, train, test, seen):
    """Fit and judge one model."""
    spent, _ = seconds(lambda: model.fit(train))
    Z, moved = model.transform(test), model.transform(seen)
    return {
        "model": name,
        "MSE from noisy rows": float(np.mean((model.reconstruct(seen) - test) ** 2)),
        "MSE from clean rows": float(np.mean((model.reconstruct(test) - test) ** 2)),
        "code moves": float(np.mean(np.sum((Z - moved) ** 2, 1)) / Z.var(0).sum()),
        "seconds": spent,
    }


def main():
    """Print the tables and write the JSON."""
    args, content = parse(__doc__), {}
    if args.smoke:
        train = np.random.default_rng(0).random((400, 784), dtype=np.float32)
        test, epochs = train[:100], 1
    else:
        train, _, test, _ = mnist()
        epochs = 5
    for corruption, noise in (("gaussian", 1.0), ("masking", 0.5)):
        seen = noisy(test, corruption, noise)
        settings = {
            "hidden_layer_sizes": (300,),
            "max_iter": epochs,
            "early_stopping": False,
            "random_state": 0,
        }
        how = {"corruption": corruption, "noise": noise}
        models = {
            "Autoencoder": Autoencoder(150, **settings),
            "DenoisingAutoencoder": DenoisingAutoencoder(150, **how, **settings),
            "the same, linear_path=False": DenoisingAutoencoder(
                150, linear_path=False, **how, **settings
            ),
        }
        rows = [line(name, m, train, test, seen) for name, m in models.items()]
        error, k = best_pca(train, test, seen)
        print(f"{corruption}, {noise}: PCA at its best, {k} components: {error:.4f}")
        table(rows)
        content[corruption] = {"PCA": error, "PCA components": k, "models": rows}
    write("denoising", args, content)


if __name__ == "__main__":
    main()
