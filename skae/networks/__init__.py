"""Networks: encoders, decoders and codes. They know no loss and no trainer."""

from skae.networks.activations import ACTIVATIONS, Activation
from skae.networks.attention import POSITIONS, AttentionNetwork
from skae.networks.backprop import DenseBackprop
from skae.networks.beside import BesideNetwork
from skae.networks.codes import Code, GaussianCode, PlainCode, TopKCode, k_largest
from skae.networks.convolutional import ConvolutionalNetwork
from skae.networks.dense import DenseNetwork
from skae.networks.initial import (
    INITS,
    initialise,
    normalise_readers,
    start_as_dictionary,
    start_at_path,
)
from skae.networks.jacobian import has_closed_form, squared_jacobian_norms
from skae.networks.module import AutoencoderModule
from skae.networks.network import Encoding, Network, Path, Weights
from skae.networks.products import affine, plain_numbers, rounded_factors

__all__ = [
    "ACTIVATIONS",
    "INITS",
    "POSITIONS",
    "Activation",
    "AttentionNetwork",
    "AutoencoderModule",
    "BesideNetwork",
    "Code",
    "ConvolutionalNetwork",
    "DenseBackprop",
    "DenseNetwork",
    "Encoding",
    "GaussianCode",
    "Network",
    "Path",
    "PlainCode",
    "TopKCode",
    "Weights",
    "affine",
    "has_closed_form",
    "initialise",
    "k_largest",
    "normalise_readers",
    "plain_numbers",
    "rounded_factors",
    "squared_jacobian_norms",
    "start_as_dictionary",
    "start_at_path",
]
