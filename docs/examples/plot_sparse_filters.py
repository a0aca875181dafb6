"""
Filters of sparse codes
=======================

Patches of photographs, taken apart into a few of many pieces each: by PCA, which uses
all of its components for every patch, by a penalty, and by a fixed number.
"""

# %%
# Patches
# -------
# The mean grey of each patch is subtracted, and the directions of the 64 largest
# variances are brought to the same length: otherwise the slow shading, which is most of
# the variance, is all that the error sees.

import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.model_selection import train_test_split

width = 12
patches = np.concatenate(
    [
        extract_patches_2d(
            image.mean(axis=2), (width, width), max_patches=4_000, random_state=0
        ).reshape(-1, width**2)
        for image in load_sample_images().images
    ]
)
patches -= patches.mean(axis=1, keepdims=True)
whiten = PCA(64, whiten=True).fit(patches)
X_train, X_test = train_test_split(whiten.transform(patches), random_state=0)

# %%
# Two sparse codes
# ----------------
# Both have 128 units, twice as many as there are features: without sparsity they could
# copy each patch. ``alpha`` leads to some number of active units, more for one patch
# than for another; ``k`` is that number, for all of them.

from skae import SparseAutoencoder, TopKAutoencoder

settings = {"n_components": 128, "learning_rate_init": 5e-3, "random_state": 0}
penalised = {
    alpha: SparseAutoencoder(alpha=alpha, **settings).fit(X_train)
    for alpha in (0.02, 0.05, 0.1)
}
counted = {k: TopKAutoencoder(k=k, **settings).fit(X_train) for k in (4, 8, 16)}


def active(model):
    """Active units of each patch held out."""
    return np.count_nonzero(model.transform(X_test), axis=1)


for name, model in {"alpha=0.05": penalised[0.05], "k=8": counted[8]}.items():
    least, most = np.percentile(active(model), [5, 95])
    print(f"{name:10} {least:.0f} to {most:.0f} active units in most patches")

# %%
# ``components_`` holds what each unit adds to the reconstruction; turned back into
# patches, by the inverse of the whitening, these are the pieces. Here are the 64 units
# that explain the most. PCA's components are waves over the whole patch. Those of the
# sparse codes are edges, lines and pieces of a texture, each in its place.

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skae.inspection import DictionaryDisplay

shown = {
    "PCA\n64 active of 64, explains 1.00": whiten,
    **{
        f"{name}\n{active(model).mean():.1f} active of 128, "
        f"explains {model.score(X_test):.2f} held out": make_pipeline(whiten, model)
        for name, model in (
            ("SparseAutoencoder, alpha=0.05", penalised[0.05]),
            ("TopKAutoencoder, k=8", counted[8]),
        )
    },
}
fig, axes = plt.subplots(1, 3, figsize=(12, 4.8), layout="constrained")
for ax, (title, model) in zip(axes, shown.items(), strict=True):
    DictionaryDisplay.from_estimator(model, patches, ax=ax)
    ax.set_title(title)
plt.show()

# %%
# What a unit buys
# ----------------
# How much of the patches held out so many active units explain. PCA, in data that have
# no longest direction any more, explains no more than its share, a straight line. The
# penalty gets further here: it spends units where a patch has much to show, while k of
# them are active in the emptiest patch too. What speaks for k is that it need not be
# searched for, and does not shrink what it keeps.

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot([0, 64], [0, 1], "k:", label="PCA")
for name, models in (
    ("SparseAutoencoder, alpha =", penalised),
    ("TopKAutoencoder, k =", counted),
):
    n_active = [active(model).mean() for model in models.values()]
    scores = [model.score(X_test) for model in models.values()]
    (line,) = ax.plot(n_active, scores, "o-", label=name)
    for value, *place in zip(models, n_active, scores, strict=True):
        ax.annotate(
            value,
            place,
            xytext=(5, -5),
            textcoords="offset points",
            color=line.get_color(),
            va="top",
        )
ax.set(xlim=(0, 32), ylim=(0, 1))
ax.set(xlabel="active units of a patch, on average")
ax.set(ylabel="share of the variance, held out")
ax.legend(loc="lower right")
plt.show()
