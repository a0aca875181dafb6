"""
Many digits, few labels
=======================

How many labels a classifier needs, where there are rows enough without one.
"""

# %%
# All rows for the autoencoder
# ----------------------------
# Thirteen hundred digits, of which only a few will have a label. A denoising
# autoencoder needs none: it is fitted once, to all of them. The pixels lie between 0
# and 16, and noise of 4 leaves every digit recognisable.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import DenoisingAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
autoencoder = DenoisingAutoencoder(32, noise=4.0, random_state=0).fit(X_train)

# %%
# Some labels for the head
# ------------------------
# Inside of a ``FrozenEstimator`` the autoencoder is used as it is. On its code stands a
# logistic regression (``fine_tune="head"``); or encoder and head are trained on, with
# ``consistency``: a digit under noise is to be given the class of the digit without.
# That is something to learn from all rows, too. Beside them is logistic regression on
# the pixels, which has no use for rows without a label.

from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skae import AutoencoderClassifier

frozen = FrozenEstimator(autoencoder)
common = {"unlabeled": -1, "random_state": 0}
models = {
    "fine-tuned, with consistency": AutoencoderClassifier(
        frozen, consistency=3.0, batch_size=200, **common
    ),
    "logistic regression on the code": AutoencoderClassifier(
        frozen, fine_tune="head", **common
    ),
    "logistic regression on the pixels": LogisticRegression(max_iter=1000),
}

# %%
# From one label a digit to twenty, in three draws of which rows have one.

import numpy as np


def draw_labels(n_each, seed):
    """Labels of `n_each` digits of every kind, and -1 for the others."""
    rng, few = np.random.default_rng(seed), np.full(len(y_train), -1)
    for digit in range(10):
        rows = rng.choice(np.flatnonzero(y_train == digit), n_each, replace=False)
        few[rows] = digit
    return few


sizes, draws = (1, 2, 5, 10, 20), 3
accuracy = {name: np.zeros((len(sizes), draws)) for name in models}
for i, n_each in enumerate(sizes):
    for seed in range(draws):
        few = draw_labels(n_each, seed)
        known = few != -1
        for name, model in models.items():
            if isinstance(model, LogisticRegression):
                model.fit(X_train[known], few[known])
            else:
                model.fit(X_train, few)
            accuracy[name][i, seed] = model.score(X_test, y_test)

# %%
# The code is worth some labels, and consistency many more: with half as many it is
# beyond the pixels with all of them. Bands reach from the worst draw to the best one.

import matplotlib.pyplot as plt

n_labels = 10 * np.array(sizes)
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for name, scores in accuracy.items():
    (line,) = ax.plot(n_labels, scores.mean(axis=1), "o-", label=name)
    ax.fill_between(
        n_labels,
        scores.min(axis=1),
        scores.max(axis=1),
        color=line.get_color(),
        alpha=0.15,
        linewidth=0,
    )
ax.set_xscale("log")
ax.set_xticks(n_labels, n_labels)
ax.minorticks_off()
ax.set(
    xlabel=f"labels, among {len(y_train)} digits",
    ylabel="accuracy on digits held out",
    ylim=(0.5, 1.0),
)
ax.legend(loc="lower right")
plt.show()
