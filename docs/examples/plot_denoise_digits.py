"""
Denoising digits
================

Digits under noise as strong as their ink, given back clean by PCA and by a denoising
autoencoder.
"""

# %%
# Noise that hides the digit
# --------------------------
# The pixels lie between 0 and 16, and their standard deviation is 6: so is that of the
# noise. A scorer corrupts the rows it is given, always in the same way, and tells which
# share of the variance of the *clean* rows comes back.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae.metrics import make_denoising_scorer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
noise = 6.0
scorer = make_denoising_scorer("gaussian", noise=noise)

# %%
# PCA at its best
# ---------------
# PCA removes noise too, by all the directions that it leaves out. How many it should
# keep, the scorer tells, in a search like any other.

from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

search = GridSearchCV(PCA(), {"n_components": range(2, 33, 2)}, scoring=scorer)
search.fit(X_train)
pca = search.best_estimator_
print(f"PCA: {pca.n_components_} components")

# %%
# Two autoencoders
# ----------------
# One has learnt to give back what it sees, the other to give back what was there
# before the noise. Only the second one may have a large code: what keeps it from
# copying is the noise itself.

from skae import Autoencoder, DenoisingAutoencoder

plain = Autoencoder(pca.n_components_, random_state=0).fit(X_train)
denoiser = DenoisingAutoencoder(64, noise=noise, random_state=0).fit(X_train)

models = {"PCA": pca, "Autoencoder": plain, "DenoisingAutoencoder": denoiser}
for name, model in models.items():
    print(f"{name:20} explains {scorer(model, X_test):.2f} of the clean digits")

# %%
# Digits that none of them has seen: as they are, under noise, and as they come back.

import matplotlib.pyplot as plt
import numpy as np

from skae.inspection import plot_reconstructions

rng = np.random.default_rng(0)
noisy = X_test + noise * rng.standard_normal(X_test.shape)
shown = {"noisy": noisy}
captions = {}
for name, model in models.items():
    label = name.replace("Autoencoder", "\nAutoencoder").strip()
    shown[label] = model.inverse_transform(model.transform(noisy))
    captions[label] = f"{scorer(model, X_test):.2f} explained"
plot_reconstructions(X_test, shown, y_test, captions=captions)
plt.show()

# %%
# Which noise to train with
# -------------------------
# The noise to come is not always known. Each curve is an autoencoder that was trained
# with one level of noise and is scored under all of them: too little is a mistake
# where noise is strong, too much costs detail where it is weak.

levels = [0.5, 1, 2, 4, 8]
scorers = [make_denoising_scorer("gaussian", noise=level) for level in levels]
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for trained in (1, 2, 4, 8):
    model = DenoisingAutoencoder(64, noise=trained, random_state=0).fit(X_train)
    scores = [score(model, X_test) for score in scorers]
    ax.plot(levels, scores, "o-", label=f"trained with {trained}")
best_pca = [
    max(score(PCA(k).fit(X_train), X_test) for k in range(2, 64, 4))
    for score in scorers
]
ax.plot(levels, best_pca, "k:", label="PCA, the best for each")
ax.set_xscale("log", base=2)
ax.set_xticks(levels, levels)
ax.set_ylim(0, 1)
ax.set(
    xlabel="noise of the rows to be denoised", ylabel="share of the variance, held out"
)
ax.legend()
plt.show()
