"""OpenBLAS, opened for skae alone; what it multiplies stands in test_products."""

import ctypes
import gc
import os
import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from threadpoolctl import threadpool_info

import skae.networks.openblas as house

pytestmark = pytest.mark.skipif(
    "AVX512" not in torch.backends.cpu.get_cpu_capability() or house.openblas() is None,
    reason="wants Linux, AVX-512 and scipy-openblas32",
)


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A folder in place of the package's; it has no library yet."""
    spec = ModuleSpec("scipy_openblas32", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(house, "find_spec", lambda name: spec)
    (tmp_path / "lib").mkdir()
    return tmp_path / "lib"


@pytest.fixture
def open_anew(monkeypatch):
    """Opens a library with these kernels, and notes what the environment was then."""
    seen = []

    def open_with(core):
        def load(path):
            seen.append({n: os.environ[n] for n in (house._CORE, house._THREADS)})
            return SimpleNamespace(scipy_openblas_get_corename=Mock(return_value=core))

        monkeypatch.setattr(house.ctypes, "CDLL", load)
        return house.openblas.__wrapped__(), seen

    return open_with


def test_it_keeps_to_a_thread_and_takes_the_kernels_for_avx512():
    (found,) = (
        info
        for info in threadpool_info()
        if info["filepath"] == os.path.realpath(house.openblas()._name)
    )
    assert (found["num_threads"], found["architecture"]) == (1, "SkylakeX")


@pytest.mark.parametrize("given", [None, "Haswell"])
def test_the_environment_is_what_it_was(place, open_anew, monkeypatch, given):
    (place / "libscipy_openblas.so").touch()
    for name in (house._CORE, house._THREADS):
        if given is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, given)
    library, seen = open_anew(b"SkylakeX")
    assert library is not None
    assert seen == [{house._CORE: "SkylakeX", house._THREADS: "1"}]
    assert os.environ.get(house._CORE) == os.environ.get(house._THREADS) == given


def test_it_is_not_there(place, open_anew, monkeypatch):
    assert open_anew(b"SkylakeX") == (None, [])
    monkeypatch.setattr(house, "find_spec", lambda name: None)
    assert open_anew(b"SkylakeX") == (None, [])
    monkeypatch.setattr(house, "find_spec", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert open_anew(b"SkylakeX") == (None, [])


def test_with_other_kernels_somebody_else_has_opened_it(place, open_anew):
    (place / "libscipy_openblas.so").touch()
    library, seen = open_anew(b"Haswell")
    assert library is None
    assert len(seen) == 1


def test_arrays_stay_as_long_as_their_product():
    left, right, out = torch.ones(3, 4), torch.ones(4, 5), torch.zeros(3, 5)
    (call,) = house.BoundProduct(house.openblas(), out, left, right).calls
    kept = [argument._arr for argument in call.args if hasattr(argument, "_arr")]
    addresses = [array.ctypes.data for array in kept]
    assert addresses == [left.data_ptr(), right.data_ptr(), out.data_ptr()]
    del left, right
    gc.collect()
    torch.full((3, 4), 7.0), torch.full((4, 5), 7.0)
    call()
    assert (out == 4.0).all()
    assert isinstance(call.func, ctypes._CFuncPtr)
