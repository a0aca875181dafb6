"""In the place of PCA: in a Pipeline, in a search, in several processes."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as LDA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder, LinearAutoencoder

SETTINGS = {
    "hidden_layer_sizes": (8,),
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "max_iter": 5,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}
X, LABELS = load_iris(return_X_y=True)

REDUCERS = {
    "dense": Autoencoder(2, **SETTINGS),
    "linear": LinearAutoencoder(2),
    "descent": LinearAutoencoder(2, solver="adam", max_iter=5, random_state=0),
}
every_reducer = pytest.mark.parametrize("reducer", REDUCERS.values(), ids=REDUCERS)


def scaled(reducer):
    return Pipeline([("scale", StandardScaler()), ("reduce", clone(reducer))])


@every_reducer
class TestInThePlaceOfPCA:
    def test_it_takes_the_place_in_a_pipeline(self, reducer):
        pipeline = scaled(PCA(2)).set_params(reduce=clone(reducer)).fit(X)
        codes = pipeline.transform(X)
        assert codes.shape == (150, 2)
        assert pipeline.inverse_transform(codes).shape == X.shape
        assert_array_equal(pipeline.fit_transform(X), codes)

    def test_units_come_back_through_the_pipeline(self, reducer):
        pipeline = scaled(reducer).fit(X)
        back = pipeline.inverse_transform(pipeline.transform(X))
        pca = scaled(PCA(2)).fit(X)
        pca_error = np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)
        assert np.mean((back - X) ** 2) < 1.1 * pca_error

    def test_a_classifier_can_follow(self, reducer):
        pipeline = make_pipeline(StandardScaler(), clone(reducer), LDA())
        assert pipeline.fit(X, LABELS).score(X, LABELS) > 0.85
        assert cross_val_score(pipeline, X, LABELS, cv=3).mean() > 0.8

    def test_score_of_the_pipeline_is_that_of_the_last_step(self, reducer):
        pipeline = scaled(reducer).fit(X)
        expected = pipeline["reduce"].score(pipeline["scale"].transform(X))
        assert pipeline.score(X) == expected

    def test_codes_have_names(self, reducer):
        frame = pd.DataFrame(X, columns=list("abcd"))
        pipeline = scaled(reducer).set_output(transform="pandas").fit(frame)
        names = [f"{type(reducer).__name__.lower()}{i}" for i in range(2)]
        assert list(pipeline.transform(frame).columns) == names
        assert list(pipeline.get_feature_names_out()) == names

    def test_it_stands_beside_others(self, reducer):
        union = FeatureUnion([("pca", PCA(2)), ("ae", clone(reducer))])
        assert union.fit_transform(X).shape == (150, 4)

    def test_its_parameters_can_be_reached(self, reducer):
        pipeline = scaled(reducer).set_params(reduce__n_components=3).fit(X)
        assert pipeline.transform(X).shape == (150, 3)


def test_validation_data_come_through_the_pipeline_transformed():
    with sklearn.config_context(enable_metadata_routing=True):
        reducer = Autoencoder(2, **SETTINGS).set_fit_request(X_val=True)
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("reduce", reducer)],
            transform_input=["X_val"],
        ).fit(X[::2], X_val=X[1::2])
    scale = StandardScaler().fit(X[::2])
    by_hand = clone(REDUCERS["dense"]).fit(
        scale.transform(X[::2]), X_val=scale.transform(X[1::2])
    )
    fitted = pipeline["reduce"]
    assert_allclose(fitted.validation_loss_curve_, by_hand.validation_loss_curve_)
    assert_array_equal(fitted.transform(X), by_hand.transform(X))


class TestSearch:
    GRID = {
        "reduce__n_components": [1, 2],
        "reduce__hidden_layer_sizes": [(4,), (8, 4)],
        "reduce__learning_rate_init": [1e-3, 1e-2],
    }

    @pytest.fixture(autouse=True)
    def _one_thread(self):
        """As many threads here as in a worker: bits are promised for equal counts."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    def search(self, n_jobs):
        return GridSearchCV(
            scaled(REDUCERS["dense"]), self.GRID, cv=2, n_jobs=n_jobs
        ).fit(X)

    def test_two_processes_find_the_same_bits_as_one(self):
        alone, together = self.search(n_jobs=1), self.search(n_jobs=2)
        for name in ("split0_test_score", "split1_test_score", "mean_test_score"):
            scores = together.cv_results_[name]
            assert len(scores) == 8
            assert_array_equal(scores, alone.cv_results_[name])
        assert together.best_params_ == alone.best_params_
        assert together.best_params_["reduce__n_components"] == 2
        codes = (found.best_estimator_.transform(X) for found in (alone, together))
        assert_array_equal(*codes)

    def test_every_kind_of_reducer_can_be_searched_over(self):
        steps = [("scale", StandardScaler()), ("reduce", PCA()), ("classify", LDA())]
        grid = {"reduce": [PCA(2), *REDUCERS.values()]}
        found = GridSearchCV(Pipeline(steps), grid, cv=2).fit(X, LABELS)
        assert (found.cv_results_["mean_test_score"] > 0.8).all()
