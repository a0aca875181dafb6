"""
A linear autoencoder is PCA
===========================

Points in space that lie near a plane, projected onto it: the textbook's picture of
PCA. An autoencoder without hidden layers finds the same plane.
"""

# %%
# Points near a plane
# -------------------

import numpy as np

rng = np.random.default_rng(0)
angle = np.sort(rng.uniform(0.5, 5.0, 200))
X = np.column_stack(
    [
        np.cos(angle) + 0.25 * np.sin(angle),
        0.7 * np.sin(angle),
        0.1 * np.cos(angle) + 0.3 * np.sin(angle),
    ]
)
X += 0.1 * rng.standard_normal(X.shape)

# %%
# Two models of them
# ------------------
# The loss of a linear autoencoder fixes the plane; the axes in it are free. skae turns
# them so that they are PCA's, up to the sign of each.

from sklearn.decomposition import PCA

from skae import LinearAutoencoder

pca = PCA(n_components=2).fit(X)
linear = LinearAutoencoder(n_components=2).fit(X)
signs = np.sign(np.sum(linear.components_ * pca.components_, axis=1))
difference = np.abs(linear.components_ * signs[:, None] - pca.components_)
print(f"largest difference of the components: {difference.max():.0e}")

# %%
# On the left the points, the plane, and the way from each point to its reconstruction;
# on the right their codes, PCA's as rings and the autoencoder's as dots.

import matplotlib.pyplot as plt

X_hat = linear.reconstruct(X)
sides = np.meshgrid([-1.2, 1.6], [-1.1, 0.9])
corners = np.dstack(sides).reshape(4, 2)
plane = linear.inverse_transform(corners).reshape(2, 2, 3)

fig = plt.figure(figsize=(10, 4.5), layout="constrained")
space = fig.add_subplot(1, 2, 1, projection="3d", computed_zorder=False)
space.plot_surface(*plane.transpose(2, 0, 1), color="tab:blue", alpha=0.15)
for ends in zip(X, X_hat, strict=True):
    space.plot(*np.transpose(ends), color="0.5", linewidth=0.8)
space.scatter(*X.T, c=angle, s=12, depthshade=False)
space.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_3$")
space.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[-0.5, 0, 0.5])
space.view_init(elev=8, azim=-105)

code = fig.add_subplot(1, 2, 2)
rings = pca.transform(X)
dots = linear.transform(X) * signs
code.scatter(*rings.T, s=60, color="none", edgecolors="0.5", label="PCA")
code.scatter(*dots.T, c=angle, s=12, label="LinearAutoencoder")
code.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
code.legend()
plt.show()

# %%
# The same by gradient descent
# ----------------------------
# ``solver="exact"``, the default, solves for the plane. ``solver="adam"`` descends to
# it, as the networks with hidden layers must. The largest angle between its plane and
# PCA's tells how far it has come.

from scipy.linalg import subspace_angles

epochs = [1, 2, 5, 10, 20, 50, 100]
angles = []
descent = LinearAutoencoder(2, solver="adam", precision="float64", random_state=0)
for max_iter in epochs:
    descent.set_params(max_iter=max_iter).fit(X)
    between = subspace_angles(descent.components_.T, pca.components_.T)
    angles.append(np.degrees(between.max()))

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.loglog(epochs, angles, "o-")
ax.set_xticks(epochs, epochs)
ax.set(xlabel="max_iter", ylabel="angle to PCA's plane [degrees]")
plt.show()
