"""Fits that processes share: the same bits, one voice, one decision, one end."""

import re
import signal
import sys

import numpy as np
import pytest

# Of 4007 rows 400 are held out; there are three batches, each of four shards.
FITS = """
import sys, warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from torch import distributed as dist

from skae import *
from skae.distributed import group

class Noted(group.SharedParts):
    n_made = 0

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Noted.n_made += 1

group.SharedParts = Noted
folder = Path(sys.argv[1])
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
rng = np.random.default_rng(0)
latent = rng.standard_normal((4007, 3))
X = np.tanh(latent @ rng.standard_normal((3, 16))) + 0.1 * rng.random((4007, 16))
X = X.astype(np.float32)

LARGE = {"batch_size": 1300, "max_iter": 3, "random_state": 0}
DENSE = {"hidden_layer_sizes": (32,), **LARGE}
FITS = {
    "plain": (Autoencoder(4, **DENSE), {}),
    "textbook": (Autoencoder(4, linear_path=False, early_stopping=False, **DENSE), {}),
    "judged": (Autoencoder(4, **DENSE), {"X_val": X[:300]}),
    "paired": (Autoencoder(4, weight_decay=1e-3, **DENSE), {"X_clean": X + 1}),
    "denoising": (DenoisingAutoencoder(4, **DENSE), {}),
    "masked": (DenoisingAutoencoder(4, corruption="masking", noise=0.3, **DENSE), {}),
    "variational": (VariationalAutoencoder(4, beta_warm_up=2, **DENSE), {}),
    "contractive": (ContractiveAutoencoder(4, **DENSE), {}),
    "stacked": (StackedAutoencoder(4, **DENSE), {}),
    "convolutional": (
        ConvolutionalAutoencoder(4, input_shape=(1, 4, 4), channels=(4,), **LARGE), {}
    ),
    # Whose objective is no mean over rows, or whose batches are small.
    "sparse": (SparseAutoencoder(8, penalty="kl", **LARGE), {}),
    "top-k": (TopKAutoencoder(8, k=2, **DENSE), {}),
    "small": (Autoencoder(4, max_iter=2, random_state=0), {}),
    "linear": (LinearAutoencoder(4, solver="adam", max_iter=3, random_state=0), {}),
}

def state(ae):
    curves = {"loss": ae.loss_curve_, "validation": ae.validation_loss_curve_}
    return curves | ae._fitted.weights | {"of all": ae.loss_}

found = {}
for name, (ae, beside) in FITS.items():
    ae.fit(X, **beside)
    found |= {f"{name}: {part}": value for part, value in state(ae).items()}
folds = Autoencoder(4, batch_size=200, max_iter=2, random_state=0).fit(X[:400])
found |= {f"folds: {part}": value for part, value in state(folds).items()}
words = sparse.random_array((2600, 500), density=0.01, rng=0, format="csr")
words = Autoencoder(4, likelihood="poisson", **DENSE).fit(words)
found |= {f"sparse rows: {part}": value for part, value in state(words).items()}
labels = (latent[:, 0] > 0).astype(int)
labels[200:] = -1
encoder = Autoencoder(4, **DENSE)
classifier = AutoencoderClassifier(encoder, max_iter=2, random_state=0).fit(X, labels)
found["classifier"] = classifier.predict_proba(X)
np.savez(folder / f"{size}-{rank}.npz", **found)
print("in shared memory:", Noted.n_made > 0)
"""

# What only several processes can do, or do wrong.
TOGETHER = """
import signal
from sklearn.model_selection import GridSearchCV
from skae.model_selection import AutoencoderSearchCV
from skae.training import SCHEDULES

found = {}

def tell(name, ae):
    found.update({f"{name}: {part}": value for part, value in state(ae).items()})

unseeded = Autoencoder(4, **DENSE | {"random_state": None, "verbose": True}).fit(X)
tell("unseeded", unseeded)

# Each process is asked, and the first one answers for all.
class Stop:
    def __init__(self, epoch):
        self.epoch, self.calls = epoch, 0
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context):
        self.calls += 1
        return context.task_name == "epoch" and self.calls >= self.epoch

stop = Stop(epoch=2 if rank == 0 else 1)
stopped = Autoencoder(4, **DENSE).set_callbacks(stop).fit(X)
assert stopped.n_iter_ == 2, stopped.n_iter_
assert (stop.calls > 0) == (rank == 0), stop.calls
tell("stopped", stopped)
stop = Stop(epoch=3 if rank == 0 else 1)  # the pretraining, and two epochs
tuned = AutoencoderClassifier(encoder, max_iter=5, random_state=0).set_callbacks(stop)
found["stopped in fine-tuning"] = tuned.fit(X, labels).predict_proba(X)
assert tuned.n_iter_ == 2, tuned.n_iter_

# An interrupt of one process ends the fit of all after the same epoch.
def interrupting(peak, n_steps):
    def rate(step):
        if rank == 1 and step == n_steps // 2:
            signal.raise_signal(signal.SIGINT)
        return peak
    return rate

SCHEDULES["constant"] = interrupting
for batch_size in (1300, 60):  # shared, and small
    ae = Autoencoder(4, learning_rate="constant")
    ae.set_params(**DENSE | {"batch_size": batch_size, "max_iter": 3})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ae.fit(X)
    assert "interrupted by user" in str(caught[0].message)
    assert ae.n_iter_ == 1, ae.n_iter_
    tell(f"interrupted in batches of {batch_size}", ae)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

def tell_refusal(ae, X):
    try:
        ae.fit(X)
    except ValueError as error:
        found.setdefault("refusals", []).append(str(error))

ae = Autoencoder(4, **DENSE)
tell_refusal(ae, X[rank : len(X) - 1 + rank])
tell_refusal(Autoencoder(4 + rank, **DENSE), X)
tell_refusal(Autoencoder(4, **DENSE | {"max_iter": 5 + rank}), X)
assert not hasattr(ae, "n_iter_")
tell("after all", ae.fit(X))

grid = {"learning_rate_init": [1e-3, 2e-3]}
for search in (GridSearchCV, AutoencoderSearchCV):
    searched = search(Autoencoder(4, **DENSE), grid, cv=2).fit(X)
    found[f"{search.__name__}"] = searched.cv_results_["mean_test_score"]
    tell(search.__name__, searched.best_estimator_)
np.savez(folder / f"together-{rank}.npz", **found)
"""

END = """
dist.destroy_process_group()
"""


def assert_same_bits(first, second):
    assert first.files == second.files
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name], name, strict=True)


def test_one_and_two_processes_find_the_same_bits(torchrun, apart, tmp_path):
    assert "in shared memory: True" not in torchrun(FITS + END, 1)
    one = np.load(tmp_path / "1-0.npz")
    assert "in shared memory: True" not in torchrun(apart + FITS + END, 2)
    two_apart = np.load(tmp_path / "2-1.npz")
    said = torchrun(FITS + TOGETHER + END, 2)
    assert said.count("in shared memory: True") == 2 * sys.platform.startswith("linux")
    first, second = (np.load(tmp_path / f"2-{rank}.npz") for rank in (0, 1))
    for two in (two_apart, first, second):
        assert_same_bits(one, two)
    told, also_told = (np.load(tmp_path / f"together-{rank}.npz") for rank in (0, 1))
    assert_same_bits(told, also_told)
    assert len(re.findall(r"^Iteration 1, ", said, re.MULTILINE)) == 1
    for name, refusal in zip(
        ("the content of X", "network", "max_iter"), told["refusals"], strict=True
    ):
        assert f"but {name} is" in refusal


# The processes come together without torchrun, which would end the others.
LONELY = """
import sys, os, signal, time
from datetime import timedelta
import numpy as np
from torch import distributed as dist
from skae import Autoencoder
from skae.training import SCHEDULES

folder, rank, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dist.init_process_group(
    "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=size,
    timeout=timedelta(seconds=60),
)

def schedule(peak, n_steps):
    def rate(step):
        if step == n_steps // 2:
            print("at", time.time(), flush=True)
            if rank == size - 1:
                fail()
        return peak
    return rate

def fail():
    FAILURE

SCHEDULES["constant"] = schedule
if EARLY and rank == size - 1:
    print("at", time.time(), flush=True)
    fail()
X = np.random.default_rng(0).random((4000, 20))
ae = Autoencoder(4, learning_rate="constant", batch_size=1300, max_iter=20)
try:
    ae.fit(X)
except RuntimeError as error:
    print("after", time.time(), type(error).__name__, error, flush=True)
    assert not hasattr(ae, "n_iter_")
    dist.destroy_process_group()
    raise SystemExit(3)
"""

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
FAILURES = {
    "in the fit": (4, False, KILL, -signal.SIGKILL),
    "before it": (2, True, "os._exit(7)", 7),
}


@pytest.mark.parametrize(
    ("size", "early", "failure", "code"), FAILURES.values(), ids=FAILURES
)
@pytest.mark.parametrize("on_one_machine", [True, False])
def test_one_that_ends_is_the_end_of_all(
    together, apart, on_one_machine, size, early, failure, code
):
    script = LONELY.replace("FAILURE", failure).replace("EARLY", str(early))
    script = script if on_one_machine else apart + script
    *others, failed = together(script, size)
    assert failed[0] == code, failed[1]
    failed_at = float(re.search(r"^at (.*)", failed[1], re.M)[1])
    for other_code, said in others:
        assert other_code == 3, said
        at, message = re.search(r"^after (\S+) RuntimeError (.*)", said, re.M).groups()
        assert "another process of the group has ended" in message
        assert float(at) - failed_at < 30
