"""The linear path: training starts at PCA's error, and never ends above it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skae import Autoencoder
from skae.networks import ACTIVATIONS

PLAIN = {
    "linear_path": True,
    "early_stopping": False,
    "weight_decay": 0.0,
    "precision": "float64",
    "tol": 0.0,
    "random_state": 0,
}
STILL = PLAIN | {"max_iter": 1, "learning_rate_init": 1e-300}

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
tied_or_not = pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
every_depth = pytest.mark.parametrize("sizes", [(), (5,), (9, 5), (6, 5, 4)], ids=str)


def curved_data(n_samples=80, n_features=7, seed=0):
    """Rows near a curved surface, in units and at a place of their own."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-2, 2, size=(n_samples, 2))
    basis = np.column_stack([t, t**2, np.sin(3 * t)])
    X = basis @ rng.normal(size=(6, n_features))
    return 40.0 * (X + 0.1 * rng.normal(size=X.shape)) + 300.0


def pca_reconstruction(X, k):
    pca = PCA(min(k, *X.shape), svd_solver="full").fit(X)
    return pca.inverse_transform(pca.transform(X))


@every_activation
@tied_or_not
@every_depth
def test_fit_starts_at_the_error_of_pca(activation, tied, sizes):
    X = curved_data()
    start = Autoencoder(
        3, hidden_layer_sizes=sizes, activation=activation, tied_weights=tied, **STILL
    ).fit(X)
    expected = np.mean((X - pca_reconstruction(X, 3)) ** 2)
    assert start.loss_ == pytest.approx(expected, rel=1e-10)


@every_activation
@tied_or_not
def test_fit_starts_at_the_reconstruction_of_pca(activation, tied):
    X, new = curved_data(), curved_data(10, seed=1)
    start = Autoencoder(
        2, hidden_layer_sizes=(6, 4), activation=activation, tied_weights=tied, **STILL
    ).fit(X)
    pca = PCA(2, svd_solver="full").fit(X)
    expected = pca.inverse_transform(pca.transform(new))
    assert_allclose(start.reconstruct(new), expected, rtol=1e-10)


@every_activation
@tied_or_not
@pytest.mark.parametrize("learning_rate_init", [1e-3, 0.3])
def test_fit_never_ends_above_pca(activation, tied, learning_rate_init):
    X = curved_data()
    fitted = Autoencoder(
        3,
        hidden_layer_sizes=(6, 4),
        activation=activation,
        tied_weights=tied,
        learning_rate="cosine",
        learning_rate_init=learning_rate_init,
        max_iter=5,
        **PLAIN,
    ).fit(X)
    expected = np.mean((X - pca_reconstruction(X, 3)) ** 2)
    assert fitted.loss_ <= expected * (1 + 1e-10)
    error = np.mean((X - fitted.reconstruct(X)) ** 2)
    assert error == pytest.approx(fitted.loss_, rel=1e-10)


@pytest.mark.parametrize("activation", sorted({*ACTIVATIONS} - {"identity"}))
@tied_or_not
def test_training_leaves_pca_behind_on_a_curved_surface(activation, tied):
    # A start from which there is no way down would be the end as well.
    X = curved_data(300)
    fitted = Autoencoder(
        2,
        hidden_layer_sizes=(32,),
        activation=activation,
        tied_weights=tied,
        learning_rate="cosine",
        learning_rate_init=3e-2,
        batch_size=50,
        max_iter=100,
        n_iter_no_change=np.inf,
        **PLAIN,
    ).fit(X)
    assert fitted.loss_ < 0.95 * np.mean((X - pca_reconstruction(X, 2)) ** 2)


@tied_or_not
@pytest.mark.parametrize("sizes", [(), (5,), (6, 4)], ids=str)
@pytest.mark.parametrize("activation", ["gelu", "logistic"])
class TestMoreComponentsThanPCAHas:
    """The path is filled as far as it goes, and the rest of it starts at zero."""

    @pytest.fixture
    def settings(self, sizes, activation, tied):
        return STILL | {
            "hidden_layer_sizes": sizes,
            "activation": activation,
            "tied_weights": tied,
        }

    def test_more_than_features_is_perfect_at_once(self, settings):
        X = curved_data(30, 4)
        fitted = Autoencoder(6, **settings).fit(X)
        assert fitted.transform(X).shape == (30, 6)
        assert_allclose(fitted.reconstruct(X), X, rtol=1e-10)

    def test_more_than_rows_is_perfect_at_once(self, settings):
        X = curved_data(4, 9)
        assert_allclose(Autoencoder(6, **settings).fit(X).reconstruct(X), X, rtol=1e-10)

    def test_more_than_the_rank_is_perfect_at_once(self, settings):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 8)) + 5.0
        assert_allclose(Autoencoder(4, **settings).fit(X).reconstruct(X), X, rtol=1e-10)

    def test_training_goes_on_from_there(self, settings):
        X = curved_data(30, 4)
        trained = settings | {"max_iter": 3, "learning_rate_init": 1e-3}
        fitted = Autoencoder(6, **trained).fit(X)
        assert fitted.loss_ < 1e-10 * X.var()


@tied_or_not
@every_depth
def test_without_the_path_the_start_is_not_pca(sizes, tied):
    X = curved_data()
    settings = STILL | {"linear_path": False, "tied_weights": tied}
    start = Autoencoder(3, hidden_layer_sizes=sizes, **settings).fit(X)
    assert start.loss_ > 2 * np.mean((X - pca_reconstruction(X, 3)) ** 2)


@tied_or_not
@pytest.mark.parametrize(
    "objective",
    [{"likelihood": "bernoulli"}, {"output_activation": "logistic"}],
    ids=["bernoulli", "logistic"],
)
def test_other_links_start_no_worse_than_the_mean(objective, tied):
    X = np.random.default_rng(0).beta(0.5, 0.5, size=(80, 2))
    X = X @ np.array([[0.5, 0.5, 0.9, 0.1, 0.0], [0.5, 0.3, 0.1, 0.9, 1.0]])
    start = Autoencoder(
        2, hidden_layer_sizes=(6, 4), tied_weights=tied, **objective, **STILL
    ).fit(X)
    assert start.score(X) > 0.5
