"""
Rows that do not fit in
=======================

What has learnt how usual rows look reconstructs them well, and others badly. The error
finds the odd ones and tells what is odd about them, beside PCA and an isolation forest.
"""

# %%
# Trained on what is usual
# ------------------------
# Digits from 0 to 4 are usual here, and half of them are there to learn from. The other
# half is to be told from the digits 5 to 9, of which nobody has seen one. Where odd
# rows cannot be kept out of training, see :ref:`what the guide says of it <anomalies>`.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, others = train_test_split(X[y < 5], test_size=0.5, random_state=0)
X_test = np.vstack([others, X[y >= 5]])
is_odd = np.arange(len(X_test)) >= len(others)

# %%
# Scores
# ------
# PCA and the autoencoder score a row by the squared error of its reconstruction. The
# isolation forest has a score of its own. The area under the ROC curve is the
# probability that an odd row has a higher score than a usual one.

from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from skae import Autoencoder


def error_of(model, X):
    """Mean squared error of each row."""
    return np.mean((X - model.inverse_transform(model.transform(X))) ** 2, axis=1)


sizes = [2, 4, 8, 16, 32, 48]
areas = {"PCA": [], "Autoencoder": []}
for k in sizes:
    for model in (PCA(k), Autoencoder(k, max_iter=40, random_state=0)):
        error = error_of(model.fit(X_train), X_test)
        areas[type(model).__name__].append(roc_auc_score(is_odd, error))
forest = IsolationForest(random_state=0).fit(X_train)
area_of_forest = roc_auc_score(is_odd, -forest.score_samples(X_test))

# %%
# A code that is too wide reconstructs the odd rows as well as the usual ones, and the
# error no longer tells them apart: ``n_components`` is to be small.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for (name, values), style in zip(areas.items(), ("s--", "o-"), strict=True):
    ax.plot(sizes, values, style, label=name)
ax.axhline(area_of_forest, color="0.4", linestyle=":", label="IsolationForest")
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.set(xlabel="n_components", ylabel="area under the ROC curve", ylim=(0.5, 1.0))
ax.legend(loc="lower left")
plt.show()

# %%
# A threshold
# -----------
# Rows that were trained on are reconstructed too well to set a threshold by. Usual rows
# that were not are the right ones: here a fifth of the training rows is kept for that,
# and five per cent of the usual rows are given up.

fit_to, set_by = train_test_split(X_train, test_size=0.2, random_state=0)
ae = Autoencoder(8, max_iter=40, random_state=0).fit(fit_to)
threshold = np.quantile(ae.reconstruction_error(set_by), 0.95)
error = ae.reconstruction_error(X_test)

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
bins = np.geomspace(error.min(), error.max(), 40)
ax.hist(error[~is_odd], bins, color="0.75", label="usual")
ax.hist(error[is_odd], bins, histtype="step", hatch="//", color="black", label="odd")
ax.axvline(threshold, color="black", linestyle="--", label="threshold")
ax.set(xscale="log", xlabel="mean squared error of a row", ylabel="rows")
ax.legend()
plt.show()

# %%
# Shares of rows above it:

print(f"odd {np.mean(error[is_odd] > threshold):.0%}")
print(f"usual {np.mean(error[~is_odd] > threshold):.0%}")

# %%
# What is odd about a row
# -----------------------
# ``per_feature=True`` gives the error of every entry. Here are the first of the digits
# 5 to 9, what a model of 0 to 4 makes of them, and where it errs.

rows = [np.flatnonzero(y == digit)[0] for digit in range(5, 10)]
panels = {
    "row": X[rows],
    "reconstruction": ae.reconstruct(X[rows]),
    "error": ae.reconstruction_error(X[rows], per_feature=True),
}
fig, axes = plt.subplots(3, 5, figsize=(6, 3.8), layout="constrained")
for (name, images), line in zip(panels.items(), axes, strict=True):
    line[0].set_ylabel(name)
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0)
        ax.set(xticks=[], yticks=[])
plt.show()

# %%
# It need not win
# ---------------
# Benign cells of the breast cancer table are usual here, and malignant ones odd. What
# is odd about them is their size: each measurement tells by itself, no curved surface
# is needed, and the forest is at least as good.

from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

table = load_breast_cancer()
benign, others = train_test_split(
    table.data[table.target == 1], test_size=0.5, random_state=0
)
scaler = StandardScaler().fit(benign)
X_train = scaler.transform(benign)
X_test = scaler.transform(np.vstack([others, table.data[table.target == 0]]))
is_odd = np.arange(len(X_test)) >= len(others)
for model in (PCA(4), Autoencoder(4, max_iter=40, random_state=0)):
    area = roc_auc_score(is_odd, error_of(model.fit(X_train), X_test))
    print(f"{type(model).__name__:15} {area:.3f}")
forest.fit(X_train)
print(f"IsolationForest {roc_auc_score(is_odd, -forest.score_samples(X_test)):.3f}")
