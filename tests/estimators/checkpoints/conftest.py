"""Fits that are cut short, and how they are compared with those that are not."""

import os
from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.base import clone

from skae.training import Checkpoint

FILE = "checkpoint.safetensors"


class Killed(BaseException):
    """What nobody catches."""


@contextmanager
def _killed_after(n):
    """Let the process, so to say, be killed after so many checkpoints; count them."""
    put, count = Checkpoint.put, []

    def counted(self, *arguments):
        put(self, *arguments)
        count.append(arguments)
        if len(count) == n:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "put", counted)
        try:
            yield count
        except Killed:
            assert len(count) == n


def _everything(value):
    """All that a fit has left, as far down as there is anything."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, list):
        return [_everything(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _everything(entry) for name, entry in value.items()}
    if hasattr(value, "__dict__"):
        return {
            name: _everything(entry)
            for name, entry in vars(value).items()
            if not name.startswith("checkpoint_") and name != "_casts"
        }
    return value


def _assert_goes_on(estimator, folder, X, *y, n=None, **given):
    """Kill a fit after every number of checkpoints, and see it come to the same end."""
    expected = _everything(clone(estimator).fit(X, *y, **given))
    estimator = estimator.set_params(checkpoint_dir=folder)
    with _killed_after(np.inf) as written:
        assert _everything(clone(estimator).fit(X, *y, **given)) == expected
    assert os.listdir(folder) == []
    for after in range(1, len(written) + 1) if n is None else [n]:
        with _killed_after(after):
            clone(estimator).fit(X, *y, **given)
        assert os.listdir(folder) == [FILE]
        found = clone(estimator).fit(X, *y, **given)
        assert _everything(found) == expected, after
        assert os.listdir(folder) == []
    return len(written)


@pytest.fixture
def killed_after():
    """``with killed_after(n)``: so many checkpoints are written, and no more."""
    return _killed_after


@pytest.fixture
def everything():
    """``everything(fitted)``: all that is compared of two fits."""
    return _everything


@pytest.fixture
def assert_goes_on():
    """``assert_goes_on(estimator, folder, X)``: a fit, whenever it is killed."""
    return _assert_goes_on
