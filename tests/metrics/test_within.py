"""The way into what holds an estimator."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae.metrics._within import ask, innermost, last_step, named_parts, parts

X = load_iris().data
SCALER, PCA_2 = StandardScaler(), PCA(2)
INNER = Pipeline([("nothing", "passthrough"), ("pca", PCA_2), ("none", None)])


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (PCA_2, [("", PCA_2)]),
        (
            Pipeline([("s", SCALER), ("pca", PCA_2)]),
            [("s__", SCALER), ("pca__", PCA_2)],
        ),
        (
            Pipeline([("s", SCALER), ("in", INNER)]),
            [("s__", SCALER), ("in__pca__", PCA_2)],
        ),
        (make_pipeline("passthrough", None), []),
        (PCA, [("", PCA)]),
    ],
)
def test_parts_have_the_names_of_their_parameters(estimator, expected):
    assert named_parts(estimator) == expected
    assert parts(estimator) == [part for _, part in expected]
    for prefix, part in expected:
        if prefix:
            assert estimator.get_params()[prefix.removesuffix("__")] is part


def test_searches_are_looked_into_once_they_are_fitted():
    search = GridSearchCV(make_pipeline(SCALER, PCA()), {"pca__n_components": [1, 2]})
    assert parts(search) == [search]
    best = search.fit(X).best_estimator_
    assert parts(search) == [best[0], best[1]]
    assert parts(make_pipeline(MinMaxScaler(), search))[1:] == [best[0], best[1]]


def test_innermost_has_the_attribute():
    search = GridSearchCV(make_pipeline(StandardScaler(), PCA(2)), {}).fit(X)
    scaler, pca = search.best_estimator_[0], search.best_estimator_[1]
    assert innermost(search, "components_") is pca
    assert innermost(search, "mean_") is pca  # the last that has it
    assert innermost(search, "scale_") is scaler
    assert innermost(search, "best_score_") is search
    assert innermost(search, "loss_curve_") is None


@pytest.mark.parametrize("n_sets", [1, 2])
def test_last_step_and_rows_as_it_sees_them(n_sets):
    scaler, pca = StandardScaler().fit(X), PCA(2)
    pca.fit(scaler.transform(X))
    whole = make_pipeline("passthrough", scaler, make_pipeline(pca))
    last, *seen = last_step(whole, *[X] * n_sets)
    assert last is pca
    assert len(seen) == n_sets
    for rows in seen:
        np.testing.assert_array_equal(rows, scaler.transform(X))
    assert last_step(pca, X)[1] is X
    nothing = make_pipeline("passthrough")
    assert last_step(nothing, X) == (nothing, X)


def test_a_class_is_no_fitted_instance():
    with pytest.raises(TypeError, match="a fitted instance, but got the class PCA"):
        ask(PCA, "transform", "This")
