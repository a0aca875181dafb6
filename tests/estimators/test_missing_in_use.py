"""Missing entries where an autoencoder is one part of something larger."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skae import Autoencoder, LinearAutoencoder
from skae.model_selection import AutoencoderSearchCV

BRIEF = {"max_iter": 8, "random_state": 0, "hidden_layer_sizes": (16,)}

WHOLE = load_digits().data[:120, 18:26] / 16.0
X = np.where(np.random.default_rng(0).random(WHOLE.shape) < 0.25, np.nan, WHOLE)


def test_in_a_pipeline():
    model = make_pipeline(Autoencoder(3, nan_policy="omit", **BRIEF))
    assert model.fit_transform(X).shape == (len(X), 3)


def test_it_fills_digits_better_than_their_neighbours_do():
    digits = load_digits().data[:1200]
    gone = np.random.default_rng(0).random(digits.shape) < 0.3
    gappy = np.where(gone, np.nan, digits)

    def error(model):
        fill = getattr(model.fit(gappy), "impute", model.transform)
        return np.mean((fill(gappy) - digits)[gone] ** 2)

    by_mean, by_neighbours = error(SimpleImputer()), error(KNNImputer())
    linear = error(LinearAutoencoder(16, nan_policy="omit"))
    deep = error(Autoencoder(32, nan_policy="omit", max_iter=60, random_state=0))
    assert deep < by_neighbours < linear < 0.6 * by_mean


@pytest.mark.parametrize("rows", [X, WHOLE], ids=["with gaps", "whole"])
def test_in_searches(rows):
    ae = Autoencoder(3, nan_policy="omit", **BRIEF)
    grid = {"learning_rate_init": [1e-3, 4e-3]}
    alone = GridSearchCV(ae, grid, cv=2, error_score="raise").fit(rows)
    together = AutoencoderSearchCV(ae, grid, cv=2, error_score="raise").fit(rows)
    scores = [search.cv_results_["mean_test_score"] for search in (alone, together)]
    assert_allclose(*scores, atol=1e-4)
    assert np.isfinite(together.best_estimator_.impute(X)).all()


@pytest.mark.parametrize("Estimator", [LinearAutoencoder, Autoencoder])
def test_rows_that_are_read_in_blocks_are_refused(Estimator):
    model = Estimator(3, nan_policy="omit", block_size=50)
    with pytest.raises(ValueError, match="one dense array"):
        model.fit(X)


@pytest.mark.parametrize("Estimator", [LinearAutoencoder, Autoencoder])
def test_sparse_rows_are_refused(Estimator):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        Estimator(3, nan_policy="omit").fit(csr_array(WHOLE))


def test_sparse_rows_have_no_gaps():
    rows = csr_array(np.eye(6))
    with pytest.raises(TypeError, match=r'nan_policy="omit".* Set nan_policy="raise"'):
        Autoencoder(2, nan_policy="omit").fit(rows)


def test_what_is_said_of_gaps_is_short_and_of_use():
    rows = np.full((6, 2), np.nan)
    with pytest.raises(ValueError, match="Input X contains NaN") as caught:
        Autoencoder(1).fit(rows)
    assert "HistGradientBoosting" not in str(caught.value)
    assert 'set nan_policy="omit"' in str(caught.value)
