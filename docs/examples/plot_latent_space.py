"""
What the components mean
========================

A code of six numbers, taken apart: what each of them does to a digit, to the rows of a
table, and to a signal.
"""

# %%
# One component at a time
# -----------------------
# All other components stand still at their means. The penalty of a variational
# autoencoder keeps its components independent, and switches off those that are not
# worth their price: these change nothing, and come last.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skae import VariationalAutoencoder
from skae.inspection import LatentTraversalDisplay

X, y = load_digits(return_X_y=True)
vae = VariationalAutoencoder(6, max_iter=100, random_state=0).fit(X)
LatentTraversalDisplay.from_estimator(vae, X)
plt.show()

# %%
# Starting from a digit
# ---------------------
# ``center`` is the code to start from. Here it is that of a nine, and what moves it
# from there tells more than what moves the mean of all digits.

nine = X[y == 9][:1]
LatentTraversalDisplay.from_estimator(
    vae, X, components=[0, 1, 2], center=vae.transform(nine)[0]
)
plt.show()

# %%
# Two components at a time
# ------------------------
# The codes of all digits in two of the six components, and what this plane decodes to.
# Both have the same axes.

from skae.inspection import EmbeddingDisplay, LatentGridDisplay

fig, (left, right) = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
EmbeddingDisplay.from_estimator(vae, X, y, components=(0, 1), ax=left)
LatentGridDisplay.from_estimator(vae, X, components=(0, 1), ax=right)
plt.show()

# %%
# Rows of a table
# ---------------
# What is no image is drawn over its features, in their standard deviations. The rows
# are wines; the Pipeline gives them back in their own units, and has the names.

from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

wine = load_wine(as_frame=True).data
model = make_pipeline(StandardScaler(), VariationalAutoencoder(3, random_state=0))
LatentTraversalDisplay.from_estimator(model.fit(wine), wine)
plt.show()

# %%
# A grid of two components is a map for each feature: of the values that the codes of
# the plane decode to, with lines of equal height, which are dashed below the mean.

LatentGridDisplay.from_estimator(model, wine, components=(0, 1))
plt.show()

# %%
# A signal
# --------
# Waves, of which rate and phase differ. ``image_shape=False`` says that 64 values are
# no image of 8 x 8 pixels.

import numpy as np

from skae import Autoencoder

rng = np.random.default_rng(0)
rate, phase = rng.uniform(1, 2, (1000, 1)), rng.uniform(0, 3, (1000, 1))
waves = np.sin(np.linspace(0, 2 * np.pi, 64) * rate + phase)
ae = Autoencoder(2, hidden_layer_sizes=(128, 64), random_state=0).fit(waves)
print(f"{ae.score(waves):.3f} of the variance is explained by two numbers")
LatentGridDisplay.from_estimator(ae, waves, n_steps=9, image_shape=False)
plt.show()
