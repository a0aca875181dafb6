"""
Denoising a signal
==================

A long noisy recording, cut into windows, denoised window by window, and put together
again. The autoencoder learns from pairs: a noisy recording and a clean one of the same.
"""

# %%
# A waveform with edges
# ---------------------
# Rounded steps, whose rate wanders. All windows of it look alike but for two numbers,
# rate and phase, and yet they fill no plane of two dimensions: an edge may be anywhere.

import numpy as np


def record(n, seed):
    """Draw `n` values of the waveform, and what a noisy sensor makes of them."""
    rng = np.random.default_rng(seed)
    wandering = np.convolve(rng.standard_normal(n), np.hanning(800), mode="same")
    rate = 0.16 * np.exp(0.25 * wandering / wandering.std())
    clean = np.tanh(6.0 * np.sin(np.cumsum(rate)))
    return clean, clean + 0.8 * rng.standard_normal(n)


def windows(signal, width=64):
    """All windows of a signal, one a row."""
    return np.lib.stride_tricks.sliding_window_view(signal, width)


def overlay(rows):
    """Mean of overlapping windows: the signal that they are windows of."""
    n, width = rows.shape
    total, count = np.zeros(n + width - 1), np.zeros(n + width - 1)
    for j in range(width):
        total[j : j + n] += rows[:, j]
        count[j : j + n] += 1
    return total / count


clean_train, noisy_train = record(20_000, seed=0)
clean_test, noisy_test = record(5_000, seed=1)

# %%
# PCA, and an autoencoder that is shown pairs
# -------------------------------------------
# ``fit(X, X_clean=...)`` takes the noisy windows and what they are to become. PCA,
# which can be shown one kind of window only, is shown the clean ones, and the number
# of its components is chosen for it, on the test recording.

from sklearn.decomposition import PCA

from skae import DenoisingAutoencoder

X, X_clean = windows(noisy_train)[::2], windows(clean_train)[::2]
denoiser = DenoisingAutoencoder(
    16, hidden_layer_sizes=(256,), max_iter=40, random_state=0
)
denoiser.fit(X, X_clean=X_clean)


def denoise(model):
    """Test recording as the windows of a model make it."""
    Z = model.transform(windows(noisy_test))
    return overlay(model.inverse_transform(Z))


def error(signal):
    """Root mean squared error on the test recording."""
    return np.sqrt(np.mean((signal - clean_test) ** 2))


sizes = range(2, 17)
pca = min((PCA(k).fit(X_clean) for k in sizes), key=lambda pca: error(denoise(pca)))
signals = {
    "noisy": noisy_test,
    f"PCA, {pca.n_components_} components": denoise(pca),
    "DenoisingAutoencoder": denoise(denoiser),
}
for name, signal in signals.items():
    print(f"{name:20} error {error(signal):.2f}")

# %%
# A part of the test recording. PCA rounds the edges, or lets the noise through: it has
# one set of directions for all windows. What the network takes away depends on the
# window.

import matplotlib.pyplot as plt

part = slice(1000, 1400)
time = np.arange(part.start, part.stop)
fig, axes = plt.subplots(
    len(signals), figsize=(9, 5.5), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, signal) in zip(axes, signals.items(), strict=True):
    ax.plot(time, signal[part], color="tab:blue", linewidth=1)
    ax.plot(time, clean_test[part], color="k", linewidth=1, linestyle=":")
    ax.set_title(f"{name}: error {error(signal):.2f}", loc="left", fontsize="medium")
axes[-1].set(xlabel="time", xlim=(part.start, part.stop))
plt.show()
