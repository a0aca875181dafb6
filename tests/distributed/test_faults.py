"""Faults of one process: all that share the fit are told, and none waits for another.

One script goes through them all: after each, the group is as good as new.
"""

import json
import re

import pytest

FAULTS = """
import json, signal, sys, warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
from sklearn.frozen import FrozenEstimator
from torch import distributed as dist

from skae import *
from skae.training import SCHEDULES

folder = Path(sys.argv[1])
dist.init_process_group("gloo", timeout=timedelta(seconds=60))
rank = dist.get_rank()
rng = np.random.default_rng(0)
X = np.tanh(rng.standard_normal((2300, 3)) @ rng.standard_normal((3, 8)))
y = (X[:, 0] > 0).astype(int)
bad = np.where(X > 0.9, np.nan, X) if rank else X
outlier = np.zeros_like(X)
outlier[777] = 100.0
SHORT = {"max_iter": 3, "random_state": 0}
DENSE = {"hidden_layer_sizes": (16,), "batch_size": 1300, **SHORT}
FOLDS = {"batch_size": 200, "hidden_layer_sizes": (16,), **SHORT}

def interrupt():
    signal.raise_signal(signal.SIGINT)

def fail():
    raise ArithmeticError("odd")

def run_out_of_memory():
    raise MemoryError("Unable to allocate 20.0 GiB")

def during(act, estimator):
    # In the second process, halfway through each training.

    def schedule(peak, n_steps):
        def rate(step):
            if rank == 1 and step == n_steps // 2:
                act()
            return peak
        return rate

    SCHEDULES["cosine"] = schedule
    return estimator

class First(Autoencoder):
    # Acts in the second process before there is anything to exchange.
    act = staticmethod(interrupt)

    def _compose(self, n_features):
        if rank == 1:
            self.act()
        return super()._compose(n_features)

class Last(Autoencoder):
    # Acts in the second process when all is done.
    act = staticmethod(interrupt)

    def _warn_of_the_result(self, X):
        if rank == 1:
            self.act()

class Callback:
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context): fail()

def dense(Kind=Autoencoder, **changes):
    return Kind(3, **DENSE | changes)

class FailingFirst(First):
    act = staticmethod(fail)

class FailingLast(Last):
    act = staticmethod(fail)

predictor = AutoencoderClassifier(Autoencoder(3, **DENSE), **SHORT)
frozen = FrozenEstimator(Autoencoder(3, **DENSE).fit(X))
tuned = AutoencoderClassifier(frozen, **SHORT)
FITS = {
    "NaN": lambda: dense().fit(bad),
    "NaN for a line": lambda: LinearAutoencoder(3, solver="adam", **SHORT).fit(bad),
    "NaN for the closed form": lambda: LinearAutoencoder(3).fit(bad),
    "NaN for layers": lambda: StackedAutoencoder(3, **DENSE).fit(bad),
    "NaN to judge by": lambda: dense().fit(X, X_val=bad),
    "one row": lambda: dense().fit(X[0] if rank else X),
    "fewer rows": lambda: dense().fit(X[rank:]),
    "another cell": lambda: dense().fit(X + outlier * rank),
    "fewer labels": lambda: predictor.fit(X, y[rank:]),
    "other labels": lambda: predictor.fit(X, 1 - y if rank else y),
    "no labels": lambda: predictor.fit(X, None if rank else y),
    "range": lambda: dense(max_iter=1 - rank).fit(X),
    "name": lambda: dense().fit(X, **{"x_val" if rank else "X_val": None}),
    "device": lambda: dense(device="nonsense" if rank else "cpu").fit(X),
    "another number": lambda: dense(max_iter=3 + rank).fit(X),
    "another solver": lambda: LinearAutoencoder(
        3, solver="exact" if rank else "adam", **SHORT
    ).fit(X),
    "another kind": lambda: (LinearAutoencoder(3) if rank else dense()).fit(X),
    "another layer": lambda: StackedAutoencoder(
        3, **DENSE | {"hidden_layer_sizes": (16,) * (1 + rank)}
    ).fit(X),
    "before": lambda: dense(FailingFirst).fit(X),
    "after": lambda: dense(FailingLast).fit(X),
    "in a step": lambda: during(fail, dense()).fit(X),
    "in a fold": lambda: during(fail, Autoencoder(3, **FOLDS)).fit(X[:400]),
    "no memory": lambda: during(run_out_of_memory, dense()).fit(X),
    "callback": lambda: dense().set_callbacks(Callback()).fit(X),
    "Ctrl-C before": lambda: dense(First).fit(X),
    "Ctrl-C in a fold": lambda: during(interrupt, Autoencoder(3, **FOLDS)).fit(X[:400]),
    "Ctrl-C after": lambda: dense(Last).fit(X),
    "Ctrl-C in a step": lambda: during(interrupt, dense()).fit(X),
    "Ctrl-C on a line": lambda: during(
        interrupt, LinearAutoencoder(3, solver="adam", **SHORT)
    ).fit(X),
    "Ctrl-C in a pretraining": lambda: during(interrupt, predictor).fit(X, y),
    "Ctrl-C in a fine-tuning": lambda: during(interrupt, tuned).fit(X, y),
    "none": lambda: dense().fit(X),
}
cosine, found = SCHEDULES["cosine"], {}
for name, fit in FITS.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = fit()
            said = [str(warning.message) for warning in caught]
            outcome = ["fitted", *said, *map(str, fitted.loss_curve_)]
        except BaseException as error:
            outcome = [type(error).__name__, str(error)]
    found[name] = outcome
    SCHEDULES["cosine"] = cosine
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, name
(folder / f"{rank}.json").write_text(json.dumps(found))
dist.destroy_process_group()
"""


TOLD = "shared by processes, and it has failed in another one.* In process 1: "
APART = "have come to different points of it"

# What is raised in the process at fault, and what it is told; then in the other.
ENDS = {
    **dict.fromkeys(
        [
            "NaN",
            "NaN for a line",
            "NaN for the closed form",
            "NaN for layers",
            "NaN to judge by",
        ],
        ("ValueError", "contains NaN"),
    ),
    "one row": ("ValueError", "Expected 2D array"),
    "another cell": ("ValueError", "in process 1 are not those in process 0"),
    "fewer labels": ("ValueError", "inconsistent numbers of samples"),
    "no labels": ("ValueError", "requires y to be passed"),
    "range": ("InvalidParameterError", "The 'max_iter' parameter"),
    "name": ("TypeError", "unexpected keyword argument 'x_val'"),
    "device": ("InvalidParameterError", "The 'device' parameter"),
    "before": ("ArithmeticError", "odd"),
    "after": ("ArithmeticError", "odd"),
    "in a step": ("ArithmeticError", "odd"),
    "in a fold": ("ArithmeticError", "odd"),
}
ALIKE = {
    "fewer rows": ("ValueError", "same X and the same parameters, but X is"),
    "other labels": ("ValueError", "but the content of y is"),
    "another number": ("ValueError", "but max_iter is 3 in process 0 and 4 in"),
    "another solver": ("RuntimeError", APART),
    "another kind": ("RuntimeError", APART),
    "another layer": ("ValueError", "but network is"),
    "Ctrl-C before": ("KeyboardInterrupt", ""),
    "Ctrl-C in a fold": ("KeyboardInterrupt", ""),
    "Ctrl-C after": ("KeyboardInterrupt", ""),
}


@pytest.mark.parametrize("on_one_machine", [True, False])
def test_fault_of_one_process_ends_all(torchrun, apart, on_one_machine, tmp_path):
    torchrun(FAULTS if on_one_machine else apart + FAULTS, 2)
    leading, other = (
        json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)
    )
    for name, (kind, words) in ENDS.items():
        assert other[name][0] == kind, name
        assert re.search(words, other[name][1]), other[name]
        assert leading[name][0] == "RuntimeError", name
        assert re.search(f"{TOLD}{kind}: .*{words}", leading[name][1]), leading[name]
    for name, (kind, words) in ALIKE.items():
        assert leading[name] == other[name], name
        assert leading[name][0] == kind, name
        assert re.search(words, leading[name][1]), leading[name]

    for found in (leading, other):  # the same remedy for both
        assert found["no memory"][0] == "MemoryError"
        assert "choose a smaller batch_size" in found["no memory"][1]
    assert "In process 1: MemoryError" in leading["no memory"][1]
    assert leading["callback"] == ["ArithmeticError", "odd"]
    assert other["callback"][0] == "RuntimeError"
    assert "In process 0: ArithmeticError: odd" in other["callback"][1]

    for name, (n_interrupts, n_epochs) in {
        "Ctrl-C in a step": (1, 1),
        "Ctrl-C on a line": (1, 2),  # which is heard of when an epoch has ended
        "Ctrl-C in a pretraining": (1, 0),
        "Ctrl-C in a fine-tuning": (1, 2),
        "none": (0, 3),
    }.items():
        assert leading[name] == other[name], name
        assert leading[name][0] == "fitted", leading[name]
        said = leading[name][1 : 1 + n_interrupts]
        assert said == ["Training interrupted by user."] * n_interrupts
        curve = leading[name][1 + n_interrupts :]
        assert all(0 < float(loss) < 1 for loss in curve), name
        assert len(curve) == n_epochs, name
