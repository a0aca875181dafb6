"""The measures of an embedding against their definitions, and what must be so."""

import numpy as np
import pandas as pd
import pytest
import sklearn.manifold
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from sklearn.datasets import make_swiss_roll
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from skae.metrics import (
    continuity,
    geodesic_correlation,
    trustworthiness,
)


def excess_rank_penalty(neighborhoods, ranks, k):
    """Venna and Kaski's measure, row by row."""
    n = len(ranks)
    excess = 0
    for i in range(n):
        for j in range(n):
            if j != i and neighborhoods[i, j] <= k:
                excess += max(0, ranks[i, j] - k)
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * excess


def ranks_of(distances):
    """Rank of each row among the neighbours of each: 0 itself, 1 the nearest."""
    return distances.argsort(axis=1).argsort(axis=1)


def rows(seed, n_samples, n_features):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize(("n_samples", "k"), [(7, 3), (20, 1), (31, 15), (40, 5)])
def test_neighborhood_measures_are_their_definitions(n_samples, k, metric):
    X, Z = rows(0, n_samples, 4), rows(1, n_samples, 2)
    in_X = ranks_of(pairwise_distances(X, metric=metric))
    in_Z = ranks_of(pairwise_distances(Z))
    options = {"n_neighbors": k, "metric": metric}
    assert trustworthiness(X, Z, **options) == pytest.approx(
        excess_rank_penalty(in_Z, in_X, k)
    )
    assert continuity(X, Z, **options) == pytest.approx(
        excess_rank_penalty(in_X, in_Z, k)
    )


@given(st.integers(0, 1000), st.integers(12, 40), st.integers(1, 5))
def test_neighborhood_measures_are_each_other_with_the_roles_exchanged(seed, n, k):
    X, Z = rows(seed, n, 3), rows(seed + 1, n, 2)
    there = continuity(X, Z, n_neighbors=k)
    assert there == pytest.approx(trustworthiness(Z, X, n_neighbors=k))
    assert there == pytest.approx(sklearn.manifold.trustworthiness(Z, X, n_neighbors=k))
    assert 0 <= there <= 1


@pytest.mark.parametrize("measure", [trustworthiness, continuity])
class TestNeighborhoodMeasures:
    def test_the_same_shape_is_perfect(self, measure):
        X = rows(0, 50, 2)
        rotation, _ = np.linalg.qr(rows(1, 2, 2))
        assert measure(X, 1e3 * X @ rotation + 7) == 1

    def test_noise_is_worth_a_half(self, measure):
        assert measure(rows(0, 500, 5), rows(1, 500, 2)) == pytest.approx(0.5, abs=0.05)

    def test_distances_may_be_given(self, measure):
        X, Z = rows(0, 30, 4), rows(1, 30, 2)
        distances = pairwise_distances(X)
        before = distances.copy()
        assert measure(distances, Z, metric="precomputed") == measure(X, Z)
        np.testing.assert_array_equal(distances, before)

    def test_lists_and_frames(self, measure):
        X, Z = rows(0, 30, 4), rows(1, 30, 2)
        expected = measure(X, Z)
        assert measure(X.tolist(), Z.tolist()) == expected
        assert measure(pd.DataFrame(X), pd.DataFrame(Z)) == expected
        assert isinstance(expected, float)

    def test_too_many_neighbors(self, measure):
        with pytest.raises(ValueError, match=r"n_neighbors \(5\) should be less than"):
            measure(rows(0, 10, 3), rows(0, 10, 2))

    def test_different_lengths(self, measure):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            measure(rows(0, 30, 3), rows(0, 29, 2))


def test_gluing_costs_trust_and_tearing_costs_continuity():
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)[:, None]
    circle = np.hstack([np.cos(angle), np.sin(angle)])
    glued, torn = circle[:, :1], angle
    assert trustworthiness(circle, glued) < continuity(circle, glued)
    assert continuity(circle, torn) < trustworthiness(circle, torn)


def test_geodesic_correlation_is_pearson_over_pairs():
    D, Z = pairwise_distances(rows(0, 25, 3)), rows(1, 25, 2)
    pairs = [(i, j) for i in range(25) for j in range(i)]
    expected = np.corrcoef(
        [D[i, j] for i, j in pairs], [np.linalg.norm(Z[i] - Z[j]) for i, j in pairs]
    )[0, 1]
    assert geodesic_correlation(D, Z) == pytest.approx(expected)


def test_the_unrolled_swiss_roll_is_perfect_and_its_projection_is_not():
    X, angle = make_swiss_roll(400, random_state=0)
    steps = np.linspace(0, angle, 10_001)
    arc = trapezoid(np.sqrt(1 + steps**2), steps, axis=0)
    unrolled = np.column_stack([arc, X[:, 1]])
    D = pairwise_distances(unrolled)
    rotation, _ = np.linalg.qr(rows(0, 2, 2))
    assert geodesic_correlation(D, 3 * unrolled @ rotation) == pytest.approx(1)
    assert geodesic_correlation(D, PCA(2).fit_transform(X)) < 0.5


def test_geodesic_correlation_of_a_point():
    D = pairwise_distances(rows(0, 10, 2))
    assert geodesic_correlation(D, np.ones((10, 2))) == 0
    assert geodesic_correlation(np.zeros((10, 10)), np.ones((10, 2))) == 1


def test_geodesic_correlation_needs_all_distances():
    with pytest.raises(ValueError, match=r"D has shape \(9, 9\), \(10, 10\) is needed"):
        geodesic_correlation(np.zeros((9, 9)), rows(0, 10, 2))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        geodesic_correlation(np.zeros((1, 1)), rows(0, 1, 2))
    with pytest.raises(ValueError, match="infinity"):
        geodesic_correlation(np.full((10, 10), np.inf), rows(0, 10, 2))
