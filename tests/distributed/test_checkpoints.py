"""Fits that processes share, cut short: the first process keeps the checkpoint."""

FITS = """
import os
import sys
import warnings
from pathlib import Path

import numpy as np
from torch import distributed as dist

from skae import *
from skae.training import Checkpoint

folder = Path(sys.argv[1])
dist.init_process_group("gloo")
rank = dist.get_rank()
rng = np.random.default_rng(0)
latent = rng.standard_normal((2300, 3))
X = np.tanh(latent @ rng.standard_normal((3, 8))).astype(np.float32)
LARGE = {"hidden_layer_sizes": (16,), "batch_size": 1300, "max_iter": 4}
FITS = {
    "denoising": lambda **given: DenoisingAutoencoder(3, **LARGE, **given),
    "variational": lambda **given: VariationalAutoencoder(
        3, beta_warm_up=3, **LARGE, **given
    ),
    "stacked": lambda **given: StackedAutoencoder(3, **LARGE, **given),
}
"""

CUT = """
class Cut(BaseException):
    pass

put, written = Checkpoint.put, []

def cut(self, number, state):
    put(self, number, state)
    written.append(number)

def state(ae):
    weights = {name: w.tobytes() for name, w in ae._fitted.weights.items()}
    return weights, ae.loss_curve_, ae.validation_loss_curve_, ae.loss_

def due(page, epoch):
    if epoch == 3:
        raise Cut  # in all processes, as if the machine had lost power
    return True

from skae.estimators import checkpointing
is_due = checkpointing._Page.is_due
for name, make in FITS.items():
    expected = state(make(random_state=0).fit(X))
    # Each has a folder of its own, and only that of the first process is used.
    own = folder / f"{name} {rank}"
    Checkpoint.put, checkpointing._Page.is_due = cut, due
    try:
        make(random_state=0, checkpoint_dir=own).fit(X)
    except Cut:
        pass
    Checkpoint.put, checkpointing._Page.is_due = put, is_due
    assert own.exists() == (rank == 0), name
    try:
        make(random_state=1, checkpoint_dir=own).fit(X)
    except ValueError as error:
        assert "random_state was 0 and is 1" in str(error), error
    else:
        raise AssertionError(name)
    found = state(make(random_state=0, checkpoint_dir=own).fit(X))
    assert found == expected, name
    assert bool(written) == (rank == 0), name
    assert rank or os.listdir(own) == [], name
    written.clear()
dist.destroy_process_group()
"""


def test_a_shared_fit_goes_on_in_all_processes(torchrun):
    torchrun(FITS + CUT, 2)
