"""
A model that draws digits
=========================

A variational autoencoder is a distribution of rows as well as a code for them: here are
digits that nobody has written.
"""

# %%
# A code of two numbers
# ---------------------
# The code of a digit is a normal distribution. On the left the means of those that were
# not trained on, with the circles that hold half and nine tenths of the prior; on the
# right what codes of the same plane decode to, at equal steps of the prior's
# probability.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import VariationalAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
vae = VariationalAutoencoder(2, hidden_layer_sizes=(256, 128), random_state=0)
vae.fit(X_train)

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm


def tiles(rows, n_columns):
    """One image of many digits, side by side."""
    digits = np.pad(rows.reshape(-1, n_columns, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return digits.swapaxes(1, 2).reshape(-1, n_columns * 10)


steps = norm.ppf(np.linspace(0.02, 0.98, 15))
grid = np.dstack(np.meshgrid(steps, steps[::-1])).reshape(-1, 2)

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
Z = vae.transform(X_test)
points = left.scatter(*Z.T, c=y_test, cmap="tab10", vmin=-0.5, vmax=9.5, s=14)
for share in (0.5, 0.9):
    radius = np.sqrt(-2 * np.log(1 - share))
    left.add_patch(plt.Circle((0, 0), radius, fill=False, color="0.5"))
fig.colorbar(points, ax=left, ticks=range(10), label="digit")
left.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
left.set_title(f"codes; held out, {vae.score(X_test):.2f} is explained")
right.imshow(tiles(vae.inverse_transform(grid), len(steps)), cmap="gray_r")
right.set_title("decoded")
right.set(xticks=[], yticks=[], xlabel="$z_1$", ylabel="$z_2$")
plt.show()

# %%
# Samples
# -------
# ``sample`` draws codes from the prior and decodes them. Two numbers are few for a
# digit. With more, the reconstructions get sharper; whether the samples do too depends
# on whether the codes fill the prior. The bound on the log-likelihood of digits held
# out is a measure of both. PCA, a normal distribution, has the exact one, and so has
# the linear autoencoder.

from skae import LinearAutoencoder

models = {
    "linear, 8 components": LinearAutoencoder(8),
    "variational, 2 components": vae,
    "variational, 8 components": VariationalAutoencoder(8, random_state=0),
}
for name, model in models.items():
    if model is not vae:
        model.fit(X_train)
    likelihood = model.score_samples(X_test).mean()
    r2 = model.score(X_test)
    print(f"{name:26} {likelihood:7.1f} nats, {r2:.2f} of the variance explained")

# %%
# The linear model's rows are drawn as PCA's: from normal distributions along its
# components. Its digits are the first draft of those below them, from the same numbers.

rng = np.random.default_rng(0)
linear, _, vae8 = models.values()
normal = rng.standard_normal((40, 8)) * np.sqrt(linear.explained_variance_)
drawn = {
    "digits": X_test[:40],
    "linear, 8 components": linear.inverse_transform(normal),
    "variational, 2 components": vae.sample(40, random_state=0),
    "variational, 8 components": vae8.sample(40, random_state=0),
}
fig, axes = plt.subplots(2, 2, figsize=(10, 4.6), layout="constrained")
for ax, (name, rows) in zip(axes.flat, drawn.items(), strict=True):
    ax.imshow(tiles(rows, 10), cmap="gray_r", vmin=0, vmax=16)
    held_out = f", {models[name].score(X_test):.2f} explained" if name in models else ""
    ax.set_title(name + held_out)
    ax.set_axis_off()
plt.show()
