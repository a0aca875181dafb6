"""Codes as points: which components, and what tells the points apart."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skae import Autoencoder
from skae.inspection import EmbeddingDisplay, plot_embeddings


def drawn(display):
    return np.concatenate([points.get_offsets() for points in display.points_])


def test_classes_differ_in_shape_and_colour(dense, digits, ax):
    y = pd.Series(digits.y, name="digit")
    display = EmbeddingDisplay.from_estimator(
        dense, digits.X, y, components=(3, 1), ax=ax
    )
    Z = dense.transform(digits.X)
    order = np.argsort(digits.y, kind="stable")
    assert_allclose(drawn(display), Z[order][:, [3, 1]])
    assert_allclose(display.codes, Z)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("component 3", "component 1")
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "digit"
    handles = legend.legend_handles
    assert len({handle.get_marker() for handle in handles}) == 10
    assert len({tuple(handle.get_color()) for handle in handles}) == 10


def test_many_classes_have_looks_of_their_own(digits):
    y = [f"a class with the number {i % 35}" for i in range(400)]
    display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], y)
    handles = display.ax_.get_legend().legend_handles
    assert len({(h.get_marker(), *h.get_color()) for h in handles}) == 35
    texts = [str(i) for i in range(400)]
    with pytest.warns(UserWarning, match="y has 400 classes, and a legend has room"):
        many = EmbeddingDisplay.from_codes(digits.X[:, 2:4], texts)
    assert many.ax_.get_legend() is None
    assert len(many.figure_.axes) == 1


def test_shapes_alone_tell_classes_apart(digits, ax):
    y = [f"c{i % 19}" for i in range(400)]
    display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], y, ax=ax)
    looks = {
        (
            points.get_paths()[0].vertices.tobytes(),
            bool(len(points.get_facecolor())),
        )
        for points in display.points_
    }
    assert len(looks) == 19
    handles = ax.get_legend().legend_handles
    assert len({(h.get_marker(), h.get_fillstyle()) for h in handles}) == 19
    assert len({tuple(h.get_color()) for h in handles}) == 19
    assert [h.get_label() for h in handles] == [f"c{i}" for i in range(19)]
    for points in display.points_:  # an outline or a stroke has a width
        is_outline = not len(points.get_facecolor())
        codes = points.get_paths()[0].codes
        is_stroke = codes is None or Path.CLOSEPOLY not in codes
        assert points.get_linewidths()[0] == (is_outline or is_stroke)


def test_a_shape_of_the_callers(digits):
    y = [i % 12 for i in range(400)]
    display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], y, marker="+")
    assert all(points.get_linewidths()[0] > 0 for points in display.points_)
    paths = {points.get_paths()[0].vertices.tobytes() for points in display.points_}
    assert len(paths) == 1


def test_a_legend_is_no_higher_than_its_figure(digits):
    y = [f"class {i % 14}" for i in range(400)]
    for height, n_columns in [(6.0, 1), (2.4, 2)]:
        fig = Figure(figsize=(6, height), layout="constrained")
        plot_embeddings({"pixels": digits.X[:, 2:4]}, y, fig=fig)
        fig.draw_without_rendering()
        (legend,) = fig.legends
        assert legend._ncols == n_columns
        assert legend.get_window_extent().height < fig.bbox.height


def test_numbers_have_a_bar(digits):
    ink = pd.Series(digits.X.mean(axis=1), name="mean ink")
    display = EmbeddingDisplay.from_estimator(PCA(2).fit(digits.X), digits.X, ink)
    _, bar = display.figure_.axes
    assert bar.get_ylabel() == "mean ink"
    assert_allclose(display.points_[0].get_array(), ink)


def test_a_single_component(digits, ax):
    display = EmbeddingDisplay.from_estimator(PCA(1).fit(digits.X), digits.X, ax=ax)
    assert_allclose(drawn(display)[:, 0], display.codes[:, 0])
    assert ax.get_ylabel() == "spread at random"
    again = EmbeddingDisplay.from_codes(digits.X, components=5, marker="+", s=40, ax=ax)
    assert again.components == (5,)
    assert again.points_[0].get_sizes() == [40]


def test_options_and_figures_without_a_layout(digits):
    ax = Figure().subplots()
    y = pd.Series(["a", None, "b", "a"])
    display = EmbeddingDisplay.from_codes(digits.X[:4, 2:4], y, ax=ax)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["a", "b", "no value (1)"]
    plain = display.plot(Figure().subplots(), legend=False)
    assert plain is display
    assert plain.ax_.get_legend() is None
    mixed = EmbeddingDisplay.from_codes(
        digits.X[:4, 2:4], np.array([1, 2, 1, 2], dtype=object)
    )
    assert len(mixed.points_) == 2
    both = EmbeddingDisplay.from_codes(digits.X[:4, 2:4], [1, "a", 1, None])
    assert [points.get_label() for points in both.points_] == ["1", "a", "no value (1)"]


def test_whole_numbers_of_any_type_are_written_without_decimals(digits):
    for kind in (np.float16, np.float32, np.float64):
        y = digits.y[:50].astype(kind)
        points = EmbeddingDisplay.from_codes(digits.X[:50, 2:4], y).points_
        assert [of_class.get_label() for of_class in points] == list("0123456789")


@pytest.mark.parametrize("name", ["c", "color"])
@pytest.mark.parametrize("y", [None, [0, 1, 0, 1], [0.5, 1.0, 2.0, np.nan]])
def test_a_colour_of_the_callers(name, y, digits):
    display = EmbeddingDisplay.from_codes(digits.X[:4, 2:4], y, **{name: "red"})
    for points in [points for points in display.points_ if not is_hollow(points)]:
        assert_allclose(points.get_facecolor(), [(1, 0, 0, 0.8)])
    assert len(display.figure_.axes) == 1  # there is no scale to explain
    assert (display.ax_.get_legend() is None) == (y != [0, 1, 0, 1])


def test_numbers_of_the_callers_for_colours(digits):
    ink = digits.X.mean(axis=1)
    display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], c=ink, cmap="magma")
    assert_allclose(display.points_[0].get_array(), ink)
    assert display.points_[0].get_cmap().name == "magma"
    scale = EmbeddingDisplay.from_codes(digits.X[:, 2:4], ink, cmap="magma")
    assert_allclose(scale.points_[0].get_array(), ink)
    assert scale.points_[0].get_cmap().name == "magma"


def test_sparse_codes(digits):
    onehot = OneHotEncoder().fit(digits.y[:, None])
    display = EmbeddingDisplay.from_estimator(onehot, digits.y[:, None])
    assert display.codes.shape == (400, 10)


@pytest.mark.parametrize("components", [(0, 4), -1, 7, (), 0.5])
def test_unknown_components(dense, digits, components):
    with pytest.raises(ValueError, match="4 components have the indices 0 to 3"):
        EmbeddingDisplay.from_estimator(dense, digits.X, components=components)


def test_what_cannot_be_drawn(digits):
    with pytest.raises(ValueError, match="too many"):
        EmbeddingDisplay.from_codes(digits.X, components=(0, 1, 2))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        EmbeddingDisplay.from_codes(digits.X, digits.y[1:])
    with pytest.raises(NotFittedError):
        EmbeddingDisplay.from_estimator(Autoencoder(), digits.X)
    with pytest.raises(TypeError, match="got the class PCA"):
        EmbeddingDisplay.from_estimator(PCA, digits.X)
    with pytest.raises(TypeError, match="'transform', which Ridge does not have"):
        EmbeddingDisplay.from_estimator(Ridge(), digits.X)
    model = make_pipeline(PCA(2), GaussianNB()).fit(digits.X, digits.y)
    with pytest.raises(TypeError, match=r"does not have.* pass pipeline\[:-1\]"):
        EmbeddingDisplay.from_estimator(model, digits.X)
    alone = make_pipeline(Ridge()).fit(digits.X, digits.y)
    with pytest.raises(TypeError, match="'transform', which Pipeline does not have"):
        EmbeddingDisplay.from_estimator(alone, digits.X)


def is_hollow(points):
    return (
        not len(points.get_facecolor()) and np.ptp(points.get_edgecolor()[0, :3]) == 0
    )


def test_numbers_that_are_missing(digits):
    ink = pd.Series(digits.X.mean(axis=1), name="mean ink")
    ink[:18] = np.nan
    display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], ink)
    coloured, hollow = display.points_
    assert_allclose(coloured.get_array(), ink[18:])
    assert_allclose(hollow.get_offsets(), digits.X[:18, 2:4])
    assert is_hollow(hollow)
    assert not is_hollow(coloured)
    label = "mean ink\nhollow: no value (18)"
    assert display.figure_.axes[1].get_ylabel() == label
    figure = plot_embeddings({"pixels": digits.X[:, 2:4]}, ink)
    assert figure.axes[1].get_ylabel() == label


@pytest.mark.parametrize(
    "y", [[1.0, np.nan, 0.0], pd.Series([1, None, 0], dtype="Int64")]
)
def test_labels_that_are_missing(y, digits):
    display = EmbeddingDisplay.from_codes(digits.X[:3, 2:4], y, cmap="viridis")
    zero, one, hollow = display.points_
    assert is_hollow(hollow)
    assert_allclose(zero.get_facecolor()[0, :3], (0.27, 0.0, 0.33), atol=0.01)
    assert_allclose(one.get_facecolor()[0, :3], (0.99, 0.91, 0.14), atol=0.01)
    handles = display.ax_.get_legend().legend_handles
    assert [handle.get_label() for handle in handles] == ["0", "1", "no value (1)"]
    assert [handle.get_fillstyle() for handle in handles] == ["full", "full", "none"]
    none = EmbeddingDisplay.from_codes(digits.X[:3, 2:4], [None] * 3)
    assert [points.get_label() for points in none.points_] == ["no value (3)"]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_dates_have_a_bar(zone, digits):
    days = pd.Series(pd.date_range("2021-03-01", periods=400, tz=zone), name="admitted")
    days[7] = pd.NaT
    display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], days)
    coloured, hollow = display.points_
    assert len(hollow.get_offsets()) == 1
    assert np.ptp(coloured.get_array()) == 399  # days
    bar = display.figure_.axes[1]
    display.figure_.draw_without_rendering()
    assert "2021-07" in [text.get_text() for text in bar.get_yticklabels()]
    assert bar.get_ylabel().startswith("admitted")


def test_classes_in_an_order_of_their_own(digits):
    doses = ["none", "low", "high", "never given"]
    y = pd.Categorical(["high", "low", None, "none"] * 100, doses, ordered=True)
    for given in (y, pd.Series(y, name="dose")):
        display = EmbeddingDisplay.from_codes(digits.X[:, 2:4], given)
        labels = [points.get_label() for points in display.points_]
        assert labels == [*doses[:3], "no value (100)"]
        assert_allclose(display.points_[2].get_offsets(), digits.X[::4, 2:4])


def test_it_is_written_in_one_line(digits):
    display = EmbeddingDisplay.from_codes(digits.X, pd.Series(digits.y))
    assert repr(display) == (
        "EmbeddingDisplay(codes=<ndarray of shape (400, 64)>, "
        "y=<Series of shape (400,)>, components=(0, 1))"
    )
    listed = EmbeddingDisplay.from_codes(digits.X, list(digits.y), components=3)
    assert repr(listed).endswith("y=<list of 400>, components=(3,))")
