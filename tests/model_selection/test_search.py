"""Searches: GridSearchCV's results, whoever trains."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    VariationalAutoencoder,
)
from skae.metrics import make_denoising_scorer
from skae.model_selection import AutoencoderSearchCV

SETTINGS = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "precision": "float64",
    "random_state": 0,
}
GRID = {"learning_rate_init": [1e-3, 1e-2], "weight_decay": [0.0, 1e-1]}


@pytest.fixture(scope="module")
def X():
    return load_digits().data[:400] / 16


def assert_same_results(search, expected):
    results, wanted = search.cv_results_, expected.cv_results_
    assert set(results) == set(wanted)
    assert results["params"] == wanted["params"]
    for name in wanted:
        if "test_score" in name or "train_score" in name:
            assert_allclose(results[name], wanted[name], atol=1e-5)
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
    assert_same_results(search, expected)


def test_pipeline_is_searched(X):
    pipeline = Pipeline([("scale", StandardScaler()), ("ae", Autoencoder(**SETTINGS))])
    grid = [
        {"ae__n_components": [2, 3], "scale__with_mean": [True, False]},
        {"ae__hidden_layer_sizes": [(8,), (16, 4)]},
    ]
    search = AutoencoderSearchCV(pipeline, grid, cv=2).fit(X)
    assert_same_results(search, GridSearchCV(pipeline, grid, cv=2).fit(X))


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (DenoisingAutoencoder(**SETTINGS), {"noise": [0.1, 0.4]}),
        (VariationalAutoencoder(**SETTINGS), {"beta": [0.5, 1.0]}),
        (ContractiveAutoencoder(**SETTINGS), {"alpha": [0.1, 1.0]}),
    ],
    ids=["denoising", "variational", "contractive"],
)
def test_own_parameters_of_variants_are_searched(X, estimator, grid):
    scoring = make_denoising_scorer(noise=0.2)
    search, expected = (
        Search(estimator, grid, cv=2, scoring=scoring, **options).fit(X)
        for Search, options in (
            (AutoencoderSearchCV, {"train_together": True}),
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


def test_nothing_is_left_of_the_company(X):
    search = AutoencoderSearchCV(Autoencoder(**SETTINGS), GRID, cv=2).fit(X)
    assert not {"_company", "_n_samples"} & vars(search).keys()
    assert clone(search).get_params().keys() == search.get_params().keys()


class TestWhoTrains:
    """Small networks go together, large ones and those of autograd side by side."""

    @staticmethod
    def together(estimator, grid=None, shape=(1000, 20), **options):
        search = AutoencoderSearchCV(estimator, grid or GRID, **options)
        return search._goes_together(shape)

    def test_small_networks_go_together(self):
        assert self.together(Autoencoder(2))

    @pytest.mark.parametrize(
        "estimator",
        [
            Autoencoder(2, hidden_layer_sizes=(20_000,)),
            Autoencoder(2, precision="bfloat16"),
            PCA(),
        ],
        ids=repr,
    )
    def test_others_do_not(self, estimator):
        assert not self.together(estimator, {"n_components": [1, 2]})

    def test_autograd_does_not(self):
        grid = {"n_components": [1, 2]}
        deep = ContractiveAutoencoder(hidden_layer_sizes=(8, 8))
        assert not self.together(deep, grid)

    def test_one_large_candidate_decides(self):
        assert not self.together(
            Autoencoder(2), {"hidden_layer_sizes": [(8,), (20_000,)]}
        )

    def test_a_single_candidate_has_no_company(self):
        assert not self.together(Autoencoder(2), {"n_components": [1]})

    @pytest.mark.parametrize("wanted", [True, False])
    def test_the_user_decides(self, wanted):
        large = Autoencoder(2, hidden_layer_sizes=(20_000,))
        assert self.together(large, train_together=wanted) is wanted


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
    with pytest.raises(ValueError, match="wants an autoencoder"):
        search.fit(X)


def test_other_estimators_are_searched_as_ever(X):
    grid = {"n_components": [1, 2]}
    search = AutoencoderSearchCV(PCA(), grid, n_jobs=1).fit(X)
    assert_same_results(search, GridSearchCV(PCA(), grid).fit(X))
