"""What all tests share."""

import gzip
import os
from pathlib import Path

# Before anything imports torch or numpy's BLAS: pytest-xdist brings the processes.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run, and no clock: a slow machine is not a failure.
settings.register_profile("skae", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("skae")


@pytest.fixture(scope="session")
def real_data():
    """Folder of the real data sets; the tests that need them are skipped without."""
    folder = os.environ.get("SKAE_DATA")
    if not folder:
        pytest.skip("SKAE_DATA does not name a folder of real data sets")
    if not Path(folder).is_dir():
        pytest.fail(f"SKAE_DATA is no folder: {folder}")
    return Path(folder)


@pytest.fixture(scope="session")
def mnist(real_data):
    """MNIST in [0, 1]: 60,000 and 10,000 rows of 784, float32."""
    return tuple(
        _read_images(real_data / "mnist" / f"{part}-images-idx3-ubyte.gz")
        for part in ("train", "t10k")
    )


def _read_images(path):
    with gzip.open(path) as file:
        content = np.frombuffer(file.read(), np.uint8, offset=16)
    return content.reshape(-1, 784).astype(np.float32) / 255
