"""Explained deviance against the size of the code: the splits, the scores, PCA's."""

from functools import partial

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder, ConvolutionalAutoencoder
from skae.inspection import ExplainedDevianceDisplay
from skae.metrics import make_denoising_scorer, reconstruction_r2

QUICK = Autoencoder(max_iter=2, random_state=0)


def test_rows_held_out_once(digits, ax):
    display = ExplainedDevianceDisplay.from_estimator(
        QUICK, digits.X, n_components=[1, 16], test_size=100, ax=ax, color="C3"
    )
    train, test = train_test_split(digits.X, test_size=100, random_state=0)
    for i, k in enumerate([1, 16]):
        assert_allclose(
            display.pca_scores[i], reconstruction_r2(PCA(k).fit(train), test)
        )
        model = Autoencoder(k, max_iter=2, random_state=0).fit(train)
        assert_allclose(display.scores[i], reconstruction_r2(model, test))
    assert not hasattr(QUICK, "n_features_in_")
    assert ax.get_ylabel() == "share of the variance explained\n(held out)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Autoencoder",
        "PCA",
    ]
    assert ax.get_xscale() == "log"
    curve, _ = display.curves_
    assert_allclose(curve.lines[0].get_ydata(), display.scores[:, 0])
    assert curve.lines[0].get_color() == "C3"


def test_folds_and_pipelines(wine):
    model = make_pipeline(StandardScaler(), QUICK)
    display = ExplainedDevianceDisplay.from_estimator(
        model, wine.X, n_components=[1, 3, 5], cv=KFold(2, shuffle=True, random_state=0)
    )
    assert display.scores.shape == display.pca_scores.shape == (3, 2)
    folds = KFold(2, shuffle=True, random_state=0).split(wine.X)
    train, test = next(folds)
    scaler = StandardScaler().fit(wine.X.iloc[train])
    seen, new = (scaler.transform(wine.X.iloc[rows]) for rows in (train, test))
    expected = reconstruction_r2(PCA(3).fit(seen), new)
    assert_allclose(display.pca_scores[1, 0], expected)
    label = " ".join(display.ax_.get_ylabel().split())
    assert label.startswith("share of the variance explained after StandardScaler (")
    assert "mean of 2 folds" in label
    assert display.ax_.get_xscale() == "linear"
    assert display.curves_[0].has_yerr
    assert display.name == "Autoencoder"


def test_rows_of_their_own_to_judge_by(digits):
    X, X_test = digits.X[:300], digits.X[300:]
    display = ExplainedDevianceDisplay.from_estimator(
        make_pipeline(PCA()), X, X_test=X_test, n_components=[2], pca=False, name="ours"
    )
    assert display.scores == [[reconstruction_r2(PCA(2).fit(X), X_test)]]
    assert display.pca_scores is None
    assert display.ax_.get_legend().get_texts()[0].get_text() == "ours"


def test_the_deviance_of_another_likelihood(digits):
    X, X_test = digits.X[:300] / 16, digits.X[300:] / 16
    model = Autoencoder(likelihood="bernoulli", max_iter=2, random_state=0)
    display = ExplainedDevianceDisplay.from_estimator(
        model, X, X_test=X_test, n_components=[2], scoring="deviance"
    )
    fitted = model.set_params(n_components=2).fit(X)
    assert_allclose(display.scores, fitted.score(X_test))
    assert display.pca_scores is None
    assert display.ax_.get_ylabel().startswith("share of the deviance explained")


def test_any_scorer(digits):
    X, X_test = digits.X[:300], digits.X[300:]
    options = {"X_test": X_test, "n_components": [2, 5]}
    expected = ExplainedDevianceDisplay.from_estimator(QUICK, X, **options)
    display = ExplainedDevianceDisplay.from_estimator(
        QUICK, X, scoring=reconstruction_r2, **options
    )
    assert_array_equal(display.scores, expected.scores)
    assert_array_equal(display.pca_scores, expected.pca_scores)
    assert display.ax_.get_ylabel() == "reconstruction_r2\n(held out)"
    mean = np.zeros(64)
    display = ExplainedDevianceDisplay.from_estimator(
        PCA(), X, scoring=partial(reconstruction_r2, mean=mean), pca=False, **options
    )
    assert_allclose(
        display.scores[0], reconstruction_r2(PCA(2).fit(X), X_test, mean=mean)
    )
    assert display.measure == "reconstruction_r2"
    scorer = make_denoising_scorer(noise=4.0)
    display = ExplainedDevianceDisplay.from_estimator(
        make_pipeline(StandardScaler(), QUICK), X, scoring=scorer, **options
    )
    scaler = StandardScaler().fit(X)
    pca = PCA(5).fit(scaler.transform(X))
    assert_allclose(display.pca_scores[1], scorer(pca, scaler.transform(X_test)))
    assert display.measure == "score after StandardScaler"


def test_sizes(wine):
    rows = wine.X.to_numpy()[:20, :3]
    display = ExplainedDevianceDisplay.from_estimator(QUICK, rows)
    assert display.n_components == [1, 2]
    display = ExplainedDevianceDisplay.from_estimator(QUICK, rows[:, :1])
    assert display.n_components == [1]
    display = ExplainedDevianceDisplay.from_estimator(QUICK, rows, n_components=(2, 5))
    assert_array_equal(np.isnan(display.pca_scores[:, 0]), [False, True])
    display = ExplainedDevianceDisplay.from_estimator(
        PCA(), rows, n_components=np.arange(1, 3)
    )
    assert display.n_components == [1, 2]


def test_images_are_rows_for_pca(digits):
    images = digits.X[:60].reshape(60, 1, 8, 8)
    model = ConvolutionalAutoencoder(input_shape=(1, 8, 8), max_iter=1, random_state=0)
    display = ExplainedDevianceDisplay.from_estimator(model, images, n_components=[2])
    flat = ExplainedDevianceDisplay.from_estimator(
        PCA(), digits.X[:60], n_components=[2]
    )
    assert_allclose(display.pca_scores, flat.scores)


def test_several_fits_at_the_same_time(digits):
    options = {"n_components": [1, 2], "random_state": 3}
    alone = ExplainedDevianceDisplay.from_estimator(PCA(), digits.X, **options)
    with parallel_config("threading"):
        both = ExplainedDevianceDisplay.from_estimator(
            PCA(), digits.X, n_jobs=2, **options
        )
    assert_array_equal(alone.scores, both.scores)


def test_what_cannot_be_drawn(digits):
    draw = ExplainedDevianceDisplay.from_estimator
    with pytest.raises(TypeError, match="has no parameter n_components"):
        draw(DBSCAN(), digits.X)
    with pytest.raises(TypeError, match="has no parameter n_components"):
        draw(Autoencoder, digits.X)
    for scoring in ("r2", 1, ["deviance"]):
        with pytest.raises(ValueError, match="scoring must be None"):
            draw(QUICK, digits.X, scoring=scoring)
    with pytest.raises(ValueError, match="must give a number for each model"):
        draw(PCA(), digits.X, scoring=lambda model, X: {}, n_components=[2])
    for sizes in (8, 2.0, [], [0, 1], [1.5], [[1, 2]], "8"):
        with pytest.raises(ValueError, match=r"such as \[1, 2, 4, 8\] or range\(1, 9"):
            draw(PCA(), digits.X, n_components=sizes)
    with pytest.raises(ValueError, match="not both"):
        draw(QUICK, digits.X, X_test=digits.X, cv=3)


def test_a_fitted_search_and_a_step_within_a_step(wine):
    sizes = {"n_components": [1, 3], "random_state": 0}
    inner = make_pipeline("passthrough", make_pipeline(StandardScaler(), PCA(2)))
    plain = ExplainedDevianceDisplay.from_estimator(
        make_pipeline(StandardScaler(), PCA(2)), wine.X, **sizes
    )
    nested = ExplainedDevianceDisplay.from_estimator(inner, wine.X, **sizes)
    search = GridSearchCV(inner, {}, cv=2).fit(wine.X)
    searched = ExplainedDevianceDisplay.from_estimator(search, wine.X, **sizes)
    for display in (nested, searched):
        assert display.name == "PCA"
        assert_allclose(display.scores, plain.scores)
        assert_allclose(display.pca_scores, plain.scores)


def test_texts():
    texts = ["a cat", "a dog and a cat", "dogs", "cats and dogs"] * 5
    model = make_pipeline(CountVectorizer(), TruncatedSVD())
    with pytest.raises(ValueError, match=r"holds texts.* fit_transform"):
        ExplainedDevianceDisplay.from_estimator(model, texts)
