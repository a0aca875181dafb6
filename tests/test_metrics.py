"""The measures against their definitions, and against what must be so."""

import pickle
import random

import numpy as np
import pandas as pd
import pytest
import sklearn.manifold
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, load_iris, make_swiss_roll
from sklearn.decomposition import NMF, PCA, KernelPCA, TruncatedSVD
from sklearn.manifold import Isomap
from sklearn.metrics import pairwise_distances, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skae import DenoisingAutoencoder
from skae.metrics import (
    continuity,
    geodesic_correlation,
    make_denoising_scorer,
    reconstruction_r2,
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


# Reconstruction


def test_r2_of_pca_is_its_explained_variance():
    X = load_digits().data
    for n_components in (1, 10, 64):
        pca = PCA(n_components).fit(X)
        assert reconstruction_r2(pca, X) == pytest.approx(
            pca.explained_variance_ratio_.sum(), abs=1e-12
        )


@pytest.mark.parametrize(
    "transformer",
    [
        NMF(3, max_iter=2000),
        KernelPCA(3, kernel="rbf", gamma=0.1, fit_inverse_transform=True),
        make_pipeline(MinMaxScaler(), PCA(3)),
    ],
)
def test_r2_without_a_training_mean_is_about_the_mean_of_the_rows_passed(transformer):
    X = load_iris().data
    held_out = X[::3]
    transformer.fit(X[1::3])
    back = transformer.inverse_transform(transformer.transform(held_out))
    expected = r2_score(held_out, back, multioutput="variance_weighted")
    assert reconstruction_r2(transformer, held_out) == pytest.approx(expected)


@pytest.mark.parametrize(
    "transformer", [PCA(2), make_pipeline(StandardScaler(), PCA(2))]
)
def test_r2_is_about_the_training_mean_where_it_is_known(transformer):
    X = load_iris().data
    train, held_out = X[:100], X[100:]  # another species: another mean
    transformer.fit(train)
    back = transformer.inverse_transform(transformer.transform(held_out))
    total = ((held_out - train.mean(axis=0)) ** 2).sum()
    assert reconstruction_r2(transformer, held_out) == pytest.approx(
        1 - ((held_out - back) ** 2).sum() / total
    )


class Returns(TransformerMixin, BaseEstimator):
    """Reconstructs everything as the same thing."""

    def __init__(self, value):
        self.value = value

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def inverse_transform(self, Z):
        return np.zeros_like(Z) + self.value

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1, 1e200])
def test_r2_knows_no_unit(scale):
    X = load_iris().data * scale
    assert reconstruction_r2(Returns(X), X) == 1
    assert reconstruction_r2(Returns(X.mean(axis=0)), X) == pytest.approx(0)
    offset = X + (X - X.mean(axis=0))
    assert reconstruction_r2(Returns(offset), X) == pytest.approx(0)


def test_r2_of_constant_rows():
    X = np.full((7, 3), 0.1)  # whose mean is not exactly 0.1
    assert reconstruction_r2(Returns(X.mean(axis=0)), X) == 1
    assert reconstruction_r2(Returns(0.1), X) == 1
    assert reconstruction_r2(Returns(0.2), X) == 0
    assert reconstruction_r2(Returns(0.0), np.zeros((7, 3))) == 1


def test_r2_of_frames_sparse_rows_and_images():
    X, _ = load_digits(return_X_y=True, as_frame=True)
    pca = PCA(5).fit(X)
    assert reconstruction_r2(pca, X) == pytest.approx(
        pca.explained_variance_ratio_.sum()
    )
    svd = TruncatedSVD(5).fit(X.to_numpy())
    assert reconstruction_r2(svd, csr_array(X.to_numpy())) == pytest.approx(
        reconstruction_r2(svd, X.to_numpy())
    )
    images = X.to_numpy().reshape(-1, 8, 8)
    assert reconstruction_r2(Returns(images), images) == 1


def test_r2_is_a_scorer():
    search = GridSearchCV(
        PCA(), {"n_components": [1, 2, 3]}, scoring=reconstruction_r2, cv=3
    )
    search.fit(load_iris().data)
    assert search.best_params_ == {"n_components": 3}


def test_r2_needs_an_inverse():
    X = load_iris().data
    with pytest.raises(TypeError, match="Isomap has no inverse_transform"):
        reconstruction_r2(Isomap(n_neighbors=50).fit(X), X)


def test_r2_refuses_missing_values():
    X = load_iris().data
    X_hat = X.copy()
    X_hat[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        reconstruction_r2(Returns(X_hat), X)


def test_r2_refuses_another_shape():
    X = load_iris().data
    with pytest.raises(ValueError, match=r"has shape \(150, 3\), the rows have"):
        reconstruction_r2(FunctionTransformer(inverse_func=lambda Z: Z[:, :3]), X)


# Denoising


KINDS = {"gaussian": 0.5, "masking": 0.3, "salt_and_pepper": 0.3}
every_corruption = pytest.mark.parametrize(("corruption", "noise"), KINDS.items())


@every_corruption
def test_denoising_score_is_r2_of_what_comes_back(corruption, noise):
    X = load_iris().data
    scorer = make_denoising_scorer(corruption, noise)
    noisy = scorer.corrupt(X)
    pca = PCA(2).fit(X[:100])
    back = pca.inverse_transform(pca.transform(noisy))
    expected = 1 - np.sum((back - X) ** 2) / np.sum((X - X[:100].mean(axis=0)) ** 2)
    assert scorer(pca, X) == pytest.approx(expected, rel=1e-12)
    assert scorer(pca, X, np.arange(150)) == scorer(pca, X)


def test_rows_are_corrupted_as_the_name_says():
    X, n = load_iris().data + 1.0, 600
    normal = make_denoising_scorer("gaussian", 0.5).corrupt(X) - X
    assert normal.std() == pytest.approx(0.5, rel=4 / np.sqrt(2 * n))
    for name, values in {
        "masking": {0.0},
        "salt_and_pepper": {X.min(), X.max()},
    }.items():
        noisy = make_denoising_scorer(name, 0.3).corrupt(X)
        hit = noisy != X
        assert set(noisy[hit]) == values
        assert hit.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / n))


@every_corruption
def test_denoising_scorer_is_deterministic_and_leaves_everything_alone(
    corruption, noise
):
    X, pca = load_iris().data, PCA(2).fit(load_iris().data)
    numpys = np.random.mtrand._rand
    before = torch.get_rng_state(), numpys.get_state()[1].copy(), random.getstate()
    scorer = make_denoising_scorer(corruption, noise)
    first = scorer(pca, X)
    assert scorer(pca, X) == make_denoising_scorer(corruption, noise)(pca, X) == first
    assert make_denoising_scorer(corruption, noise, random_state=1)(pca, X) != first
    assert pickle.loads(pickle.dumps(scorer))(pca, X) == first
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(numpys.get_state()[1], before[1])
    assert random.getstate() == before[2]
    np.testing.assert_array_equal(X, load_iris().data)


def test_less_noise_is_a_higher_score():
    X, pca = load_iris().data, PCA(2).fit(load_iris().data)
    scores = [
        make_denoising_scorer("gaussian", noise)(pca, X)
        for noise in (1e-9, 0.1, 1.0, 10.0)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(reconstruction_r2(pca, X))


@pytest.mark.parametrize(
    "transformer",
    [
        PCA(2),
        make_pipeline(StandardScaler(), PCA(2)),
        NMF(3, max_iter=2000),
        DenoisingAutoencoder(2, noise=0.3, max_iter=3, random_state=0),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_whatever_decodes_can_be_scored(transformer):
    X = load_iris().data
    transformer.fit(X)
    scorer = make_denoising_scorer("masking", 0.02)
    assert 0.0 < scorer(transformer, X) < reconstruction_r2(transformer, X)
    assert scorer(transformer, X.tolist()) == scorer(transformer, X)


def test_frames_are_scored_as_their_numbers():
    frame, _ = load_iris(return_X_y=True, as_frame=True)
    X = frame.to_numpy()
    scorer = make_denoising_scorer("gaussian", 0.5)
    assert scorer(PCA(2).fit(X), X) == scorer(PCA(2).fit(frame), frame)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("blur", 0.5), r"corruption must be in \['gaussian', .*Got 'blur'"),
        (("gaussian", 0.0), r"noise must be in \(0, inf\]\. Got 0\.0"),
        (("gaussian", -1.0), r"noise must be in \(0, inf\]"),
        (("gaussian", np.nan), r"noise must be in \(0, inf\]"),
        (("masking", 1.1), r"noise must be in \(0, 1\]\. Got 1\.1"),
        (("salt_and_pepper", 0), r"noise must be in \(0, 1\]"),
    ],
    ids=str,
)
def test_denoising_scorer_refuses_what_is_no_corruption(arguments, match):
    with pytest.raises(ValueError, match=match):
        make_denoising_scorer(*arguments)


def test_denoising_scorer_refuses_missing_values():
    X = load_iris().data
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        make_denoising_scorer()(PCA(2).fit(load_iris().data), X)


def test_two_processes_search_over_noise_as_one_does():
    X = load_digits().data[:300]
    scorer = make_denoising_scorer("gaussian", noise=4.0)
    reducer = DenoisingAutoencoder(
        8, max_iter=5, early_stopping=False, precision="float64", random_state=0
    )
    alone, together = (
        GridSearchCV(
            reducer, {"noise": [0.0, 4.0]}, scoring=scorer, cv=2, n_jobs=n_jobs
        ).fit(X)
        for n_jobs in (1, 2)
    )
    scores = [found.cv_results_["mean_test_score"] for found in (alone, together)]
    np.testing.assert_allclose(*scores, rtol=1e-9)
    assert alone.best_params_ == together.best_params_ == {"noise": 4.0}


# Geodesic distances


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
