"""The histogram of errors: whose, on what scale, and the share above a threshold."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skae import Autoencoder
from skae.inspection import ReconstructionErrorDisplay


def histogram(bars):
    """Heights and edges of a histogram, of what was drawn."""
    x, y = bars.get_xy().T
    edges = np.unique(x)
    return y[1 : 2 * len(edges) - 1 : 2], edges


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_the_share_above_a_quantile(dense, digits, ax):
    display = ReconstructionErrorDisplay.from_estimator(
        dense, digits.X, quantile=0.9, ax=ax
    )
    errors = dense.reconstruction_error(digits.X)
    assert_allclose(display.errors, errors)
    assert display.threshold == np.quantile(errors, 0.9)
    assert display.share_above == 0.1
    assert display.line_.get_xdata() == [display.threshold] * 2
    assert labels(display) == [
        "rows: 10.0% above",
        f"threshold {display.threshold:.4g}:\nquantile 0.9 of all rows",
    ]
    assert ax.get_xlabel() == "reconstruction error [squared units of X]"
    assert ax.get_ylabel() == "share of the rows [%]"


def test_labels_are_told_apart(wine, pipeline):
    y = np.where(wine.y == 2, "odd", "normal")
    display = ReconstructionErrorDisplay.from_estimator(
        pipeline, wine.X, y, threshold=0.2, bins=10, linewidth=3, scale="log"
    )
    scaler, vae = pipeline
    errors = vae.reconstruction_error(scaler.transform(wine.X))
    assert_allclose(display.errors, errors)
    assert display.unit == "squared units of X after StandardScaler"
    assert set(display.share_above) == {"normal", "odd"}
    for label, share in display.share_above.items():
        assert 0 < share == np.mean(errors[y == label] > 0.2)
    assert display.ax_.xaxis.get_major_formatter()(0.1) == "0.1"
    normal, odd = display.bars_
    assert normal.get_hatch() != odd.get_hatch()
    assert normal.get_linestyle() != odd.get_linestyle()
    assert normal.get_linewidth() == 3
    assert labels(display)[0] == f"normal: {display.share_above['normal']:.1%} above"
    assert "same label" in display.ax_.get_ylabel()


def test_the_quantile_of_the_normal_rows(ax):
    errors = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 100.0, 200.0, 300.0])
    y = ["ok"] * 5 + ["fault"] * 3
    draw = ReconstructionErrorDisplay.from_errors
    display = draw(errors, y, quantile=0.75, quantile_of="ok", ax=ax)
    assert display.threshold == 4
    assert display.share_above == {"fault": 1.0, "ok": 0.2}
    assert labels(display)[-1] == "threshold 4:\nquantile 0.75 of ok"
    kinds = np.array([0] * 5 + [1] * 3)
    again = draw(errors, kinds, quantile=0.5, quantile_of=0, ax=ax)
    assert again.threshold == 3


def test_the_quantile_of_all_rows_takes_the_anomalies_in():
    errors, y = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0, 200.0, 300.0], list("aaaaabbb")
    display = ReconstructionErrorDisplay.from_errors(errors, y, quantile=0.75)
    assert display.threshold == 125
    given = ReconstructionErrorDisplay.from_errors(errors, y, threshold=4.0)
    assert labels(given)[-1] == "threshold 4"


def test_quantiles_that_there_are_not():
    draw, errors, y = ReconstructionErrorDisplay.from_errors, [1.0, 2.0], ["a", "b"]
    for quantile in (95, -0.1, np.nan, "0.95"):
        with pytest.raises(ValueError, match=r"quantile must be .* Got"):
            draw(errors, quantile=quantile)
    with pytest.raises(ValueError, match=r"quantile must be .* Got None"):
        draw(errors, y, quantile_of="a")
    with pytest.raises(ValueError, match=r"quantile_of='c' .* y has \['a', 'b'\]"):
        draw(errors, y, quantile=0.5, quantile_of="c")
    with pytest.raises(ValueError, match=r"quantile_of='a' .* there is no y"):
        draw(errors, quantile=0.5, quantile_of="a")


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_names_and_numbers_of_narrow_panels_stay_apart(scale):
    fig = Figure(figsize=(11, 4), layout="constrained")
    errors = np.geomspace(0.01, 100, 50)
    for ax in fig.subplots(1, 3):
        ReconstructionErrorDisplay.from_errors(
            errors, scale=scale, ax=ax, unit="squared units of X after StandardScaler"
        )
    fig.draw_without_rendering()
    names = [ax.xaxis.label.get_window_extent() for ax in fig.axes]
    assert all(a.x1 < b.x0 for a, b in pairwise(names))
    assert 0 <= names[0].x0 < names[-1].x1 <= fig.bbox.width
    ticks = fig.axes[0].get_xticklabels(which="both")
    boxes = sorted(
        (tick.get_window_extent() for tick in ticks if tick.get_text()),
        key=lambda box: box.x0,
    )
    assert len(boxes) > 3
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_bars_are_shares_of_the_rows():
    errors = np.array([0.0, 1.0, 1.0, 3.5])
    display = ReconstructionErrorDisplay.from_errors(errors, bins=[0, 0.5, 2, 4])
    shares, edges = histogram(display.bars_[0])
    assert_allclose(edges, [0, 0.5, 2, 4])
    assert_allclose(shares, [25, 50, 25])
    assert display.ax_.get_legend() is None
    assert display.ax_.get_xlabel() == "reconstruction error"
    with pytest.raises(ValueError, match="There is no threshold"):
        display.share_above  # noqa: B018


@pytest.mark.parametrize(
    ("largest", "options", "scale"),
    [
        (4.0, {}, "linear"),
        (40.0, {}, "log"),
        (40.0, {"scale": "linear"}, "linear"),
        (4.0, {"scale": "log", "bins": [0.5, 1, 8]}, "log"),
        (4.0, {"scale": "log", "bins": 3}, "log"),
    ],
)
def test_the_scale(largest, options, scale):
    errors = [1.0, 2.0, 3.0, largest]
    display = ReconstructionErrorDisplay.from_errors(errors, list("aabb"), **options)
    assert display.ax_.get_xscale() == scale
    assert labels(display) == ["a", "b"]


@pytest.mark.parametrize("bins", ["auto", 7])
def test_no_row_is_lost_on_a_logarithmic_axis(bins):
    for seed in range(40):  # rounding leaves a row out in one of ten
        errors = np.random.default_rng(seed).lognormal(size=50)
        display = ReconstructionErrorDisplay.from_errors(
            errors, bins=bins, scale="log", ax=Figure().subplots()
        )
        shares, edges = histogram(display.bars_[0])
        assert_allclose(shares.sum(), 100)
        assert_allclose(
            np.diff(np.log(edges)), np.log(edges[-1] / edges[0]) / len(shares)
        )


def test_bins_of_the_callers_may_leave_rows_out():
    display = ReconstructionErrorDisplay.from_errors(
        [1.0, 2.0, 4.0, 64.0], bins=[1, 3, 9], scale="log"
    )
    shares, edges = histogram(display.bars_[0])
    assert_allclose(edges, [1, 3, 9])
    assert_allclose(shares, [50, 25])


def test_errors_that_are_all_the_same():
    display = ReconstructionErrorDisplay.from_errors([2.0, 2.0], scale="log")
    shares, edges = histogram(display.bars_[0])
    assert shares.sum() == 100
    assert edges[0] < 2 < edges[-1]


def test_the_unit_is_that_of_the_fit(digits):
    X = digits.X / 16
    ae = Autoencoder(2, likelihood="bernoulli", max_iter=1, random_state=0).fit(X)
    ae.set_params(likelihood="gaussian")  # for the next fit
    assert ae.loss_unit_ == "nats"
    assert ReconstructionErrorDisplay.from_estimator(ae, X).unit == "nats"
    scaled = make_pipeline(MinMaxScaler(), Autoencoder(2, max_iter=1)).fit(X)
    scaled[-1].set_params(likelihood="bernoulli")
    display = ReconstructionErrorDisplay.from_estimator(scaled, X)
    assert display.unit == "squared units of X after MinMaxScaler"
    assert not hasattr(Autoencoder(), "loss_unit_")


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, np.nan, 0, 1],
        ["a", "b", None, "a", "b"],
        pd.array(["a", "b", pd.NA, "a", "b"], dtype="string"),
        np.array([np.float64(1), 2, np.nan, 1, 2], dtype=object),
    ],
    ids=["nan", "none", "pandas", "objects"],
)
def test_a_missing_label_is_refused(y):
    errors = [1.0, 2.0, 3.0, 4.0, 5.0]
    with pytest.raises(ValueError, match=r"no label in row 2 \(1 in all are missing\)"):
        ReconstructionErrorDisplay.from_errors(errors, y)
    there = np.delete(np.asarray(y, dtype=object), 2)
    display = ReconstructionErrorDisplay.from_errors(np.delete(errors, 2), there)
    assert len(display.bars_) == 2


def test_rows_at_the_threshold_are_not_above_it():
    display = ReconstructionErrorDisplay.from_errors([1.0, 2.0, 3.0, 4.0], threshold=2)
    assert display.share_above == 0.5


def test_pca_has_errors_too(digits):
    pca = PCA(8).fit(digits.X)
    display = ReconstructionErrorDisplay.from_estimator(pca, digits.X)
    X_hat = pca.inverse_transform(pca.transform(digits.X))
    assert_allclose(display.errors, np.mean((digits.X - X_hat) ** 2, axis=1))
    assert display.unit == "squared units of X"
    alone = ReconstructionErrorDisplay.from_estimator(make_pipeline(pca), digits.X)
    assert_allclose(alone.errors, display.errors)
    search = GridSearchCV(pca, {"n_components": [8]}, cv=2).fit(digits.X)
    best = ReconstructionErrorDisplay.from_estimator(search, digits.X)
    assert_allclose(best.errors, display.errors)


def test_what_cannot_be_drawn(dense, digits):
    draw = ReconstructionErrorDisplay.from_errors
    with pytest.raises(ValueError, match="not both"):
        draw([1.0, 2.0], threshold=1.0, quantile=0.5)
    with pytest.raises(
        ValueError, match="y has 10 labels, and a histogram can show up"
    ):
        ReconstructionErrorDisplay.from_estimator(dense, digits.X, digits.y)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        draw([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="scale must be"):
        draw([1.0, 2.0], scale="logit")
    with pytest.raises(ValueError, match="needs errors above 0"):
        draw([0.0, 2.0], scale="log")
    with pytest.raises(ValueError, match="NaN"):
        draw([np.nan, 2.0])


def test_more_than_two_labels_are_outlines():
    errors, y = np.arange(1.0, 41.0), np.repeat(list("abcd"), 10)
    display = ReconstructionErrorDisplay.from_errors(errors, y)
    assert len({bars.get_linestyle() for bars in display.bars_}) == 4
    assert {bars.get_facecolor()[3] for bars in display.bars_} == {0}
    assert {bars.get_hatch() for bars in display.bars_} == {None}
