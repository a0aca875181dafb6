"""Principal axes: three ways to one answer."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import subspace_angles

from skae.data import axes_within, gram_matrix, principal, principal_axes


def make_rows(n, d, seed=0, dtype=np.float64):
    """Centred rows with a clear spectrum."""
    rng = np.random.default_rng(seed)
    rank = min(n, d)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0][:rank]
    X = rng.normal(size=(n, rank)) * 0.8 ** np.arange(rank) @ rotation
    return (X - X.mean(axis=0)).astype(dtype)


def in_blocks(X, size=7):
    """Rows as the functions want them: anew at each call, some at a time."""
    return lambda: torch.from_numpy(X).split(size)


def reference(X, k):
    _, singular, components = np.linalg.svd(X.astype(np.float64), full_matrices=False)
    return components[:k], singular[:k] ** 2


# More rows than features: Gram matrix; fewer: SVD; both above the limit: Lanczos.
BRANCHES = [(40, 12, None), (12, 40, None), (12, 12, None), (50, 40, 20), (40, 50, 20)]


@pytest.fixture(
    params=BRANCHES, ids=["gram", "svd", "square", "lanczos", "lanczos-wide"]
)
def shape(request, monkeypatch):
    n, d, limit = request.param
    if limit:
        monkeypatch.setattr(principal, "_LARGEST_GRAM", limit)
    return n, d


@pytest.mark.parametrize("k", [1, 4])
class TestPrincipalAxes:
    def test_they_are_the_right_singular_vectors(self, shape, k):
        X = make_rows(*shape)
        axes = principal_axes(in_blocks(X), shape, k)
        components, squares = reference(X, k)
        assert_allclose(np.abs(np.sum(axes.components * components, axis=1)), 1.0)
        assert_allclose(axes.squares, squares, rtol=1e-9)
        assert_allclose(axes.total, np.sum(X**2), rtol=1e-12)

    def test_they_are_orthonormal_and_in_order(self, shape, k):
        axes = principal_axes(in_blocks(make_rows(*shape)), shape, k)
        assert axes.components.shape == (k, shape[1])
        assert_allclose(axes.components @ axes.components.T, np.eye(k), atol=1e-12)
        assert (np.diff(axes.squares) <= 0).all()

    def test_their_largest_entries_are_positive(self, shape, k):
        components = principal_axes(in_blocks(make_rows(*shape)), shape, k).components
        assert (np.abs(components).max(axis=1) == components.max(axis=1)).all()

    def test_block_size_makes_no_difference(self, shape, k):
        X = make_rows(*shape)
        one, two = (principal_axes(in_blocks(X, size), shape, k) for size in (1, 1000))
        assert_allclose(one.components, two.components, atol=1e-9)

    def test_float32_rows_are_summed_in_float64(self, shape, k):
        X = make_rows(*shape, dtype=np.float32)
        axes = principal_axes(in_blocks(X), shape, k)
        components, squares = reference(X, k)
        assert axes.components.dtype == axes.squares.dtype == np.float64
        assert_allclose(axes.squares, squares, rtol=1e-5)
        assert subspace_angles(axes.components.T, components.T).max() < 1e-4


@pytest.mark.parametrize(("n", "d"), [(40, 6), (6, 40), (5, 5)])
def test_all_axes_can_be_had(n, d):
    k = min(n, d)
    X = make_rows(n, d)
    axes = principal_axes(in_blocks(X), (n, d), k)
    assert_allclose(axes.squares.sum(), axes.total, rtol=1e-10)
    assert_allclose(axes.components @ axes.components.T, np.eye(k), atol=1e-10)
    assert_allclose(X @ axes.components.T @ axes.components, X, atol=1e-10)


@pytest.mark.parametrize(("n", "d"), [(9, 4), (4, 9), (1, 3), (3, 1), (1, 1)])
def test_data_without_width_have_axes_too(n, d):
    axes = principal_axes(in_blocks(np.zeros((n, d))), (n, d), 1)
    assert_allclose(np.linalg.norm(axes.components, axis=1), 1.0)
    assert (axes.squares == 0.0).all()
    assert axes.total == 0.0


def test_squares_that_rounding_makes_negative_are_zero():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 20)) * 1e3
    axes = principal_axes(in_blocks(X - X.mean(axis=0)), X.shape, 20)
    assert (axes.squares >= 0.0).all()


def test_many_axes_of_large_data_are_left_to_the_gram_matrix(monkeypatch):
    monkeypatch.setattr(principal, "_LARGEST_GRAM", 20)
    monkeypatch.setattr(principal, "_lanczos", None)
    X = make_rows(50, 40)
    axes = principal_axes(in_blocks(X), X.shape, 15)
    assert_allclose(axes.squares, reference(X, 15)[1], rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gram_matrix_is_the_sum_of_outer_products(dtype):
    X = make_rows(30, 5, dtype=dtype)
    gram = gram_matrix(in_blocks(X), 5)
    assert gram.dtype == np.float64
    assert_allclose(gram, X.T @ X, rtol=1e-4 if dtype == np.float32 else 1e-12)


class TestAxesWithin:
    def test_within_everything_they_are_the_principal_axes(self):
        X = make_rows(40, 6)
        basis = np.random.default_rng(1).normal(size=(6, 6))
        axes = axes_within(in_blocks(X), basis)
        components, squares = reference(X, 6)
        assert_allclose(np.abs(np.sum(axes.components * components, axis=1)), 1.0)
        assert_allclose(axes.squares, squares, rtol=1e-9)

    def test_they_span_the_same_as_the_basis(self):
        X = make_rows(40, 6)
        basis = np.random.default_rng(1).normal(size=(3, 6)) * [[1.0], [100.0], [1e-3]]
        axes = axes_within(in_blocks(X), basis)
        assert subspace_angles(axes.components.T, basis.T).max() < 1e-10
        assert_allclose(axes.components @ axes.components.T, np.eye(3), atol=1e-12)

    def test_codes_along_them_are_uncorrelated_and_in_order(self):
        X = make_rows(40, 6)
        axes = axes_within(in_blocks(X), np.random.default_rng(1).normal(size=(3, 6)))
        codes = X @ axes.components.T
        assert_allclose(codes.T @ codes, np.diag(axes.squares), atol=1e-10)
        assert (np.diff(axes.squares) <= 0).all()
        assert_allclose(axes.total, np.sum(X**2), rtol=1e-12)

    def test_float32_rows_are_taken(self):
        X = make_rows(40, 6, dtype=np.float32)
        axes = axes_within(in_blocks(X), np.eye(6)[:2])
        expected = np.linalg.eigvalsh(X[:, :2].astype(np.float64).T @ X[:, :2])
        assert_allclose(axes.squares, expected[::-1], rtol=1e-6)
