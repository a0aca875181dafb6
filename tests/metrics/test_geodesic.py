"""The correlation with distances along the manifold: Isomap's, or given ones."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import trapezoid
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist, squareform
from sklearn.datasets import make_blobs, make_swiss_roll
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap
from sklearn.metrics import pairwise_distances

from skae.metrics import _neighbors, geodesic_correlation


def rows(seed, n_samples, n_features):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def correlation(D, Z):
    """The Pearson correlation over pairs."""
    return np.corrcoef(squareform(D, checks=False), pdist(Z))[0, 1]


def by_isomap(X, Z, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pieces, which it joins
        return correlation(Isomap(**options).fit(X).dist_matrix_, Z)


PIECES = make_blobs(90, 3, centers=4, cluster_std=0.1, random_state=0)[0]
SHEETS = {
    "whole": make_swiss_roll(150, random_state=0)[0],
    "in pieces": PIECES,
    "wide": np.hstack([PIECES, np.zeros((90, 30))]),
    "duplicates": np.repeat(rows(0, 20, 3), 5, axis=0),
}


in_pieces = pytest.mark.filterwarnings("ignore:The graph of n_neighbors")


@in_pieces
@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize("options", [{}, {"n_neighbors": 3}, {"metric": "manhattan"}])
def test_distances_along_the_manifold_are_those_of_isomap(sheet, options):
    X = SHEETS[sheet]
    Z = rows(1, len(X), 2) + X[:, :2]
    found = geodesic_correlation(X, Z, **options)
    assert found == pytest.approx(by_isomap(X, Z, **options), rel=1e-9)
    assert isinstance(found, float)


def test_pieces_are_told_of():
    X = np.concatenate([rows(0, 6, 3) + 20 * place for place in range(4)])
    told = r"The graph of n_neighbors=4 is in 4 pieces, .* more neighbours make fewer"
    with pytest.warns(UserWarning, match=told) as caught:
        geodesic_correlation(X, X, n_neighbors=4)
    assert [warning.filename for warning in caught] == [__file__]


@in_pieces
def test_many_pieces_take_no_more_than_one_look_each(monkeypatch):
    X = np.concatenate([rows(0, 6, 20) + 20 * place for place in range(40)])
    looks, between = [], _neighbors.Distances.between

    def counted(self, rows):
        looks.append(len(rows))
        return between(self, rows)

    monkeypatch.setattr(_neighbors.Distances, "between", counted)
    found = geodesic_correlation(X, X[:, :2])
    assert looks == [6] * 39  # the last is met by the others
    assert found == pytest.approx(by_isomap(X, X[:, :2]), rel=1e-9)


@in_pieces
def test_a_small_piece_looks_and_a_large_one_is_looked_at(monkeypatch):
    X = np.concatenate([rows(0, 60, 3), rows(1, 7, 3) + 50, rows(2, 9, 3) - 50])
    looked = []
    between = _neighbors.Distances.between

    def counted(self, rows):
        looked.extend(rows)
        return between(self, rows)

    monkeypatch.setattr(_neighbors.Distances, "between", counted)
    geodesic_correlation(X, X)
    assert sorted(looked) == [*range(60, 76)]


@in_pieces
@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize("options", [{}, {"n_neighbors": 3}])
def test_distances_between_rows_make_the_same_graph(sheet, options):
    X = SHEETS[sheet]
    Z, D = rows(1, len(X), 2) + X[:, :2], pairwise_distances(X)
    options = {"metric": "precomputed", **options}
    found = geodesic_correlation(D, Z, **options)
    assert found == pytest.approx(by_isomap(D, Z, **options), rel=1e-9)
    in_another_unit = geodesic_correlation(1e300 * D, Z, **options)
    assert in_another_unit == pytest.approx(found, rel=1e-9)
    X = torch.from_numpy(D).requires_grad_()
    assert geodesic_correlation(X, Z, **options) == found


@in_pieces
def test_pieces_without_a_finite_distance():
    def metric(a, b):
        return np.inf if abs(a[0] - b[0]) > 10 else abs(a[0] - b[0])

    X = np.concatenate([rows(0, 7, 1), rows(1, 7, 1) + 100])
    with pytest.raises(ValueError, match="Some distances are NaN or infinite"):
        geodesic_correlation(X, X, metric=metric)


@in_pieces
def test_tensors():
    X, Z = rows(0, 40, 3), rows(1, 40, 2)
    tensors = [torch.from_numpy(part).requires_grad_() for part in (X, Z)]
    for metric in ("euclidean", "manhattan"):
        found = geodesic_correlation(*tensors, metric=metric)
        assert found == geodesic_correlation(X, Z, metric=metric)
    D = pairwise_distances(X)
    found = geodesic_correlation(torch.from_numpy(D), tensors[1], metric="geodesic")
    assert found == geodesic_correlation(D, Z, metric="geodesic")


@in_pieces
def test_pieces_far_apart_are_across_the_gap():
    # On a line, in three pieces: all paths are as long as the line between their ends.
    line = np.concatenate([np.arange(9.0), np.arange(9) + 100, np.arange(9) + 1000])
    X = line[:, None]
    assert geodesic_correlation(X, 3 * X, n_neighbors=2) == pytest.approx(1)
    assert geodesic_correlation(X, X % 100, n_neighbors=2) < 0.5


@in_pieces
@pytest.mark.parametrize(
    "kind", [csr_array, pd.DataFrame, np.float32, np.ndarray.tolist]
)
def test_kinds_of_input(kind):
    X, Z = PIECES, rows(1, 90, 2)
    found = geodesic_correlation(kind(X), Z.astype(np.float32))
    assert found == pytest.approx(geodesic_correlation(X, Z), rel=1e-5)


@in_pieces
@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_no_unit_matters(unit):
    X, Z = PIECES, rows(1, 90, 2)
    expected = geodesic_correlation(X, Z)
    assert geodesic_correlation(X * unit, Z / unit) == pytest.approx(expected)
    D = pairwise_distances(X)
    given = geodesic_correlation(D, Z, metric="geodesic")
    scaled = geodesic_correlation(D * unit, Z, metric="geodesic")
    assert scaled == pytest.approx(given)


@in_pieces
@pytest.mark.parametrize("block", [1, 100, 1000])
def test_blocks_do_not_matter(block, monkeypatch):
    X, Z = PIECES, rows(1, 90, 2)
    expected = geodesic_correlation(X, Z)
    monkeypatch.setattr(_neighbors, "_BLOCK", block)
    assert geodesic_correlation(X, Z) == pytest.approx(expected, rel=1e-12)


def test_given_distances_are_correlated_over_pairs():
    D, Z = pairwise_distances(rows(0, 25, 3)), rows(1, 25, 2)
    before = D.copy()
    found = geodesic_correlation(D, Z, metric="geodesic")
    assert found == pytest.approx(correlation(D, Z))
    np.testing.assert_array_equal(D, before)


def test_the_unrolled_swiss_roll_is_perfect_and_its_projection_is_not():
    X, angle = make_swiss_roll(400, random_state=0)
    steps = np.linspace(0, angle, 10_001)
    arc = trapezoid(np.sqrt(1 + steps**2), steps, axis=0)
    unrolled = np.column_stack([arc, X[:, 1]])
    D = pairwise_distances(unrolled)
    rotation, _ = np.linalg.qr(rows(0, 2, 2))
    known = {"metric": "geodesic"}
    perfect = geodesic_correlation(D, 3 * unrolled @ rotation, **known)
    assert perfect == pytest.approx(1)
    assert geodesic_correlation(D, PCA(2).fit_transform(X), **known) < 0.5
    # Nothing is known but the rows: the graph comes close.
    assert geodesic_correlation(X, unrolled) > 0.97


@in_pieces
def test_an_embedding_on_one_point():
    X, nowhere = rows(0, 10, 2), np.full((10, 2), 0.1)
    D = pairwise_distances(X)
    assert geodesic_correlation(X, nowhere) == 0
    assert geodesic_correlation(D, nowhere, metric="geodesic") == 0
    assert geodesic_correlation(nowhere, nowhere) == 1
    corners = np.eye(10) / 3  # all equally far from each other
    equal = 1 - np.eye(10)
    assert geodesic_correlation(equal, corners, metric="geodesic") == 1


@pytest.mark.parametrize(
    ("X", "n_samples", "options", "message"),
    [
        (np.zeros((9, 9)), 10, {"metric": "geodesic"}, "inconsistent numbers of"),
        (np.zeros((9, 8)), 9, {"metric": "geodesic"}, r"8\), but with metric='geod"),
        (np.zeros((9, 8)), 9, {"metric": "precomputed"}, r"8\), but with metric='prec"),
        (np.full((9, 9), np.inf), 9, {"metric": "geodesic"}, "X contains infinity"),
        (np.zeros((1, 1)), 1, {}, "minimum of 2 is required"),
        (rows(0, 5, 3), 5, {}, r"\(5\) should be less than n_samples \(5\)"),
        (rows(0, 5, 3), 5, {"n_neighbors": 0}, "must be a whole number, 1 or more"),
        (rows(0, 9, 3) * np.nan, 9, {}, "X contains NaN"),
    ],
)
def test_what_is_refused(X, n_samples, options, message):
    with pytest.raises(ValueError, match=message):
        geodesic_correlation(X, rows(0, n_samples, 2), **options)
