"""Which rows are trained on, and which are set aside to judge by."""

from __future__ import annotations

import torch

from skae.estimators import folds


def hold_out(n_samples, settings, goes_on, generator):
    """Set rows aside, as `early_stopping` and `validation_fraction` say.

    Parameters
    ----------
    n_samples : int
        How many rows there are.
    settings : AutoencoderTransformer
        Whose parameters say how many are set aside.
    goes_on : bool
        Whether the fit goes on from another one, and is not judged in folds.
    generator : torch.Generator
        Source of the choice.

    Returns
    -------
    order : Tensor of shape (n_samples,) or None
        A random order of the rows; None: as they stand, and all are trained on.
    n_train : int
        How many of them to train on; the rest are last.
    """
    wanted = settings.early_stopping
    if wanted == "auto":
        wanted = n_samples >= (folds.FEWEST_ROWS if goes_on else folds.MOST_ROWS)
    n_held_out = int(settings.validation_fraction * n_samples) if wanted else 0
    if n_held_out == 0:
        return None, n_samples
    order = torch.randperm(n_samples, generator=generator, device="cpu")
    return order, n_samples - n_held_out
