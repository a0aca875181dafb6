"""
How many components
===================

The size of the code, chosen by what it explains of rows that were not trained on; with
PCA beside it.
"""

# %%
# One look
# --------
# An autoencoder is fitted with each size of the code, and so is PCA. A quarter of the
# rows is held out, and the share of their variance that comes back is drawn. A curve
# that goes on rising says that there is more to be had; the distance between the two
# says how far the rows are from lying on a plane.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skae import Autoencoder
from skae.inspection import ExplainedDevianceDisplay

X, y = load_digits(return_X_y=True)
display = ExplainedDevianceDisplay.from_estimator(Autoencoder(random_state=0), X)
plt.show()

# %%
# What is drawn is kept, as the attributes ``n_components``, ``scores`` and
# ``pca_scores``: the smallest code that explains four fifths is

for name, scores in (("Autoencoder", display.scores), ("PCA", display.pca_scores)):
    enough = scores.mean(axis=1) >= 0.8
    size = display.n_components[enough.argmax()]
    print(f"{name}: {size} of the sizes {display.n_components}")

# %%
# A table, in folds
# -----------------
# With few rows it matters which are held out. ``cv`` gives the mean over folds, and one
# standard deviation to both sides. In a Pipeline the last step has the components, and
# what counts is what is explained of the rows as this step sees them: here of features
# that all have unit variance.

from sklearn.datasets import load_wine
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

wine = load_wine(as_frame=True).data
ExplainedDevianceDisplay.from_estimator(
    make_pipeline(StandardScaler(), Autoencoder(max_iter=50, random_state=0)),
    wine,
    n_components=[1, 2, 4, 8],
    cv=KFold(3, shuffle=True, random_state=0),
)
plt.show()

# %%
# Too small a code cannot be made up for. One that is too large costs little here, since
# each fit starts at PCA and is judged on rows that it does not see.
