"""Where a network starts: at random, or at PCA."""

from __future__ import annotations

import math

import torch

from skae.data import principal_axes
from skae.networks import initialise, start_at_path

_BLOCK_ROWS = 4096
_TRIED_ROWS = 1000
_TRIED_SLOPES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


def start_weights(composition, weights, rows, init, generator):
    """Set `weights` to where training starts from.

    Parameters
    ----------
    composition : Composition
        Network and likelihood.
    weights : dict of str to Tensor
        Written to.
    rows : Tensor of shape (n_samples, n_features)
        The training data as the network sees them.
    init : str
        How the weights beside the path are drawn.
    generator : torch.Generator
        From where.

    Returns
    -------
    float
        Mean loss of `rows` under them, where PCA knows it; else nan.
    """
    network, likelihood = composition.network, composition.likelihood
    initialise(network, weights, init, generator)
    if not network.starts_linear:
        return math.nan
    mean = rows.mean(0)
    rank = min(network.n_components, *rows.shape)
    found = principal_axes(
        lambda: (block - mean for block in rows.split(_BLOCK_ROWS)), rows.shape, rank
    )
    axes = torch.from_numpy(found.components).to(rows)
    spread = math.sqrt(found.squares.max() / len(rows)) or 1.0
    into, out = 1.0, 1.0
    if not likelihood.standardises:
        slopes = _TRIED_SLOPES[1:] if network.tied_weights else _TRIED_SLOPES
        out = _slope(likelihood, rows[:_TRIED_ROWS], mean, axes, slopes)
    if network.tied_weights:
        into = out = math.sqrt(out)
    start_at_path(
        network,
        weights,
        encoder=axes * into,
        decoder=axes * out,
        code_bias=axes @ mean * -into,
        output_bias=likelihood.link(mean),
        spread=max(1.0, spread * into),
    )
    if not likelihood.standardises:
        return math.nan
    return max(0.0, found.total - found.squares.sum()) / rows.numel()


def _slope(likelihood, rows, mean, axes, slopes):
    """Factor from PCA's reconstruction to the output: the best of `slopes`."""
    centre = likelihood.link(mean)
    linear = (rows - mean) @ axes.t() @ axes

    def loss(slope):
        return float(likelihood.loss(centre + slope * linear, rows).sum())

    return min(slopes, key=loss)
