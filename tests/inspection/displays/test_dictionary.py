"""The atoms of a dictionary: what they are, their order, and which are dead."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import TopKAutoencoder
from skae.inspection import DictionaryDisplay


def flat(text):
    return " ".join(text.split())


def test_atoms_are_components_by_their_power(top_k, digits, ax):
    display = DictionaryDisplay.from_estimator(top_k, digits.X, n_atoms=10, ax=ax)
    Z = top_k.transform(digits.X)
    size = np.sqrt(np.mean(Z**2, axis=0))
    used = size > 0
    atoms = top_k.components_ * np.where(used, size, 1)[:, None]
    assert_allclose(display.atoms, atoms, atol=1e-8)
    assert_allclose(display.activity, np.mean(Z != 0, axis=0))
    assert_array_equal(display.dead, ~used)
    power = np.where(used, (atoms**2).sum(axis=1), -1)
    assert_array_equal(display.units_, np.argsort(-power, kind="stable")[:10])
    (image,) = ax.get_images()
    largest = atoms[display.units_[1]]
    assert_allclose(
        image.get_array()[:8, 9:17],
        (largest / np.abs(largest).max()).reshape(8, 8),
        atol=1e-8,
    )
    assert len(ax.texts) == 10
    assert ax.texts[0].get_text() == f"{display.activity[display.units_[0]]:.0%}"
    assert flat(ax.get_xlabel()).startswith(
        "10 of 32 units (rows that activate them), those that add most first; "
    )


def test_dead_units_are_last_and_crossed_out(top_k, digits):
    display = DictionaryDisplay.from_estimator(top_k, digits.X[:3])
    n_dead = int(display.dead.sum())
    assert 20 <= n_dead == np.sum(~top_k.transform(digits.X[:3]).any(axis=0))
    assert display.dead[display.order[-n_dead:]].all()
    assert len(display.ax_.lines) == 4 * n_dead
    assert len(display.ax_.texts) == 32 - n_dead
    assert flat(display.ax_.get_xlabel()).endswith(f"{n_dead} dead, crossed out")
    again = display.plot(n_atoms=2)
    assert not again.ax_.lines


def test_bars_for_a_table(wine, ax):
    ae = TopKAutoencoder(10, k=2, max_iter=3, random_state=0)
    model = make_pipeline(StandardScaler(), ae).fit(wine.X)
    display = DictionaryDisplay.from_estimator(model, wine.X.iloc[:2], ax=ax)
    assert display.atoms.shape == (10, 13)
    bars = ax.collections[1].get_segments()
    assert len(bars) == 10 * 13
    n_dead = int(display.dead.sum())
    assert len(ax.lines[0].get_xdata()) == n_dead > 0
    labels = [label.get_text() for label in ax.get_yticklabels()]
    first = display.units_[0]
    assert labels[0] == f"unit {first} ({display.activity[first]:.0%})"
    assert ax.get_xticklabels()[0].get_text() == "alcohol"
    # Of the largest entry of a bar's atom the direction is to be seen: y points down.
    entry = np.abs(display.atoms[first]).argmax()
    (_, middle), (_, end) = bars[entry]
    assert np.sign(middle - end) == np.sign(display.atoms[first, entry])


def test_scaling_of_features_does_not_matter_in_a_table(wine):
    model = make_pipeline(StandardScaler(), PCA(3)).fit(wine.X)
    display = DictionaryDisplay.from_estimator(model, wine.X)
    size = model.transform(wine.X).std(axis=0)
    assert_allclose(display.atoms, model[-1].components_ * size[:, None])
    # Every row has a part of every component: shares of rows would say nothing.
    assert flat(display.ax_.get_title()) == (
        "3 units, those that add most first; in standard deviations of the "
        "features, each on a scale of its own"
    )
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [
        f"unit {i}" for i in display.units_
    ]


def test_codes_that_are_never_zero(digits):
    display = DictionaryDisplay.from_estimator(PCA(3).fit(digits.X), digits.X)
    assert not display.ax_.texts
    assert flat(display.ax_.get_xlabel()) == "3 units, those that add most first"


def test_a_single_feature(wine):
    X = wine.X[["alcohol"]]
    display = DictionaryDisplay.from_estimator(PCA(1).fit(X), X)
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["alcohol"]


def test_what_cannot_be_drawn(top_k, digits):
    with pytest.raises(TypeError, match="'inverse_transform', which Isomap does not"):
        DictionaryDisplay.from_estimator(Isomap(n_neighbors=40).fit(digits.X), digits.X)
    with pytest.raises(ValueError, match="does not fit rows of 64"):
        DictionaryDisplay.from_estimator(top_k, digits.X, image_shape=(3, 3))
    for n_atoms in (0, -1, 1.5, "all"):
        message = rf"n_atoms must be an int of at least 1, or None\. Got {n_atoms!r}"
        with pytest.raises(ValueError, match=message):
            DictionaryDisplay.from_estimator(top_k, digits.X, n_atoms=n_atoms)


def test_shares_stand_below_their_images(top_k, digits):
    ax = DictionaryDisplay.from_estimator(top_k, digits.X[:3], n_atoms=30).ax_
    ax.figure.draw_without_rendering()
    picture = ax.get_images()[0]
    bottom, top = picture.get_extent()[2:]
    height, lines = bottom - top, 5
    below = [text.get_position()[1] for text in ax.texts]
    assert all((y - top) % 1 >= height - (lines - 1) for y in below)
    assert all(text.get_window_extent().y0 >= ax.bbox.y0 - 1 for text in ax.texts)


def test_named_features_are_bars(digits):
    X, names = digits.X[:, 2:62], [f"gene {i}" for i in range(60)]
    for feature_names, n_segments in [(None, 2), (names, 120)]:
        display = DictionaryDisplay.from_estimator(
            PCA(2).fit(X), X, feature_names=feature_names, image_shape=False
        )
        assert len(display.ax_.collections[1].get_segments()) == n_segments
