"""The estimators: one family a file, each thin."""

from skae.estimators.base import AutoencoderTransformer
from skae.estimators.dense import Autoencoder
from skae.estimators.linear import LinearAutoencoder

__all__ = ["Autoencoder", "AutoencoderTransformer", "LinearAutoencoder"]
