"""Where a network starts: at random, or at PCA."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from scipy.linalg import lstsq

from skae.data import StreamedRows, principal_axes
from skae.networks import initialise, start_at_path

_BLOCK_ROWS, _CACHED_ENTRIES = 4096, 2**17
_EXACT = torch.float64
_DAMPING = 100.0  # of the output at random, for noise as large as the rows
_LEAST_NOISE = 1e-6  # of the variance of an entry, that a code takes for noise
_TRIED_ROWS = 1000
_TRIED_SLOPES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


def start_weights(objective, weights, rows, means, init, seeds):
    """Set `weights` to where training starts from.

    Parameters
    ----------
    objective : Objective
        Network, likelihood, and what the network is to see of the rows.
    weights : dict of str to Tensor
        Written to.
    rows : Tensor or StreamedRows of shape (n_samples, n_features)
        The training data as the network sees them, with their targets beside them
        where they are paired.
    means : Means
        Of these rows.
    init : str
        How the weights beside the path are drawn.
    seeds : Seeds
        From where, and the noise of a corruption.

    Returns
    -------
    float
        Mean loss of `rows` under them, where PCA knows it; else nan.
    """
    network, likelihood = objective.network, objective.likelihood
    initialise(network, weights, init, seeds.init)
    first = next(iter(rows.split(_TRIED_ROWS)))
    if not objective.is_clean:
        _calm(network, weights, objective, first, seeds.judgement())
    if not network.starts_linear:
        if likelihood.standardises:
            weights[network.output_bias].copy_(means.target)
        return math.nan
    found = _axes(objective, rows, means.features)
    axes = torch.from_numpy(found.components).to(means.target)
    path = _Path(
        encoder=axes,
        decoder=axes,
        code_bias=axes @ -means.features,
        output_bias=likelihood.link(means.target),
        spread=math.sqrt(found.squares.max() / len(rows)) or 1.0,
    )
    is_tied = network.path(weights).is_tied
    if network.code.is_random:
        path = path._replace(code_bias=axes @ -means.seen)
        path = _probabilistic(path, found, (len(rows), network.n_features))
    elif likelihood.standardises and not (objective.is_clean or is_tied):
        path = _regressed(path, objective, rows, seeds.judgement())
    into, out = 1.0, 1.0
    if not likelihood.standardises:
        slopes = _TRIED_SLOPES[1:] if is_tied else _TRIED_SLOPES
        target = objective.clean(first)[1]
        out = _slope(likelihood, path, likelihood.features(target), target, slopes)
    if is_tied:
        into = out = math.sqrt(out)
    start_at_path(network, weights, **path.times(into, out)._asdict())
    knows = likelihood.standardises and objective.is_plain and objective.is_clean
    if not knows:
        return math.nan
    return max(0.0, found.total - found.squares.sum()) / rows.numel()


class Means(NamedTuple):
    """Means over rows, each of shape (n_features,).

    Attributes
    ----------
    seen, features, target : Tensor
        Of what the encoder sees, of what it would see of the targets, and of these.
    """

    seen: torch.Tensor
    features: torch.Tensor
    target: torch.Tensor

    @classmethod
    def of(cls, objective, rows, *, own_units):
        """Look at all rows, unless they are streamed and centred by their own means.

        That their means are zero is then known, up to rounding, without reading them.
        """
        streamed = own_units and isinstance(rows, StreamedRows) and rows.are_all
        if streamed and objective.likelihood.standardises and objective.is_clean:
            zeros = {"dtype": rows.dtype, "device": rows.device}
            return cls(*torch.zeros((3, rows.shape[1]), **zeros))
        sums = 0.0
        for block in rows.split(_rows_to_sum(rows)):
            seen, target = objective.clean(block)
            parts = seen, objective.likelihood.features(target), target
            own = {id(part): part for part in parts}  # which may be one
            found = {i: part.sum(0, dtype=_EXACT) for i, part in own.items()}
            sums += torch.stack([found[id(part)] for part in parts])
        return cls(*(sums / len(rows)).to(rows.dtype))


def _rows_to_sum(rows):
    """How many rows to add up at a time: torch makes a copy of them in float64."""
    if isinstance(rows, torch.Tensor) and rows.device.type == "cpu":
        return max(1, min(_BLOCK_ROWS, _CACHED_ENTRIES // rows.shape[1]))
    return _BLOCK_ROWS


def _axes(objective, rows, mean):
    """Principal axes of what the encoder would see of the targets."""
    shape = len(rows), objective.network.n_features
    k = min(objective.network.n_components, *shape)
    known = None
    if isinstance(rows, StreamedRows):
        known = rows.axes(objective.likelihood.features, k)
    if known is not None:
        return known

    def centred():
        for block in rows.split(_BLOCK_ROWS):
            yield objective.likelihood.features(objective.clean(block)[1]) - mean

    return principal_axes(centred, shape, k)


def _calm(network, weights, objective, rows, generator):
    """Let a network that sees noise start without passing it on.

    The first matrix, drawn for clean rows, is divided by how much larger the noise has
    made them. Without a path, the last one is divided too, the more the more noise
    there is: the output starts near the mean. A network that begins by giving back
    noise unlearns that first, and all else with it.
    """
    x, target = objective.pair(rows, generator)
    clean = objective.likelihood.features(target)
    size = float(clean.square().mean()) or 1.0
    larger = max(1.0, float(x.square().mean()) / size)
    first, last = network.ends
    weights[first].div_(math.sqrt(larger))
    if not (network.starts_linear or first == last):
        noise = float((x - clean).square().mean()) / size
        weights[last].div_(1.0 + _DAMPING * noise)


class _Path(NamedTuple):
    """Where a linear path starts, in the words of `start_at_path`."""

    encoder: torch.Tensor
    decoder: torch.Tensor
    code_bias: torch.Tensor
    output_bias: torch.Tensor
    spread: float
    log_variances: torch.Tensor | None = None

    def times(self, into, out):
        """Encoder `into` times, and decoder `out` times what they are."""
        return self._replace(
            encoder=self.encoder * into,
            decoder=self.decoder * out,
            code_bias=self.code_bias * into,
            spread=max(1.0, self.spread * into),
        )


def _probabilistic(path, found, shape):
    """Posterior and decoder of probabilistic PCA (Tipping and Bishop 1999).

    With variances l and the noise s that they leave, the decoder is sqrt(l - s) times
    an axis, and the posterior has the mean sqrt(l - s) / l times the score on it and
    the variance s / l. Where nothing is left, s is next to nothing.
    """
    n, d = shape
    variances = torch.from_numpy(found.squares / n).to(path.encoder)
    left = max(found.total - found.squares.sum(), 0.0) / n
    noise = left / max(d - len(variances), 1)
    noise = max(noise, _LEAST_NOISE * found.total / (n * d)) or 1.0
    variances = variances.clamp_min(noise)
    widths = (variances - noise).sqrt()
    return path._replace(
        encoder=path.encoder * (widths / variances)[:, None],
        decoder=path.decoder * widths[:, None],
        code_bias=path.code_bias * (widths / variances),
        spread=1.0,
        log_variances=torch.log(noise / variances),
    )


def _regressed(path, objective, rows, generator):
    """Codes by least squares, from scores of what is seen to scores of the target.

    The code of a noisy row then is the best linear estimate of the clean row's, and no
    entry of it is mostly noise.
    """
    k = len(path.encoder)
    squares = torch.zeros((k + 1, k + 1), dtype=_EXACT, device="cpu")
    products = torch.zeros((k + 1, k), dtype=_EXACT, device="cpu")
    for block in rows.split(_BLOCK_ROWS):
        seen, wanted = (
            torch.addmm(path.code_bias, part, path.encoder.t()).to("cpu", _EXACT)
            for part in objective.pair(block, generator)
        )
        seen = torch.cat([seen, torch.ones_like(seen[:, :1])], dim=1)
        squares += seen.t() @ seen
        products += seen.t() @ wanted
    found = torch.from_numpy(lstsq(squares.numpy(), products.numpy())[0])
    gain, offset = found[:-1].t().to(path.encoder), found[-1].to(path.encoder)
    return path._replace(
        encoder=gain @ path.encoder, code_bias=gain @ path.code_bias + offset
    )


def _slope(likelihood, path, features, target, slopes):
    """Factor from the path's reconstruction to the output: the best of `slopes`."""
    code = features @ path.encoder.t() + path.code_bias
    linear = code @ path.decoder

    def loss(slope):
        return float(likelihood.loss(path.output_bias + slope * linear, target).sum())

    return min(slopes, key=loss)
