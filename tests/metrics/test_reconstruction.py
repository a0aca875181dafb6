"""The share of X that a reconstruction explains, of any transformer."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, random_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import NMF, PCA, KernelPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.manifold import Isomap
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    StandardScaler,
)

import skae.metrics
from skae import Autoencoder
from skae.metrics import _reconstruction, make_denoising_scorer, reconstruction_r2


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
    "transformer",
    [
        PCA(2),
        make_pipeline(StandardScaler(), PCA(2)),
        GridSearchCV(PCA(), {"n_components": [2]}),
        Pipeline([("before", "passthrough"), ("pca", PCA(2))]),
        Pipeline([("before", None), ("pca", PCA(2))]),
        make_pipeline(make_pipeline("passthrough"), GridSearchCV(PCA(2), {})),
        GridSearchCV(make_pipeline(StandardScaler(), PCA(2)), {}),
    ],
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


def test_r2_without_any_step():
    X = load_iris().data
    assert reconstruction_r2(make_pipeline("passthrough").fit(X), X) == 1


@pytest.mark.parametrize("scorer", [reconstruction_r2, make_denoising_scorer()])
def test_a_mean_of_another_width_is_not_taken_silently(scorer):
    X = load_iris().data
    pca = PCA(2).fit(X[:50])
    pca_without = FunctionTransformer(
        pca.transform, pca.inverse_transform, check_inverse=False
    ).fit(X)
    expected = scorer(pca_without, X)
    pca_without.mean_ = np.zeros(3)
    told = "The mean_ of FunctionTransformer has 3 entries, the rows have 4: the mean"
    with pytest.warns(UserWarning, match=told):
        assert scorer(pca_without, X) == expected


@pytest.mark.parametrize("scorer", [reconstruction_r2, make_denoising_scorer()])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_tensors(scorer, dtype):
    X = torch.from_numpy(load_iris().data).to(dtype)
    ae = Autoencoder(2, max_iter=3, random_state=0).fit(X.double())
    expected = scorer(ae, X.double().numpy())
    found = scorer(ae, X.requires_grad_())
    assert found == pytest.approx(
        expected, rel=1e-2 if dtype == torch.bfloat16 else 1e-9
    )
    if scorer is reconstruction_r2:
        mean = X.mean(axis=0)
        expected = scorer(ae, X.detach().double().numpy(), mean=mean.tolist())
        assert scorer(ae, X, mean=mean) == pytest.approx(expected, rel=1e-2)


def test_only_public_names_are_in_sight():
    seen = {name for name in vars(skae.metrics) if not name.startswith("_")}
    assert seen == {*skae.metrics.__all__}


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


KERNEL_PCA = KernelPCA(kernel="rbf", gamma=0.1, fit_inverse_transform=True)


@pytest.mark.parametrize(
    "transformer",
    [
        PCA(),
        NMF(max_iter=3000),
        KERNEL_PCA,
        Autoencoder(max_iter=3, random_state=0),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
@pytest.mark.parametrize("scaled", [False, True])
def test_r2_is_a_scorer(transformer, scaled):
    steps = [MinMaxScaler(clip=True)] if scaled else []
    search = GridSearchCV(
        Pipeline([*zip("ab", [*steps, transformer], strict=False)]),
        {f"{'ab'[len(steps)]}__n_components": [2, 3]},
        scoring=reconstruction_r2,
        cv=3,
        error_score="raise",
    )
    search.fit(np.random.default_rng(0).permutation(load_iris().data))
    assert [*search.best_params_.values()] == [3]
    scores = search.cv_results_["mean_test_score"]
    assert 0.2 < scores[0] < scores[1] <= 1


def test_r2_ranks_methods_by_one_yardstick():
    X = load_iris().data
    mean = X.mean(axis=0)
    models = [PCA(2), NMF(2, max_iter=2000)]
    scorer = partial(reconstruction_r2, mean=mean)
    for model in models:
        (score,) = cross_val_score(
            model, X, scoring=scorer, cv=[(np.arange(100), np.arange(100, 150))]
        )
        model.fit(X[:100])
        back = model.inverse_transform(model.transform(X[100:]))
        total = ((X[100:] - mean) ** 2).sum()
        assert score == pytest.approx(1 - ((X[100:] - back) ** 2).sum() / total)
    with pytest.raises(ValueError, match="mean has 3 entries, the rows of X have 4"):
        reconstruction_r2(models[0], X, mean=mean[:3])


def test_r2_of_frames_that_come_out():
    X, _ = load_iris(return_X_y=True, as_frame=True)
    pca = PCA(2).set_output(transform="pandas").fit(X)
    expected = pca.explained_variance_ratio_.sum()
    assert reconstruction_r2(pca, X) == pytest.approx(expected)
    assert reconstruction_r2(pca, X.astype(np.float32)) == pytest.approx(expected)


class TestSparse:
    @pytest.mark.parametrize(
        "transformer",
        [
            TruncatedSVD(5, random_state=0),
            MaxAbsScaler(),
            PCA(5, svd_solver="arpack", random_state=0),
            Autoencoder(5, max_iter=2, random_state=0),
        ],
        ids=lambda transformer: type(transformer).__name__,
    )
    @pytest.mark.parametrize("block", [1, 6400, 2**22])
    def test_as_the_dense_rows(self, transformer, block, monkeypatch):
        monkeypatch.setattr(_reconstruction, "_BLOCK", block)
        X = csr_array(load_digits().data[:300])
        transformer.fit(X)
        expected = reconstruction_r2(transformer, X.toarray())
        assert reconstruction_r2(transformer, X) == pytest.approx(expected, abs=1e-9)
        assert reconstruction_r2(transformer, X.tocoo()) == pytest.approx(
            expected, abs=1e-9
        )

    def test_never_dense_as_a_whole(self, monkeypatch):
        monkeypatch.setattr(_reconstruction, "_BLOCK", 2**16)
        X = random_array((2000, 1000), density=0.01, rng=0, format="csr")
        svd = TruncatedSVD(5, random_state=0).fit(X)
        tracemalloc.start()
        assert 0 < reconstruction_r2(svd, X) < 0.2
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2000 * 1000 * 8 / 3  # bytes

    def test_constant_rows(self):
        X = csr_array(np.full((7, 3), 0.1))
        assert reconstruction_r2(MaxAbsScaler().fit(X), X) == 1
        assert reconstruction_r2(Returns(np.eye(3)), csr_array((3, 3))) == 0


def test_r2_needs_an_inverse():
    X = load_iris().data
    with pytest.raises(TypeError, match="'inverse_transform', which Isomap does not"):
        reconstruction_r2(Isomap(n_neighbors=50).fit(X), X)
    with pytest.raises(NotFittedError, match="fit_inverse_transform"):
        reconstruction_r2(KernelPCA(2).fit(X), X)


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
