"""The scorer that corrupts."""

import pickle
import random

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import NMF, PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import DenoisingAutoencoder
from skae.metrics import (
    make_denoising_scorer,
    reconstruction_r2,
)

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


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_frames_are_scored_as_their_numbers(kind):
    frame, _ = load_iris(return_X_y=True, as_frame=True)
    frame = kind(dict(frame))
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


@pytest.mark.parametrize("random_state", [None, 1.5, np.random.RandomState(0)])
def test_denoising_scorer_needs_a_seed(random_state):
    with pytest.raises(ValueError, match="random_state must be a whole number, so"):
        make_denoising_scorer(random_state=random_state)


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


def test_images_are_to_be_flat():
    ae = PCA(1).fit(np.eye(4))
    with pytest.raises(ValueError, match=r"give X flat, as X.reshape\(len\(X\), -1\)"):
        make_denoising_scorer("gaussian", noise=0.1)(ae, np.zeros((3, 1, 2, 2)))
