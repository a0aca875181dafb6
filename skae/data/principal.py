"""Principal axes of centred data, from its Gram matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh, svd
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from skae._blas import numpy_threads

Rows = Callable[[], Iterable[Tensor]]
"""Gives the centred rows anew, a block at a time."""

_LARGEST_GRAM = 5000

_MOST_ENTRIES = 2**26
"""Of wide rows that are brought together."""

_ONE_THREAD_WIDTH = 1000
"""Up to which several threads find eigenvectors no sooner than one: they wait for each
other at every column, and beside a busy process for long."""


class PrincipalAxes(NamedTuple):
    """The directions in which data vary most.

    Attributes
    ----------
    components : ndarray of shape (rank, n_features)
        Orthonormal rows in the order of their variances; the entry of largest
        magnitude in each is positive.
    squares : ndarray of shape (rank,)
        Sums of squares along them: squared singular values.
    total : float
        Sum of squares of all entries.
    """

    components: NDArray[np.float64]
    squares: NDArray[np.float64]
    total: float

    @classmethod
    def ordered(
        cls,
        components: NDArray[np.float64],
        squares: NDArray[np.float64],
        total: float,
    ) -> PrincipalAxes:
        """Fix the signs, which the data leave open, and what rounding made negative."""
        largest = np.argmax(np.abs(components), axis=1)
        signs = np.sign(components[np.arange(len(components)), largest])
        return cls(components * signs[:, None], np.maximum(squares, 0.0), total)


def principal_axes(rows: Rows, shape: tuple[int, int], k: int) -> PrincipalAxes:
    """First `k` principal axes of centred rows.

    The eigenvectors of the Gram matrix where there are fewer features than rows, a
    singular value decomposition where there are more, and Lanczos iterations on the
    rows themselves where both would be too large.

    Parameters
    ----------
    rows : callable
        The centred rows in blocks, of float32 or float64; blocks are added up in
        float64.
    shape : tuple of int
        (n_samples, n_features)
    k : int
        How many axes; at most min(shape).
    """
    is_large = min(shape) > _LARGEST_GRAM
    is_large |= shape[0] < shape[1] and shape[0] * shape[1] > _MOST_ENTRIES
    if is_large and 4 * k < min(shape):
        components, squares, total = _lanczos(rows, shape, k)
    elif shape[0] < shape[1]:
        components, squares, total = _decompose(rows, k)
    else:
        components, squares, total = _gram(rows, shape[1], k)
    return PrincipalAxes.ordered(components, squares, total)


Parts = tuple[NDArray[np.float64], NDArray[np.float64], float]


def gram_matrix(rows: Rows, d: int) -> NDArray[np.float64]:
    """Sum of the outer products of rows of width `d`: (d, d)."""
    gram = np.zeros((d, d))
    for block in rows():
        array = block.cpu().numpy()
        gram += array.T @ array  # numpy sees the symmetry, and does half the work
    return gram


def axes_within(rows: Rows, basis: NDArray[np.float64]) -> PrincipalAxes:
    """Principal axes of centred rows projected on the span of `basis`.

    Parameters
    ----------
    rows : callable
        The centred rows in blocks.
    basis : ndarray of shape (rank, n_features)
        Rows that span the subspace; not necessarily orthogonal.
    """
    orthonormal = np.linalg.qr(basis.T)[0]
    right, total = torch.from_numpy(orthonormal), 0.0
    inner = np.zeros((len(basis), len(basis)))
    for block in rows():
        wide = block.to("cpu", torch.float64)
        total += float(wide.square().sum())
        projected = (wide @ right).numpy()
        inner += projected.T @ projected
    values, vectors = np.linalg.eigh(inner)
    components = (orthonormal @ vectors).T[::-1]
    return PrincipalAxes.ordered(components.copy(), values[::-1].copy(), total)


def _gram(rows: Rows, d: int, k: int) -> Parts:
    gram = gram_matrix(rows, d)
    with nullcontext() if d > _ONE_THREAD_WIDTH else numpy_threads(0.0, 1):
        values, vectors = eigh(gram, subset_by_index=(d - k, d - 1))
    return vectors.T[::-1].copy(), values[::-1].copy(), float(np.trace(gram))


def _decompose(rows: Rows, k: int) -> Parts:
    array = (
        torch.cat([block.to(torch.float64, copy=True) for block in rows()])
        .cpu()
        .numpy()
    )
    total = float(np.vdot(array, array))
    _, singular, components = svd(array, full_matrices=False)
    return components[:k].copy(), singular[:k] ** 2, total


def _lanczos(rows: Rows, shape: tuple[int, int], k: int) -> Parts:
    d = shape[1]

    def gram_times(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        right = torch.from_numpy(np.ascontiguousarray(vectors.reshape(d, -1)))
        out = torch.zeros_like(right)
        for block in rows():
            wide = block.to("cpu", torch.float64)
            out += wide.t() @ (wide @ right)
        return out.numpy()

    operator = LinearOperator(
        (d, d), matvec=gram_times, matmat=gram_times, dtype=np.float64
    )
    total = sum(float((block.to(torch.float64) ** 2).sum()) for block in rows())
    if total == 0.0:
        return np.eye(k, d), np.zeros(k), total
    start = np.random.default_rng(0).standard_normal(d)
    values, vectors = eigsh(operator, k=k, v0=start)
    order = np.argsort(values)[::-1]
    return vectors.T[order].copy(), values[order], total
