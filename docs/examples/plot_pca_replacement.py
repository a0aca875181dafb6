"""
Where you would import PCA
==========================

Handwritten digits, 64 pixels each, squeezed into a few numbers and drawn again from
them: by PCA, and by an autoencoder in its place.
"""

# %%
# Held-out error
# --------------
# Both are transformers with an inverse, so that one line measures both. All pixels
# have the same unit: nothing is scaled.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import Autoencoder
from skae.metrics import reconstruction_r2

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

sizes = [1, 2, 4, 8, 16, 32]
pcas = [PCA(k).fit(X_train) for k in sizes]
aes = [Autoencoder(k, random_state=0).fit(X_train) for k in sizes]

# %%
# What is left over of the variance falls with every component. At the same size of the
# code the autoencoder leaves less: the digits lie on a curved surface, and PCA needs
# more directions to hold it than it has dimensions.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, models in (("PCA", pcas), ("Autoencoder", aes)):
    lost = [1 - reconstruction_r2(model, X_test) for model in models]
    ax.plot(sizes, lost, "o-", label=name)
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.set_ylim(bottom=0)
ax.set(xlabel="n_components", ylabel="share of the variance left over")
ax.legend()
plt.show()

# %%
# Reconstructions
# ---------------
# Digits that neither has seen, each from a code of four numbers.

from skae.inspection import plot_reconstructions

pca, ae = pcas[sizes.index(4)], aes[sizes.index(4)]
reconstructions = {
    "PCA": pca.inverse_transform(pca.transform(X_test)),
    "Autoencoder": ae.reconstruct(X_test),
}
plot_reconstructions(X_test, reconstructions, y_test)
plt.show()

# %%
# In a pipeline
# -------------
# The code can feed any other estimator. Here the nearest neighbours vote on the digit,
# in the space of the code.

from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

for k in (2, 4, 8):
    for reduce in (PCA(k), Autoencoder(k, random_state=0)):
        pipeline = make_pipeline(reduce, KNeighborsClassifier())
        accuracy = pipeline.fit(X_train, y_train).score(X_test, y_test)
        print(f"{type(reduce).__name__:11} {k} components: {accuracy:.3f}")
