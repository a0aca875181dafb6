"""
A table through a code
======================

Thirteen measurements of each wine, squeezed into three numbers: which of them survive,
what the code is made of, and what else it could tell.
"""

# %%
# Which features survive
# ----------------------
# The measurements have different units: a Pipeline standardises them first, and gives
# them back as they were. The first line is the root mean square of the error over all
# wines held out, in standard deviations of each feature; 1 is no better than the mean.
# The others are wines, with the sign of the error.

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder
from skae.inspection import ReconstructionDisplay

data = load_wine(as_frame=True)
cultivar = data.target.map(lambda i: f"cultivar {i}").rename(None)
X, X_test, y, y_test = train_test_split(data.data, cultivar, random_state=0)
model = make_pipeline(StandardScaler(), Autoencoder(3, random_state=0)).fit(X)
ReconstructionDisplay.from_estimator(model, X_test, y_test, n_samples=6)
plt.show()

# %%
# What the code knows
# -------------------
# The cultivar was never shown to it, and yet most of what the code keeps is about it.

from skae.inspection import EmbeddingDisplay

EmbeddingDisplay.from_estimator(model, X_test, y_test)
plt.show()

# %%
# A few of many pieces
# --------------------
# Twelve units, of which each wine uses three. A bar is what a unit adds to a feature,
# in its standard deviations; the share of the wines that use it stands at its left.
# Units that none of them uses would be crossed out.

from skae import TopKAutoencoder
from skae.inspection import DictionaryDisplay

sparse = make_pipeline(StandardScaler(), TopKAutoencoder(12, k=3, random_state=0))
DictionaryDisplay.from_estimator(sparse.fit(X), X)
plt.show()

# %%
# New wines
# ---------
# A variational autoencoder draws rows of its own: most of them within the grey band,
# which holds nine tenths of the wines.

from skae import VariationalAutoencoder
from skae.inspection import SamplesDisplay

vae = make_pipeline(StandardScaler(), VariationalAutoencoder(3, random_state=0))
SamplesDisplay.from_estimator(vae.fit(X), X, n_samples=12, random_state=0)
plt.show()
