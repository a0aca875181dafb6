"""How long to train where rows are too few to set some aside."""

from __future__ import annotations

import numpy as np

N_FOLDS = 5

FEWEST_ROWS = 10
"""Below it a fold is no sample of anything."""

MOST_ROWS = 1000
"""From here on a tenth of the rows is enough to judge by, and folds are slow."""


def networks_at_a_time(n_samples):
    """Most networks that a fit to so many rows trains at a time."""
    return N_FOLDS if n_samples < MOST_ROWS else 1


def split(order):
    """Pairs of (rows to train on, rows left out), from a random order of all rows."""
    for fold in np.array_split(order, N_FOLDS):
        yield np.setdiff1d(order, fold), np.sort(fold)


def choose_epochs(losses, starts_at_pca=True):
    """Epochs worth training, and the mean loss of the rows left out after each.

    The epoch of the lowest mean loss, if that beats the start by more than one
    standard error of the difference over the folds, else none.

    Parameters
    ----------
    losses : array-like of shape (n_folds, n_epochs + 1)
        Loss of each fold's left-out rows before the first epoch and after each.
    starts_at_pca : bool, default=True
        Whether no epochs at all are a choice.

    Returns
    -------
    epochs : int
        0 to n_epochs.
    curve : list of float
        Means over the folds after each epoch.
    """
    losses = np.asarray(losses)
    curve = losses.mean(axis=0)
    if not starts_at_pca:
        best = 1 + int(curve[1:].argmin())
        return best, curve[1:].tolist()
    best = int(curve.argmin())
    gain = losses[:, 0] - losses[:, best]
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        best = 0
    return best, curve[1:].tolist()
