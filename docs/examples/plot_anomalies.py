"""
Rows that come back badly
=========================

An autoencoder that has only seen benign tumours gives back malignant ones badly: a
look at its training, at the errors of both, and at where they come from.
"""

# %%
# Trained on what is normal
# -------------------------
# Thirty measurements of each tumour, in different units, and therefore standardised.
# The loss curve has the error of each epoch on rows that are trained on, and on others.
# With so few rows the latter is the mean of five folds. They say after how many epochs
# it is enough, and the fit to all rows ends there.

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder
from skae.inspection import LossCurveDisplay

data = load_breast_cancer(as_frame=True)
X, kind = data.data, data.target.map({0: "malignant", 1: "benign"})
benign, benign_test = train_test_split(X[kind == "benign"], random_state=0)

model = make_pipeline(StandardScaler(), Autoencoder(6, random_state=0)).fit(benign)

import matplotlib.pyplot as plt

LossCurveDisplay.from_estimator(model)
plt.show()

# %%
# Where to draw the line
# ----------------------
# A threshold that one in twenty of the benign rows lies above, among rows that were not
# trained on. The errors of a Pipeline are those of its last step, here in squared
# standard deviations.

import numpy as np
import pandas as pd

from skae.inspection import ReconstructionErrorDisplay

scaler, autoencoder = model
usual = autoencoder.reconstruction_error(scaler.transform(benign_test))
new = pd.concat([benign_test, X[kind == "malignant"]])
display = ReconstructionErrorDisplay.from_estimator(
    model, new, kind[new.index], threshold=np.quantile(usual, 0.95)
)
for label, share in display.share_above.items():
    print(f"{share:.0%} of the {label} rows lie above the threshold")
plt.show()

# %%
# Why a row is unusual
# --------------------
# Five benign rows, and below them the five worst malignant ones: what of each feature
# came back wrong, in its standard deviations. Above the line is what is usual over all
# of these rows.

from skae.inspection import ReconstructionDisplay

worst = np.argsort(-display.errors)[:5]
ReconstructionDisplay.from_estimator(model, new, rows=[*range(5), *worst])
plt.show()

# %%
# Where it is more than PCA
# -------------------------
# The tumours lie near a plane, and PCA finds the unusual ones as well. Digits do not.
# Here nine of the ten are what is normal. PCA gives the other one, 9, back as well as
# any of them.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

digits, y = load_digits(return_X_y=True)
known, known_test = train_test_split(digits[y != 9], random_state=0)
new = np.vstack([known_test, digits[y == 9]])
label = np.repeat(["0 to 8", "9"], [len(known_test), np.sum(y == 9)])

fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for ax, reduce in zip(axes, (PCA(8), Autoencoder(8, random_state=0)), strict=True):
    display = ReconstructionErrorDisplay.from_estimator(
        reduce.fit(known), new, label, ax=ax, scale="log"
    )
    auc = roc_auc_score(label == "9", display.errors)
    ax.set_title(f"{type(reduce).__name__}: area under the ROC curve {auc:.2f}")
plt.show()
