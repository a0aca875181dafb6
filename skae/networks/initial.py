"""How the weights of a network start."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skae.networks.dense import DenseNetwork
from skae.networks.network import Network, Weights

INITS = {
    "he": lambda into, out: math.sqrt(2.0 / into),
    "glorot": lambda into, out: math.sqrt(2.0 / (into + out)),
}
"""Standard deviations: He et al. 2015, Glorot and Bengio 2010."""

_TINY = 1e-30


def initialise(
    network: Network, weights: Weights, init: str, generator: torch.Generator
) -> None:
    """Draw all matrices of `network` at random, in place; biases start at zero.

    Draws are made in float32 on the CPU, so that a seed gives the same network in
    every precision and on every device.
    """
    for name, weight in weights.items():
        if not name.endswith("weight"):
            weight.zero_()
            continue
        noise = torch.randn(
            weight.shape, generator=generator, dtype=torch.float32, device="cpu"
        )
        weight.copy_(noise.mul_(INITS[init](*network.fan(name))))


def start_at_path(
    network: Network,
    weights: Weights,
    encoder: Tensor,
    decoder: Tensor,
    code_bias: Tensor,
    output_bias: Tensor,
    spread: float = 1.0,
    log_variances: Tensor | None = None,
) -> None:
    """Let `network` start as the linear map of a path, in place: z = P x + c, D z + b.

    Parameters
    ----------
    network : Network
        A network with a linear path.
    weights : mapping of str to Tensor
        Its parameters, drawn already.
    encoder, decoder : Tensor of shape (rank, n_features)
        Rows of P, and columns of D; `rank` may be less than n_components, and what
        is left of the path starts at zero.
    code_bias : Tensor of shape (rank,)
        c.
    output_bias : Tensor of shape (n_features,)
        b.
    spread : float
        Largest standard deviation in the code, if it is above 1. The decoder's hidden
        layers, which were drawn for inputs of size one, see it divided by that.
    log_variances : Tensor of shape (rank,) or None
        Where the code is a distribution; those beyond `rank` start at 0, the prior.
    """
    path, rank = network.path(weights), len(encoder)
    for view, start in (
        (path.encoder, encoder),
        (path.decoder, decoder),
        (path.code_bias, code_bias),
    ):
        view.zero_()
        view[:rank].copy_(start)
    if log_variances is not None:
        path.code_bias[network.n_components :][:rank].copy_(log_variances)
    path.output_bias.copy_(output_bias)
    network.silence(weights, spread)


def start_as_dictionary(network: DenseNetwork, weights: Weights) -> None:
    """Let a network's code start as projections on what decodes it, in place.

    Rows of unit length decode the code, and without hidden layers the same rows encode
    it: every entry that is kept then lowers the error from the first step on, and few
    entries die (Gao et al. 2024).
    """
    normalise_readers(network, weights)
    if not network.hidden_layer_sizes:
        weights["encoder.0.weight"].copy_(weights[network.decoder_weight(0)])


def normalise_readers(network: DenseNetwork, weights: Weights) -> None:
    """Bring what decodes each entry of the code to length one, in place."""
    for matrix in network.readers(weights):
        matrix.div_(matrix.norm(dim=-1, keepdim=True).clamp_min_(_TINY))
