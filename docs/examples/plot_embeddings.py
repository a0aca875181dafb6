"""
Maps of digits
==============

Digits on a plane, by PCA, Isomap, locally linear embedding and an autoencoder: what
each map keeps, what it does with new rows, and whether there is a way back.
"""

# %%
# Four maps
# ---------
# All are fitted to the same 900 digits, and give two numbers for each.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.model_selection import train_test_split

from skae import Autoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=900, random_state=0, stratify=y
)
models = {
    "PCA": PCA(2),
    "Isomap": Isomap(n_neighbors=10),
    "LLE": LocallyLinearEmbedding(n_neighbors=10, random_state=0),
    "Autoencoder": Autoencoder(2, random_state=0),
}
for model in models.values():
    model.fit(X_train)

# %%
# New rows
# --------
# What is drawn are digits that no method has seen. Isomap and LLE place a new row by
# its neighbours among those that they were fitted to, and keep these; PCA and the
# autoencoder compute its place.

import matplotlib.pyplot as plt

from skae.inspection import plot_embeddings

embeddings = {name: model.transform(X_test) for name, model in models.items()}
plot_embeddings(embeddings, y_test)
plt.show()

# %%
# What they keep
# --------------
# *Trustworthiness* falls where rows come to lie beside each other that are not
# neighbours, *continuity* where neighbours are torn apart. The correlation is between
# distances on the map and distances along the data, from neighbour to neighbour: what
# Isomap is made to keep. ``accuracy`` is that of nearest neighbours on the map.

import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from skae.metrics import continuity, geodesic_correlation, trustworthiness

along_the_data = Isomap(n_neighbors=10).fit(X_test).dist_matrix_
table = {}
for name, model in models.items():
    Z = embeddings[name]
    voters = KNeighborsClassifier().fit(model.transform(X_train), y_train)
    table[name] = {
        "trustworthiness": trustworthiness(X_test, Z),
        "continuity": continuity(X_test, Z),
        "geodesic correlation": geodesic_correlation(
            along_the_data, Z, metric="geodesic"
        ),
        "accuracy": voters.score(Z, y_test),
    }
print(pd.DataFrame(table).T.round(3).to_string())

# %%
# The way back
# ------------
# A map that can be decoded can be walked on: here are digits at places of a grid,
# between the digits that were seen. Isomap and LLE have no ``inverse_transform``.

import numpy as np

ae = models["Autoencoder"]
low, high = np.quantile(ae.transform(X_train), [0.05, 0.95], axis=0)
u, v = np.meshgrid(np.linspace(0, 1, 10), np.linspace(1, 0, 10))
places = low + (high - low) * np.column_stack([u.ravel(), v.ravel()])
digits = ae.inverse_transform(places).reshape(10, 10, 8, 8)
tiles = np.pad(digits, ((0, 0), (0, 0), (1, 1), (1, 1)))  # some white between them

fig, ax = plt.subplots(figsize=(4.6, 4.6), layout="constrained")
ax.imshow(tiles.transpose(0, 2, 1, 3).reshape(100, 100), cmap="gray_r", vmin=0, vmax=16)
ax.set(xticks=[], yticks=[], xlabel="first component", ylabel="second component")
plt.show()
