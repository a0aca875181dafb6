"""Data and fits that the pictures are of."""

from types import SimpleNamespace

import pytest
from matplotlib import pyplot
from sklearn.datasets import load_digits, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import Autoencoder, TopKAutoencoder, VariationalAutoencoder


@pytest.fixture(autouse=True)
def _lay_out():
    yield
    for number in pyplot.get_fignums():  # what was drawn can be laid out
        pyplot.figure(number).draw_without_rendering()


@pytest.fixture(scope="session")
def digits():
    """Images, with their labels."""
    X, y = load_digits(return_X_y=True)
    return SimpleNamespace(X=X[:400], y=y[:400])


@pytest.fixture(scope="session")
def wine():
    """A table whose columns have names and different units."""
    data = load_wine(as_frame=True)
    return SimpleNamespace(X=data.data, y=data.target, names=list(data.data))


@pytest.fixture(scope="session")
def dense(digits):
    return Autoencoder(4, max_iter=3, random_state=0).fit(digits.X)


@pytest.fixture(scope="session")
def vae(digits):
    return VariationalAutoencoder(4, max_iter=3, random_state=0).fit(digits.X)


@pytest.fixture(scope="session")
def top_k(digits):
    return TopKAutoencoder(32, k=4, max_iter=3, random_state=0).fit(digits.X)


@pytest.fixture(scope="session")
def pipeline(wine):
    autoencoder = VariationalAutoencoder(3, max_iter=20, random_state=0)
    return make_pipeline(StandardScaler(), autoencoder).fit(wine.X)


@pytest.fixture
def ax():
    """Axes beside others, on a figure that pyplot knows nothing of."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(10, 4), layout="constrained")
    _, right = fig.subplots(1, 2)
    yield right
    fig.draw_without_rendering()
    assert not pyplot.get_fignums()
    assert not fig.axes[0].has_data()
