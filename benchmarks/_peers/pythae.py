"""pythae: the naive loop's network as encoder and decoder of its models."""

from __future__ import annotations

import logging
import tempfile

import torch
from naive import network
from pythae.models import AE, VAE, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn

NAME = PACKAGE = "pythae"
NOTE = ""


class Encoder(BaseEncoder):
    """Layers up to the code, or up to what its mean and log-variance are read from."""

    def __init__(self, body, mean, log_variance=None):
        super().__init__()
        self.body, self.mean, self.log_variance = body, mean, log_variance

    def forward(self, x):
        h = self.body(x)
        if self.log_variance is None:
            return ModelOutput(embedding=self.mean(h))
        code = {"embedding": self.mean(h), "log_covariance": self.log_variance(h)}
        return ModelOutput(**code)


class Decoder(BaseDecoder):
    """Layers from the code on."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, z):
        return ModelOutput(reconstruction=self.body(z))


class Pause(TrainingCallback):
    """Tells of every epoch."""

    def __init__(self, watch, reconstruct):
        self.watch, self.reconstruct = watch, reconstruct

    def on_epoch_end(self, training_config, **kwargs):
        self.watch.epoch_ends(self.reconstruct)


def fit(X, work, watch):
    torch.manual_seed(work.seed)
    layers = network(work.widths)
    half = len(layers) // 2
    model = AE(
        AEConfig(input_dim=(work.widths[0],), latent_dim=work.widths[-1]),
        encoder=Encoder(layers[:half], nn.Identity()),
        decoder=Decoder(layers[half:]),
    )
    return _run(model, X, work, watch)


def fit_variational(X, work, watch):
    torch.manual_seed(work.seed)
    d, width, k = work.widths
    body = nn.Sequential(nn.Linear(d, width), nn.ReLU())
    decoder = nn.Sequential(
        nn.Linear(k, width), nn.ReLU(), nn.Linear(width, d), nn.Sigmoid()
    )
    model = VAE(
        VAEConfig(input_dim=(d,), latent_dim=k, reconstruction_loss="bce"),
        encoder=Encoder(body, nn.Linear(width, k), nn.Linear(width, k)),
        decoder=Decoder(decoder),
    )
    return _run(model, X, work, watch)


def _run(model, X, work, watch):
    logging.disable(logging.INFO)

    def reconstruct(X):
        with torch.no_grad():
            code = model.encoder(torch.from_numpy(X)).embedding
            return model.decoder(code).reconstruction.numpy()

    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,  # what it saves cannot be declined
            per_device_train_batch_size=work.batch_size,
            num_epochs=work.epochs,
            learning_rate=1e-3,
            seed=work.seed,
        )
        pipeline = TrainingPipeline(model=model, training_config=config)
        pipeline(X, callbacks=[Pause(watch, reconstruct)])
    return reconstruct
