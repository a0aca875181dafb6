"""Successive halving: fewer candidates a round, more epochs, and who goes on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import Pipeline

from skae import Autoencoder
from skae.model_selection import AutoencoderSearchCV
from skae.model_selection._checks import size_of_a_split
from skae.model_selection._halving import SuccessiveHalving

SETTINGS = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "precision": "float64",
    "random_state": 0,
}
GRID = {"learning_rate_init": [1e-3, 1e-2], "weight_decay": [0.0, 1e-1]}


class TestHalving:
    @pytest.fixture
    def search(self, X):
        estimator = Autoencoder(**SETTINGS | {"max_iter": 18})
        grid = {"learning_rate_init": [1e-5, 1e-4, 1e-3, 1e-2], "weight_decay": [0, 1]}
        return AutoencoderSearchCV(estimator, grid, cv=2, factor=3).fit(X)

    def test_rounds_have_fewer_candidates_and_more_epochs(self, search):
        results = search.cv_results_
        rounds = np.asarray(results["iter"])
        assert np.bincount(rounds).tolist() == [8, 3]
        assert np.unique(results["n_resources"][:8]).tolist() == [6]
        assert np.unique(results["n_resources"][8:]).tolist() == [18]

    def test_the_best_go_on(self, search):
        results = search.cv_results_
        order = np.argsort(-results["mean_test_score"][:8])[:3]
        best = [results["params"][i] for i in order]
        last = results["params"][8:]
        assert [p | {"max_iter": 6} for p in last] == [
            p for p in results["params"][:8] if p in best
        ]

    def test_best_candidate_is_one_of_the_last_round(self, search):
        assert search.best_index_ >= 8
        assert "max_iter" not in search.best_params_
        assert search.best_estimator_.max_iter == 18
        last = search.cv_results_["mean_test_score"][8:]
        assert search.best_score_ == last.max()

    def test_last_round_is_that_of_a_search_without_rounds(self, search, X):
        estimator, grid = search.estimator, search.param_grid
        full = AutoencoderSearchCV(estimator, grid, cv=2).fit(X)
        by_params = {
            str(p): score
            for p, score in zip(
                full.cv_results_["params"],
                full.cv_results_["mean_test_score"],
                strict=True,
            )
        }
        results = search.cv_results_
        for i in range(8, 11):
            expected = by_params[str(results["params"][i])]
            assert_allclose(results["mean_test_score"][i], expected, atol=1e-9)

    def test_epochs_of_candidates_are_divided_each_for_itself(self, X):
        pipeline = Pipeline([("ae", Autoencoder(**SETTINGS))])
        search = AutoencoderSearchCV(
            pipeline, {"ae__max_iter": [4, 8]}, cv=2, factor=2
        ).fit(X)
        assert search.cv_results_["n_resources"].tolist()[:2] == [2, 4]

    @pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
    def test_failed_candidates_do_not_go_on(self, X):
        grid = {"learning_rate_init": [1e8, 1e-3, 1e-2]}
        search = AutoencoderSearchCV(
            Autoencoder(**SETTINGS), grid, cv=2, factor=1.5, error_score=np.nan
        )
        with pytest.warns(FitFailedWarning, match="fits failed"):
            search.fit(X)
        assert 1e8 not in [
            p["learning_rate_init"]
            for p, i in zip(
                search.cv_results_["params"], search.cv_results_["iter"], strict=True
            )
            if i > 0
        ]


def test_halving_of_no_autoencoder_is_refused(X):
    search = AutoencoderSearchCV(PCA(), {"n_components": [1, 2]}, factor=2)
    with pytest.raises(ValueError, match="exactly one autoencoder"):
        search.fit(X)


def _two_scores(**options):
    scoring = {
        "own": lambda estimator, X, y=None: estimator.score(X),
        "spread": lambda estimator, X, y=None: float(estimator.transform(X).var()),
    }
    return AutoencoderSearchCV(
        Autoencoder(**SETTINGS), GRID, cv=2, factor=2, scoring=scoring, **options
    )


@pytest.mark.parametrize("refit", [False, lambda results: 0])
def test_halving_by_several_scores_wants_the_name_of_one(X, refit):
    with pytest.raises(ValueError, match="the name of one"):
        _two_scores(refit=refit).fit(X)


def test_halving_by_one_of_several_scores(X):
    search = _two_scores(refit="own").fit(X)
    is_last = np.asarray(search.cv_results_["iter"]) == 2
    assert search.best_score_ == search.cv_results_["mean_test_own"][is_last].max()


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_scores_that_are_all_missing_leave_a_candidate_of_the_last_round(X):
    def undefined_in_the_end(estimator, X, y=None):
        return np.nan if estimator.max_iter == 4 else estimator.score(X)

    search = AutoencoderSearchCV(
        Autoencoder(**SETTINGS), GRID, cv=2, factor=2, scoring=undefined_in_the_end
    ).fit(X)
    assert search.best_estimator_.max_iter == 4


def test_epochs_of_a_round_are_shares_of_those_of_a_fold():
    X = np.random.default_rng(0).normal(size=(20_000, 3))
    estimator = Autoencoder(1, hidden_layer_sizes=(4,), random_state=0, tol=0.0)
    search = AutoencoderSearchCV(
        estimator, {"weight_decay": [0.0, 1.0, 2.0]}, cv=2, factor=3, refit=False
    )
    search._n_trained = 10_000
    halving = SuccessiveHalving(estimator, search._candidates(), 10_000, 3)
    assert halving.notes()["n_resources"] == [33] * 3
    assert size_of_a_split(search, X, None) == (10_000, 2)
    halving.keep_best([1.0, 2.0, 3.0])
    assert halving.notes() == {"iter": [1], "n_resources": [100]}


@pytest.mark.parametrize("factor", [1.01, 1.5, 3, 1000])
def test_every_round_but_the_last_drops_a_candidate(factor):
    candidates = [{"weight_decay": float(i)} for i in range(8)]
    halving = SuccessiveHalving(Autoencoder(1, max_iter=50), candidates, 100, factor)
    sizes = []
    while halving.goes_on:
        sizes.append(len(halving.candidates()))
        halving.keep_best(np.arange(sizes[-1]))
    assert len(sizes) == len(set(sizes)) or sizes[-1] == 1
    assert sizes == sorted(sizes, reverse=True)
