"""The measures of neighbourhoods against their definitions, and what must be so."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import sklearn.manifold
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, csr_matrix
from scipy.spatial.distance import cdist
from sklearn.datasets import load_iris
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from skae.metrics import _neighbors, continuity, neighborhood_hit, trustworthiness


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

    @pytest.mark.parametrize("n_features", [3, 40])
    def test_precision_and_names_do_not_matter(self, measure, n_features):
        X, Z = rows(0, 60, n_features).astype(np.float32), rows(1, 60, 2)
        assert measure(X, Z) == measure(X.astype(np.float64), Z)
        named = pd.DataFrame(X).add_prefix("column ")
        assert measure(named, Z.astype(np.float32)) == measure(X, Z)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
    def test_tensors(self, measure, dtype):
        X, Z = (
            torch.from_numpy(rows(seed, 60, 4)).to(dtype).requires_grad_()
            for seed in (0, 1)
        )
        as_arrays = [part.detach().double().numpy() for part in (X, Z)]
        assert measure(X, Z) == measure(*as_arrays)
        apart = {"metric": "manhattan"}
        assert measure(X, Z, **apart) == measure(*as_arrays, **apart)
        D = torch.cdist(X.double(), X.double())
        given = D.detach().numpy()
        known = {"metric": "precomputed"}
        assert measure(D, Z, **known) == measure(given, as_arrays[1], **known)

    @pytest.mark.parametrize("n_features", [3, 40])
    @pytest.mark.parametrize("kind", [csr_array, csr_matrix, coo_array])
    def test_sparse_rows(self, measure, kind, n_features):
        X, Z = np.maximum(rows(0, 60, n_features), 0), rows(1, 60, 2)
        assert measure(kind(X), Z) == measure(X, Z)
        apart = measure(X, Z, metric="manhattan")
        assert measure(kind(X), Z, metric="manhattan") == apart

    @pytest.mark.parametrize("n_features", [3, 40])
    @pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e30, 1e300])
    def test_no_unit_and_no_offset_matters(self, measure, unit, n_features):
        X, Z = rows(0, 60, n_features), rows(1, 60, 2)
        assert measure(X * unit, Z) == measure(X, Z * unit) == measure(X, Z)
        assert measure(X + 1e8, Z) == pytest.approx(measure(X, Z), abs=1e-3)

    @pytest.mark.parametrize("n_features", [3, 40])
    def test_rows_that_come_several_times(self, measure, n_features):
        X = np.repeat(rows(0, 8, n_features), 9, axis=0)
        assert measure(X, X) == measure(X, X @ np.eye(n_features)) == 1

    def test_rows_with_gaps(self, measure):
        X, Z = rows(0, 60, 5), rows(1, 60, 2)
        gappy = np.where(rows(2, 60, 5) > 1.5, np.nan, X)
        expected = measure(
            pairwise_distances(gappy, metric="nan_euclidean"), Z, metric="precomputed"
        )
        assert measure(gappy, Z, metric="nan_euclidean") == pytest.approx(expected)
        with pytest.raises(ValueError, match="Input X contains NaN"):
            measure(gappy, Z)

    @pytest.mark.parametrize("k", [0, -1, 2.0, None])
    def test_no_number_of_neighbors(self, measure, k):
        with pytest.raises(ValueError, match=r"a whole number, 1 or more\. Got"):
            measure(rows(0, 10, 3), rows(0, 10, 2), n_neighbors=k)

    def test_too_many_neighbors(self, measure):
        with pytest.raises(
            ValueError, match=r"\(5\) should be less than n_samples / 2 \(5\.0\)"
        ):
            measure(rows(0, 10, 3), rows(0, 10, 2))

    def test_distances_must_be_all_there(self, measure):
        Z = rows(0, 12, 2)
        with pytest.raises(ValueError, match=r"X has shape \(12, 3\), but with"):
            measure(rows(0, 12, 3), Z, metric="precomputed")
        with pytest.raises(ValueError, match="Some distances are NaN or infinite"):
            measure(Z, Z, metric=lambda a, b: np.inf)

    def test_never_all_distances_at_once(self, measure, monkeypatch):
        X, Z = rows(0, 2000, 20), rows(1, 2000, 2)
        expected = measure(X, Z)
        monkeypatch.setattr(_neighbors, "_BLOCK", 2**16)
        tracemalloc.start()
        assert measure(X, Z) == pytest.approx(expected, rel=1e-12)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2000**2  # bytes: an eighth of what all would take

    def test_different_lengths(self, measure):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            measure(rows(0, 30, 3), rows(0, 29, 2))


@pytest.mark.parametrize("spread", [1e-2, 1e-5, 1e-7, 1e-11])
@pytest.mark.parametrize("n_features", [15, 16, 60])
@pytest.mark.parametrize("kind", [np.array, csr_array])
def test_tight_clusters_are_looked_into(spread, n_features, kind):
    # Rows within one differ by what a product of rows far from the origin rounds off.
    cluster = np.repeat(np.arange(4), 50)
    X = rows(0, 4, n_features)[cluster] + spread * rows(1, 200, n_features)
    Z = 10 * rows(2, 4, 2)[cluster] + rows(3, 200, 2)  # other neighbours within each
    in_X, in_Z = ranks_of(cdist(X, X)), ranks_of(cdist(Z, Z))
    expected = excess_rank_penalty(in_Z, in_X, 5)
    assert 0.8 < expected < 0.95
    assert trustworthiness(kind(X), Z) == pytest.approx(expected, rel=1e-12)
    expected = excess_rank_penalty(in_X, in_Z, 5)
    assert continuity(kind(X), Z) == pytest.approx(expected, rel=1e-12)
    labels = np.arange(200) % 3
    hits = (labels[:, None] == labels) & (in_X > 0) & (in_X <= 5)
    hit = neighborhood_hit(kind(X), labels)
    assert hit == pytest.approx(hits.sum() / 1000, rel=1e-12)


def test_gluing_costs_trust_and_tearing_costs_continuity():
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)[:, None]
    circle = np.hstack([np.cos(angle), np.sin(angle)])
    glued, torn = circle[:, :1], angle
    assert trustworthiness(circle, glued) < continuity(circle, glued)
    assert continuity(circle, torn) < trustworthiness(circle, torn)


# Ties


def by_the_rule(near, ranked, k):
    """Venna and Kaski's measure where distances tie, row by row and pair by pair."""
    n, excess = len(near), 0.0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for j in others:
            nearer = sum(near[i, other] < near[i, j] for other in others)
            tied = sum(near[i, other] == near[i, j] for other in others)
            share = np.clip((k - nearer) / tied, 0, 1)
            rank = 1 + sum(ranked[i, other] < ranked[i, j] for other in others)
            excess += share * max(0, rank - k)
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * excess


@given(st.integers(0, 1000), st.sampled_from([2, 20]), st.integers(1, 5))
def test_ties_are_shared(seed, n_features, k):
    generator = np.random.default_rng(seed)
    X = generator.integers(0, 3, size=(14, n_features))
    Z = generator.integers(0, 3, size=(14, 2))
    in_X, in_Z = (
        np.sum((rows[:, None] - rows) ** 2, axis=-1) for rows in (X, Z)
    )  # whole numbers
    trust = trustworthiness(X, Z, n_neighbors=k)
    assert trust == pytest.approx(by_the_rule(in_Z, in_X, k))
    assert continuity(X, Z, n_neighbors=k) == pytest.approx(by_the_rule(in_X, in_Z, k))
    order = generator.permutation(14)
    assert trustworthiness(X[order], Z[order], n_neighbors=k) == pytest.approx(trust)


@pytest.mark.parametrize("n_features", [3, 20])
def test_ties_of_whole_numbers_far_from_zero_and_of_different_sizes(n_features):
    generator = np.random.default_rng(0)
    X = generator.integers(0, 3, size=(60, n_features)).astype(float)
    Z = generator.integers(0, 3, size=(60, 2))
    by_hand = [np.sum((rows[:, None] - rows) ** 2, axis=-1) for rows in (Z, X)]
    expected = by_the_rule(*by_hand, 5)
    assert trustworthiness(X + 2.0**40, Z) == pytest.approx(expected, rel=1e-12)
    far = np.vstack([X, np.full(n_features, 1e4 + 1)])
    beside = np.vstack([Z, [9, 9]])
    by_hand = [np.sum((rows[:, None] - rows) ** 2, axis=-1) for rows in (beside, far)]
    expected = by_the_rule(*by_hand, 5)
    assert trustworthiness(far, beside) == pytest.approx(expected, rel=1e-12)


def test_rows_all_on_one_point():
    X, nowhere = rows(0, 200, 4), np.zeros((200, 2))
    assert continuity(X, nowhere) == 1
    by_chance = [
        sklearn.manifold.trustworthiness(X, rows(seed, 200, 2)) for seed in range(1, 30)
    ]
    assert trustworthiness(X, nowhere) == pytest.approx(np.mean(by_chance), abs=0.01)


# Labels


@pytest.mark.parametrize("k", [1, 7, 149])
def test_neighborhood_hit_is_its_definition(k):
    _, species = load_iris(return_X_y=True)
    Z = rows(0, 150, 2) + species[:, None]
    neighbors = NearestNeighbors(n_neighbors=k).fit(Z).kneighbors(return_distance=False)
    expected = np.mean(species[neighbors] == species[:, None])
    found = neighborhood_hit(Z, species, n_neighbors=k)
    assert found == pytest.approx(expected, rel=1e-12)
    assert isinstance(found, float)
    names = np.array(["setosa", "versicolor", "virginica"])[species]
    frame = pd.DataFrame(Z), pd.Series(names, index=range(150, 0, -1))
    assert neighborhood_hit(*frame, n_neighbors=k) == found
    assert neighborhood_hit(Z.astype(np.float32), names, n_neighbors=k) == found


def test_hits_of_tensors():
    Z, y = rows(0, 30, 2), np.arange(30) % 3
    tensors = torch.from_numpy(Z).requires_grad_(), torch.from_numpy(y)
    assert neighborhood_hit(*tensors) == neighborhood_hit(Z, y)


def test_one_neighbor_hits_as_often_as_it_predicts():
    Z, y = load_iris(return_X_y=True)
    Z = Z + 1e-3 * rows(0, 150, 4)  # no row comes twice
    right = cross_val_score(KNeighborsClassifier(1), Z, y, cv=LeaveOneOut()).mean()
    assert neighborhood_hit(Z, y, n_neighbors=1) == pytest.approx(right)


def test_rows_on_one_point_hit_by_chance_however_they_are_sorted():
    y = np.repeat([0, 1, 2], [20, 30, 50])
    chance = (20 * 19 + 30 * 29 + 50 * 49) / (100 * 99)
    assert neighborhood_hit(np.ones((100, 2)), y) == pytest.approx(chance)
    pairs = np.repeat(rows(0, 50, 2), 2, axis=0)
    assert neighborhood_hit(pairs, np.arange(100) // 2, n_neighbors=1) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((rows(0, 9, 2), np.arange(8)), "inconsistent numbers of samples"),
        ((rows(0, 9, 2), np.arange(9) / 2), r"y must hold labels\. Got numbers"),
        ((rows(0, 9, 2), np.full(9, np.nan)), r"y must hold labels\. Got .*missing"),
        ((rows(0, 9, 2), np.eye(9)), "y should be a 1d array"),
        ((rows(0, 5, 2), np.arange(5)), r"\(5\) should be less than n_samples \(5\)"),
        ((rows(0, 9, 2) * np.nan, np.arange(9)), "Input Z contains NaN"),
    ],
)
def test_neighborhood_hit_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        neighborhood_hit(*arguments)
