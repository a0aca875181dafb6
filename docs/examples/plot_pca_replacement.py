"""
Where you would import PCA
==========================

Handwritten digits, 64 pixels each, squeezed into a few numbers and drawn again from
them: by PCA, and by an autoencoder in its place.
"""

# %%
# What is explained of rows held out
# ----------------------------------
# Both are transformers with an inverse, so that one measure holds for both. All pixels
# have the same unit: nothing is scaled.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import Autoencoder
from skae.inspection import ExplainedDevianceDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# More is explained with every component. At the same size of the code the autoencoder
# explains more: the digits lie on a curved surface, and PCA needs more directions to
# hold it than it has dimensions.

ae = Autoencoder(4, random_state=0)
ExplainedDevianceDisplay.from_estimator(ae, X_train, X_test=X_test)
plt.show()

# %%
# Reconstructions
# ---------------
# Digits that neither has seen, each from a code of four numbers.

from skae.inspection import plot_reconstructions

pca = PCA(4).fit(X_train)
reconstructions = {
    "PCA": pca.inverse_transform(pca.transform(X_test)),
    "Autoencoder": ae.fit(X_train).reconstruct(X_test),
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
