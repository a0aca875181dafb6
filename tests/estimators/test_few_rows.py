"""A few rows take a shorter way than many, and get the same codes and messages."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from skae.estimators import validation

N_THREADS = 16


@pytest.fixture
def long_way(monkeypatch):
    """Lets scikit-learn validate everything."""
    monkeypatch.setattr(validation, "_FEW_ENTRIES", 0)


@pytest.mark.parametrize("n", [1, 2, 8, 9])
@pytest.mark.parametrize(
    ("dtype", "atol"), [(np.float64, 1e-9), (np.float32, 1e-4)], ids=["64", "32"]
)
def test_codes_do_not_depend_on_how_many_rows_there_are(fitted, new, n, dtype, atol):
    new = new.astype(dtype)
    few = fitted.transform(new[:n])
    assert few.dtype == dtype
    assert_allclose(few, fitted.transform(new)[:n], rtol=0, atol=atol)


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples"])
def test_validation_changes_no_bit(fitted, new, method, long_way, monkeypatch):
    expected = getattr(fitted, method)(new)
    monkeypatch.undo()
    assert_array_equal(getattr(fitted, method)(new), expected)


LAYOUTS = {
    "fortran": np.asfortranarray,
    "backwards": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "other bytes": lambda X: X.astype(X.dtype.newbyteorder()),
    "frozen": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "list": lambda X: X.tolist(),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_makes_no_difference(fitted, new, layout):
    codes = fitted.transform(layout(new[:2]))
    assert_allclose(codes, fitted.transform(new[:2]), rtol=1e-12, atol=1e-12)


BROKEN = {
    "NaN": lambda X: np.where(np.arange(X.shape[1]) == 1, np.nan, X),
    "inf": lambda X: np.where(np.arange(X.shape[1]) == 1, np.inf, X),
    "width": lambda X: X[:, :-1],
    "no rows": lambda X: X[:0],
    "1-D": lambda X: X[0],
    "3-D": lambda X: X[:, :, None, None],
    "matrix": lambda X: X.view(np.matrix),
    "complex": lambda X: X + 1j,
}


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "reconstruct"])
@pytest.mark.parametrize("break_", BROKEN.values(), ids=BROKEN)
def test_messages_are_those_of_the_long_way(fitted, new, break_, method, monkeypatch):
    width = 2 if method == "inverse_transform" else new.shape[1]
    rows, messages = break_(new[:1, :width]), []
    for few in (0, validation._FEW_ENTRIES):
        monkeypatch.setattr(validation, "_FEW_ENTRIES", few)
        with pytest.raises((TypeError, ValueError)) as error:
            getattr(fitted, method)(rows)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_overflow_on_the_way_is_refused(dense, X):
    fitted = dense().fit(X)
    row = np.full((1, X.shape[1]), 3e38, np.float32)
    with np.errstate(all="raise"), pytest.raises(ValueError, match="too large"):
        fitted.transform(row)


def test_infinity_that_an_activation_would_hide_is_seen(dense, X):
    bounded = {"activation": "tanh", "code_activation": "logistic"}
    fitted = dense(linear_path=False, **bounded).fit(X)
    row = X[:1].copy()
    row[0, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fitted.transform(row)
    with config_context(assume_finite=True):
        assert np.isfinite(fitted.transform(row)).all()


def test_a_row_without_names_gets_its_warning(dense, X):
    fitted = dense().fit(pd.DataFrame(X, columns=list("abcde")))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.transform(X[:1])


def test_sixteen_threads_transform_at_once(dense, X):
    fitted, start = dense().fit(X), Barrier(N_THREADS)
    expected = [fitted.transform(X[i : i + 1]) for i in range(N_THREADS)]

    def codes(i):
        start.wait(60)
        return [fitted.transform(X[i : i + 1]) for _ in range(50)]

    with ThreadPoolExecutor(N_THREADS) as pool:
        for i, found in enumerate(pool.map(codes, range(N_THREADS))):
            for code in found:
                assert_array_equal(code, expected[i])
