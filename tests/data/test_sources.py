"""Sources: every row once an epoch, dense, and no more at a time than was asked for."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA

from skae.data import (
    ArraySource,
    LazySource,
    Scaling,
    SparseSource,
    StreamedBatches,
    StreamedRows,
)

SIZES = st.integers(1, 60)
CPU = torch.device("cpu")


def numbered(n, d=3):
    """Rows that know their number."""
    return np.arange(1.0, n + 1.0)[:, None].repeat(d, axis=1)


def array_source(X, block_size):
    return ArraySource(X, block_size, X.dtype, np.asarray)


def lazy_source(X, block_size):
    return LazySource(X, block_size, X.dtype, np.asarray)


def sparse_source(X, block_size):
    return SparseSource(sparse.csr_array(X), block_size)


MAKERS = [array_source, lazy_source, sparse_source]


def rows_of(source, kept=None):
    """Rows as they are: neither centred nor scaled."""
    scaling = Scaling.none(source.shape[1])
    return StreamedRows([source], scaling, torch.float64, CPU, kept)


def epoch(batches):
    """The rows of an epoch by number, batch for batch."""
    return [batch[:, 0].long().tolist() for batch in batches]


def flattened(parts):
    return [row for part in parts for row in part]


@pytest.mark.parametrize("make", MAKERS)
@given(n=SIZES, batch_size=SIZES, block_size=SIZES, shuffled=st.booleans())
def test_every_row_comes_exactly_once_an_epoch(
    make, n, batch_size, block_size, shuffled
):
    rows = rows_of(make(numbered(n), block_size))
    order = torch.Generator().manual_seed(0) if shuffled else None
    batches = StreamedBatches(rows, batch_size, order)
    for _ in range(2):
        found = epoch(batches)
        assert [len(batch) for batch in found] == batches.sizes
        assert max(batches.sizes) - min(batches.sizes) <= 1
        assert max(batches.sizes) <= batch_size
        assert len(found) == batches.n_batches == -(-n // min(batch_size, n))
        wanted = list(range(1, n + 1))
        assert (sorted(flattened(found)) if shuffled else flattened(found)) == wanted


@given(n=SIZES, block_size=SIZES, data=st.data())
def test_rows_left_out_do_not_come(n, block_size, data):
    kept = data.draw(st.sets(st.integers(0, n - 1), min_size=1))
    kept = np.array(sorted(kept))
    rows = rows_of(array_source(numbered(n), block_size), kept)
    batches = StreamedBatches(rows, 7, torch.Generator().manual_seed(1))
    assert sorted(flattened(epoch(batches))) == (kept + 1).tolist()
    assert flattened(epoch(rows.split(5))) == (kept + 1).tolist()


def test_blocks_come_in_random_order_and_so_do_their_rows():
    rows = rows_of(array_source(numbered(1000), 100))
    order = flattened(epoch(StreamedBatches(rows, 100, torch.Generator())))
    blocks = [(row - 1) // 100 for row in order]
    assert blocks[::100] != sorted(blocks[::100])
    assert all(len(set(blocks[i : i + 100])) == 1 for i in range(0, 1000, 100))
    assert order[:100] != sorted(order[:100])


def test_sparse_rows_come_in_an_order_of_their_own():
    rows = rows_of(sparse_source(numbered(1000), 10))
    order = flattened(epoch(StreamedBatches(rows, 100, torch.Generator())))
    assert len({(row - 1) // 100 for row in order[:100]}) == 10


@given(n=st.integers(2, 60), block_size=SIZES, seed=st.integers(0, 5))
def test_scale_is_that_of_the_array(n, block_size, seed):
    X = np.random.default_rng(seed).normal(3.0, 2.0, (n, 4))
    X[X < 2.0] = 0.0
    expected = Scaling.fit(X)
    for make in MAKERS:
        found = Scaling.fit(make(X, block_size))
        assert_allclose(found.mean, expected.mean, rtol=1e-12, atol=1e-12)
        assert found.scale == pytest.approx(expected.scale, rel=1e-10)


@pytest.mark.parametrize("d", [12, 2500])
def test_axes_of_sparse_rows_are_those_of_pca(d):
    rng = np.random.default_rng(0)
    X = sparse.random_array((300, d), density=0.05, rng=0, format="csr")
    X = sparse.csr_array(
        X + 5.0 * sparse.csr_array(rng.random((300, 3)).round()) @ X[:3]
    )
    found = sparse_source(X.toarray(), 50).axes(np.arange(300), lambda x: x, 1.0, 3)
    pca = PCA(3, svd_solver="full").fit(X.toarray())
    assert_allclose(found.squares, pca.singular_values_**2, rtol=1e-3)
    held = (found.components @ pca.components_.T) ** 2
    assert_allclose(held.sum(axis=1), 1.0, atol=1e-3)
    deviations = X.toarray() - X.toarray().mean(axis=0)
    assert found.total == pytest.approx((deviations**2).sum())


def test_sparse_rows_are_dense_a_few_at_a_time():
    X = sparse.random_array((500, 40_000), density=1e-4, rng=0, format="csr")
    source = SparseSource(X, 10**6)
    largest = max(rows.nbytes for rows in source.blocks())
    assert largest <= 16 * 2**20 < X.shape[0] * X.shape[1] * 8
    assert_array_equal(source[7:9], X[7:9].toarray())


def test_a_mapped_file_is_read_as_it_is(tmp_path):
    X = np.random.default_rng(0).random((100, 5), dtype=np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    source = array_source(mapped, 30)
    assert_array_equal(np.concatenate(list(source.blocks())), X)
    numbers = np.array([40, 31, 55])
    assert_array_equal(source.take(numbers), X[numbers])
    assert_array_equal(mapped, X)
