"""What the parameters of a fit stand for, where that depends on more than they say."""

from __future__ import annotations

import torch


def choose_device(device):
    """Torch device by its name; "auto" is CUDA where there is one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def choose_dtype(precision):
    """Torch dtype that training computes in; products may round further."""
    return torch.float64 if precision == "float64" else torch.float32


def planned_epochs(max_iter, n_samples):
    """Epochs that are planned: a million rows' worth, unless the user says."""
    if max_iter is not None:
        return max_iter
    return int(min(200, max(20, 1_000_000 // n_samples)))


def rows_of_a_batch(batch_size, n_samples):
    """Most rows of a batch, from the parameter of that name.

    "auto" is small batches for small data, which need the steps, and large ones for
    speed.
    """
    if batch_size == "auto":
        batch_size = min(500, max(32, n_samples // 40))
    return int(min(batch_size, n_samples))


def settings_of_training(settings):
    """Parameters of a fit that are no part of its composition, by name."""
    return {name: getattr(settings, name, None) for name in _OF_TRAINING}


_OF_TRAINING = (
    "batch_size",
    "early_stopping",
    "init",
    "learning_rate",
    "learning_rate_init",
    "max_iter",
    "n_iter_no_change",
    "precision",
    "shuffle",
    "tol",
    "validation_fraction",
)
