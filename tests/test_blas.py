"""Threads of numpy and scipy: as many as are of use, never more than there were."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from skae import Autoencoder
from skae._blas import _blas, numpy_threads
from skae.data import principal
from skae.networks.openblas import openblas

FEW, MANY = 1e6, 1e12


@pytest.fixture(autouse=True)
def two_threads():
    """What numpy and scipy have before anybody is inside."""
    with threadpool_limits(2, "blas"):
        yield


def now():
    """Threads that the libraries have."""
    return {library.num_threads for library in _blas().lib_controllers}


@pytest.mark.parametrize(
    ("flops", "most", "expected"),
    [(FEW, 2, 1), (MANY, 1, 1), (MANY, 2, 2), (MANY, 3, 2), (FEW, 3, 1)],
)
def test_as_many_as_are_of_use_and_never_more(flops, most, expected):
    with numpy_threads(flops, most):
        assert now() == {expected}
    assert now() == {2}


def test_the_same_thread_may_ask_for_fewer_inside():
    with numpy_threads(MANY, 2):
        with numpy_threads(FEW, 2):
            assert now() == {1}
        assert now() == {2}


def test_others_change_nothing_while_somebody_is_inside():
    def ask():
        with numpy_threads(FEW, 1):
            return now()

    with numpy_threads(MANY, 2), ThreadPoolExecutor(1) as pool:
        assert pool.submit(ask).result() == {2}
        assert now() == {2}


def test_the_one_thread_of_our_own_library_limits_nobody():
    openblas()
    _blas.cache_clear()
    with numpy_threads(MANY, 2):
        of_others = {
            library.num_threads
            for library in _blas().lib_controllers
            if "scipy_openblas32" not in library.filepath
        }
        assert of_others == {2}


def test_an_error_leaves_them_as_they_were():
    with pytest.raises(ValueError, match="no"), numpy_threads(FEW, 1):
        raise ValueError("no")
    assert now() == {2}
    with numpy_threads(FEW, 1):
        assert now() == {1}


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("width", [200, 1100])
def test_a_large_fit_takes_as_many_as_torch(width, n_threads, monkeypatch):
    seen, gram, eigh = {}, principal.gram_matrix, principal.eigh

    def product(*arguments):
        seen["product"] = now()
        return gram(*arguments)

    def decompose(*arguments, **options):
        seen["eigenvectors"] = now()
        return eigh(*arguments, **options)

    monkeypatch.setattr(principal, "gram_matrix", product)
    monkeypatch.setattr(principal, "eigh", decompose)
    X = np.random.default_rng(0).normal(size=(1300 * 5, width)).astype(np.float32)
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        Autoencoder(2, hidden_layer_sizes=(), max_iter=1, early_stopping=False).fit(X)
    finally:
        torch.set_num_threads(before)
    assert seen["product"] == {n_threads}
    assert seen["eigenvectors"] == {n_threads if width > 1000 else 1}
