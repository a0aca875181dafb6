"""
Denoising photographs
=====================

A convolutional autoencoder learns from one half of a photograph how it is made, and
takes the noise off the other half.
"""

# %%
# Patches as samples
# ------------------
# The left half of the photograph is there to learn from, a piece of the right one to be
# denoised. Every second pixel is enough here.

import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import extract_patches_2d

flower = load_sample_image("flower.jpg")[::2, ::2].astype(np.float32) / 255
known, clean = flower[:, :160], flower[40:140, 165:295]
noise = 0.15
rng = np.random.default_rng(0)
noisy = clean + noise * rng.standard_normal(clean.shape).astype(np.float32)

size = 10


def patches_of(image, max_patches=None):
    """Patches, (n, channels, height, width)."""
    found = extract_patches_2d(
        image, (size, size), max_patches=max_patches, random_state=0
    )
    return found.transpose(0, 3, 1, 2)


patches = patches_of(known, max_patches=8000)
print(f"{len(patches)} patches of the shape {patches.shape[1:]}")

# %%
# A denoiser
# ----------
# It is corrupted anew in every step, and has to give back the clean patch. PCA stands
# beside it, with the number of components that removes the noise best.

from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from skae import ConvolutionalAutoencoder
from skae.metrics import make_denoising_scorer

denoiser = ConvolutionalAutoencoder(
    64,
    input_shape=(3, size, size),
    channels=(16, 64),
    noise=noise,
    max_iter=30,
    random_state=0,
).fit(patches)

scorer = make_denoising_scorer("gaussian", noise=noise)
search = GridSearchCV(PCA(), {"n_components": range(5, 65, 5)}, scoring=scorer, cv=3)
pca = search.fit(patches.reshape(len(patches), -1)).best_estimator_
print(f"PCA: {pca.n_components_} of {pca.n_features_in_} components")

# %%
# A whole picture
# ---------------
# The picture is taken apart into all its patches, one at each pixel. Each is denoised,
# and every pixel of the result is the mean of the patches that it lies in.

import matplotlib.pyplot as plt
from sklearn.feature_extraction.image import reconstruct_from_patches_2d


def denoise(model):
    """The noisy picture, patch by patch through a model of rows."""
    rows = patches_of(noisy).reshape(-1, 3 * size * size)
    decoded = model.inverse_transform(model.transform(rows))
    decoded = decoded.reshape(-1, 3, size, size).transpose(0, 2, 3, 1)
    return reconstruct_from_patches_2d(decoded, clean.shape)


def signal_to_noise(image):
    """Peak signal-to-noise ratio, in decibels."""
    return -10 * np.log10(np.mean((image - clean) ** 2))


pictures = {
    "clean": clean,
    "noisy": noisy,
    "PCA": denoise(pca),
    "ConvolutionalAutoencoder": denoise(denoiser),
}
fig, axes = plt.subplots(2, 2, figsize=(9, 7.4), layout="constrained")
for ax, (name, picture) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(picture.clip(0, 1))
    title = name if picture is clean else f"{name}: {signal_to_noise(picture):.1f} dB"
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %%
# What the network removes, and what it should not have
# -----------------------------------------------------
# In the difference to the clean picture nothing of the flower should be left: edges
# that can be made out there are edges that have been smoothed away.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for ax, name in zip(axes, ["PCA", "ConvolutionalAutoencoder"], strict=True):
    error = np.abs(pictures[name] - clean).mean(axis=2)
    shown = ax.imshow(error, cmap="magma", vmin=0, vmax=0.15)
    ax.set(title=name, xticks=[], yticks=[])
fig.colorbar(shown, ax=axes, label="mean error of a pixel")
plt.show()
