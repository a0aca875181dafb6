"""The linear autoencoder is PCA; with weight decay, PCA that shrinks (Kunin et al.)."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA

from skae import LinearAutoencoder
from skae.data import principal
from skae.estimators import linear_solvers

EXACT = {"solver": "exact", "precision": "float64"}
ADAM = {
    "solver": "adam",
    "precision": "float64",
    "learning_rate": "cosine",
    "tol": 0.0,
    "n_iter_no_change": np.inf,
    "learning_rate_init": 0.1,
    "max_iter": 60,
    "random_state": 0,
}


def make_data(n_samples=60, n_features=8, seed=0):
    """Rows with a clear spectrum, turned at random, away from the origin."""
    rng = np.random.default_rng(seed)
    rank = min(n_samples, n_features)
    rotation = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0][:rank]
    spread = 3.0 * 0.7 ** np.arange(rank)
    return rng.normal(size=(n_samples, rank)) * spread @ rotation + rng.normal(
        size=n_features
    )


def textbook_data():
    """Three dimensions near a plane: Géron, Hands-On Machine Learning, chapter 8."""
    rng = np.random.RandomState(4)
    angles = rng.rand(60) * 3 * np.pi / 2 - 0.5
    x = np.cos(angles) + np.sin(angles) / 2 + 0.05 * rng.randn(60)
    y = 0.7 * np.sin(angles) + 0.05 * rng.randn(60)
    return np.column_stack([x, y, 0.1 * x + 0.3 * y + 0.1 * rng.randn(60)])


def pca_loss(X, k):
    """Mean over entries of what the first k singular values leave."""
    singular = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    return np.sum(singular[k:] ** 2) / X.size


def angle(estimator, X, k):
    """Largest principal angle between the estimator's subspace and PCA's."""
    pca = PCA(k, svd_solver="full").fit(X)
    return subspace_angles(estimator.components_.T, pca.components_.T).max()


def linear_map(estimator):
    """The matrix M of x^ - mu = M (x - mu), from what the estimator does to axes."""
    mean = estimator.mean_
    return (estimator.reconstruct(mean + np.eye(len(mean))) - mean).T


def shrunk_map(X, k, strength):
    """V diag(max(0, 1 - lambda / l)) V', of X in units of its root mean square."""
    centred = X - X.mean(axis=0)
    scaled = centred / np.sqrt(np.mean(centred**2))
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(X))
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    return vectors * np.maximum(0.0, 1.0 - strength / values) @ vectors.T


SHAPES = [(60, 8, 3), (60, 8, 1), (60, 8, 8), (5, 12, 2), (9, 9, 4), (2, 7, 1)]


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize(("n", "d", "k"), SHAPES)
class TestExactSolver:
    @pytest.fixture
    def X(self, n, d):
        return make_data(n, d)

    @pytest.fixture
    def fitted(self, X, k, tied):
        return LinearAutoencoder(k, tied_weights=tied, **EXACT).fit(X)

    @pytest.fixture
    def pca(self, X, k):
        return PCA(k, svd_solver="full").fit(X)

    def test_loss_is_what_the_discarded_singular_values_hold(self, fitted, X, k):
        expected = pca_loss(X, k)
        assert_allclose(fitted.loss_, expected, rtol=1e-10, atol=1e-10)
        error = np.mean((X - fitted.reconstruct(X)) ** 2)
        assert_allclose(error, expected, rtol=1e-10, atol=1e-10)

    def test_subspace_is_that_of_pca(self, fitted, X, k):
        assert angle(fitted, X, k) < 1e-6

    def test_components_are_those_of_pca_up_to_sign(self, fitted, pca):
        cosines = np.sum(fitted.components_ * pca.components_, axis=1)
        signs = np.sign(cosines)[:, None]
        assert_allclose(fitted.components_ * signs, pca.components_, atol=1e-6)

    def test_components_are_orthonormal(self, fitted, k):
        gram = fitted.components_ @ fitted.components_.T
        assert_allclose(gram, np.eye(k), atol=1e-10)

    @pytest.mark.parametrize(
        "name",
        [
            "explained_variance_",
            "explained_variance_ratio_",
            "singular_values_",
            "noise_variance_",
            "mean_",
        ],
    )
    def test_attribute_is_that_of_pca(self, fitted, pca, name):
        expected = getattr(pca, name)
        assert_allclose(getattr(fitted, name), expected, rtol=1e-6, atol=1e-6)

    def test_decoder_is_the_encoder_transposed(self, fitted, d, k):
        encoder = fitted.transform(fitted.mean_ + np.eye(d)).T
        decoder = (fitted.inverse_transform(np.eye(k)) - fitted.mean_).T
        assert_allclose(decoder, encoder.T, atol=1e-6)
        assert_allclose(decoder.T @ decoder, np.eye(k), atol=1e-6)

    def test_codes_are_those_of_pca_up_to_sign(self, fitted, pca, X):
        codes, expected = fitted.transform(X), pca.transform(X)
        signs = np.sign(np.sum(codes * expected, axis=0))
        assert_allclose(codes * signs, expected, atol=1e-6)


# Where PCA leaves noise: else its density is a limit that no two programs share.
@pytest.mark.parametrize(("n", "d", "k"), [(60, 8, 3), (60, 8, 7), (6, 12, 2)])
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_log_likelihoods_are_those_of_pca(n, d, k, tied):
    X, new = make_data(n, d), make_data(7, d, seed=1)
    fitted = LinearAutoencoder(k, tied_weights=tied, **EXACT).fit(X)
    expected = PCA(k, svd_solver="full").fit(X).score_samples(new)
    assert_allclose(fitted.score_samples(new), expected, rtol=1e-6)


def test_log_likelihood_without_noise_is_that_of_the_normal_distribution():
    from scipy.stats import multivariate_normal

    X = make_data(60, 4)
    fitted = LinearAutoencoder(4, **EXACT).fit(X)
    expected = multivariate_normal(X.mean(axis=0), np.cov(X.T)).logpdf(X)
    assert_allclose(fitted.score_samples(X), expected, rtol=1e-6)


def test_log_likelihoods_are_finite_where_the_data_have_no_width():
    X = np.full((5, 3), 7.0)
    assert np.isfinite(LinearAutoencoder(2, **EXACT).fit(X).score_samples(X)).all()


def test_tied_and_untied_lose_the_same():
    X = make_data()
    untied, tied = (
        LinearAutoencoder(3, tied_weights=tied, **EXACT).fit(X).loss_
        for tied in (False, True)
    )
    assert tied == pytest.approx(untied, rel=1e-6)


class TestWeightDecay:
    """L2 on both matrices shrinks every component, and drops those below lambda."""

    # lambda = weight_decay d / 2: with d = 8, these are 0.04, 0.4 and 4. The scaled
    # variances run from some 4 down: the last ones drop components.
    DECAYS = (0.01, 0.1, 1.0)

    @staticmethod
    def strength(decay, d, tied):
        """Lambda; one tied matrix is counted once, and so pays half."""
        return decay * d / 2 * (0.5 if tied else 1.0)

    @pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
    @pytest.mark.parametrize("decay", DECAYS)
    @pytest.mark.parametrize(("n", "d", "k"), [(60, 8, 3), (60, 8, 8), (5, 12, 3)])
    def test_exact_solver_shrinks(self, n, d, k, decay, tied):
        X = make_data(n, d)
        settings = EXACT | {"weight_decay": decay, "tied_weights": tied}
        fitted = LinearAutoencoder(k, **settings).fit(X)
        expected = shrunk_map(X, k, self.strength(decay, d, tied))
        assert_allclose(linear_map(fitted), expected, atol=1e-5)

    @pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
    @pytest.mark.parametrize("decay", [0.01, 0.1])
    @pytest.mark.parametrize("seed", [0, 1])
    def test_adam_solver_shrinks(self, seed, decay, tied):
        X = make_data()
        settings = ADAM | {
            "weight_decay": decay,
            "tied_weights": tied,
            "learning_rate_init": 1e-2,
            "max_iter": 80,
            "random_state": seed,
        }
        fitted = LinearAutoencoder(3, **settings).fit(X)
        expected = shrunk_map(X, 3, self.strength(decay, X.shape[1], tied))
        assert_allclose(linear_map(fitted), expected, atol=1e-5)

    @pytest.mark.parametrize("solver", [EXACT, ADAM], ids=["exact", "adam"])
    def test_decoder_is_the_encoder_transposed(self, solver):
        fitted = LinearAutoencoder(3, weight_decay=0.05, **solver).fit(make_data())
        encoder = fitted.transform(fitted.mean_ + np.eye(8)).T
        decoder = (fitted.inverse_transform(np.eye(3)) - fitted.mean_).T
        assert_allclose(decoder, encoder.T, atol=1e-5)

    @pytest.mark.parametrize("solver", [EXACT, ADAM], ids=["exact", "adam"])
    def test_loss_is_that_of_the_shrunk_reconstruction(self, solver):
        X = make_data()
        fitted = LinearAutoencoder(3, weight_decay=0.05, **solver).fit(X)
        error = np.mean((X - fitted.reconstruct(X)) ** 2)
        assert fitted.loss_ == pytest.approx(error, rel=1e-6)
        assert fitted.loss_ > pca_loss(X, 3)

    @pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
    def test_nothing_near_the_solution_is_better(self, tied):
        # The objective as it is documented, and no formula: its gradient is zero.
        X, decay = make_data(), 0.05
        settings = EXACT | {"weight_decay": decay, "tied_weights": tied}
        fitted = LinearAutoencoder(3, **settings).fit(X)
        centred = X - fitted.mean_
        scaled = torch.from_numpy(centred / np.sqrt(np.mean(centred**2)))
        encoder = torch.from_numpy(fitted.transform(fitted.mean_ + np.eye(8)).T.copy())
        encoder.requires_grad_()
        decoder = encoder if tied else encoder.detach().clone().requires_grad_()
        matrices = {encoder, decoder}
        loss = (scaled - scaled @ encoder.T @ decoder).square().mean()
        loss += decay / 2 * sum(matrix.square().sum() for matrix in matrices)
        for gradient in torch.autograd.grad(loss, list(matrices)):
            assert gradient.abs().max() < 1e-10


class TestLanczos:
    """Where rows and columns are both too many for a Gram matrix."""

    @pytest.fixture(autouse=True)
    def _small_limit(self, monkeypatch):
        monkeypatch.setattr(principal, "_LARGEST_GRAM", 20)
        monkeypatch.setattr(principal, "_gram", None)
        monkeypatch.setattr(principal, "_decompose", None)

    @pytest.mark.parametrize(("n", "d"), [(80, 30), (30, 80)])
    def test_it_is_pca_too(self, n, d):
        X = make_data(n, d)
        fitted = LinearAutoencoder(3, **EXACT).fit(X)
        assert_allclose(fitted.loss_, pca_loss(X, 3), rtol=1e-10)
        assert angle(fitted, X, 3) < 1e-6
        expected = PCA(3, svd_solver="full").fit(X).explained_variance_
        assert_allclose(fitted.explained_variance_, expected, rtol=1e-6)

    def test_same_components_every_time(self):
        X = make_data(80, 30)
        first, second = (LinearAutoencoder(3, **EXACT).fit(X) for _ in range(2))
        np.testing.assert_array_equal(first.components_, second.components_)


class TestDescent:
    """solver="adam": the same optimum, from a start that knows nothing of it."""

    @pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
    def test_it_comes_from_far_away_and_arrives(self, tied):
        X = make_data(300, 10)
        settings = ADAM | {"tied_weights": tied}
        still = settings | {"max_iter": 1, "learning_rate_init": 1e-12}
        assert angle(LinearAutoencoder(3, **still).fit(X), X, 3) > 0.5
        assert angle(LinearAutoencoder(3, **settings).fit(X), X, 3) < 1e-3

    def test_float32_arrives_too(self):
        X = make_data(300, 10)
        fitted = LinearAutoencoder(3, **ADAM | {"precision": "float32"}).fit(X)
        assert angle(fitted, X, 3) < 1e-3

    @pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
    def test_its_attributes_are_those_of_pca(self, tied):
        X = make_data(300, 10)
        fitted = LinearAutoencoder(3, tied_weights=tied, **ADAM).fit(X)
        pca = PCA(3, svd_solver="full").fit(X)
        assert_allclose(fitted.loss_, pca_loss(X, 3), rtol=1e-5)
        variances = pca.explained_variance_
        assert_allclose(fitted.explained_variance_, variances, rtol=1e-5)
        assert_allclose(np.abs(np.diag(fitted.components_ @ pca.components_.T)), 1)

    def test_fewer_rows_than_columns(self):
        X = make_data(6, 15)
        fitted = LinearAutoencoder(2, **ADAM).fit(X)
        assert angle(fitted, X, 2) < 1e-3

    @pytest.mark.parametrize("shuffle", [True, False])
    @pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
    def test_batches_where_the_covariance_is_too_large(
        self, tied, shuffle, monkeypatch
    ):
        monkeypatch.setattr(linear_solvers, "LARGEST_GRAM", 9)
        monkeypatch.setattr(linear_solvers, "_GramDescent", None)
        X = make_data(300, 10)
        settings = ADAM | {
            "tied_weights": tied,
            "batch_size": 100,
            "learning_rate_init": 3e-2,
            "max_iter": 500,
            "shuffle": shuffle,
        }
        fitted = LinearAutoencoder(3, **settings).fit(X)
        assert angle(fitted, X, 3) < 1e-2
        assert_allclose(fitted.loss_, pca_loss(X, 3), rtol=1e-3)


@pytest.mark.parametrize("solver", [EXACT, ADAM], ids=["exact", "adam"])
def test_textbook_case_of_three_dimensions_to_two(solver):
    X = textbook_data()
    fitted = LinearAutoencoder(2, **solver).fit(X)
    assert angle(fitted, X, 2) < (1e-6 if solver is EXACT else 1e-3)
    assert_allclose(fitted.explained_variance_ratio_.sum(), 0.98, atol=0.02)
    assert_allclose(fitted.loss_, pca_loss(X, 2), rtol=1e-5)


class TestRawBreastCancer:
    """Real columns whose variances span eleven orders of magnitude, unscaled."""

    X = load_breast_cancer().data

    @pytest.mark.parametrize("k", [1, 2, 5, 10])
    def test_exact_solver(self, k):
        fitted = LinearAutoencoder(k, **EXACT).fit(self.X)
        assert angle(fitted, self.X, k) < 1e-6
        assert_allclose(fitted.loss_, pca_loss(self.X, k), rtol=1e-8)

    def test_float32_rows_and_arithmetic(self):
        X = self.X.astype(np.float32)
        fitted = LinearAutoencoder(2, solver="exact", precision="float32").fit(X)
        assert angle(fitted, X.astype(np.float64), 2) < 1e-3

    def test_adam_solver(self):
        fitted = LinearAutoencoder(2, **ADAM).fit(self.X)
        assert angle(fitted, self.X, 2) < 1e-3


def test_columns_with_offsets_of_their_own_in_float32():
    # Around 1e8 float32 knows every eighth number: the spread is no more than that.
    rng = np.random.default_rng(0)
    offsets = rng.uniform(0.5, 1.5, 20) * 1e8
    spread = 20 * rng.normal(size=(5000, 20)) * np.linspace(4, 1, 20)
    X = (offsets + spread).astype(np.float32)
    wide = X.astype(np.float64)
    expected = np.linalg.svd(wide - wide.mean(axis=0), full_matrices=False)[2][:3]
    fitted = LinearAutoencoder(3).fit(X)
    assert subspace_angles(fitted.components_.T, expected.T).max() < 1e-5
