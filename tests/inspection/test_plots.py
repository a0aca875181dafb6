"""The pictures of a comparison: what is drawn where, and what is written at it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap

from skae.inspection import ComparisonDisplay, plot_embeddings, plot_reconstructions

IRIS, SPECIES = load_iris(return_X_y=True)
DIGITS, NUMERALS = (part[:160] for part in load_digits(return_X_y=True))


def texts(fig):
    """All that is written on a figure."""
    return " ".join(
        artist.get_text() for artist in fig.findobj(lambda a: hasattr(a, "get_text"))
    )


def test_the_picture_of_a_comparison():
    display = ComparisonDisplay.from_estimators(
        [PCA(2), Isomap(n_neighbors=20), PCA(5)], DIGITS, NUMERALS
    )
    fig = display.figure_
    top, bottom = fig.subfigs
    assert [ax.get_title() for ax in top.axes] == ["PCA 1", "Isomap", "PCA 2"]
    assert "its principal axes 1 and 2 of 5" in top.axes[2].get_xlabel()
    (legend,) = top.legends
    assert [text.get_text() for text in legend.get_texts()] == list("0123456789")
    labels = [ax.get_ylabel().split("\n")[0] for ax in bottom.axes]
    assert labels == ["original", "PCA 1", "PCA 2"]
    r2 = display.table["reconstruction_r2"][0]
    assert bottom.axes[1].get_ylabel() == f"PCA 1\nR²\u00a0{r2:.3f}"
    assert display.axes_ == [*top.axes, *bottom.axes]
    fig.draw_without_rendering()
    again = display.plot(n_samples=4)
    assert again is display
    assert display.figure_ is not fig
    assert display.axes_[-1].get_images()[0].get_array().shape == (8, 4 * 8 + 3)


def test_a_picture_without_reconstructions():
    display = ComparisonDisplay.from_estimators([Isomap(n_neighbors=30)], IRIS)
    assert [ax.get_title() for ax in display.axes_] == ["Isomap"]
    assert display.figure_.axes == display.axes_


def test_a_picture_on_the_callers_figure_leaves_pyplot_alone():
    fig = Figure(figsize=(8, 8))
    display = ComparisonDisplay.from_estimators([PCA(2)], IRIS, IRIS[:, 0], fig=fig)
    assert display.figure_ is fig
    fig.draw_without_rendering()
    assert not pyplot.get_fignums()
    assert len(display.axes_) == 3  # without the bars of colours
    assert len(fig.axes) == 5
    fig.set_size_inches(display.figure_size())
    with pytest.raises(TypeError, match=r"fig must be .* Got Axes"):
        display.plot(fig.axes[0])
    with pytest.raises(TypeError, match=r"fig must be .* Got ndarray of 2"):
        plot_embeddings({"one": IRIS}, fig=fig.subfigures(2))


def test_a_picture_on_a_part_of_a_figure():
    display = ComparisonDisplay.from_estimators([PCA(2)], IRIS)
    fig = Figure(figsize=(12, 6))
    _, right = fig.subfigures(1, 2)
    assert display.plot(right).figure_ is right
    fig.draw_without_rendering()
    assert all(ax.get_position().x0 >= 0 for ax in fig.axes)


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_codes_of_any_size_are_drawn_on_a_plane(n_components):
    Z = IRIS[:, :n_components]
    fig = plot_embeddings({"one": Z, "other": -Z}, captions={"one": "a caption"})
    for ax in fig.axes:
        (points,) = ax.collections
        assert points.get_offsets().shape == (150, 2)
    assert fig.axes[0].get_xlabel().startswith("a caption")
    if n_components == 3:
        plane = PCA(2).fit_transform(Z)
        assert_allclose(fig.axes[0].collections[0].get_offsets(), plane)


@pytest.mark.parametrize("n_panels", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_any_number_of_panels(n_panels):
    fig = plot_embeddings({str(i): IRIS[:, :2] for i in range(n_panels)})
    fig.draw_without_rendering()
    boxes = [ax.get_position() for ax in fig.axes]
    assert len({(round(box.x0, 3), round(box.y0, 3)) for box in boxes}) == n_panels


def test_what_the_colours_mean():
    codes = {"PCA": IRIS[:, :2]}
    numbered = plot_embeddings(codes, pd.Series(IRIS[:, 3], name="petal width"))
    assert len(numbered.axes) == 2
    assert numbered.axes[1].get_ylabel() == "petal width"
    classes = plot_embeddings(codes, pd.Series(SPECIES, name="species"))
    (legend,) = classes.legends
    assert legend.get_title().get_text() == "species"
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "2"]
    with pytest.warns(UserWarning, match=r"y has 50 classes.* numbers"):
        many = plot_embeddings(codes, [f"class {i % 50}" for i in range(150)])
    assert not many.legends
    assert len(many.axes) == 1
    points = classes.axes[0].collections
    assert [len(of_class.get_offsets()) for of_class in points] == [50, 50, 50]
    for handle, of_class in zip(legend.legend_handles, points, strict=True):
        assert_allclose(handle.get_color(), of_class.get_facecolor()[0])
    assert len({handle.get_marker() for handle in legend.legend_handles}) == 3


def test_images_are_of_as_many_classes_as_possible():
    X = np.arange(64.0) + 100 * NUMERALS[:, None]
    fig = plot_reconstructions(X, {"same": X}, NUMERALS, n_samples=10)
    for ax in fig.axes:
        (image,) = ax.get_images()
        strip = image.get_array()
        assert strip.shape == (8, 10 * 8 + 9)
        assert_array_equal(strip[0, ::9], 100 * np.arange(10))
    numbers = np.random.default_rng(0).permutation(160)
    X = np.zeros((160, 64)) + numbers[:, None]
    fig = plot_reconstructions(X, {"same": X}, numbers, n_samples=4)
    strip = fig.axes[0].get_images()[0].get_array()
    assert_array_equal(strip[0, ::9], [0, 53, 106, 159])


def test_kinds_of_reconstructions():
    rng = np.random.default_rng(0)

    def draw(n_features, **options):
        X = rng.uniform(size=(30, n_features))
        fig = plot_reconstructions(X, {"half": X / 2}, n_samples=4, **options)
        fig.draw_without_rendering()
        return fig.axes

    assert draw(64)[0].get_images()[0].get_array().shape == (8, 35)
    assert draw(6, image_shape=(2, 3))[0].get_images()[0].get_array().shape == (2, 15)
    colour = draw(48, image_shape=(4, 4, 3))[0].get_images()[0].get_array()
    assert colour.shape == (4, 19, 3)
    assert draw(9)[0].get_images()[0].get_array().shape == (4, 9)
    assert draw(2)[0].collections[0].get_offsets().shape == (30, 2)
    space = draw(3)
    assert [ax.name for ax in space] == ["3d", "3d"]
    assert space[0].get_xlim() == space[1].get_xlim()
    table = draw(64, feature_names=[f"column {i}" for i in range(64)])
    assert table[0].get_images()[0].get_array().shape == (4, 64)
    named = draw(5, feature_names=list("abcde"))
    assert [tick.get_text() for tick in named[1].get_xticklabels()] == list("abcde")


def test_points_in_space_explain_their_colours_unless_told_not_to():
    X = IRIS[:, :3]
    assert plot_reconstructions(X, {"same": X}, SPECIES).legends
    assert not plot_reconstructions(X, {"same": X}, SPECIES, legend=False).legends


def test_constant_columns_are_drawn():
    X = np.column_stack([IRIS, np.ones(150)])
    fig = plot_reconstructions(X, {"same": X}, captions={"same": "all of it"})
    fig.draw_without_rendering()
    assert "same\nall of it" in texts(fig)
    below = [line.get_xydata() for line in fig.axes[0].lines]
    original = fig.axes[0].get_images()[0].get_array()
    assert_array_equal(np.concatenate(below), np.argwhere(original < 0)[:, ::-1])
    many = np.random.default_rng(0).normal(size=(20, 101))
    assert not plot_reconstructions(many, {"same": many}).axes[0].lines
    flat = np.column_stack([IRIS[:, :2], np.ones(150)])
    plot_reconstructions(flat, {"same": flat}).draw_without_rendering()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_embeddings({}), "embeddings is empty"),
        (lambda: plot_embeddings({"a": IRIS}, SPECIES[1:]), "inconsistent numbers"),
        (lambda: plot_reconstructions(IRIS, {}), "reconstructions is empty"),
        (
            lambda: plot_reconstructions(IRIS, {"a": IRIS[1:]}),
            r"reconstruction 'a' has shape \(149, 4\), X has \(150, 4\)",
        ),
        (
            lambda: plot_reconstructions(IRIS, {"a": IRIS}, image_shape=(3, 3)),
            r"image_shape=\(3, 3\) does not fit rows of 4 features",
        ),
    ],
)
def test_what_cannot_be_drawn(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert not pyplot.get_fignums()


def test_small_deviations_from_a_large_mean_are_drawn_in_their_own():
    noise = np.random.default_rng(0).normal(size=(50, 6))
    X = 1e8 + 0.05 * noise
    X[:, 0] = 1e8 + 0.1  # constant
    fig = plot_reconstructions(X, {"mean": np.tile(X.mean(axis=0), (50, 1))})
    original = fig.axes[0].get_images()[0].get_array()
    drawn = (X - X.mean(axis=0))[: len(original), 1:] / X[:, 1:].std(axis=0)
    assert_allclose(original[:, 1:], drawn, atol=1e-5)
    assert_array_equal(original[:, 0], np.zeros(len(original)))
