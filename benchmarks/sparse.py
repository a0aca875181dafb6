"""Sparse codes of MNIST: KL, L1 and top-k, beside PCA with as many components.

How many units are active: the sum of the mean activations for the logistic code of the
KL penalty, and the mean number of entries that are not zero for the others. A unit is
dead that is zero on every test row.
"""

from __future__ import annotations

import numpy as np
from datasets import mnist
from report import parse, seconds, table, write
from sklearn.decomposition import PCA

from skae import SparseAutoencoder, TopKAutoencoder


def pca_error(train, test, k):
    """Test error of PCA with k components."""
    pca = PCA(max(1, min(k, *train.shape))).fit(train)
    X_hat = pca.inverse_transform(pca.transform(test))
    return float(np.mean((X_hat - test) ** 2))


def line(name, model, train, test, active):
    """Fit and judge one model; `active` counts the active units of codes."""
    spent, _ = seconds(lambda: model.fit(train))
    Z = model.transform(test)
    n_active = float(active(Z))
    return {
        "model": name,
        "active": n_active,
        "dead": float(np.mean(~np.any(Z != 0, axis=0))),
        "test MSE": float(np.mean((model.reconstruct(test) - test) ** 2)),
        "PCA's": pca_error(train, test, round(n_active)),
        "seconds": spent,
    }, Z


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    if args.smoke:
        train = np.random.default_rng(0).random((300, 784), dtype=np.float32)
        test, units, few, epochs, alphas = train[:100], 64, 32, 1, (1e-2,)
    else:
        train, _, test, _ = mnist()
        units, few, epochs, alphas = 2048, 256, 6, (1e-3, 3e-3, 1e-2, 2e-2)
    settings = {"max_iter": epochs, "early_stopping": False, "random_state": 0}
    kl = SparseAutoencoder(few, penalty="kl", alpha=0.1, **settings)
    row, Z = line("KL, 0.05", kl, train, test, lambda Z: Z.mean(0).sum())
    rows, means = [row], Z.mean(0)
    on_target = float(np.mean(np.abs(means / kl.sparsity - 1.0) < 0.2))
    varying = float(np.mean(Z.std(0) >= means))
    print(f"KL: {on_target:.3f} of the units within 20 % of the target,")
    print(f"    {varying:.3f} with a deviation of at least their mean")

    def not_zero(Z):
        return np.sum(Z != 0, axis=1).mean()

    top = TopKAutoencoder(units, k=32, **settings)
    rows.append(line("top-k, 32", top, train, test, not_zero)[0])
    print(f"top-k: {top.dead_fraction_:.4f} of the units dead on the training rows")
    for alpha in alphas:
        model = SparseAutoencoder(units, alpha=alpha, **settings)
        rows.append(line(f"L1, {alpha}", model, train, test, not_zero)[0])
        print(f"L1, {alpha}", flush=True)
    table(rows)
    kl_figures = {"within 20 %": on_target, "deviation at least mean": varying}
    write("sparse", args, {"models": rows, "KL": kl_figures})


if __name__ == "__main__":
    main()
