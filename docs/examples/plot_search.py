"""
Two ways to search
==================

Sixteen settings of an autoencoder, three folds each: by ``GridSearchCV``, one fit after
another, and by ``AutoencoderSearchCV``, which trains small networks together.
"""

# %%
# The same search twice
# ---------------------
# Learning rate and weight decay of a small network, on digits. Whatever the search, the
# score is the share of the variance of the rows left out that their reconstructions
# explain.

import time

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skae import Autoencoder
from skae.model_selection import AutoencoderSearchCV

X = load_digits().data
ae = Autoencoder(8, hidden_layer_sizes=(32,), max_iter=20, random_state=0)
grid = {
    "learning_rate_init": [1e-3, 2e-3, 4e-3, 8e-3],
    "weight_decay": [0.0, 1e-4, 1e-3, 1e-2],
}
searches = {
    "GridSearchCV": GridSearchCV(ae, grid, cv=3),
    "AutoencoderSearchCV": AutoencoderSearchCV(ae, grid, cv=3),
    "with factor=4": AutoencoderSearchCV(ae, grid, cv=3, factor=4),
}
seconds = {}
for name, search in searches.items():
    began = time.perf_counter()
    search.fit(X)
    seconds[name] = time.perf_counter() - began
    print(
        f"{name:20} {seconds[name]:5.1f} s  {search.best_score_:.4f}  "
        f"{search.best_params_}"
    )

# %%
# Seconds are those of the machine that made this page. The first two have the same
# scores but for rounding. The third gives all candidates a few epochs, and only the
# best quarter of them all.

import numpy as np

one, two = (
    searches[name].cv_results_["mean_test_score"]
    for name in ("GridSearchCV", "AutoencoderSearchCV")
)
print(f"largest difference of a score: {np.abs(one - two).max():.0e}")

# %%
# What was found
# --------------
# ``cv_results_`` is what it is with ``GridSearchCV``, and makes the same pictures.

import matplotlib.pyplot as plt

scores = two.reshape(len(grid["learning_rate_init"]), len(grid["weight_decay"]))
fig, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
image = ax.imshow(scores, cmap="gray")
for (i, j), score in np.ndenumerate(scores):
    shade = "black" if image.norm(score) > 0.5 else "white"
    ax.text(j, i, f"{score:.3f}", ha="center", va="center", color=shade)
ax.set_xticks(range(scores.shape[1]), [f"{v:g}" for v in grid["weight_decay"]])
ax.set_yticks(range(scores.shape[0]), [f"{v:g}" for v in grid["learning_rate_init"]])
ax.set(xlabel="weight_decay", ylabel="learning_rate_init")
fig.colorbar(image, label="explained variance, mean of the folds")
plt.show()
