"""The share of X that a reconstruction explains, of any transformer."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import NMF, PCA, KernelPCA, TruncatedSVD
from sklearn.manifold import Isomap
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skae.metrics import (
    reconstruction_r2,
)


def test_r2_of_pca_is_its_explained_variance():
    X = load_digits().data
    for n_components in (1, 10, 64):
        pca = PCA(n_components).fit(X)
        assert reconstruction_r2(pca, X) == pytest.approx(
            pca.explained_variance_ratio_.sum(), abs=1e-12
        )


@pytest.mark.parametrize(
    "transformer",
    [
        NMF(3, max_iter=2000),
        KernelPCA(3, kernel="rbf", gamma=0.1, fit_inverse_transform=True),
        make_pipeline(MinMaxScaler(), PCA(3)),
    ],
)
def test_r2_without_a_training_mean_is_about_the_mean_of_the_rows_passed(transformer):
    X = load_iris().data
    held_out = X[::3]
    transformer.fit(X[1::3])
    back = transformer.inverse_transform(transformer.transform(held_out))
    expected = r2_score(held_out, back, multioutput="variance_weighted")
    assert reconstruction_r2(transformer, held_out) == pytest.approx(expected)


@pytest.mark.parametrize(
    "transformer", [PCA(2), make_pipeline(StandardScaler(), PCA(2))]
)
def test_r2_is_about_the_training_mean_where_it_is_known(transformer):
    X = load_iris().data
    train, held_out = X[:100], X[100:]  # another species: another mean
    transformer.fit(train)
    back = transformer.inverse_transform(transformer.transform(held_out))
    total = ((held_out - train.mean(axis=0)) ** 2).sum()
    assert reconstruction_r2(transformer, held_out) == pytest.approx(
        1 - ((held_out - back) ** 2).sum() / total
    )


class Returns(TransformerMixin, BaseEstimator):
    """Reconstructs everything as the same thing."""

    def __init__(self, value):
        self.value = value

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def inverse_transform(self, Z):
        return np.zeros_like(Z) + self.value

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1, 1e200])
def test_r2_knows_no_unit(scale):
    X = load_iris().data * scale
    assert reconstruction_r2(Returns(X), X) == 1
    assert reconstruction_r2(Returns(X.mean(axis=0)), X) == pytest.approx(0)
    offset = X + (X - X.mean(axis=0))
    assert reconstruction_r2(Returns(offset), X) == pytest.approx(0)


def test_r2_of_constant_rows():
    X = np.full((7, 3), 0.1)  # whose mean is not exactly 0.1
    assert reconstruction_r2(Returns(X.mean(axis=0)), X) == 1
    assert reconstruction_r2(Returns(0.1), X) == 1
    assert reconstruction_r2(Returns(0.2), X) == 0
    assert reconstruction_r2(Returns(0.0), np.zeros((7, 3))) == 1


def test_r2_of_frames_sparse_rows_and_images():
    X, _ = load_digits(return_X_y=True, as_frame=True)
    pca = PCA(5).fit(X)
    assert reconstruction_r2(pca, X) == pytest.approx(
        pca.explained_variance_ratio_.sum()
    )
    svd = TruncatedSVD(5).fit(X.to_numpy())
    assert reconstruction_r2(svd, csr_array(X.to_numpy())) == pytest.approx(
        reconstruction_r2(svd, X.to_numpy())
    )
    images = X.to_numpy().reshape(-1, 8, 8)
    assert reconstruction_r2(Returns(images), images) == 1


def test_r2_is_a_scorer():
    search = GridSearchCV(
        PCA(), {"n_components": [1, 2, 3]}, scoring=reconstruction_r2, cv=3
    )
    search.fit(load_iris().data)
    assert search.best_params_ == {"n_components": 3}


def test_r2_needs_an_inverse():
    X = load_iris().data
    with pytest.raises(TypeError, match="Isomap has no inverse_transform"):
        reconstruction_r2(Isomap(n_neighbors=50).fit(X), X)


def test_r2_refuses_missing_values():
    X = load_iris().data
    X_hat = X.copy()
    X_hat[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        reconstruction_r2(Returns(X_hat), X)


def test_r2_refuses_another_shape():
    X = load_iris().data
    with pytest.raises(ValueError, match=r"has shape \(150, 3\), the rows have"):
        reconstruction_r2(FunctionTransformer(inverse_func=lambda Z: Z[:, :3]), X)
