"""
Counting photons
================

Where light is scarce, an image is a count of photons. Counts have noise of their own
kind, and a likelihood of their own: the Poisson distribution's.
"""

# %%
# A flower in the dark
# --------------------
# The brightness of a photograph is taken for the light that falls on each pixel, one
# photon on average. What the camera counts is drawn from the Poisson distribution with
# that mean. Rows are patches of 8 by 8 pixels.

import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import extract_patches_2d

grey = load_sample_image("flower.jpg")[100:356:2, 200:520:2].mean(axis=2)
light = (grey / 255) ** 2.2  # photographs are stored with this exponent undone
light = light / light.mean()
counts = np.random.default_rng(0).poisson(light)
X = extract_patches_2d(counts, (8, 8)).reshape(-1, 64).astype(float)
X_mean = extract_patches_2d(light, (8, 8)).reshape(-1, 64)
print(f"{len(X)} rows, {np.mean(X == 0):.0%} of the entries 0, the largest {X.max():g}")

# %%
# Two likelihoods
# ---------------
# The same network twice: under the squared error, which takes every count for equally
# sure, and under the Poisson likelihood, for which a count of 100 may be off by 10 for
# the price of a count of 1 that is off by 1. Beside them stand PCA, and the
# factorisation into positive matrices that is fitted under the Poisson likelihood, too.
# The noise of pixels is independent: a small code leaves it out.

from sklearn.decomposition import NMF, PCA

from skae import Autoencoder

settings = {"n_components": 6, "max_iter": 12, "random_state": 0}
positive = {"solver": "mu", "beta_loss": "kullback-leibler", "tol": 1e-3}
models = {
    "PCA": PCA(6),
    "NMF, Poisson": NMF(6, init="nndsvda", random_state=0, **positive),
    "Autoencoder, Gaussian": Autoencoder(**settings),
    "Autoencoder, Poisson": Autoencoder(likelihood="poisson", **settings),
}
fitted = {}
for name, model in models.items():
    fitted[name] = model.inverse_transform(model.fit(X).transform(X))

# %%
# How far from the light
# ----------------------
# Here the light is known. The divergence of the fitted Poisson distribution from the
# true one, in nats for each entry, is the natural measure for counts; the error of the
# logarithm counts what is dark as much as what is bright. A mean of counts cannot be
# negative: where a model says that it is, 0.02 is taken in its place.

import pandas as pd

table = {}
for name, rows in fitted.items():
    mean = rows.clip(0.02)
    log_ratio = np.log(X_mean / mean)
    table[name] = {
        "negative": f"{np.mean(rows < 0):.1%}",
        "divergence": np.mean(X_mean * log_ratio - X_mean + mean).round(4),
        "error of the logarithm": np.sqrt(np.mean(log_ratio**2)).round(3),
        "squared error": np.mean((mean - X_mean) ** 2).round(3),
    }
print(pd.DataFrame(table).T.to_string())

# %%
# Put together again
# ------------------
# Each pixel is in up to 64 patches, and is given the mean of what they say of it.

import matplotlib.pyplot as plt
from sklearn.feature_extraction.image import reconstruct_from_patches_2d

panels = {"light": light, "counts": counts}
for name, rows in fitted.items():
    patches = rows.reshape(-1, 8, 8)
    panels[name] = reconstruct_from_patches_2d(patches, counts.shape)

gamma = 1 / 2.2
fig, axes = plt.subplots(2, 3, figsize=(7.5, 4.4), layout="constrained")
for ax, (name, image) in zip(axes.flat, panels.items(), strict=True):
    ax.imshow(image.clip(0) ** gamma, cmap="gray", vmin=0, vmax=light.max() ** gamma)
    ax.set(title=name, xticks=[], yticks=[])
plt.show()
