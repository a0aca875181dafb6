"""
Colour for a grey photograph
============================

But for a few spots, a photograph has lost its colours. An autoencoder learns from all
of its grey patches, and a head on its code from those that are still coloured.
"""

# %%
# Grey in, colour out
# -------------------
# A patch of grey pixels is a sample of X, and the colours of these pixels are a row of
# y, three times as long. Where the colours are lost, y is NaN.

import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import extract_patches_2d

flower = load_sample_image("flower.jpg")[30:430:3, 100:540:3].astype(np.float32) / 255
grey = flower @ np.array([0.3, 0.6, 0.1], dtype=np.float32)
size = 12
height, width = grey.shape

patches = extract_patches_2d(grey, (size, size))
colours = extract_patches_2d(flower, (size, size)).reshape(len(patches), -1)
line, column = np.divmod(np.arange(len(patches)), width - size + 1)
X = patches.reshape(len(patches), 1, size, size)

spot = 30
corners = [(5, 10), (15, 80), (45, 55), (70, 25), (70, 105), (95, 65)]
is_known, is_lost = np.zeros(len(X), dtype=bool), np.ones(len(X), dtype=bool)
for y0, x0 in corners:
    down, right = line - y0, column - x0
    is_known |= (down >= 0) & (right >= 0) & (np.maximum(down, right) <= spot - size)
    is_lost &= (np.minimum(down, right) <= -size) | (np.maximum(down, right) >= spot)
y = np.where(is_known[:, None], colours, np.nan)
print(f"{len(X)} grey patches, {is_known.mean():.0%} of them with all their colours")

# %%
# A convolutional encoder and a head of its own
# ---------------------------------------------
# The autoencoder is fitted to all grey patches. The head stands on its code, and both
# are trained together on the patches with colours. Ridge regression from pixels to
# colours stands beside it.

from sklearn.linear_model import Ridge

from skae import AutoencoderRegressor, ConvolutionalAutoencoder

autoencoder = ConvolutionalAutoencoder(
    64, input_shape=(1, size, size), max_iter=5, random_state=0
)
model = AutoencoderRegressor(
    autoencoder,
    hidden_layer_sizes=(128,),
    unlabeled=np.nan,
    max_iter=30,
    random_state=0,
).fit(X, y)

flat = X.reshape(len(X), -1)
ridge = Ridge().fit(flat[is_known], colours[is_known])
for name, fitted, rows in (("Ridge", ridge, flat), ("AutoencoderRegressor", model, X)):
    score = fitted.score(rows[is_lost], colours[is_lost])
    print(f"{name}: R2 {score:.2f} on patches that have lost all colours")

# %%
# The picture
# -----------
# Every pixel is the mean of all patches that it lies in. Within the frames the colours
# were known.

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from sklearn.feature_extraction.image import reconstruct_from_patches_2d


def picture_of(rows):
    """The picture whose patches have these colours."""
    found = rows.reshape(-1, size, size, 3)
    return reconstruct_from_patches_2d(found, flower.shape).clip(0, 1)


pictures = {
    "grey": np.repeat(grey[:, :, None], 3, axis=2),
    "Ridge": picture_of(ridge.predict(flat)),
    "AutoencoderRegressor": picture_of(model.predict(X)),
    "as it was": flower,
}
fig, axes = plt.subplots(2, 2, figsize=(9, 8.4), layout="constrained")
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(picture)
    for y0, x0 in corners:
        ax.add_patch(Rectangle((x0, y0), spot, spot, fill=False, ec="w", ls=":"))
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
