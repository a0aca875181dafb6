"""Fitted estimators of every kind, and what it is to be the same as one."""

import dataclasses
import json
import math
import resource
import runpy
import signal
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

import skae
from skae import LinearAutoencoder
from skae.persistence.files import seal, unseal

FILES = Path(__file__).parent / "files"
WRITER = runpy.run_path(str(FILES / "write.py"))
ZOO, rows = WRITER["ZOO"], WRITER["rows"]


@pytest.fixture(params=ZOO)
def kind(request):
    """Name of every kind of fitted estimator, one after the other."""
    return request.param


@pytest.fixture(scope="session")
def outputs():
    """``outputs(estimator)``: what it says about new rows, by method."""
    return WRITER["outputs"]


@pytest.fixture(scope="session")
def new_rows():
    """``new_rows(estimator, n, seed)``: rows as it has seen some."""
    return WRITER["new_rows"]


@pytest.fixture(scope="session")
def made():
    """``made(kind)``: a fitted estimator, made when it is first asked for."""
    return cache(lambda kind: ZOO[kind]())


@pytest.fixture(scope="session")
def releases():
    """Folders with the files of each release."""
    return sorted(path for path in FILES.iterdir() if (path / "expected.npz").is_file())


@pytest.fixture
def small():
    """An estimator whose file is small."""
    return LinearAutoencoder(1).fit(rows()[:, :2])


@pytest.fixture
def path(tmp_path):
    """Where to save something."""
    return tmp_path / "model.skae"


MOST_SECONDS, MOST_BYTES = 2.0, 2**30
"""What reading a small file may take: of the processor, and more than there was."""

MEMORY = Path("/proc/self/statm")
"""Where a system tells how much of it a process has; not all do."""


@contextmanager
def bounded():
    """Let what takes more time or memory fail: nothing is allotted to it any more."""

    def refuse(*_):
        raise AssertionError(f"it takes more than {MOST_SECONDS} s")

    least, most = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGVTALRM, refuse)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    if MEMORY.exists():
        now = int(MEMORY.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, most))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, (least, most))


@pytest.fixture(scope="module")
def reads_within_bounds():
    """Let each `skae.load` of a module end soon, in little memory, or fail."""
    load = skae.load

    @wraps(load)
    def load_soon(*arguments, **options):
        with bounded():
            return load(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skae, "load", load_soon)
        yield


@pytest.fixture(scope="session")
def reseal():
    """``reseal(path, change)``: change document and arrays, and sign them again.

    ``change(document, arrays)`` changes both in place, or gives a new document.
    """

    def rewrite(path, change):
        document, arrays = unseal(path.read_bytes())
        changed = change(document, arrays)
        path.write_bytes(seal(document if changed is None else changed, arrays))

    return rewrite


@pytest.fixture(scope="session")
def document_of():
    """``document_of(path)``: the document of a file."""
    return lambda path: json.loads(json.dumps(unseal(path.read_bytes())[0]))


def _assert_same(first, second, where="estimator"):
    assert type(first) is type(second), where
    if isinstance(first, np.ndarray):
        assert_array_equal(first, second, err_msg=where, strict=True)
        assert first.flags.fnc == second.flags.fnc, where
        assert second.flags.writeable, where
    elif isinstance(first, np.random.RandomState):
        _assert_same(first.get_state(legacy=False), second.get_state(legacy=False))
    elif isinstance(first, BaseEstimator):
        _assert_same(vars(first), vars(second), where)
    elif dataclasses.is_dataclass(first):
        for field in dataclasses.fields(first):
            if field.compare:
                values = getattr(first, field.name), getattr(second, field.name)
                _assert_same(*values, f"{where}.{field.name}")
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key in first:
            _assert_same(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for i, pair in enumerate(zip(first, second, strict=True)):
            _assert_same(*pair, f"{where}.{i}")
    elif isinstance(first, MetadataRequest):
        assert repr(first) == repr(second), where
    elif isinstance(first, float) and math.isnan(first):
        assert math.isnan(second), where
    else:
        assert first == second, where


@pytest.fixture(scope="session")
def assert_same():
    """``assert_same(first, second)``: all that two objects hold is the same."""
    return _assert_same


@pytest.fixture(scope="session")
def sealed(releases):
    """Documents and arrays of one of every kind, by name."""
    return {
        path.stem: unseal(path.read_bytes())
        for path in sorted(releases[-1].glob("*.skae"))
    }
