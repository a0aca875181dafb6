"""Searches: GridSearchCV's results, whoever trains."""

import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.data import Scaling
from skae.estimators.reporting import EpochReporter
from skae.metrics import make_denoising_scorer
from skae.model_selection import AutoencoderSearchCV
from skae.model_selection._backend import RendezvousBackend
from skae.training import Rendezvous

SETTINGS = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "precision": "float64",
    "random_state": 0,
}
GRID = {"learning_rate_init": [1e-3, 1e-2], "weight_decay": [0.0, 1e-1]}


def assert_same_results(search, expected, tolerance=1e-9):
    results, wanted = search.cv_results_, expected.cv_results_
    assert set(results) == set(wanted)
    assert results["params"] == wanted["params"]
    for name in wanted:
        if "test_score" in name or "train_score" in name:
            assert_allclose(results[name], wanted[name], atol=tolerance)
    assert search.best_params_ == expected.best_params_
    assert search.best_index_ == expected.best_index_


@pytest.mark.parametrize("train_together", [True, "auto", False])
@pytest.mark.parametrize("return_train_score", [False, True])
def test_results_are_those_of_grid_search(X, train_together, return_train_score):
    estimator = Autoencoder(**SETTINGS)
    options = {"cv": 3, "return_train_score": return_train_score}
    search = AutoencoderSearchCV(
        estimator, GRID, train_together=train_together, n_jobs=1, **options
    )
    expected = GridSearchCV(estimator, GRID, **options).fit(X)
    assert_same_results(search.fit(X), expected)
    assert_array_equal(search.transform(X), expected.transform(X))
    assert search.score(X) == expected.score(X)


def test_float32_agrees_to_1e_5(X):
    estimator = Autoencoder(**SETTINGS | {"precision": "float32", "max_iter": 20})
    search, expected = (
        Search(estimator, GRID, cv=3).fit(X)
        for Search in (AutoencoderSearchCV, GridSearchCV)
    )
    assert_same_results(search, expected, tolerance=1e-5)


def test_pipeline_is_searched(X):
    pipeline = Pipeline([("scale", StandardScaler()), ("ae", Autoencoder(**SETTINGS))])
    grid = [
        {"ae__n_components": [2, 3], "scale__with_mean": [True, False]},
        {"ae__hidden_layer_sizes": [(8,), (16, 4)]},
    ]
    search = AutoencoderSearchCV(pipeline, grid, cv=2).fit(X)
    assert_same_results(search, GridSearchCV(pipeline, grid, cv=2).fit(X))


@pytest.mark.parametrize("factor", [None, 2])
def test_autoencoders_may_come_with_the_candidates_alone(X, factor):
    pipeline = Pipeline([("scale", StandardScaler()), ("ae", PCA())])
    grid = {"ae": [Autoencoder(**SETTINGS), DenoisingAutoencoder(**SETTINGS)]}
    search = AutoencoderSearchCV(pipeline, grid, cv=2, factor=factor).fit(X)
    expected = GridSearchCV(pipeline, grid, cv=2).fit(X)
    assert type(search.best_params_["ae"]) is type(expected.best_params_["ae"])
    assert search.best_score_ == pytest.approx(expected.best_score_, abs=1e-9)


def test_halving_says_which_candidate_has_no_epochs(X):
    pipeline = Pipeline([("ae", Autoencoder(**SETTINGS))])
    search = AutoencoderSearchCV(pipeline, {"ae": [PCA(2), Autoencoder()]}, factor=3)
    with pytest.raises(ValueError, match=r"\{'ae': PCA.* has not. Leave factor out"):
        search.fit(X)


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (DenoisingAutoencoder(**SETTINGS), {"noise": [0.1, 0.4]}),
        (VariationalAutoencoder(**SETTINGS), {"beta": [0.5, 1.0]}),
        (ContractiveAutoencoder(**SETTINGS), {"alpha": [0.1, 1.0]}),
        (SparseAutoencoder(**SETTINGS), {"learning_rate_init": [1e-3, 1e-2]}),
    ],
    ids=["denoising", "variational", "contractive", "constrained"],
)
def test_own_parameters_of_variants_are_searched(X, estimator, grid):
    scoring = make_denoising_scorer(noise=0.2)
    search, expected = (
        Search(estimator, grid, cv=2, scoring=scoring, **options).fit(X)
        for Search, options in (
            (AutoencoderSearchCV, {}),
            (GridSearchCV, {}),
        )
    )
    assert_same_results(search, expected)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("train_together", [True, False])
def test_candidate_that_fails_is_a_warning(X, train_together):
    grid = {"learning_rate_init": [1e-3, 1e8]}
    search = AutoencoderSearchCV(
        Autoencoder(**SETTINGS), grid, cv=2, train_together=train_together, n_jobs=1
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search.fit(X)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert search.best_params_ == {"learning_rate_init": 1e-3}


def test_error_is_raised_on_request(X):
    search = AutoencoderSearchCV(
        Autoencoder(**SETTINGS),
        {"learning_rate_init": [1e8, 1e-3]},
        cv=2,
        error_score="raise",
        train_together=True,
    )
    with pytest.raises(FloatingPointError, match="diverged"):
        search.fit(X)
    assert not hasattr(search, "cv_results_")


def test_error_that_is_raised_ends_all_other_fits(X, monkeypatch):
    epochs = []
    monkeypatch.setattr(EpochReporter, "epoch_begins", lambda self: epochs.append(1))
    search = AutoencoderSearchCV(
        Autoencoder(**SETTINGS | {"early_stopping": False}),
        {"max_iter": [4, 5, 0]},
        cv=2,
        error_score="raise",
        train_together=True,
    )
    with pytest.raises(ValueError, match="'max_iter' parameter of Autoencoder"):
        search.fit(X)
    assert epochs == []


class TestCtrlC:
    """It is raised at once, and leaves the results and the process as they were."""

    @pytest.fixture(autouse=True)
    def as_it_was(self, X):
        self.search = AutoencoderSearchCV(
            Autoencoder(**SETTINGS | {"early_stopping": False}),
            GRID,
            cv=2,
            train_together=True,
        ).fit(X)
        threads, filters = threading.active_count(), list(warnings.filters)
        before = vars(self.search).copy()
        yield
        assert threading.active_count() == threads
        assert list(warnings.filters) == filters
        assert vars(self.search).keys() == before.keys()
        assert all(vars(self.search)[name] is before[name] for name in before)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_while_all_are_trained(self, X, monkeypatch):
        epochs = []

        def interrupt(reporter, history):
            epochs.append(reporter)
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(EpochReporter, "epoch_ends", interrupt)
        with pytest.raises(KeyboardInterrupt):
            self.search.fit(X)
        assert len(epochs) == 1

    def test_the_main_thread_trains_for_all_however_late_it_is(self, X, monkeypatch):
        threads, begin, train = [], RendezvousBackend._begin, Rendezvous._train_all

        def begins(backend, *job):
            begin(backend, *job)
            time.sleep(0.02)  # in which all who have come so far may be waiting

        def trains(rendezvous, trainings):
            threads.append(threading.current_thread())
            train(rendezvous, trainings)

        monkeypatch.setattr(RendezvousBackend, "_begin", begins)
        monkeypatch.setattr(Rendezvous, "_train_all", trains)
        search = clone(self.search).fit(X)
        assert set(threads) == {threading.main_thread()}
        for name, found in search.cv_results_.items():
            if name.endswith("test_score"):
                assert_array_equal(found, self.search.cv_results_[name])

    def test_while_all_are_waited_for(self, X, monkeypatch):
        waits, ended, heard = threading.Event(), threading.Event(), []
        first, lead, end = threading.Lock(), Rendezvous.lead, Rendezvous.end

        def fit(*arguments):
            if first.acquire(blocking=False) and waits.wait(60):
                os.kill(os.getpid(), signal.SIGINT)
            heard.append(ended.wait(60))
            return Scaling.none(X.shape[1])

        def leads(rendezvous, begin):
            def begins():
                begin()
                waits.set()

            lead(rendezvous, begins)

        def ends(rendezvous):
            ended.set()
            end(rendezvous)

        monkeypatch.setattr(Scaling, "fit", fit)
        monkeypatch.setattr(Rendezvous, "lead", leads)
        monkeypatch.setattr(Rendezvous, "end", ends)
        with pytest.raises(KeyboardInterrupt):
            self.search.fit(X)
        assert heard
        assert all(heard)


def test_nothing_is_left_of_the_search_itself(X):
    search = AutoencoderSearchCV(Autoencoder(**SETTINGS), GRID, cv=2).fit(X)
    assert "_n_trained" not in vars(search)
    assert_array_equal(
        pickle.loads(pickle.dumps(search)).transform(X), search.transform(X)
    )
    assert clone(search).get_params().keys() == search.get_params().keys()


def test_other_estimators_are_searched_as_ever(X):
    grid = {"n_components": [1, 2]}
    search = AutoencoderSearchCV(PCA(), grid, n_jobs=1).fit(X)
    assert_same_results(search, GridSearchCV(PCA(), grid).fit(X))


@pytest.mark.parametrize("pre_dispatch", [1, "n_jobs", "all"])
def test_whatever_joblib_dispatches_is_done(X, pre_dispatch):
    search = AutoencoderSearchCV(
        Autoencoder(**SETTINGS), GRID, cv=2, pre_dispatch=pre_dispatch
    )
    expected = GridSearchCV(Autoencoder(**SETTINGS), GRID, cv=2).fit(X)
    assert_same_results(search.fit(X), expected)


def test_estimators_that_use_joblib_themselves(X):
    union = FeatureUnion([("ae", Autoencoder(**SETTINGS)), ("pca", PCA(2))])
    search, expected = (
        Search(union, {"ae__weight_decay": [0.0, 0.1]}, cv=2, scoring=_spread).fit(X)
        for Search in (AutoencoderSearchCV, GridSearchCV)
    )
    assert_same_results(search, expected)
    assert_array_equal(search.transform(X), expected.transform(X))


def _spread(estimator, X, y=None):
    return float(estimator.transform(X).var())


def test_a_search_in_a_search(X):
    inner = AutoencoderSearchCV(Autoencoder(**SETTINGS), {"weight_decay": [0, 1]}, cv=2)
    scores = [cross_val_score(inner, X, cv=2) for _ in range(2)]
    assert_array_equal(*scores)


def test_wrong_name_is_told_at_once(X):
    grid = [{"weight_decay": [0.0]}, {"weight_decoy": [0.0]}]
    search = AutoencoderSearchCV(Autoencoder(**SETTINGS), grid)
    with pytest.raises(ValueError, match="Invalid parameter 'weight_decoy'"):
        search.fit(X)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_no_rows_or_columns_get_the_error_of_grid_search(shape):
    with pytest.raises(
        ValueError, match=r"minimum of 1|Cannot have number of splits|0 feature"
    ):
        AutoencoderSearchCV(Autoencoder(2), GRID).fit(np.zeros(shape))


def test_an_error_leaves_neither_threads_nor_filters_behind(X):
    threads, filters = threading.active_count(), list(warnings.filters)
    search = AutoencoderSearchCV(
        Autoencoder(**SETTINGS), GRID, cv=2, error_score="raise", train_together=True
    )
    with pytest.raises(ValueError, match="NaN"):
        search.fit(np.full_like(X, np.nan))
    assert threading.active_count() == threads
    assert list(warnings.filters) == filters
