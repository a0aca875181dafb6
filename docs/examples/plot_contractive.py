"""
Codes that stay where they are
==============================

How far does a code move when noise is added to a row? That of an autoencoder, of one
whose Jacobian is penalised, and of one that was trained on noisy rows; and what each of
them pays for it.
"""

# %%
# Three autoencoders
# ------------------
# The network of the paper [1]_: one layer of 128 logistic units, twice as many as there
# are pixels, and tied weights. These matter here: without them the code could shrink
# and the decoder make up for it, and the Jacobian would be small for nothing.

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import Autoencoder, ContractiveAutoencoder, DenoisingAutoencoder

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

layer = {
    "n_components": 128,
    "hidden_layer_sizes": (),
    "code_activation": "logistic",
    "tied_weights": True,
    "random_state": 0,
}
models = {
    "plain": Autoencoder(**layer),
    "contractive": ContractiveAutoencoder(alpha=0.1, **layer),
    "denoising": DenoisingAutoencoder(noise=0.3, **layer),
}
for model in models.values():
    model.fit(X_train)

# %%
# How far codes move
# ------------------
# Noise of growing size is added to digits held out. The distance by which their codes
# move is divided by the spread of the codes, so that a smaller code is no advantage. A
# linear classifier, trained on the codes of clean digits, tells whether it matters.

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

levels = [0, 0.1, 0.2, 0.3, 0.4, 0.5]
unit_noise = np.random.default_rng(0).standard_normal(X_test.shape)


def distance_moved(model, level):
    """Distance by which codes move, relative to their spread."""
    Z = model.transform(X_test)
    moved = model.transform(X_test + level * unit_noise) - Z
    spread = Z - Z.mean(axis=0)
    return np.sqrt(np.sum(moved**2) / np.sum(spread**2))


fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, model in models.items():
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(model.transform(X_train), y_train)
    accuracies = [
        classifier.score(model.transform(X_test + level * unit_noise), y_test)
        for level in levels
    ]
    lost = 1 - model.score(X_test)
    left.plot(levels, [distance_moved(model, level) for level in levels], "o-")
    right.plot(levels, accuracies, "o-", label=f"{name}, {lost:.3f} left over")
left.set(xlabel="noise", ylabel="distance moved, in spreads of the code")
right.set(xlabel="noise", ylabel="accuracy of a linear classifier")
right.legend(title="share of the variance, held out")
plt.show()

# %%
# The price
# ---------
# Robustness is paid for in reconstruction. From left to right the penalty, or the
# noise, grows, the codes hold still, and the digits come back worse.

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
plain = models["plain"]
ax.plot(1 - plain.score(X_test), distance_moved(plain, 0.3), "o", label="plain")
for name, parameter, values, below in (
    ("contractive", "alpha", [0.01, 0.1, 1], True),
    ("denoising", "noise", [0.1, 0.3, 0.8], False),
):
    fits = [clone(models[name]).set_params(**{parameter: v}) for v in values]
    lost = [1 - model.fit(X_train).score(X_test) for model in fits]
    moved = [distance_moved(model, 0.3) for model in fits]
    (line,) = ax.plot(lost, moved, "o-", label=f"{name}, {parameter} =")
    for value, *place in zip(values, lost, moved, strict=True):
        ax.annotate(
            value,
            place,
            xytext=(-4, -3) if below else (4, 4),
            textcoords="offset points",
            color=line.get_color(),
            ha="right" if below else "left",
            va="top" if below else "bottom",
        )
ax.set(xlim=(-0.06, 0.65), ylim=(0, 1))
ax.set(xlabel="share of the variance left over, held out")
ax.set(ylabel="distance moved under noise of 0.3")
ax.legend()
plt.show()

# %%
# .. [1] Rifai, S., Vincent, P., Muller, X., Glorot, X. and Bengio, Y. (2011).
#    Contractive auto-encoders: explicit invariance during feature extraction. ICML,
#    833-840.
