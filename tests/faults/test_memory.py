"""Running out of memory: for good, in a process of its own with little of it."""

import sys

import pytest

# Address space for a few more megabytes; each fit asks for some hundreds.
SCRIPT = """
import resource
from pathlib import Path
import numpy as np
import skae
from skae import Autoencoder

X = np.random.default_rng(0).random((4000, 50), dtype=np.float32)
y = np.arange(4000) % 2
LARGE = {
    "hidden_layer_sizes": (20000,),
    "channels": (600, 600),
    "width": 4096,
    "batch_size": 4000,
    "early_stopping": False,
}

def limit(n_bytes):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + n_bytes if n_bytes else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

for name in skae.__all__:
    if name == "AutoencoderTransformer" or not hasattr(getattr(skae, name), "fit"):
        continue
    estimator = getattr(skae, name)(max_iter=1, random_state=0)
    first, rows = estimator, X
    if "autoencoder" in estimator.get_params():
        estimator.autoencoder = first = Autoencoder(max_iter=1)
    before = estimator.fit(X[:50], y[:50]).transform(X[:50])
    known = first.get_params()
    first.set_params(**{n: value for n, value in LARGE.items() if n in known})
    if name == "LinearAutoencoder":  # what is large is the covariance matrix
        rows = np.zeros((4500, 4500), dtype=np.float32)
    limit(100 * 2**20)
    try:
        estimator.fit(rows, y)
    except MemoryError as error:
        assert "choose a smaller batch_size" in str(error), (name, error)
    else:
        raise AssertionError(f"{name} has found memory")
    finally:
        limit(0)
    np.testing.assert_array_equal(estimator.transform(X[:50]), before)
"""


@pytest.mark.fault(74)
@pytest.mark.skipif(
    sys.platform != "linux",
    reason="RLIMIT_AS, which makes memory scarce, binds on Linux",
)
def test_fit_that_memory_has_no_room_for(run_script):
    """It is refused with a remedy, and the fit before it stands: every kind."""
    one = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    run_script(SCRIPT, **dict.fromkeys(one, "1"))
