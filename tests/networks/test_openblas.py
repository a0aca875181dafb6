"""OpenBLAS, opened for skae alone; what it multiplies stands in test_products."""

import ctypes
import gc
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import skae.networks.openblas as house

multiplies = pytest.mark.skipif(
    "AVX512" not in torch.backends.cpu.get_cpu_capability() or house.openblas() is None,
    reason="its kernels for AVX-512 would be illegal instructions, or it is not there",
)


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A folder in place of the package's; it has no library yet."""
    spec = ModuleSpec("scipy_openblas32", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(house, "find_spec", lambda name: spec)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "RTLD_NOLOAD", 4, raising=False)
    (tmp_path / "lib").mkdir()
    return tmp_path / "lib"


@pytest.fixture
def open_anew(monkeypatch):
    """Opens a library, and notes what the environment was then."""
    seen = []

    def open_with(core=b"SkylakeX", is_loaded=False, **functions):
        def load(path, mode=None):
            if mode == os.RTLD_NOLOAD:
                if is_loaded:
                    return None
                raise OSError("not loaded")
            seen.append({n: os.environ[n] for n in (house._CORE, house._THREADS)})
            if core is None:
                raise OSError("invalid ELF header")
            functions.setdefault("scipy_cblas_sgemm_batch_strided", Mock())
            named = {n: function for n, function in functions.items() if function}
            return SimpleNamespace(
                scipy_openblas_get_corename=Mock(return_value=core), **named
            )

        monkeypatch.setattr(house.ctypes, "CDLL", load)
        return house._open(), seen

    return open_with


@multiplies
def test_it_keeps_to_a_thread_and_takes_the_kernels_for_avx512():
    path = os.path.realpath(house.openblas()._name)
    with threadpool_limits(2):
        house.openblas()
        (found,) = (i for i in threadpool_info() if i["filepath"] == path)
    assert (found["num_threads"], found["architecture"]) == (1, "SkylakeX")


@pytest.mark.parametrize("given", [None, "Haswell"])
@pytest.mark.parametrize("core", [b"SkylakeX", None], ids=["opens", "does not"])
def test_the_environment_is_what_it_was(place, open_anew, monkeypatch, given, core):
    (place / "libscipy_openblas.so").touch()
    for name in (house._CORE, house._THREADS):
        if given is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, given)
    library, seen = open_anew(core)
    assert (library is None) == (core is None)
    assert seen == [{house._CORE: "SkylakeX", house._THREADS: "1"}]
    assert os.environ.get(house._CORE) == os.environ.get(house._THREADS) == given


def test_it_is_not_there(place, open_anew, monkeypatch):
    assert open_anew() == (None, [])
    monkeypatch.setattr(house, "find_spec", lambda name: None)
    assert open_anew() == (None, [])
    monkeypatch.setattr(house, "find_spec", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert open_anew() == (None, [])


def test_what_somebody_else_has_opened_is_left_alone(place, open_anew):
    (place / "libscipy_openblas.so").touch()
    assert open_anew(is_loaded=True) == (None, [])


@pytest.mark.parametrize(
    "options",
    [{"core": b"Haswell"}, {"scipy_cblas_sgemm_batch_strided": None}],
    ids=["other kernels", "an old one"],
)
def test_it_is_not_what_is_needed(place, open_anew, options):
    (place / "libscipy_openblas.so").touch()
    library, seen = open_anew(**options)
    assert library is None
    assert len(seen) == 1


def test_it_is_opened_once_however_many_ask(monkeypatch):
    opened, barrier = [], threading.Barrier(8)

    def open_slowly():
        opened.append(Mock())
        time.sleep(0.01)
        return opened[-1]

    def ask(_):
        barrier.wait()
        return house.openblas()

    monkeypatch.setattr(house, "_found", [])
    monkeypatch.setattr(house, "_open", open_slowly)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == set(opened)
    assert len(opened) == 1


@multiplies
def test_it_is_loaded_now():
    path = house.Path(house.openblas()._name)
    assert house._is_loaded(path)
    assert not house._is_loaded(path.with_suffix(".other"))


@multiplies
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


@multiplies
def test_factors_of_another_form_are_refused():
    left, right, out = torch.ones(3, 4), torch.ones(4, 5), torch.zeros(3, 5)
    product = house.BoundProduct(house.openblas(), out, left, right)
    others = [
        right.double(),
        right[:3],
        torch.ones(5, 4).mT,
        right.to_sparse(),
        right.to("meta"),
        torch.nn.Parameter(right),
        torch.complex(right, right).conj().imag[..., :],
    ]
    assert not any(product.of(other) for other in others)
    assert not out.any()
    assert product.of(2 * right)
    assert (out == 8.0).all()


def test_distances_that_cblas_cannot_be_told_are_refused():
    out, left, right = torch.zeros(1, 5), torch.ones(1, 1), torch.ones(1, 5)
    assert house.can_be_bound(out, left, right)
    far = left.as_strided((1, 1), (2**31, 1))
    assert not house.can_be_bound(out, far, right)


@multiplies
def test_it_multiplies_under_a_mode_of_torch_too():
    left, right, out = torch.ones(3, 4), torch.ones(4, 5), torch.zeros(3, 5)
    product = house.BoundProduct(house.openblas(), out, left, right)
    with torch.device("meta"):
        assert product.of(right)
    assert (out == 4.0).all()


@multiplies
@pytest.mark.parametrize(
    ("n_rows", "depth", "n_columns", "n_parts"),
    [
        (40, 64, 30, 1),
        (40, 64, 31, 2),
        (75, 64, 32, 2),
        (76, 64, 32, 1),
        (40, 31, 32, 1),
    ],
)
@pytest.mark.parametrize("stack", [(), (3,)], ids=["one", "three"])
def test_rows_with_rows_are_multiplied_in_halves_if_these_are_small(
    n_rows, depth, n_columns, n_parts, stack
):
    left = torch.randn(*stack, n_rows, depth)
    right = torch.randn(*stack, n_columns, depth).mT
    out = torch.zeros(*stack, n_rows, n_columns)
    product = house.BoundProduct(house.openblas(), out, left, right)
    assert len(product.calls) == n_parts
    assert product.of(2 * right)
    torch.testing.assert_close(out, 2 * left @ right, rtol=1e-5, atol=1e-4)
    as_it_is = house.BoundProduct(house.openblas(), out, left, right.contiguous())
    assert len(as_it_is.calls) == 1
