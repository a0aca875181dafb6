"""
Filling gaps in digits
======================

Digits of which nearly a third of the pixels is missing, filled by scikit-learn's
imputers and by autoencoders.
"""

# %%
# Nearly a third of the pixels is gone
# ------------------------------------
# NaN stands for what is missing. The rows are fitted to as they are: nobody sees a
# whole digit.

import numpy as np
from sklearn.datasets import load_digits

digits, y = load_digits(return_X_y=True)
gone = np.random.default_rng(0).random(digits.shape) < 0.3
X = np.where(gone, np.nan, digits)

# %%
# Four ways to fill them
# ----------------------
# The mean of the pixel; the mean over the five nearest digits that have it;
# probabilistic PCA, as a linear autoencoder; and a network beside it. The autoencoders
# leave missing entries out of account, and ``impute`` fills in what they expect.

from sklearn.impute import KNNImputer, SimpleImputer

from skae import Autoencoder, LinearAutoencoder

models = {
    "SimpleImputer": SimpleImputer(),
    "KNNImputer": KNNImputer(),
    "LinearAutoencoder": LinearAutoencoder(16, nan_policy="omit"),
    "Autoencoder": Autoencoder(32, nan_policy="omit", random_state=0),
}
filled, captions = {}, {}
for name, model in models.items():
    fill = getattr(model.fit(X), "impute", model.transform)
    filled[name] = fill(X)
    error = np.sqrt(np.mean((filled[name] - digits)[gone] ** 2))
    captions[name] = f"error {error:.2f}"
    print(f"{name:18} root mean square error of a missing pixel: {error:.2f} of 16")

# %%
# The digits as they are, with the gaps in the least ink, and filled.

import matplotlib.pyplot as plt

from skae.inspection import plot_reconstructions

shown = {"with gaps": np.where(gone, 0.0, digits)}
for name, rows in filled.items():
    label = name.replace("Autoencoder", "\nAutoencoder").strip()
    shown[label], captions[label] = rows, captions.pop(name)
plot_reconstructions(digits, shown, y, captions=captions)
plt.show()

# %%
# How much may be missing
# -----------------------
# Each point is a fit to rows with more gaps. What is learnt of the whole is enough to
# fill most of them, and beyond that, all fall back to the mean.

shares = [0.1, 0.3, 0.5, 0.7]
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, make in {
    "SimpleImputer": SimpleImputer,
    "KNNImputer": KNNImputer,
    "LinearAutoencoder": lambda: LinearAutoencoder(16, nan_policy="omit"),
    "Autoencoder": lambda: Autoencoder(
        32, nan_policy="omit", max_iter=50, random_state=0
    ),
}.items():
    errors = []
    for share in shares:
        hidden = np.random.default_rng(1).random(digits.shape) < share
        rows = np.where(hidden, np.nan, digits)
        fill = getattr(model := make().fit(rows), "impute", model.transform)
        errors.append(np.sqrt(np.mean((fill(rows) - digits)[hidden] ** 2)))
    ax.plot(shares, errors, "o-", label=name)
ax.set_ylim(0, None)
ax.set(xlabel="share of the pixels that is missing", ylabel="root mean square error")
ax.legend()
plt.show()
