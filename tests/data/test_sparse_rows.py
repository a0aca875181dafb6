"""Sparse rows do as the dense ones do, and are made dense only where they must be."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skae.data import SparseRows
from skae.networks import affine
from skae.objectives import make_likelihood

N, D, UNITS = 7, 30, 4

LIKELIHOODS = [
    ("gaussian", "identity"),
    ("gaussian", "logistic"),
    ("bernoulli", "identity"),
    ("poisson", "identity"),
]


def matrix(dtype=np.float64, density=0.1):
    """With a row and columns in which nothing is stored, and a zero that is."""
    X = sparse.random_array((N, D), density=density, rng=0, dtype=np.float64).toarray()
    X[2], X[:, 5], X[:, 6] = 0.0, 0.0, 0.0
    rows = sparse.csr_array(X.astype(dtype))
    if rows.nnz:
        rows.data[0] = 0.0
    return rows


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.fixture(params=[0.1, 0.0], ids=["some stored", "none stored"])
def zeros_between(request):
    return SparseRows(matrix(density=request.param))


@pytest.fixture(params=["zeros", "a base"])
def rows(request):
    base = None if request.param == "zeros" else drawn(D)
    return SparseRows(matrix(), base)


@pytest.fixture
def never_dense(monkeypatch):
    def refuse(self):
        raise AssertionError("rows were made dense")

    monkeypatch.setattr(SparseRows, "to_dense", refuse)


def assert_same(found, expected):
    found = found.to_dense() if isinstance(found, SparseRows) else found
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_dense(rows):
    base = 0.0 if rows._base is None else rows._base
    assert_same(rows.to_dense(), torch.from_numpy(matrix().toarray()) + base)
    assert_same(rows.mT, rows.to_dense().mT)
    assert (rows.shape, rows.mT.shape, len(rows)) == ((N, D), (D, N), N)
    assert (rows.dtype, rows.device.type) == (torch.float64, "cpu")


def test_some_of_them(rows):
    dense = rows.to_dense()
    assert_same(rows[2:5], dense[2:5])
    for found, expected in zip(rows.split(3), dense.split(3), strict=True):
        assert_same(found, expected)
    assert_same(torch.cat([rows[:2], rows[4:]]), torch.cat([dense[:2], dense[4:]]))


SPARSELY = {
    "affine": lambda x: affine(drawn(UNITS), x, drawn(UNITS, D).t()),
    "addmm": lambda x: torch.addmm(
        drawn(UNITS, 1), drawn(UNITS, D), x.mT, out=torch.empty(UNITS, N).double()
    ),
    "mm": lambda x: torch.mm(drawn(UNITS, N), x, out=torch.ones(UNITS, D).double()),
    "added": lambda x: _added(x, drawn(UNITS, D)),
    "sub": lambda x: drawn(N, D) - x,
    "sub out": lambda x: torch.sub(drawn(N, D), x, out=torch.empty(N, D).double()),
    "sub_": lambda x: drawn(N, D).sub_(x),
    "add": lambda x: drawn(N, D) + x,
}

OF_ZEROS_BETWEEN = {
    "mul": lambda x: drawn(N, D) * x,
    "log1p": lambda x: x.clamp_min(0.0).log1p(),
    "xlogy": lambda x: torch.xlogy(x, x) - x,
    "sum": lambda x: x.sum(),
    "sum of both": lambda x: x.sum((-2, -1), dtype=torch.float32),
    "columns": lambda x: x.sum(0),
}

DENSE = {
    "operators": lambda x: 2.0 * x - (1.0 - x) / 3.0 + -x,
    "comparison": lambda x: (x > 0.5).double(),
    "method": lambda x: x.square().mean(1),
    "function": lambda x: torch.linalg.vector_norm(x),
    "not of zero": lambda x: x.clamp_min(0.5),
    "other places": lambda x: torch.xlogy(x, x[[*range(N)]].log1p()),
    "wide": lambda x: torch.cat([x, x], dim=1),
    "also wide": lambda x: torch.cat([x, x], 1),
    "product": lambda x: x @ drawn(D, UNITS),
    "new product": lambda x: torch.mm(drawn(UNITS, N), x),
    "another start": lambda x: torch.addmm(drawn(UNITS, D), drawn(UNITS, N), x),
    "product from left": lambda x: torch.mm(x, drawn(D, UNITS)),
    "transposed from left": lambda x: affine(drawn(UNITS), x.mT, drawn(N, UNITS)),
    "columns apart": lambda x: x.chunk(2, dim=1)[1],
    "rows sum": lambda x: x.sum(1),
    "broadcast": lambda x: drawn(D) - x,
    "other dtype": lambda x: drawn(N, D).float() * x,
    "with an array": lambda x: torch.xlogy(x, drawn(N, D).exp()),
    "from an array": lambda x: x - drawn(N, D),
    "as an option": lambda x: torch.add(drawn(N, D), other=x),
}


def _added(x, out):
    return torch.addmm(out, drawn(UNITS, N), x, out=out)


@pytest.mark.parametrize("act", SPARSELY.values(), ids=SPARSELY)
def test_what_is_known_is_done_sparsely(rows, act, never_dense, monkeypatch):
    found = act(rows)
    monkeypatch.undo()
    assert_same(found, act(rows.to_dense()))


@pytest.mark.parametrize("act", OF_ZEROS_BETWEEN.values(), ids=OF_ZEROS_BETWEEN)
def test_zeros_stay_zeros(zeros_between, act, never_dense, monkeypatch):
    found = act(zeros_between)
    monkeypatch.undo()
    assert_same(found, act(zeros_between.to_dense()))


@pytest.mark.parametrize("act", OF_ZEROS_BETWEEN.values(), ids=OF_ZEROS_BETWEEN)
def test_of_a_base_they_are_done_densely(act):
    rows = SparseRows(matrix(), drawn(D).abs())
    assert_same(act(rows), act(rows.to_dense()))


@pytest.mark.parametrize("act", DENSE.values(), ids=DENSE)
def test_all_else_is_done_densely(zeros_between, act):
    assert_same(act(zeros_between), act(zeros_between.to_dense()))


@pytest.mark.parametrize("name", ["_anything", "anything"])
def test_there_is_no_more_to_them(name):
    with pytest.raises(AttributeError, match=name):
        getattr(SparseRows(matrix()), name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("names", LIKELIHOODS)
def test_likelihoods_never_make_them_dense(names, dtype, never_dense, monkeypatch):
    monkeypatch.setattr("skae.objectives.likelihoods._FEW", 0)
    likelihood, output = make_likelihood(*names), drawn(N, D, dtype=dtype)
    base = drawn(D, dtype=dtype) if likelihood.standardises else None
    rows = SparseRows(matrix(np.dtype(str(dtype)[6:])), base)
    gradient, expected = torch.empty_like(output), torch.empty_like(output)
    total = likelihood.loss_gradient(output, rows, gradient, 0.1)
    entries = likelihood.loss(output, rows)
    monkeypatch.undo()
    dense = rows.to_dense()
    exact = {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {}
    torch.testing.assert_close(
        total, likelihood.loss_gradient(output, dense, expected, 0.1), **exact
    )
    torch.testing.assert_close(gradient, expected, **exact)
    torch.testing.assert_close(entries, likelihood.loss(output, dense), **exact)
    torch.testing.assert_close(
        likelihood.features(rows) - 0.0 * dense, likelihood.features(dense), **exact
    )


@given(
    n=st.integers(1, 9), d=st.integers(1, 9), share=st.floats(0, 1),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_products_of_any_rows(n, d, share, seed):
    X = sparse.random_array((n, d), density=share, rng=seed, format="csr")
    rows, weight, left = SparseRows(X), drawn(3, d), drawn(3, n)
    out = torch.ones(3, d).double()
    assert_same(rows.times(weight), rows.to_dense() @ weight.mT)
    assert_same(rows.add_product(left, out), 1.0 + left @ rows.to_dense())


@pytest.mark.parametrize(
    "function",
    [
        lambda dense, rows: torch.sub(dense, rows),
        lambda dense, rows: torch.mul(dense, rows),
        lambda dense, rows: torch.clamp_min(rows, 0.1),
        lambda dense, rows: torch.log1p(rows),
        lambda dense, rows: rows[:3],
        lambda dense, rows: rows.sum(0),
    ],
)
def test_columns_do_as_the_dense_ones_do(function):
    square = sparse.random_array((D, D), density=0.1, rng=0, format="csr")
    rows, dense = SparseRows(square).mT, drawn(D, D)
    expected = function(dense, torch.from_numpy(square.toarray().T.copy()))
    torch.testing.assert_close(function(dense, rows), expected)
