"""What codes decode to, along one component and on a grid in two."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skae.inspection import LatentGridDisplay, LatentTraversalDisplay


def test_one_component_moves_and_the_others_stand_still(vae, digits, ax):
    display = LatentTraversalDisplay.from_estimator(
        vae, digits.X, components=[2, 0], n_steps=5, quantiles=(0.1, 0.9), ax=ax
    )
    Z = vae.transform(digits.X)
    code = Z.mean(axis=0)
    code[2] = np.quantile(Z[:, 2], 0.9)
    assert_allclose(display.decoded[0, 4], vae.inverse_transform(code[None])[0])
    assert_allclose(np.diff(display.values[1], 2), 0, atol=1e-9)
    (image,) = ax.get_images()
    assert_allclose(image.get_array()[:8, -8:], display.decoded[0, 4].reshape(8, 8))
    first, second = (label.get_text() for label in ax.get_yticklabels())
    assert first.startswith("component 2\n")
    assert second.startswith("component 0\n")
    assert ax.get_xlabel() == "value of the component"
    assert display.axes_ == [ax]


def test_the_components_that_change_most_come_first(digits):
    pca = PCA(12, whiten=True).fit(digits.X)
    display = LatentTraversalDisplay.from_estimator(pca, digits.X, n_steps=3)
    assert len(display.components) == 8
    changes = display.decoded.var(axis=1).sum(axis=1)
    assert np.all(np.diff(changes) <= 0)
    assert 0 in display.components[:2]
    name = "value of the component; components that change most stand first"
    assert " ".join(display.ax_.get_xlabel().split()) == name


def test_components_in_an_order_of_the_callers(wine):
    X = wine.X.to_numpy()
    display = LatentTraversalDisplay.from_estimator(
        PCA(3, whiten=True).fit(X), X, components=[2, 0]
    )
    assert display.axes_[-1].get_xlabel() == "feature"


def test_rows_of_a_table_are_lines(pipeline, wine, ax):
    center = pipeline.transform(wine.X)[7]
    display = LatentTraversalDisplay.from_estimator(
        pipeline, wine.X, center=center, n_steps=4, ax=ax, linewidth=3
    )
    assert len(display.axes_) == 3
    assert not ax.axison
    assert display.ax_ is ax
    scaled = (display.decoded - wine.X.mean().values) / wine.X.std(ddof=0).values
    for axes, lines in zip(display.axes_, scaled, strict=True):
        assert_allclose([line.get_ydata() for line in axes.lines], lines)
        assert axes.lines[0].get_linewidth() == 3
        assert axes.get_ylabel() == "std. deviations"
    names = [label.get_text() for label in display.axes_[-1].get_xticklabels()]
    assert names[:2] == ["alcohol", "malic_acid"]
    changes = np.var(scaled, axis=1).sum(axis=1)
    assert np.all(np.diff(changes) <= 0)
    note = " ".join(display.axes_[-1].get_xlabel().split())
    assert note == "components that change most stand first"
    with pytest.raises(ValueError, match="must be from a grid"):
        display.plot(ax)
    with pytest.raises(ValueError, match="must be from a grid"):
        display.plot(Figure().add_axes((0, 0, 1, 1)))


def test_a_single_component_and_a_single_feature(wine):
    pca = PCA(1).fit(wine.X[["alcohol"]])
    display = LatentTraversalDisplay.from_estimator(pca, wine.X[["alcohol"]])
    assert display.decoded.shape == (1, 9, 1)
    assert display.axes_[0].get_title("left").startswith("component 0, ")


def test_a_grid_stands_in_the_axes_of_the_code(vae, digits, ax):
    display = LatentGridDisplay.from_estimator(
        vae, digits.X, components=(3, 1), n_steps=4, ax=ax, cmap="gray_r"
    )
    Z = vae.transform(digits.X)
    code = Z.mean(axis=0)
    code[[3, 1]] = np.quantile(Z[:, 3], 0.02), np.quantile(Z[:, 1], 0.98)
    assert_allclose(display.decoded[3, 0], vae.inverse_transform(code[None])[0])
    (image,) = ax.get_images()
    assert image.get_cmap().name == "gray_r"
    assert_allclose(image.get_array()[:8, :8], display.decoded[3, 0].reshape(8, 8))
    left, right, bottom, top = image.get_extent()
    assert left < display.values[0, 0] < display.values[0, -1] < right
    assert bottom < display.values[1, 0] < display.values[1, -1] < top
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("component 3", "component 1")


@pytest.mark.parametrize("n_features", [17, 100])
def test_a_grid_of_signals(n_features, ax):
    X = np.random.default_rng(0).normal(size=(30, n_features))
    display = LatentGridDisplay.from_estimator(
        PCA(3).fit(X), X, n_steps=9, image_shape=False, ax=ax, color="k"
    )
    lines = ax.collections[1].get_segments()
    assert len(lines) == 81
    low, high = ax.get_ylim()
    heights = np.concatenate(lines)[:, 1]
    assert low < heights.min() < heights.max() < high
    title = " ".join(ax.get_title().split())
    assert title.startswith(f"values over the features 0 to {n_features - 1}; ")
    # The largest of the deviations reaches as far as the title says.
    largest = np.abs(display.statistics.standardise(display.decoded)).max()
    apart = float(title.split("; ")[1].split()[0])
    assert apart == pytest.approx(2 * largest / 0.9, rel=0.05)
    assert display.plot(ax) is display
    assert display.axes_ == [ax]


def test_a_table_has_a_map_for_each_feature(pipeline, wine, ax):
    display = LatentGridDisplay.from_estimator(pipeline, wine.X, n_steps=4, ax=ax)
    assert not ax.axison
    planes = (display.decoded - wine.X.mean().values) / wine.X.std(ddof=0).values
    assert len(display.axes_) == 13
    for i, (axes, name) in enumerate(zip(display.axes_, wine.names, strict=True)):
        filled, lines = axes.collections
        ends = planes[..., i].min(), planes[..., i].max()
        assert_allclose((filled.zmin, filled.zmax), ends)
        assert_allclose(np.isin(lines.levels, filled.levels), True)
        assert name.startswith(axes.get_title().removesuffix("…"))
        assert not axes.texts  # there is no room for numbers
        assert axes.get_ylabel() == ("component 1" if i % 4 == 0 else "")
        assert axes.get_xlabel() == ("component 0" if i > 8 else "")
    assert display.axes_[1].get_title() == "malic_acid"
    bar = ax.figure.axes[-1]
    assert bar.get_ylabel() == "standard deviations from the mean"
    with pytest.raises(ValueError, match="must be from a grid"):
        display.plot(ax)


def test_large_maps_have_numbers_at_their_lines(pipeline, wine):
    display = LatentGridDisplay.from_estimator(
        pipeline, wine.X, n_steps=4, figsize=(16, 16), cmap="gray"
    )
    filled, lines = display.axes_[0].collections
    written = [text.get_text() for text in display.axes_[0].texts]
    numbers = {float(text.replace("\N{MINUS SIGN}", "-")) for text in written}
    assert numbers
    assert numbers <= set(np.round(lines.levels, 3))
    assert filled.get_cmap().name == "gray"


def test_a_map_may_be_flat():
    X = np.random.default_rng(0).normal(size=(30, 3)) * [1, 1, 0]
    display = LatentGridDisplay.from_estimator(PCA(2).fit(X), X)
    assert [len(axes.collections) for axes in display.axes_] == [2, 2, 1]
    assert [axes.get_title() for axes in display.axes_][2] == "feature 2"


def test_a_table_of_many_features_is_refused(digits):
    frame = pd.DataFrame(digits.X).add_prefix("pixel ")
    with pytest.raises(ValueError, match=r"this one has 64\. Use LatentTraversal"):
        LatentGridDisplay.from_estimator(PCA(2).fit(frame), frame)


@pytest.mark.parametrize("display", [LatentGridDisplay, LatentTraversalDisplay])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": (0, 4)}, "4 components have the indices 0 to 3"),
        ({"n_steps": 1}, "n_steps must be an int of at least 2. Got 1"),
        ({"n_steps": 2.5}, "n_steps must be an int of at least 2. Got 2.5"),
        ({"quantiles": (0.5, 0.5)}, "quantiles must be two numbers"),
        ({"quantiles": (0, 2)}, "quantiles must be two numbers"),
        ({"center": [0, 0]}, r"center has shape \(2,\), but a code has \(4,\)"),
        ({"image_shape": (9, 9)}, "does not fit rows of 64 features"),
    ],
)
def test_what_neither_can_draw(display, options, message, vae, digits):
    with pytest.raises(ValueError, match=message):
        display.from_estimator(vae, digits.X, **options)


def test_what_no_grid_can_be_drawn_of(vae, digits):
    draw = LatentGridDisplay.from_estimator
    with pytest.raises(ValueError, match="use LatentTraversalDisplay"):
        draw(PCA(1).fit(digits.X), digits.X)
    with pytest.raises(ValueError, match="two different indices"):
        draw(vae, digits.X, components=(1, 1))
    with pytest.raises(ValueError, match="two different indices"):
        draw(vae, digits.X, components=1)
    with pytest.raises(ValueError, match="is the same for all rows"):
        draw(vae, digits.X[:1])
