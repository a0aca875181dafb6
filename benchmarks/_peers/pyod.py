"""PyOD: its AutoEncoder, without what the others have not."""

from __future__ import annotations

import torch
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.vae import VAE

NAME, PACKAGE = "PyOD", "pyod"
NOTE = (
    "an activation on the code too; a last batch that is not full is left out; the VAE "
    "has a squared error"
)


class Watched:
    """Tells of every epoch."""

    def epoch_update(self):
        self.watch.epoch_ends(self.reconstruct)
        self.model.train()

    def reconstruct(self, X):
        self.model.eval()
        with torch.no_grad():
            return self.decode(torch.from_numpy(X)).numpy()


class WatchedAutoEncoder(Watched, AutoEncoder):
    """An autoencoder that tells."""

    def decode(self, x):
        return self.model(x)


class WatchedVAE(Watched, VAE):
    """A variational one."""

    def decode(self, x):
        mean, _ = self.model.encode(x)
        return self.model.decode(mean)


def fit(X, work, watch):
    return _fit(
        WatchedAutoEncoder,
        X,
        work,
        watch,
        hidden_neuron_list=list(work.widths[1:]),
        hidden_activation_name="elu",
    )


def fit_variational(X, work, watch):
    return _fit(
        WatchedVAE,
        X,
        work,
        watch,
        encoder_neuron_list=[work.widths[1]],
        decoder_neuron_list=[work.widths[1]],
        latent_dim=work.widths[2],
        output_activation_name="sigmoid",
    )


def _fit(kind, X, work, watch, **shape):
    model = kind(
        **shape,
        batch_norm=False,
        dropout_rate=0.0,
        preprocessing=False,
        lr=1e-3,
        optimizer_params={},
        batch_size=work.batch_size,
        epoch_num=work.epochs,
        random_state=work.seed,
        verbose=0,
    )
    model.watch = watch
    model.fit(X)
    return model.reconstruct
