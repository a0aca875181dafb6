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
# right what the codes of the same plane decode to.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import VariationalAutoencoder
from skae.inspection import EmbeddingDisplay, LatentGridDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
vae = VariationalAutoencoder(2, hidden_layer_sizes=(256, 128), random_state=0)
vae.fit(X_train)

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
EmbeddingDisplay.from_estimator(vae, X_test, y_test, ax=left)
for share in (0.5, 0.9):
    radius = np.sqrt(-2 * np.log(1 - share))
    left.add_patch(plt.Circle((0, 0), radius, fill=False, color="0.5"))
left.set(title=f"codes; held out, {vae.score(X_test):.2f} is explained", aspect="equal")
LatentGridDisplay.from_estimator(vae, X_test, n_steps=15, cmap="gray_r", ax=right)
right.set_title("decoded")
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
# The samples of the two variational models, and below each the digit that is most like
# it: none of them is a copy.

from skae.inspection import SamplesDisplay

for name in ("variational, 2 components", "variational, 8 components"):
    display = SamplesDisplay.from_estimator(
        models[name], X_train, random_state=0, cmap="gray_r"
    )
    display.ax_.set_title(name)
plt.show()

# %%
# The linear model has no ``sample``, but is drawn from as PCA is: from normal
# distributions along its components.

linear = models["linear, 8 components"]
rng = np.random.default_rng(0)
normal = rng.standard_normal((20, 8)) * np.sqrt(linear.explained_variance_)
SamplesDisplay.from_samples(linear.inverse_transform(normal), X_train, cmap="gray_r")
plt.show()
