"""Keras 3 on its jax backend."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers, ops

NAME, PACKAGE = "Keras (jax)", "keras"
NOTE = ""


class Pause(keras.callbacks.Callback):
    """Tells of every epoch; `model` brings the weights home from jax."""

    def __init__(self, watch, reconstruct):
        super().__init__()
        self.watch, self.reconstruct = watch, reconstruct

    def on_epoch_end(self, epoch, logs=None):
        self.watch.stop()
        assert self.model is not None
        self.watch.epoch_ends(self.reconstruct)


class Draw(layers.Layer):
    """Draws a code from its distribution, at the price of the divergence."""

    def __init__(self, seed):
        super().__init__()
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, code):
        mean, log_variance = code
        divergence = ops.square(mean) + ops.exp(log_variance) - 1 - log_variance
        self.add_loss(0.5 * ops.mean(ops.sum(divergence, axis=-1)))
        eps = keras.random.normal(ops.shape(mean), seed=self.noise)
        return mean + ops.exp(0.5 * log_variance) * eps


def cross_entropy(x, logits):
    """Summed over the entries of a row."""
    entries = ops.binary_crossentropy(x, logits, from_logits=True)
    return ops.sum(entries, axis=-1)


def fit(X, work, watch):
    keras.utils.set_random_seed(work.seed)
    *hidden, code = work.widths[1:]
    model = keras.Sequential(
        [
            keras.Input((work.widths[0],)),
            *(layers.Dense(width, "elu") for width in hidden),
            layers.Dense(code),
            *(layers.Dense(width, "elu") for width in reversed(hidden)),
            layers.Dense(work.widths[0]),
        ]
    )
    return _run(model, "mse", lambda x: np.asarray(model(x)), X, work, watch)


def fit_variational(X, work, watch):
    keras.utils.set_random_seed(work.seed)
    d, width, k = work.widths
    x = keras.Input((d,))
    body = layers.Dense(width, "relu")(x)
    mean, log_variance = layers.Dense(k)(body), layers.Dense(k)(body)
    encoder = keras.Model(x, mean)
    decoder = keras.Sequential([layers.Dense(width, "relu"), layers.Dense(d)])
    model = keras.Model(x, decoder(Draw(work.seed)([mean, log_variance])))

    def reconstruct(x):
        return np.asarray(ops.sigmoid(decoder(encoder(x))))

    return _run(model, cross_entropy, reconstruct, X, work, watch)


def _run(model, loss, reconstruct, X, work, watch):
    model.compile(keras.optimizers.Adam(1e-3), loss)
    model.fit(
        X,
        X,
        batch_size=work.batch_size,
        epochs=work.epochs,
        verbose=0,
        callbacks=[Pause(watch, reconstruct)],
    )
    return reconstruct
