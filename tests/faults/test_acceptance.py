"""What is taken, by every estimator, as the plain array of its numbers would be.

Each test is a row of the fault matrix on an estimator of every kind.
"""

import copy
import re
import tempfile

import dask.array as da
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skae import VariationalAutoencoder
from skae.data import LazySource


def _cases(table):
    """The cases of a table as parameters, marked with their rows of the matrix."""
    return [
        pytest.param(case, id=f"{row}-{name}", marks=pytest.mark.fault(row))
        for (row, name), case in table.items()
    ]


def _whole(rows):
    """Small whole numbers, which every numeric dtype holds."""
    return np.round(10.0 * np.abs(rows)).clip(0, 127)


def _as(dtype):
    return lambda rows: _whole(rows).astype(dtype)


def _read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


def _mapped(rows):
    with tempfile.TemporaryFile() as file:
        rows.tofile(file)
        return np.memmap(file, rows.dtype, "r", shape=rows.shape)


def _frame(rows):
    return pd.DataFrame(rows, columns=list("abcd"))


def _nullable(rows):
    return _frame(rows).assign(
        a=lambda frame: frame["a"].astype("Float64"),
        b=lambda frame: frame["b"].round().astype("Int64"),
        c=lambda frame: (frame["c"] > 1.0).astype("boolean"),
        d=lambda frame: frame["d"].astype("double[pyarrow]"),
    )


TAKEN = {
    (26, "float16"): _as(np.float16),
    (27, "longdouble"): _as(np.longdouble),
    (28, "big-endian float64"): _as(">f8"),
    (28, "big-endian int16"): _as(">i2"),
    (29, "int64"): _as(np.int64),
    (30, "uint8"): _as(np.uint8),
    (31, "bool"): lambda rows: rows > 1.0,
    (43, "Fortran order"): np.asfortranarray,
    (44, "every second row"): lambda rows: np.repeat(rows, 2, axis=0)[::2],
    (44, "every second column"): lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
    (45, "rows backwards"): lambda rows: rows[::-1],
    (45, "columns backwards"): lambda rows: rows[:, ::-1],
    (45, "the same row"): lambda rows: np.broadcast_to(rows[:1], rows.shape),
    (45, "the same column"): lambda rows: np.broadcast_to(rows[:, :1], rows.shape),
    (46, "read-only"): _read_only,
    (47, "memory map"): _mapped,
    (48, "requires_grad"): lambda rows: torch.tensor(rows, requires_grad=True),
    (48, "bfloat16"): lambda rows: torch.from_numpy(rows).to(torch.bfloat16),
    (49, "dask"): lambda rows: da.from_array(rows, chunks=(-1, 2)),
    (50, "nullable"): _nullable,
    (53, "polars"): lambda rows: pl.from_pandas(_frame(rows)),
}


def _plain(other):
    """The numbers, as a contiguous array of float64, or of float32 if they are that."""
    if isinstance(other, torch.Tensor):
        other = other.detach().to(torch.promote_types(other.dtype, torch.float32))
    array = np.asarray(other)
    dtype = array.dtype if array.dtype in (np.float32, np.float64) else np.float64
    return array.astype(dtype, order="C", copy=True)


beside_an_array = pytest.mark.filterwarnings("ignore:X has feature names")


@pytest.fixture(autouse=True)
def _all_torch_warnings():
    """Let torch repeat the warnings that it gives once per process."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.parametrize("convert", _cases(TAKEN))
def test_taken_as_its_plain_copy(
    every_estimator, rows, learn, says, assert_same, convert
):
    other = convert(rows)
    plain = _plain(other)
    expected = says(learn(clone(every_estimator), plain), plain)
    assert_same(says(learn(every_estimator, other), other), expected)
    assert_array_equal(_plain(other), plain)


SOME = {case: TAKEN[case] for case in TAKEN if case[0] in {29, 43, 45, 46, 48, 49, 53}}
"""Of these it is enough to see that all ways in are one way."""


@beside_an_array
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
@pytest.mark.parametrize("name", ["X_val", "X_clean"])
@pytest.mark.parametrize("convert", _cases(SOME))
def test_taken_beside_x_as_its_plain_copy(
    every_autoencoder, rows, says, assert_same, convert, name
):
    other = convert(rows)
    try:
        expected = says(every_autoencoder.fit(rows, **{name: _plain(other)}), rows)
    except ValueError as error:
        assert "X_clean" in str(error)  # noqa: PT017  of those that have no use for it
        with pytest.raises(ValueError, match="X_clean"):
            every_autoencoder.fit(rows, **{name: other})
    else:
        assert_same(says(every_autoencoder.fit(rows, **{name: other}), rows), expected)


@beside_an_array
@pytest.mark.parametrize("convert", _cases(SOME))
def test_taken_in_parts_as_its_plain_copy(
    every_one_of_parts, rows, says, assert_same, convert
):
    other = convert(rows)
    first = every_one_of_parts.partial_fit(rows)
    expected = says(copy.deepcopy(first).partial_fit(_plain(other)), rows)
    assert_same(says(first.partial_fit(other), rows), expected)


@pytest.mark.parametrize("convert", _cases(SOME))
def test_codes_are_taken_as_their_plain_copy(every_autoencoder, rows, convert):
    every_autoencoder.set_params(n_components=4).fit(rows)
    codes = convert(rows)
    expected = every_autoencoder.inverse_transform(_plain(codes))
    assert_array_equal(every_autoencoder.inverse_transform(codes), expected)


def _with_explicit_zeros(rows):
    numbers = np.indices(rows.shape).reshape(2, -1)
    return sparse.coo_array((rows.ravel(), numbers), shape=rows.shape)


SPARSE = {
    (39, "CSR"): sparse.csr_array,
    (39, "CSR matrix"): sparse.csr_matrix,
    (40, "CSC"): sparse.csc_array,
    (41, "COO, explicit zeros"): _with_explicit_zeros,
    (42, "pandas"): lambda rows: _frame(rows).astype(pd.SparseDtype(float, 0.0)),
}


@pytest.fixture
def dense_at_once(monkeypatch):
    """How many rows of a sparse matrix, or of dask's, were dense at a time: a list."""
    counts = []

    def count(kind, method):
        original = getattr(kind, method)

        def counted(self, *args, **kwargs):
            result = original(self, *args, **kwargs)
            counts.append(len(result))
            return result

        monkeypatch.setattr(kind, method, counted)

    monkeypatch.setattr("skae.data.sources._GATHERED_BYTES", 160)  # 5 rows of 4 numbers
    for kind in (sparse.csr_array, sparse.csr_matrix):
        count(kind, "toarray")
    count(LazySource, "_read")
    return counts


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("convert", _cases(SPARSE))
def test_sparse_rows_are_taken_some_at_a_time(
    every_one_of_sparse_rows, rows, says, dense_at_once, convert
):
    dense = np.where(rows > 1.0, rows, 0.0)
    fitted = every_one_of_sparse_rows.fit(convert(dense))
    fitted.transform(convert(dense))
    assert max(dense_at_once) == 5
    found = says(fitted, convert(dense))  # with what impute gives, which is dense
    for name, value in says(fitted, dense).items():
        assert_allclose(found[name], value, atol=1e-9, err_msg=name)


@pytest.mark.fault(49)
def test_rows_of_dask_are_read_some_at_a_time(
    every_autoencoder, rows, learn, says, assert_same, dense_at_once
):
    every_autoencoder.set_params(block_size=5)
    expected = says(learn(clone(every_autoencoder), rows), rows)
    lazy = da.from_array(rows, chunks=(3, -1))
    assert_same(says(learn(every_autoencoder, lazy), rows), expected)
    assert max(dense_at_once) == 5
    assert_allclose(every_autoencoder.transform(lazy), expected["transform"], atol=1e-9)


@pytest.mark.fault(49)
def test_collapse_is_seen_in_rows_read_some_at_a_time(rows, dense_at_once, monkeypatch):
    monkeypatch.setattr("skae.estimators.generative._LEAST_DIVERGENCE", np.inf)
    estimator = VariationalAutoencoder(max_iter=1, block_size=5, random_state=0)
    with pytest.warns(UserWarning, match="The posterior has collapsed"):
        estimator.fit(da.from_array(rows, chunks=(3, -1)))
    assert max(dense_at_once) == 5


def _constant_column(rows):
    rows[:, 2] = 0.1
    return rows


FINITE = {
    (3, "1e39"): lambda rows: rows * 1e39,
    (6, "1e-30 in float32"): lambda rows: (rows * 1e-30).astype(np.float32),
    (7, "1e-200"): lambda rows: rows * 1e-200,
    (8, "denormal"): lambda rows: rows * 1e-310,
    (8, "denormal in float32"): lambda rows: (rows * 1e-42).astype(np.float32),
    (9, "all zeros"): np.zeros_like,
    (10, "constant"): lambda rows: np.full_like(rows, 0.1),
    (10, "constant, large"): lambda rows: np.full_like(rows, 1e8 + 0.1),
    (11, "a constant column"): _constant_column,
    (12, "rows twice"): lambda rows: np.repeat(rows[::2], 2, axis=0),
    (13, "offset of 1e8"): lambda rows: rows + 1e8,
    (13, "offset of 1e8 in float32"): lambda rows: (100 * rows + 1e8).astype("f4"),
    (14, "1e-12 to 1e12"): lambda rows: rows * np.logspace(-12, 12, 4),
}


def _assert_finite(found):
    for name, value in found.items():
        assert np.isfinite(value).all(), name


@pytest.mark.parametrize("change", _cases(FINITE))
def test_odd_values_are_fitted(every_estimator, rows, learn, says, change):
    odd = change(rows)
    _assert_finite(says(learn(every_estimator, odd), odd))


@pytest.mark.parametrize("change", _cases(FINITE))
def test_odd_values_are_fitted_from_sparse_rows(
    every_one_of_sparse_rows, rows, says, change
):
    odd = sparse.csr_array(change(rows))
    _assert_finite(says(every_one_of_sparse_rows.fit(odd), odd))


@pytest.mark.parametrize("change", _cases(FINITE))
def test_odd_values_are_fitted_in_parts(every_one_of_parts, rows, says, change):
    odd = change(rows)
    fitted = every_one_of_parts.partial_fit(odd).partial_fit(odd)
    _assert_finite(says(fitted, odd))


SCALE = (
    r"(values of magnitude \d+e[+]\d+|values too large for|diverged in epoch \d+)"
    ".*StandardScaler"
)
HUGE = {
    (3, "1e39"): 1e39,
    (4, "1e200"): 1e200,
    (5, "1.7e308"): 1.7e308,
    (5, "largest float32"): float(np.finfo(np.float32).max),
}


@pytest.mark.parametrize("where", ["one entry", "all entries"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", _cases(HUGE))
def test_huge_values_are_finite_or_refused(
    every_estimator, rows, learn, says, assert_same, value, dtype, where
):
    fitted = learn(every_estimator, rows)
    before = says(fitted, rows)
    huge = rows.astype(dtype)
    value = min(value, float(np.finfo(dtype).max))
    if where == "one entry":
        huge[3, 2] = value
    else:
        huge[:] = np.where(rows > 1.0, value, -value)
    for act in (lambda: None, lambda: learn(fitted, huge)):
        try:
            act()
        except (ValueError, FloatingPointError) as error:
            assert re.search(SCALE, str(error))  # noqa: PT017
            assert_same(says(fitted, rows), before)
            continue
        try:
            _assert_finite(says(fitted, huge))
        except ValueError as error:
            assert re.search(SCALE, str(error))  # noqa: PT017


def _narrow(estimator):
    """With the code that any rows have room for."""
    names = {"n_components", "k", "autoencoder__n_components"}
    return estimator.set_params(**dict.fromkeys(names & set(estimator.get_params()), 1))


SIZES = {
    (15, "1 row"): (1, 4),
    (16, "2 rows"): (2, 4),
    (17, "a batch and a row"): (12, 4),
    (18, "1 feature"): (12, 1),
    (18, "1 entry"): (1, 1),
}


@pytest.mark.parametrize("shape", _cases(SIZES))
def test_few_rows_and_columns_are_fitted(every_estimator, rows, learn, says, shape):
    n, d = shape
    known = every_estimator.get_params()
    for name in {"batch_size", "autoencoder__batch_size"} & set(known):
        every_estimator.set_params(**{name: 11})
    _narrow(every_estimator)
    if n == 1 and hasattr(every_estimator, "predict_proba"):
        with pytest.raises(ValueError, match="at least 2 classes"):
            learn(every_estimator, rows[:n, :d])
        return
    found = says(learn(every_estimator, rows[:n, :d]), rows[:n, :d])
    assert found["transform"].shape == (n, 1)
    _assert_finite(found)


@pytest.mark.fault(19)
def test_code_wider_than_the_rows(every_estimator, rows, learn, says):
    known = every_estimator.get_params()
    for name in {"n_components", "autoencoder__n_components"} & set(known):
        every_estimator.set_params(**{name: 7})
    if "solver" in known:
        with pytest.raises(ValueError, match="n_components=7 must be between 1 and"):
            learn(every_estimator, rows)
        return
    found = says(learn(every_estimator, rows), rows)
    assert found["transform"].shape == (12, 7)
    _assert_finite(found)
