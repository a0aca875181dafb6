"""What all tests share."""

import gzip
import os
import pickle
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path

# Before anything imports torch or numpy's BLAS: pytest-xdist brings the processes.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest
import torch
from hypothesis import settings

import skae

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


def _random_states():
    numpy = pickle.dumps(np.random.get_state())  # noqa: NPY002
    return random.getstate(), numpy, bytes(torch.get_rng_state().numpy())


def _flushes_denormals():
    smallest = torch.full((1,), 1e-45, dtype=torch.float32, device="cpu")
    return smallest.mul(1.0).item() == 0.0


def _positions():
    """How all the switches of the process stand."""
    return {
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "autocast dtype": torch.get_autocast_dtype("cpu"),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "anomaly check": torch.is_anomaly_check_nan_enabled(),
        "flush": _flushes_denormals(),
        "matmul": torch.get_float32_matmul_precision(),
        "products": torch.backends.mkldnn.matmul.fp32_precision,
        "threads": torch.get_num_threads(),
        "errors": np.geterr(),
        "warnings": list(warnings.filters),
        "handler": signal.getsignal(signal.SIGINT),
    }


@pytest.fixture
def random_states():
    """``random_states()``: those of the global generators of Python, numpy, torch."""
    return _random_states


@pytest.fixture
def positions():
    """``positions()``: how all the switches of the process stand."""
    return _positions


_PATIENCE = 300  # seconds that tell a process that hangs from one that is slow


@pytest.fixture
def run_script(tmp_path):
    """``run_script(source, **environment)``: it ends well, in a process of its own.

    The process and all that it started are killed when it hangs. A variable that is
    None is taken out of the environment.
    """

    def run(source, **environment):
        path = os.pathsep.join([str(Path(skae.__file__).parents[1]), *sys.path])
        variables = os.environ | {"PYTHONPATH": path} | environment
        said = tmp_path / "said"
        with said.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", source],
                env={k: v for k, v in variables.items() if v is not None},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                code = process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                pytest.fail(f"hangs:\n{said.read_text()}")
        assert code == 0, said.read_text()

    return run
