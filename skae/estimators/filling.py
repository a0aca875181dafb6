"""What a network sees where an entry is missing."""

from __future__ import annotations

import numpy as np
import torch

from skae.data import ProbabilisticPCA, Source

_RANK = 32
"""Most axes of the linear model that fills gaps before a network sees a row."""

_ROWS_OF_AN_AXIS = 8
"""With fewer rows for each axis, the model would know the rows by heart."""

_MOST_ROWS = 5000
"""That it is learnt from: some of them, where there are more."""

_MOST_STEPS = 50

_HIDDEN = 0.1  # of the entries, to judge the steps by
_LEAST_GAIN = 1e-3  # of their error, for which a step is worth its time


def has_gaps(*given):
    """Whether entries are missing in any of the arrays that are `given`.

    Raises
    ------
    ValueError
        Where one is read in blocks, which nothing is learnt from that fills gaps.
    """
    given = [rows for rows in given if rows is not None]
    if any(isinstance(rows, Source) for rows in given):
        raise ValueError(
            'nan_policy="omit" needs X as one dense array in memory. Here it is read '
            'in blocks: leave block_size at "auto", load X, or fill it and set '
            'nan_policy="raise".'
        )
    return any(bool(np.isnan(rows).any()) for rows in given)


def learn_filler(rows, likelihood):
    """Learn what to expect of a missing entry, by probabilistic PCA of `rows`.

    The likelihood of what is there goes on rising when what is missing is no longer
    filled better: steps of expectation maximisation are taken as long as some entries,
    which are hidden for the purpose, are.

    Parameters
    ----------
    rows : Tensor of shape (n_samples, n_features)
        As the network is to see them, with NaN for what is missing.
    likelihood : Likelihood
        Whose bounds hold for what is expected, too.

    Returns
    -------
    ProbabilisticPCA
        In the units of the rows.
    """
    n, d = rows.shape
    rank = max(1, min(_RANK, d - 1, n // _ROWS_OF_AN_AXIS))
    some = rows.to("cpu", torch.float64) if n <= _MOST_ROWS else _some(rows)
    model = ProbabilisticPCA.start(some, rank)
    if some.isnan().any():
        for _ in range(_useful_steps(some, rank)):
            model, _ = model.step(some)
    return model.clipped(likelihood.bounds) if likelihood.bounds else model


def _some(rows):
    """Rows enough to learn from: gaps may return every so many rows."""
    generator = torch.Generator("cpu").manual_seed(0)
    order = torch.randperm(len(rows), generator=generator, device="cpu")
    return rows[order[:_MOST_ROWS].sort().values].to("cpu", torch.float64)


def _useful_steps(rows, rank):
    """After how many steps entries that nobody has seen are filled best."""
    generator = torch.Generator("cpu").manual_seed(0)
    drawn = torch.empty(rows.shape, dtype=rows.dtype, device="cpu")
    hidden = (drawn.uniform_(generator=generator) < _HIDDEN) & ~rows.isnan()
    seen = rows.masked_fill(hidden, torch.nan)
    model, least = ProbabilisticPCA.start(seen, rank), torch.inf
    for n_steps in range(_MOST_STEPS):
        error = float((model.fill(seen) - rows)[hidden].square().sum())
        if error >= (1.0 - _LEAST_GAIN) * least:
            return n_steps - 1
        least, (model, _) = error, model.step(seen)
    return _MOST_STEPS
