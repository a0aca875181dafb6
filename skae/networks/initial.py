"""How the weights of a dense network start."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skae.networks.dense import DenseNetwork, Weights

INITS = {
    "he": lambda into, out: math.sqrt(2.0 / into),
    "glorot": lambda into, out: math.sqrt(2.0 / (into + out)),
}
"""Standard deviations: He et al. 2015, Glorot and Bengio 2010."""


_TINY = 1e-30


def initialise(
    network: DenseNetwork, weights: Weights, init: str, generator: torch.Generator
) -> None:
    """Draw all matrices of `network` at random, in place; biases start at zero.

    Draws are made in float32 on the CPU, so that a seed gives the same network in
    every precision and on every device.
    """
    for name, weight in weights.items():
        if not name.endswith("weight"):
            weight.zero_()
            continue
        out, into = weight.shape
        if name.startswith("decoder"):
            out, into = into, out
        noise = torch.randn(
            weight.shape, generator=generator, dtype=torch.float32, device="cpu"
        )
        weight.copy_(noise.mul_(INITS[init](into, out)))


def start_at_path(
    network: DenseNetwork,
    weights: Weights,
    encoder: Tensor,
    decoder: Tensor,
    code_bias: Tensor,
    output_bias: Tensor,
    spread: float = 1.0,
    log_variances: Tensor | None = None,
) -> None:
    """Let `network` start as the linear map of a path, in place.

    The path's matrices are set, and the last layers of f and g, which stand beside
    it, are zero: z = P x + c, o = D z + b. With tied weights the last layer of g is
    the first of f: it alone is zero, and the code's bias cancels the constant that f
    then is. (Were it the code's matrix instead, g would start constant, and all that
    it could add to first order is linear in z, of which PCA has left nothing: where
    the activation is smooth, PCA would be a saddle, with a gradient of zero.)

    Parameters
    ----------
    network : DenseNetwork
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
    k, n_parameters, rank = network.n_components, network.n_parameters, len(encoder)
    bias = weights["encoder.0.bias"]
    for path, matrix in (
        (weights["encoder.0.weight"][:n_parameters], encoder),
        (weights[network.decoder_weight(0)][:k], decoder),
        (bias[:n_parameters], code_bias),
    ):
        path.zero_()
        path[:rank].copy_(matrix)
    if log_variances is not None:
        bias[k:][:rank].copy_(log_variances)
    weights["decoder.0.bias"].copy_(output_bias)
    if network.has_path:
        weights[network.decoder_weight(network.depth - 1)].div_(spread)
        weights[network.decoder_weight(0)][k:].zero_()
        if network.tied_weights:
            _cancel_constant(network, weights)
        else:
            weights[f"encoder.{network.depth - 1}.weight"].zero_()


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
        matrix.div_(matrix.norm(dim=1, keepdim=True).clamp_min_(_TINY))


def _cancel_constant(network: DenseNetwork, weights: Weights) -> None:
    """Subtract from the code's bias what f gives, which is constant so far."""
    bias = weights["encoder.0.bias"][: network.n_components]
    x = torch.zeros((1, network.n_features), dtype=bias.dtype, device=bias.device)
    bias.add_(bias - network.encode(weights, x)[0])
