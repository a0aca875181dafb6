"""Fits whose process is killed (99), and checkpoints of something else (100)."""

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from itertools import count
from pathlib import Path

import pytest
from sklearn.base import clone

import skae
from skae import Autoencoder, StackedAutoencoder, VariationalAutoencoder
from skae.training import Checkpoint

# What is fitted: here, and in a process that is killed.
FITS = """
import numpy as np

from skae import *

rng = np.random.default_rng(0)
t = rng.uniform(-3, 3, size=(300, 2))
X = np.tanh(t @ rng.standard_normal((2, 8))) + 0.1 * rng.standard_normal((300, 8))
HELD_OUT = {"early_stopping": True, "n_iter_no_change": np.inf, "random_state": 0}
SHORT = {"max_iter": 8, "random_state": 0}
FITS = {
    "dense": Autoencoder(2, max_iter=40, **HELD_OUT),
    "folds": Autoencoder(2, hidden_layer_sizes=(32,), **SHORT),
    "variational": VariationalAutoencoder(
        2, beta_warm_up=20, max_iter=40, **HELD_OUT
    ),
    "stacked": StackedAutoencoder(2, hidden_layer_sizes=(16,), **SHORT),
    "top-k": TopKAutoencoder(64, k=2, max_iter=40, **HELD_OUT),
}
"""

# It says so before each checkpoint, and waits until somebody has listened.
KILLED = """
import os
import sys

from skae.training import Checkpoint

put = Checkpoint.put

def announced(self, *arguments):
    os.write(1, b"." * 1024)
    put(self, *arguments)

Checkpoint.put = announced
name, folder = sys.argv[1:]
FITS[name].set_params(checkpoint_dir=folder).fit(X)
"""
LENGTH = 1024  # of an announcement, in bytes
PIPE = 4096  # bytes that it takes before somebody has to listen
WRITTEN = 40  # checkpoints that each of these fits writes at least


def kill_after(n_announcements, seconds, name, folder):
    """Kill a fit some time after it has announced so many checkpoints."""
    path = os.pathsep.join([str(Path(skae.__file__).parents[1]), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", FITS + KILLED, name, folder],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        bufsize=0,
        pipesize=PIPE,
    )
    with process:
        for _ in range(n_announcements):
            assert len(process.stdout.read(LENGTH)) == LENGTH
        time.sleep(seconds)
        process.kill()
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL


def state(estimator):
    """All that training has made of it, byte by byte."""
    curves = estimator.loss_curve_, estimator.validation_loss_curve_
    numbers = estimator.n_iter_, estimator.loss_, estimator.best_loss_
    weights = {name: w.tobytes() for name, w in estimator._fitted.weights.items()}
    return curves, numbers, estimator.best_iteration_, weights


@pytest.mark.skipif(
    sys.platform != "linux", reason="pipesize, which holds the fit back, is Linux's"
)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["dense", "folds", "variational", "stacked", "top-k"])
def test_a_fit_that_is_killed_ends_in_the_same_bits(name, seed, tmp_path):
    there, draw = {}, random.Random(f"{name} {seed}")
    exec(FITS, there)
    estimator, X = there["FITS"][name], there["X"]
    expected = state(estimator.fit(X))
    n = draw.randrange(1, WRITTEN - PIPE // LENGTH)
    kill_after(n, draw.uniform(0, 0.02), name, tmp_path)
    assert (tmp_path / "checkpoint.safetensors").is_file()
    assert state(estimator.set_params(checkpoint_dir=tmp_path).fit(X)) == expected
    assert os.listdir(tmp_path) == []


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """``begun(estimator, X)``: a fit that has got as far as its second epoch."""

    def begin(estimator, X):
        class Killed(BaseException):
            pass

        def due(page, epoch):
            if epoch > 2:
                raise Killed
            return True

        estimator.set_params(checkpoint_dir=tmp_path, early_stopping=False)
        with monkeypatch.context() as patch:
            patch.setattr("skae.estimators.checkpointing._Page.is_due", due)
            with pytest.raises(Killed):
                estimator.fit(X)
        return estimator

    return begin


ESTIMATORS = [
    Estimator(hidden_layer_sizes=(8,), max_iter=4, random_state=0)
    for Estimator in (Autoencoder, StackedAutoencoder, VariationalAutoencoder)
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda ae: type(ae).__name__)
class TestACheckpoint:
    def test_of_other_data_is_refused(self, estimator, X, begun, refusal, tmp_path):
        begun(estimator, X)
        before = (tmp_path / "checkpoint.safetensors").read_bytes()
        words = "X has the shape .* that it had, but other numbers.*delete the file"
        with refusal(estimator, ValueError, words):
            estimator.fit(X[::-1])
        assert (tmp_path / "checkpoint.safetensors").read_bytes() == before

    def test_of_other_parameters_is_refused(self, estimator, X, begun, refusal):
        begun(estimator, X).set_params(max_iter=7)
        with refusal(estimator, ValueError, "max_iter was 4 and is 7.*delete the file"):
            estimator.fit(X)

    def test_that_is_damaged_is_refused(self, estimator, X, begun, refusal, tmp_path):
        begun(estimator, X)
        path = tmp_path / "checkpoint.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with refusal(estimator, ValueError, "is damaged.*Delete it to start anew"):
            estimator.fit(X)

    def test_is_gone_after_a_fit(self, estimator, X, begun, tmp_path):
        begun(estimator, X).fit(X)
        assert os.listdir(tmp_path) == []
        estimator.set_params(max_iter=3).fit(X[:30])


@pytest.fixture
def put_by(monkeypatch):
    """``put_by(act)``: `act` is told the number of each checkpoint that is written."""

    put = Checkpoint.put

    def watch(act):
        begun = count(1)

        def watched(self, *arguments):
            act(next(begun))
            put(self, *arguments)

        monkeypatch.setattr(Checkpoint, "put", watched)

    return watch


def _killed(fit):
    """Let a child of this process fit until it is killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
        child = os.fork()
    if child == 0:
        try:
            fit()
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.fault(99, 100)
@pytest.mark.skipif(
    not hasattr(os, "fork"),
    reason="the fit is killed in a fork of this process, which Windows has not; "
    "test_two_at_once.py kills one in a process of its own there, too",
)
def test_killed_fit_refuses_to_be_another_one_and_goes_on(
    every_one_with_epochs, rows, learn, says, assert_same, refusal, put_by, tmp_path
):
    estimator = every_one_with_epochs.set_params(max_iter=4)
    expected = learn(clone(estimator), rows)
    estimator.set_params(checkpoint_dir=tmp_path)
    written = []
    put_by(written.append)
    learn(clone(estimator), rows)

    def kill(number):
        if number == len(written) - 1:  # the last but one epoch is lost
            os.kill(os.getpid(), signal.SIGKILL)

    put_by(kill)
    _killed(lambda: learn(estimator, rows))
    path = tmp_path / "checkpoint.safetensors"
    before = path.read_bytes()
    new = clone(estimator)
    with refusal(new, ValueError, "X has .* but other numbers.*delete the file"):
        learn(new, rows[::-1])
    new.set_params(max_iter=7)
    with refusal(new, ValueError, "max_iter was 4 and is 7.*delete the file"):
        learn(new, rows)
    assert path.read_bytes() == before

    written.clear()
    put_by(written.append)
    learn(estimator, rows)
    assert len(written) == 2
    assert_same(says(estimator, rows), says(expected, rows))
    assert estimator.loss_curve_ == expected.loss_curve_
    assert os.listdir(tmp_path) == []
