"""
Three detectors of odd rows
===========================

What has learnt how usual rows look reconstructs others badly. How well that finds them,
by an autoencoder, by PCA, and beside an isolation forest; and how wide the code may be.
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

# %%
# :ref:`sphx_glr_auto_examples_plot_anomalies.py` goes on from here: where to draw the
# line, and what is odd about a row.
