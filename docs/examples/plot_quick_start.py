"""
Five minutes
============

From a table of numbers to a code of it, and what can be done with that: fit, look,
compare, predict, search, keep.
"""

# %%
# Load
# ----
# Handwritten digits, 8 by 8 pixels: 1797 rows of 64 numbers between 0 and 16. A quarter
# of them is held out, to judge by.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# Fit
# ---
# An autoencoder squeezes every row into ``n_components`` numbers, its *code*, and draws
# the row again from them. All pixels have the same unit, so nothing is scaled here;
# where columns have different units, a ``StandardScaler`` goes first.

from skae import Autoencoder

ae = Autoencoder(n_components=8, random_state=0).fit(X_train)
print(f"{ae.n_iter_} epochs, error {ae.loss_:.2f} in squared units of X")

# %%
# Look
# ----
# ``transform`` gives the codes, ``inverse_transform`` the rows that they stand for, and
# ``reconstruct`` does both.

Z = ae.transform(X_test)
print(X_test.shape, Z.shape)

# %%

import matplotlib.pyplot as plt

from skae.inspection import plot_embeddings, plot_reconstructions

plot_reconstructions(X_test, {"Autoencoder": ae.reconstruct(X_test)}, y_test)
plt.show()

# %%
# Compare with PCA
# ----------------
# The score is the share of the variance, of rows that were not trained on, that
# survives the way through the code. PCA's own ``score`` is a likelihood, so that both
# are measured by ``reconstruction_r2``.

from sklearn.decomposition import PCA

from skae.metrics import reconstruction_r2

pca = PCA(n_components=8).fit(X_train)
for model in (pca, ae):
    print(f"{type(model).__name__:11} {reconstruction_r2(model, X_test):.3f}")

# %%
# Two components make a map.

maps = [PCA(2).fit(X_train), Autoencoder(2, max_iter=40, random_state=0).fit(X_train)]
plot_embeddings({type(m).__name__: m.transform(X_test) for m in maps}, y_test)
plt.show()

# %%
# Use it in a pipeline
# --------------------
# Whatever takes a transformer takes an autoencoder.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pipeline = make_pipeline(
    Autoencoder(n_components=8, max_iter=40, random_state=0),
    StandardScaler(),
    LogisticRegression(max_iter=1000),
)
pipeline.fit(X_train, y_train)
print(f"{pipeline.score(X_test, y_test):.3f} of the digits are recognised")

# %%
# Search
# ------
# Parameters are plain numbers, words and tuples. ``AutoencoderSearchCV`` is
# ``GridSearchCV``, and trains small networks together. (20 epochs each, so that this
# page is made quickly.)

from skae.model_selection import AutoencoderSearchCV

search = AutoencoderSearchCV(
    Autoencoder(n_components=8, max_iter=20, random_state=0),
    {"hidden_layer_sizes": [(64,), (256,)], "learning_rate_init": [1e-3, 4e-3]},
    cv=3,
).fit(X_train)
print(search.best_params_)

# %%
# Keep
# ----
# ``save`` writes a single file that holds numbers and names and no code: loading one,
# from whomever it comes, runs nothing. (What is fitted are numpy arrays, so that pickle
# and joblib work too; a whole Pipeline is for these.)

import os
import tempfile

import skae

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "digits.skae")
    search.best_estimator_.save(path)
    again = skae.load(path)
print((again.transform(X_test) == search.best_estimator_.transform(X_test)).all())

# %%
# Where to go from here: :doc:`which variant </user_guide/choosing>` suits your
# question, :doc:`what to turn first </user_guide/tuning>`, and :doc:`what goes wrong
# most often </user_guide/pitfalls>`.
