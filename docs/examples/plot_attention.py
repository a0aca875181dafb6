"""
What a sequence looks at
========================

Sequences in which something happens at a time that nobody knows: two pulses on a line.
An attention autoencoder finds them, and shows where it has looked.
"""

# %%
# Two pulses
# ----------
# Four numbers make a sequence: where the pulses are, and how high. A linear code of
# four numbers cannot hold them, for a pulse that moves is another direction at every
# step.

import numpy as np

rng = np.random.default_rng(0)
n_samples, n_steps = 1500, 40
where = np.sort(rng.uniform(3, n_steps - 3, (n_samples, 2)), axis=1)
height = rng.uniform(0.5, 1.5, (n_samples, 2))
distance = np.arange(n_steps) - where[:, :, None]
pulses = (height[:, :, None] * np.exp(-(distance**2) / 4)).sum(axis=1)
X = pulses + 0.05 * rng.standard_normal(pulses.shape)
X_train, X_test = X[:1300], X[1300:]

# %%
# Each step is a token, here of a single feature. In the encoder, every token reads from
# all the others.

from sklearn.decomposition import PCA

from skae import AttentionAutoencoder
from skae.metrics import reconstruction_r2

pca = PCA(4).fit(X_train)
ae = AttentionAutoencoder(
    4, width=32, n_layers=1, max_iter=25, batch_size=32, random_state=0
).fit(X_train)
for model in (pca, ae):
    explained = reconstruction_r2(model, X_test)
    print(f"{type(model).__name__:20} explains {explained:.2f} of rows never seen")

# %%
# Where it has looked
# -------------------
# ``attention_weights`` gives, for each sequence, layer and head, how much a step (down)
# reads from each step (across). Below each sequence, the mean over the heads: bright
# columns are the pulses, wherever they are.

import matplotlib.pyplot as plt

shown = [2, 3, 5]
weights = ae.attention_weights(X_test[shown])[:, 0].mean(axis=1)
from_pca = pca.inverse_transform(pca.transform(X_test[shown]))
from_ae = ae.reconstruct(X_test[shown])
fig, axes = plt.subplots(
    2, 3, figsize=(9, 5), sharex=True, height_ratios=(1, 2), layout="constrained"
)
for j, (top, bottom) in enumerate(axes.T):
    top.plot(X_test[shown[j]], color="0.7", lw=3, label="sequence")
    top.plot(from_pca[j], "C0:", label="PCA")
    top.plot(from_ae[j], "C1", label="attention")
    top.set_ylim(-0.4, 1.9)
    bottom.imshow(weights[j], cmap="magma", aspect="auto")
    bottom.set_xlabel("step that is read")
axes[0, 0].legend(loc="upper left", fontsize="x-small", ncols=3)
axes[1, 0].set_ylabel("step that reads")
plt.show()

# %%
# Sequences of different lengths
# ------------------------------
# A shorter sequence is filled up, with NaN or any value that no step has throughout,
# and ``padding`` says with which. What is not there is not read, has no part in the
# loss, and comes back as padding; ``inverse_transform`` goes on to the end.

lengths = rng.integers(25, n_steps + 1, n_samples)
X_cut = np.where(np.arange(n_steps) < lengths[:, None], X, np.nan)
cut = AttentionAutoencoder(
    4,
    width=32,
    n_layers=1,
    padding=np.nan,
    max_iter=15,
    batch_size=32,
    random_state=0,
).fit(X_cut[:1300])
print(f"{cut.score(X_cut[1300:]):.2f} of what is there is explained")
ahead = np.isnan(cut.reconstruct(X_cut[1300:]))
print("padding comes back where it was:", (ahead == np.isnan(X_cut[1300:])).all())
