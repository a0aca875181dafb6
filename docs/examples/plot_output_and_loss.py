"""
What the output means
=====================

The same network with three outputs: any number under the squared error, a number
between 0 and 1 under the squared error, and a probability under the cross-entropy.
"""

# %%
# Black and white
# ---------------
# Digits of two colours: each pixel is 0 or 1. All three networks start at random, so
# that what is seen is the work of the loss. Here each is trained for a number of
# epochs, planned beforehand.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import Autoencoder

X, y = load_digits(return_X_y=True)
X = (X > 7).astype(float)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

outputs = {
    "identity, squared error": {"output_activation": "identity"},
    "logistic, squared error": {"output_activation": "logistic"},
    "logistic, cross-entropy": {"likelihood": "bernoulli"},
}
epochs = [1, 2, 5, 10, 20, 50]
models = {
    name: [
        Autoencoder(
            8, linear_path=False, max_iter=max_iter, random_state=0, **output
        ).fit(X_train)
        for max_iter in epochs
    ]
    for name, output in outputs.items()
}

# %%
# Their own losses are in different units, and no axis holds both. But each output that
# lies between 0 and 1 can be judged by both: by the squared error, and by the
# cross-entropy, which is infinite where an output is certain and wrong.

import numpy as np


def squared_error(P):
    """Mean squared error on the digits held out."""
    return np.mean((P - X_test) ** 2)


def cross_entropy(P):
    """Mean cross-entropy on the digits held out; nan for what is no probability."""
    if P.min() < 0 or P.max() > 1:
        return np.nan
    certain = P.clip(1e-9, 1 - 1e-9)
    return -np.mean(np.log(np.where(X_test == 1, certain, 1 - certain)))


# %%
# The identity overshoots on both sides, and must spend a part of its code on hitting 0
# and 1; its cross-entropy does not exist. Of the two logistic outputs the one trained
# on the cross-entropy is, after a few epochs, the better one by both measures. Where an
# output is certain and wrong, the logistic function is flat, and the squared error has
# next to no gradient left; that of the cross-entropy is largest there.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, measure in zip(axes, (squared_error, cross_entropy), strict=True):
    for name, fits in models.items():
        values = [measure(model.reconstruct(X_test)) for model in fits]
        ax.loglog(epochs, values, "o-", label=name)
    ax.set_xticks(epochs, epochs)
    ax.minorticks_off()
    ax.set(xlabel="max_iter", ylabel=measure.__name__.replace("_", " ") + ", held out")
axes[0].set_yticks([0.05, 0.1, 0.2], [0.05, 0.1, 0.2])
axes[1].set_yticks([0.15, 0.2, 0.3, 0.5], [0.15, 0.2, 0.3, 0.5])
axes[0].legend()
plt.show()

# %%
# As images
# ---------
# The outputs after the longest training, from white at 0 to black at 1. What leaves
# [0, 1] by more than a tenth is drawn in red.

fig, axes = plt.subplots(4, 10, figsize=(9, 4), layout="constrained")
grey = plt.get_cmap("gray_r").with_extremes(bad="tab:red")
first = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
rows = {"original": X_test}
for name, fits in models.items():
    P = fits[-1].reconstruct(X_test)
    outside = (P < -0.1) | (P > 1.1)
    label = name.replace(", ", ",\n") + f": {squared_error(P):.3f}"
    rows[label] = np.where(outside, np.nan, P)
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for ax, image in zip(line, images[first], strict=True):
        ax.imshow(image.reshape(8, 8), cmap=grey, vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
