"""Originals and reconstructions: images as such, the errors of a table's features."""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.manifold import Isomap
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AttentionAutoencoder, Autoencoder, ConvolutionalAutoencoder
from skae.inspection import ReconstructionDisplay, plot_reconstructions

DAYS = ["2020-01-01", "2020-01-02", "2020-01-03"]


@pytest.fixture(scope="module")
def rng_rows():
    """A hundred features, which could be images of 10 x 10 pixels."""
    return np.random.default_rng(0).normal(size=(80, 100))


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_images_stand_above_their_reconstructions(dense, digits, ax):
    display = ReconstructionDisplay.from_estimator(
        dense, digits.X, digits.y, n_samples=5, ax=ax, cmap="gray_r"
    )
    X, X_hat = digits.X[display.rows_], dense.reconstruct(digits.X[display.rows_])
    assert_array_equal(digits.y[display.rows_], [0, 2, 4, 6, 9])
    picture = display.image_.get_array()
    assert_array_equal(picture[:8, 9:17], X[1].reshape(8, 8))
    assert_allclose(picture[9:17, 9:17], X_hat[1].reshape(8, 8))
    assert display.image_.get_cmap().name == "gray_r"
    assert tick_labels(ax.yaxis) == ["original", "reconstruction"]
    errors = np.mean((X - X_hat) ** 2, axis=1)
    assert tick_labels(ax.xaxis) == [
        f"{label}\n{error:.3g}"
        for label, error in zip([0, 2, 4, 6, 9], errors, strict=True)
    ]
    name = " ".join(ax.get_xlabel().split())
    assert name == "label; mean squared error [squared units of X]"
    plain = ReconstructionDisplay.from_estimator(
        dense, digits.X, n_samples=5, ax=Figure().subplots()
    )
    first = np.mean((digits.X[0] - dense.reconstruct(digits.X[:1])) ** 2)
    assert tick_labels(plain.ax_.xaxis)[0] == f"{first:.3g}"
    assert plain.ax_.get_xlabel() == "mean squared error [squared units of X]"


def test_errors_of_a_table_in_standard_deviations(pipeline, wine, ax):
    display = ReconstructionDisplay.from_estimator(
        pipeline, wine.X, rows=[5, 170], ax=ax
    )
    X = wine.X.to_numpy()
    X_hat = pipeline.inverse_transform(pipeline.transform(wine.X))
    errors = (X_hat - X) / X.std(axis=0)
    shown = display.image_.get_array()
    assert_allclose(shown[0], np.sqrt(np.mean(errors**2, axis=0)))
    assert_allclose(shown[1:], np.abs(errors[[5, 170]]))
    assert tick_labels(ax.yaxis) == ["all rows", "row 5", "row 170"]
    assert tick_labels(ax.xaxis)[0] == "alcohol"
    assert max(map(len, tick_labels(ax.xaxis))) <= 24
    # There is no room for numbers, but for their signs.
    signs = np.reshape([text.get_text() for text in ax.texts], (3, 13))
    assert_array_equal(signs[0], "")
    assert_array_equal(signs[1:] == "\N{MINUS SIGN}", errors[[5, 170]] < 0)
    bar = ax.figure.axes[-1]
    label = " ".join(bar.get_ylabel().split())  # few rows: it stands beside the bar
    assert label == "error [standard deviations] \N{MINUS SIGN}: too low"
    assert bar.yaxis.label.get_rotation() == 0


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (["ok", "a fault in the valve", "ok"], ["a fault i…", "ok", "ok"]),
        ([0.25, 1.0, 1 / 3], ["0.25", "0.333", "1"]),
        (["b", None, "a"], ["a", "b", "no value"]),
        (pd.array([10, pd.NA, 9]), ["9", "10", "no value"]),
        (pd.date_range("2020-01-01", periods=3), DAYS),
        (pd.to_datetime(["2020-01-02", None, "2020-01-01"]), [*DAYS[:2], "no value"]),
        (pd.date_range("2020-01-01 12:00", periods=3, tz="UTC"), DAYS),
        ([date(2020, 1, 3), date(2020, 1, 1), date(2020, 1, 2)], DAYS),
    ],
)
def test_labels_stand_at_the_rows_of_a_table(y, names, wine):
    X = wine.X.iloc[:3]
    display = ReconstructionDisplay.from_reconstructions(
        X, X + 1, pd.Series(y, index=X.index[::-1])
    )
    assert sorted(display.rows_) == [0, 1, 2]
    assert tick_labels(display.ax_.yaxis)[1:] == [
        f"{name}, row {row}" for name, row in zip(names, display.rows_, strict=True)
    ]


def test_rows_without_a_label_are_a_class_of_their_own(rng_rows):
    y = ["c10", "c2", *[None] * 4, *["c2"] * 74]
    for n_samples, rows in [(3, [1, 0, 2]), (2, [1, 2]), (6, [1, 6, 7, 0, 2, 3])]:
        display = ReconstructionDisplay.from_reconstructions(
            rng_rows, rng_rows, y, n_samples=n_samples
        )
        assert_array_equal(display.rows_, rows)
    numbers = [None, *range(79)]
    display = display.from_reconstructions(rng_rows, rng_rows, numbers, n_samples=3)
    assert_array_equal(display.rows_, [1, 40, 0])


def test_many_features_have_no_signs(rng_rows):
    display = ReconstructionDisplay.from_reconstructions(
        rng_rows, -rng_rows, image_shape=False
    )
    assert not display.ax_.texts
    assert display.figure_.axes[-1].get_ylabel() == "error [standard deviations]"


def test_few_features_have_their_errors_written_out(wine):
    X = wine.X.iloc[:3, :2]
    display = ReconstructionDisplay.from_estimator(PCA(1).fit(X), X)
    assert len(display.ax_.texts) == 2 * 4
    written = [float(text.get_text()) for text in display.ax_.texts]
    assert_allclose(np.abs(written), display.image_.get_array().ravel(), atol=0.006)
    assert tick_labels(display.ax_.xaxis) == ["alcohol", "malic_acid"]
    again = display.plot(rows=2)
    assert again.image_.get_array().shape == (2, 2)


def test_rows_with_gaps():
    X = np.array([[1.0, np.nan], [2.0, 5.0], [4.0, 3.0]])
    display = ReconstructionDisplay.from_reconstructions(X, np.nan_to_num(X, nan=4.0))
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts == ["0.00", "0.00", "+0.00", "", *["+0.00"] * 4]


def test_names_instead_of_images(digits):
    frame = pd.DataFrame(digits.X).rename(columns=str)
    for X, options, label in (
        (frame, {}, "names of 40 of 64 features that stand out most"),
        (digits.X, {"image_shape": False}, "feature"),
    ):
        display = ReconstructionDisplay.from_reconstructions(X, digits.X, **options)
        assert display.image_.get_array().shape == (11, 64)
        assert display.ax_.get_xlabel() == label
    names = [f"pixel {i}" for i in range(64)]
    display = ReconstructionDisplay.from_reconstructions(
        digits.X, digits.X, feature_names=names
    )
    assert display.feature_names == names


@pytest.mark.parametrize(("n_features", "rotation"), [(3, 0.0), (11, 40.0), (30, 90.0)])
def test_names_stand_upright_where_there_is_no_room(n_features, rotation, ax):
    X = np.random.default_rng(0).normal(size=(5, n_features))
    names = [f"column {i}" for i in range(n_features)]
    ReconstructionDisplay.from_reconstructions(X, X, feature_names=names, ax=ax)
    assert tick_labels(ax.xaxis) == names
    assert ax.get_xticklabels()[0].get_rotation() == rotation


def test_sparse_rows(digits):
    X = sp.csr_array(digits.X)
    display = ReconstructionDisplay.from_reconstructions(X, digits.X)
    assert_array_equal(display.X, digits.X)


@pytest.mark.parametrize(
    ("shape", "tile"),
    [((8, 6), (8, 6)), ((6, 8, 1), (6, 8)), ((4, 4, 3), (4, 4, 3)), ((3, 4, 4),) * 2],
)
def test_shapes_of_images(shape, tile):
    X = np.random.default_rng(0).uniform(size=(4, 48))
    display = ReconstructionDisplay.from_reconstructions(X, X / 2, image_shape=shape)
    picture = display.image_.get_array()
    if tile == (3, 4, 4):
        colours = (X[0].reshape(tile).transpose(1, 2, 0) - X.min()) / np.ptp(X)
        assert_allclose(picture[:4, :4], colours)
        assert_array_equal(picture[4, 0], [1, 1, 1])
    else:
        first = picture[: tile[0], : tile[1]]
        low, high = (X.min(), np.ptp(X)) if len(tile) == 3 else (0, 1)
        assert_allclose(first, (X[0].reshape(tile) - low) / high)


def test_estimators_of_images_know_their_shape(digits):
    X = digits.X[:60].reshape(60, 1, 16, 4)
    ae = ConvolutionalAutoencoder(2, input_shape=(1, 16, 4), max_iter=1).fit(X)
    display = ReconstructionDisplay.from_estimator(ae, X)
    assert display.image_shape == (16, 4)
    colours = digits.X[:60, :48].reshape(60, 3, 4, 4)
    ae = ConvolutionalAutoencoder(2, input_shape=(3, 4, 4), max_iter=1).fit(colours)
    display = ReconstructionDisplay.from_estimator(ae, colours)
    assert display.image_shape == (3, 4, 4)
    ae.set_params(input_shape=None)  # for the next fit
    assert ae.image_shape_ == (3, 4, 4)
    assert ReconstructionDisplay.from_estimator(ae, colours).image_shape == (3, 4, 4)
    signals = ConvolutionalAutoencoder(2, max_iter=1).fit(digits.X[:60])
    assert signals.image_shape_ == (1, 1, 64)
    display = ReconstructionDisplay.from_estimator(signals, digits.X[:60])
    assert display.image_shape is False
    assert not hasattr(ConvolutionalAutoencoder(), "image_shape_")


@pytest.mark.parametrize("shape", [None, (20, 5), (10, 10), (25, 4)])
@pytest.mark.parametrize("scaled", [True, False])
def test_sequences_are_no_images(shape, scaled, rng_rows):
    ae = AttentionAutoencoder(2, input_shape=shape, max_iter=1, n_layers=1, width=8)
    model = make_pipeline(StandardScaler(), ae) if scaled else ae
    display = ReconstructionDisplay.from_estimator(model.fit(rng_rows), rng_rows)
    assert ae.image_shape_ is False
    assert display.image_shape is False
    assert display.image_.get_array().shape == (11, 100)
    pictures = ReconstructionDisplay.from_estimator(
        model, rng_rows, image_shape=(20, 5)
    )
    assert pictures.image_shape == (20, 5)
    assert not hasattr(AttentionAutoencoder(), "image_shape_")


def test_a_step_before_it_may_make_other_features(rng_rows):
    ae = AttentionAutoencoder(2, input_shape=(8, 8), max_iter=1, n_layers=1, width=8)
    model = make_pipeline(PCA(64), ae).fit(rng_rows)
    display = ReconstructionDisplay.from_estimator(model, rng_rows)
    assert display.image_shape == (10, 10)


def test_small_deviations_from_a_large_mean(rng_rows):
    X = 1e8 + 0.05 * rng_rows[:, :4]
    X[:, 0] = 1e8 + 0.1  # constant
    X_hat = X.copy()
    X_hat[:, 1] += 0.05
    X_hat[:, 0] += 2.0
    display = ReconstructionDisplay.from_reconstructions(X, X_hat)
    shown = display.image_.get_array()
    assert_allclose(shown[:, 1], 0.05 / X[:, 1].std(), rtol=1e-6)
    assert_allclose(shown[:, 0], 2.0)
    assert_array_equal(shown[:, 2:], 0)


def test_what_only_rounding_varies_is_constant():
    X = np.full((1000, 2), 0.1)
    X[::2, 1] = 0.1 + 2**-55  # the next number
    assert np.unique(X[:, 1]).size == 2
    display = ReconstructionDisplay.from_reconstructions(X, X + 1)
    assert_allclose(display.image_.get_array(), 1)


def test_rows_by_a_mask(digits):
    X = digits.X[:20]
    mask = np.isin(np.arange(20), [3, 7, 19])
    display = ReconstructionDisplay.from_reconstructions(X, X / 2, rows=mask)
    assert_array_equal(display.rows_, [3, 7, 19])
    assert len(display.ax_.get_xticks()) == 3
    assert_array_equal(display.plot(rows=mask.tolist()).rows_, [3, 7, 19])
    assert_array_equal(display.plot(rows=[-1, 4]).rows_, [19, 4])
    for rows in (mask[1:], [20], [0.5], "all"):
        with pytest.raises(ValueError, match="rows must be indices of the 20 rows"):
            display.plot(rows=rows)
    for rows in (np.zeros(20, dtype=bool), np.array([], dtype=int), []):
        with pytest.raises(ValueError, match="rows chooses no row"):
            display.plot(rows=rows)


def test_what_cannot_be_drawn(dense, digits, wine):
    draw = ReconstructionDisplay.from_estimator
    with pytest.raises(
        ValueError, match=r"image_shape=\(8, 7\) does not fit rows of 64"
    ):
        draw(dense, digits.X, image_shape=(8, 7))
    with pytest.raises(ValueError, match=r"image_shape=\(2, 16, 2\) does not fit"):
        draw(dense, digits.X, image_shape=(2, 16, 2))
    with pytest.raises(ValueError, match="feature_names has 2 entries, but X has 64"):
        draw(dense, digits.X, feature_names=["a", "b"])
    with pytest.raises(TypeError, match="'inverse_transform', which Isomap does not"):
        draw(Isomap(n_neighbors=40).fit(digits.X), digits.X)
    with pytest.raises(ValueError, match=r"X_hat has shape \(400, 64\), X has \(178"):
        ReconstructionDisplay.from_reconstructions(wine.X, digits.X)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        draw(dense, digits.X, digits.y[1:])
    with pytest.raises(Exception, match="not fitted"):
        draw(Autoencoder(), digits.X)


def test_what_stands_out_has_its_name(rng_rows):
    X = np.hstack([rng_rows, rng_rows])
    X_hat = X.copy()
    X_hat[:, [3, 90, 91, 199]] += [9.0, 6.0, 8.0, 7.0]
    names = [f"gene {i}" for i in range(200)]
    display = ReconstructionDisplay.from_reconstructions(X, X_hat, feature_names=names)
    ax = display.ax_
    written = [label.get_text() for label in ax.get_xticklabels()]
    assert {"gene 3", "gene 91", "gene 199"} < set(written)
    assert "gene 90" not in written  # there is no room beside 91, which is larger
    assert written == [names[int(place)] for place in ax.get_xticks()]
    display.figure_.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(a.x1 <= b.x0 for a, b in pairwise(boxes))
    assert f"names of {len(written)} of 200" in ax.get_xlabel()


def test_names_at_even_distances(rng_rows):
    X, names = rng_rows[:, :90], [f"gene {i}" for i in range(90)]
    fig = plot_reconstructions(X, {"none": 0 * X}, feature_names=names)
    assert fig.axes[1].get_xlabel() == "names of 30 of 90 features"
    assert_array_equal(fig.axes[1].get_xticks(), np.arange(0, 90, 3))


def test_a_pipeline_that_begins_with_texts():
    texts = ["a cat", "a dog and a cat", "dogs", "cats and dogs"] * 5
    model = make_pipeline(CountVectorizer(), TruncatedSVD(2)).fit(texts)
    for X in (texts, pd.Series(texts)):
        with pytest.raises(ValueError, match=r"holds texts.* pipeline\[:-1\]"):
            ReconstructionDisplay.from_estimator(model, X)
    counts = model[:-1].transform(texts)
    display = ReconstructionDisplay.from_estimator(model[-1], counts)
    assert display.X.shape == (20, 5)
