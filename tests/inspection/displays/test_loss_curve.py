"""The loss over the epochs: whose, which epoch was kept, and on what scale."""

import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from skae import Autoencoder, LinearAutoencoder
from skae.inspection import LossCurveDisplay


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_curves_are_those_of_the_fit(dense, ax):
    display = LossCurveDisplay.from_estimator(dense, ax=ax)
    training, validation = display.lines_
    assert_array_equal(training.get_ydata(), dense.loss_curve_)
    assert_array_equal(training.get_xdata(), [1, 2, 3])
    assert_array_equal(validation.get_ydata(), dense.validation_loss_curve_)
    assert training.get_linestyle() != validation.get_linestyle()
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss [squared units of X]")
    kept = dense.best_iteration_
    folds = "validation (mean of five folds)"
    assert labels(ax) == ["training", folds, f"kept: epoch {kept}"]
    assert display.best_.get_xdata() == [kept]
    assert display.best_.get_ydata() == [dense.validation_loss_curve_[kept - 1]]


def test_several_fits_on_the_same_axes(dense, digits, ax):
    other = Autoencoder(2, max_iter=2, early_stopping=False).fit(digits.X)
    first = LossCurveDisplay.from_estimator(dense, ax=ax, name="four")
    second = LossCurveDisplay.from_estimator(
        other, ax=ax, name="two", mark_best=False, linewidth=3
    )
    assert labels(ax)[0] == "four, training"
    assert labels(ax)[-1] == "two, training"
    assert second.best_ is None
    assert second.lines_[0].get_linewidth() == 3
    assert first.lines_[0].get_color() != second.lines_[0].get_color()
    shapes = [line.get_marker() for line in (*first.lines_, *second.lines_)]
    assert shapes == ["s", "s", "^"]  # to be seen without colours
    assert first.best_.get_marker() == "o"
    third = LossCurveDisplay.from_estimator(other, ax=ax, name="x", marker="None")
    assert third.lines_[0].get_marker() == "None"


def test_a_fit_that_kept_its_start(digits):
    linear = LinearAutoencoder(2).fit(digits.X)
    display = LossCurveDisplay.from_estimator(linear)
    assert labels(display.ax_) == [f"training: {linear.best_loss_:.4g}"]
    assert display.lines_[0].get_marker() == "o"
    assert display.best_ is None  # there is nothing to choose from
    assert {0, 1, 2} <= set(display.ax_.get_xticks())
    started = LossCurveDisplay(loss_curve=[3.0, 2.5], best_iteration=0, best_loss=2.0)
    started.plot()
    assert labels(started.ax_) == ["training", "kept: the start"]
    assert started.best_.get_xdata() == [0]
    assert started.best_.get_ydata() == [2.0]


def test_validation_rows_are_not_folds(digits):
    model = Autoencoder(2, max_iter=3, early_stopping=True, random_state=0)
    display = LossCurveDisplay.from_estimator(model.fit(digits.X))
    assert labels(display.ax_)[1] == "validation"
    none = {"loss_curve": [2.0], "validation_loss_curve": [2.2, 2.1]}
    display = LossCurveDisplay(**none, best_iteration=0, best_loss=2.0).plot()
    assert labels(display.ax_) == [
        "training: 2",
        "validation (mean of five folds)",
        "kept: the start",
    ]


@pytest.mark.parametrize(
    ("curve", "options", "scale"),
    [
        ([3.0, 2.0, 1.0], {}, "linear"),
        ([30.0, 2.0, 1.0], {}, "log"),
        ([30.0, 2.0, -1.0], {}, "linear"),
        ([3.0, 2.0, 1.0], {"scale": "log"}, "log"),
        ([30.0, 2.0, 1.0], {"scale": "linear"}, "linear"),
    ],
)
def test_the_scale(curve, options, scale):
    display = LossCurveDisplay(loss_curve=curve).plot(**options)
    assert display.ax_.get_yscale() == scale
    assert display.ax_.get_ylabel() == "loss"
    if scale == "log":
        formatter = display.ax_.yaxis.get_minor_formatter()
        assert [formatter(value) for value in (0.2, 0.3, 50)] == ["0.2", "", "50"]
        assert display.ax_.yaxis.get_major_formatter()(10) == "10"


def test_units_and_what_is_looked_through(digits):
    X = digits.X / 16
    ae = Autoencoder(2, likelihood="bernoulli", max_iter=2, random_state=0)
    model = make_pipeline(StandardScaler(with_std=False, with_mean=False), ae).fit(X)
    display = LossCurveDisplay.from_estimator(model)
    assert display.unit == "nats"
    assert display.loss_curve == model[-1].loss_curve_
    scaled = make_pipeline("passthrough", MaxAbsScaler(), Autoencoder(2, max_iter=2))
    display = LossCurveDisplay.from_estimator(scaled.fit(X))
    assert display.unit == "squared units of X after MaxAbsScaler"
    search = GridSearchCV(ae, {"n_components": [2]}, cv=2).fit(X)
    best = search.best_estimator_.loss_curve_
    assert LossCurveDisplay.from_estimator(search).loss_curve == best
    mlp = MLPRegressor(hidden_layer_sizes=4, tol=1e9, n_iter_no_change=1).fit(
        X, X[:, 0]
    )
    assert LossCurveDisplay.from_estimator(mlp).unit is None


def test_what_cannot_be_drawn(dense, digits):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(Autoencoder())
    with pytest.raises(TypeError, match="KMeans has no loss curve"):
        LossCurveDisplay.from_estimator(KMeans(2, n_init=1).fit(digits.X))
    with pytest.raises(ValueError, match="scale must be"):
        LossCurveDisplay.from_estimator(dense, scale="logit")
