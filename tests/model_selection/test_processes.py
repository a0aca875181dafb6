"""Searches whose fits are trained together in several processes."""

import os

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import FitFailedWarning

from skae import Autoencoder
from skae.estimators import JointCost
from skae.model_selection import AutoencoderSearchCV, _search
from skae.model_selection._backend import SharingBackend

ESTIMATOR = Autoencoder(
    3, hidden_layer_sizes=(16,), max_iter=4, precision="float64", random_state=0
)
GRID = {"learning_rate_init": [1e-3, 1e-2], "weight_decay": [0.0, 1e-1]}


@pytest.mark.parametrize(
    "options", [{}, {"factor": 2}, {"pre_dispatch": 1, "n_jobs": -1}], ids=str
)
def test_processes_train_their_shares_together(X, options, monkeypatch):
    monkeypatch.setattr(_search, "effective_n_jobs", lambda n: 2 if n == -1 else n)
    expected = AutoencoderSearchCV(ESTIMATOR, GRID, cv=3, **options)
    expected.set_params(n_jobs=1).fit(X)
    shares, results = [], SharingBackend._results
    monkeypatch.setattr(
        SharingBackend,
        "_results",
        lambda backend, jobs: shares.append(len(jobs)) or results(backend, jobs),
    )
    search = AutoencoderSearchCV(
        ESTIMATOR, GRID, cv=3, **({"n_jobs": 2} | options)
    ).fit(X)
    found, wanted = search.cv_results_, expected.cv_results_
    assert found["params"] == wanted["params"]
    for name in ("split0_test_score", "mean_test_score", "std_test_score"):
        assert_allclose(found[name], wanted[name], atol=1e-9)
    assert search.best_params_ == expected.best_params_
    assert_array_equal(search.transform(X), expected.transform(X))
    assert sum(shares) == 3 * len(found["params"])
    assert (shares[0] == 1) == (options.get("pre_dispatch") == 1)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_errors_of_processes_are_those_of_the_search(X):
    grid = {"learning_rate_init": [1e8, 1e-3]}
    search = AutoencoderSearchCV(ESTIMATOR, grid, cv=2, n_jobs=2)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search.fit(X)
    assert search.best_params_ == {"learning_rate_init": 1e-3}
    before = vars(search).copy()
    with pytest.raises(FloatingPointError, match="diverged"):
        search.set_params(error_score="raise").fit(X)
    assert search.cv_results_ is before["cv_results_"]
    search.set_params(error_score=np.nan, param_grid=GRID).fit(X)
    assert len(search.cv_results_["params"]) == 4


@pytest.mark.parametrize(
    ("n_jobs", "context", "n_folds", "wanted"),
    [
        (None, None, 5, 1),
        (None, None, 50, 2),  # a long search
        (1, None, 50, 1),
        (3, None, 5, 3),
        (None, 4, 5, 4),
        (1, 4, 5, 1),
        (None, 1, 50, 1),
    ],
)
def test_long_searches_and_the_user_ask_for_processes(
    monkeypatch, n_jobs, context, n_folds, wanted
):
    monkeypatch.setattr(_search, "cpu_count", lambda: 2)
    search = AutoencoderSearchCV(ESTIMATOR, GRID, n_jobs=n_jobs)
    search._n_folds = n_folds
    costs = [JointCost(1.0, _search._LONG_SEARCH / 20, 1)] * 2
    with parallel_config(n_jobs=context):
        assert search._n_processes(costs) == wanted
    with parallel_config("threading"):
        assert search._n_processes(costs) == 1


@pytest.mark.parametrize(("n_fits", "shares"), [(256, [64] * 4), (2, [1, 1])])
def test_processes_share_the_memory_for_fits(X, monkeypatch, n_fits, shares):
    found = []

    class Backend(SharingBackend):
        def __init__(self, n_processes, n_threads, processes):
            found.extend([n_threads] * n_processes)
            raise InterruptedError

    monkeypatch.setattr(_search, "SharingBackend", Backend)
    monkeypatch.setattr(AutoencoderSearchCV, "_n_threads", lambda *_: n_fits)
    with pytest.raises(InterruptedError):
        AutoencoderSearchCV(ESTIMATOR, GRID, n_jobs=4).fit(X)
    assert found == shares


def test_processes_are_those_of_the_context(X):
    scores = {}
    for n_threads in (1, 2):
        with parallel_config("loky", n_jobs=2, inner_max_num_threads=n_threads):
            search = AutoencoderSearchCV(
                ESTIMATOR, {"weight_decay": [0.0, 0.1]}, cv=2, scoring=_threads
            ).fit(X)
        scores[n_threads] = set(search.cv_results_["mean_test_score"])
    assert scores == {1: {1.0}, 2: {2.0}}


def _threads(estimator, X, y=None):
    return float(os.environ["OMP_NUM_THREADS"])


def test_what_a_search_costs_is_estimated_from_its_folds_and_epochs(X):
    search = AutoencoderSearchCV(ESTIMATOR, GRID, cv=4)
    search._n_trained = 300
    cost = search._costs(X.shape)[0]
    weights = 64 * (16 + 3) + 16 * 3
    assert cost.fit == pytest.approx(2 * 3 * 2 * weights * 300 * 4 * 6, rel=0.2)
