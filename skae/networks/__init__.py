"""Networks: encoders, decoders and codes. They know no loss and no trainer."""

from skae.networks.activations import ACTIVATIONS, Activation
from skae.networks.backprop import DenseBackprop
from skae.networks.dense import DenseNetwork, Weights
from skae.networks.initial import INITS, initialise, start_at_path
from skae.networks.module import AutoencoderModule

__all__ = [
    "ACTIVATIONS",
    "INITS",
    "Activation",
    "AutoencoderModule",
    "DenseBackprop",
    "DenseNetwork",
    "Weights",
    "initialise",
    "start_at_path",
]
