"""Rows from sparse matrices, files and dask: the same fit, wherever they come from."""

import pickle
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.data import Source
from skae.estimators.sources import in_blocks

BLOCK = 300

SETTINGS = {
    "max_iter": 3,
    "random_state": 0,
    "block_size": BLOCK,
    "hidden_layer_sizes": (8,),
}

VARIANTS = [
    Autoencoder(3, **SETTINGS),
    Autoencoder(3, tied_weights=True, early_stopping=False, **SETTINGS),
    Autoencoder(3, likelihood="bernoulli", **SETTINGS),
    Autoencoder(3, likelihood="poisson", **SETTINGS),
    ContractiveAutoencoder(3, **SETTINGS),
    DenoisingAutoencoder(3, noise=0.1, **SETTINGS),
    SparseAutoencoder(5, **SETTINGS),
    StackedAutoencoder(3, **SETTINGS),
    TopKAutoencoder(6, k=2, **SETTINGS),
    VariationalAutoencoder(2, **SETTINGS),
    LinearAutoencoder(3, block_size=BLOCK),
    ConvolutionalAutoencoder(
        3, channels=(4,), input_shape=(1, 4, 4), max_iter=2, random_state=0,
        block_size=BLOCK,
    ),
]  # fmt: skip

# Images are refused where they are sparse, which has a test of its own.
OF_ROWS = [v for v in VARIANTS if not isinstance(v, ConvolutionalAutoencoder)]

variants = pytest.mark.parametrize("estimator", VARIANTS, ids=repr)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    X = rng.random((1203, 4)) @ rng.random((4, 16)) / 4.0
    return (X + 0.05 * rng.random(X.shape)).astype(np.float32).clip(0.0, 1.0)


@pytest.fixture
def mapped(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def weights(estimator):
    return estimator._fitted.weights


def assert_same_bits(found, expected, X):
    for name, weight in weights(expected).items():
        assert_array_equal(weights(found)[name], weight, err_msg=name)
    assert_array_equal(found.transform(X), expected.transform(X))
    assert found.loss_ == expected.loss_


class TestSameBits:
    @variants
    def test_of_a_file(self, estimator, X, mapped):
        expected = clone(estimator).fit(X)
        assert_same_bits(clone(estimator).fit(mapped), expected, X)

    @pytest.mark.parametrize("chunks", [1203, 500, 77, (3, 300, 900)])
    def test_of_dask_however_it_is_cut(self, X, chunks):
        da = pytest.importorskip("dask.array")
        expected = clone(VARIANTS[0]).fit(X)
        lazy = da.from_array(X, chunks=(chunks, (5, 11)))
        assert_same_bits(clone(VARIANTS[0]).fit(lazy), expected, X)

    def test_of_dask_in_one_block(self, X):
        da = pytest.importorskip("dask.array")
        expected = clone(VARIANTS[0]).set_params(block_size="auto").fit(X)
        found = clone(VARIANTS[0]).set_params(block_size="auto")
        assert_same_bits(found.fit(da.from_array(X, chunks=(77, 16))), expected, X)

    def test_of_frames_of_dask(self, X):
        dd, pd = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
        frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
        expected = clone(VARIANTS[0]).fit(frame)
        found = clone(VARIANTS[0]).fit(dd.from_pandas(frame, npartitions=5))
        assert_same_bits(found, expected, frame)
        assert list(found.feature_names_in_) == list(frame.columns)

    def test_of_paired_rows(self, X):
        da = pytest.importorskip("dask.array")
        noisy = X + 0.1
        expected = clone(VARIANTS[5]).fit(noisy, X_clean=X)
        found = clone(VARIANTS[5]).fit(da.from_array(noisy), X_clean=da.from_array(X))
        assert_same_bits(found, expected, X)

    @variants
    def test_blocks_that_hold_all_change_nothing(self, estimator, X):
        expected = clone(estimator).set_params(block_size="auto").fit(X)
        assert_same_bits(
            clone(estimator).set_params(block_size=len(X)).fit(X), expected, X
        )


class TestSparse:
    @pytest.mark.parametrize(
        "kind",
        [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix],
    )
    @pytest.mark.parametrize("estimator", OF_ROWS, ids=repr)
    def test_fits_as_the_dense_rows_do(self, estimator, kind, X):
        dense = np.where(X > 0.4, X, 0.0).astype(np.float32)
        expected, found = clone(estimator).fit(dense), clone(estimator).fit(kind(dense))
        assert found.score(kind(dense)) == pytest.approx(found.score(dense), abs=1e-5)
        assert found.score(dense) >= expected.score(dense) - 0.05
        assert_allclose(
            found.transform(kind(dense)), found.transform(dense), rtol=1e-4, atol=1e-4
        )

    def test_linear_is_pca(self, X):
        dense = np.where(X > 0.4, X, 0.0).astype(np.float64)
        found = LinearAutoencoder(3).fit(sparse.csr_array(dense))
        pca = PCA(3, svd_solver="full").fit(dense)
        assert_allclose(found.mean_, pca.mean_, atol=1e-12)
        assert_allclose(found.explained_variance_, pca.explained_variance_, rtol=1e-8)
        assert_allclose(np.abs(found.components_), np.abs(pca.components_), atol=1e-6)
        assert_allclose(
            found.score_samples(sparse.csr_array(dense)),
            pca.score_samples(dense),
            rtol=1e-6,
        )

    def test_few_rows_are_judged_in_folds(self, X):
        rows = sparse.csr_array(X[:120])
        found = Autoencoder(2, max_iter=3, random_state=0).fit(rows)
        assert (
            found.score(rows)
            >= PCA(2).fit(X[:120]).explained_variance_ratio_.sum() * 0.98
        )

    def test_images_are_refused(self, X):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            ConvolutionalAutoencoder(2, input_shape=(1, 4, 4)).fit(sparse.csr_array(X))

    def test_missing_entries_are_refused(self, X):
        rows = sparse.csr_array(X)
        rows.data[3] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            Autoencoder(2).fit(rows)


class TestLazy:
    def test_transform_is_lazy_and_keeps_the_chunks(self, X):
        da = pytest.importorskip("dask.array")
        fitted = clone(VARIANTS[0]).fit(X)
        lazy = da.from_array(X, chunks=(400, 16))
        code, back = fitted.transform(lazy), fitted.reconstruct(lazy)
        assert isinstance(code, da.Array)
        assert isinstance(back, da.Array)
        assert code.chunks == ((400, 400, 400, 3), (3,))
        assert back.shape == X.shape
        assert code.dtype == np.float32
        assert_array_equal(code.compute(), np.concatenate(
            [fitted.transform(X[i : i + 400]) for i in range(0, 1203, 400)]
        ))  # fmt: skip
        assert fitted.score(lazy) == pytest.approx(fitted.score(X), abs=1e-6)

    def test_codes_are_decoded_lazily(self, X):
        da = pytest.importorskip("dask.array")
        fitted = clone(VARIANTS[0]).fit(X)
        codes = fitted.transform(da.from_array(X, chunks=(400, 16)))
        for Z in (codes, codes.rechunk((300, 2)), codes.to_dask_dataframe()):
            back = fitted.inverse_transform(Z)
            assert isinstance(back, da.Array)
            assert back.shape == X.shape
            assert back.dtype == np.float32
            assert_allclose(back.compute(), fitted.reconstruct(X), atol=1e-5)
        assert fitted.inverse_transform(codes).chunks == ((400, 400, 400, 3), (16,))
        fitted.set_output(transform="torch")
        assert isinstance(fitted.inverse_transform(codes), torch.Tensor)

    def test_what_is_lazy_goes_to_other_processes(self, X):
        da = pytest.importorskip("dask.array")
        cloudpickle = pytest.importorskip("cloudpickle")  # which dask sends it with
        fitted = clone(VARIANTS[0]).fit(X)
        lazy = da.from_array(X, chunks=(400, 16))
        codes = fitted.transform(lazy)
        for result in (
            codes,
            fitted.reconstruct(lazy),
            fitted.inverse_transform(codes),
        ):
            sent = pickle.loads(cloudpickle.dumps(result))
            assert_array_equal(sent.compute(), result.compute())

    def test_lazy_codes_are_looked_at(self, X):
        da = pytest.importorskip("dask.array")
        fitted = clone(VARIANTS[0]).fit(X)
        for shape in [(5, 2), (5,)]:
            Z = np.zeros(shape)
            with pytest.raises(ValueError, match=r"Z has 2 features|Expected 2D"):
                fitted.inverse_transform(da.from_array(Z))
        lazy = fitted.inverse_transform(da.full((5, 3), np.nan))
        with pytest.raises(ValueError, match="Input Z contains NaN"):
            lazy.compute()

    def test_images_are_decoded_lazily(self, X):
        da = pytest.importorskip("dask.array")
        images = X[:90].reshape(-1, 1, 4, 4)
        settings = {"input_shape": (1, 4, 4), "channels": (2,), "max_iter": 1}
        fitted = ConvolutionalAutoencoder(2, random_state=0, **settings).fit(images)
        codes = fitted.transform(images)
        back = fitted.inverse_transform(da.from_array(codes, chunks=(40, 2)))
        assert isinstance(back, da.Array)
        assert_allclose(back.compute(), fitted.reconstruct(images), atol=1e-5)

    def test_paths(self, X, tmp_path):
        da, pd = pytest.importorskip("dask.array"), pytest.importorskip("pandas")
        pytest.importorskip("zarr")
        expected = clone(VARIANTS[0]).fit(X)
        da.from_array(X, chunks=(500, 16)).to_zarr(str(tmp_path / "X.zarr"))
        found = clone(VARIANTS[0]).fit(tmp_path / "X.zarr")
        assert_same_bits(found, expected, X)
        frame, folder = pd.DataFrame(X), tmp_path / "X.parquet"
        frame.columns = [f"c{i}" for i in range(X.shape[1])]
        folder.mkdir()
        for i in range(3):
            frame[i * 500 : i * 500 + 500].to_parquet(folder / f"part.{i}.parquet")
        found = clone(VARIANTS[0]).fit(str(tmp_path / "X.parquet"))
        for name, weight in weights(expected).items():
            assert_array_equal(weights(found)[name], weight)

    def test_zarr_is_an_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "zarr", None)
        with pytest.raises(ImportError, match=r'zarr is needed .*"skae\[dask\]"'):
            Autoencoder(2).fit("X.zarr")

    def test_another_string_is_refused(self):
        with pytest.raises(ValueError, match=r"does not end in \.zarr or \.parquet"):
            Autoencoder(2).fit("rows.csv")

    def test_missing_entries_are_found_where_they_are(self, X):
        da = pytest.importorskip("dask.array")
        X = X.copy()
        X[1000, 3] = np.nan
        estimator = clone(VARIANTS[0])
        with pytest.raises(ValueError, match="Input X contains NaN"):
            estimator.fit(da.from_array(X, chunks=(100, 16)))
        assert not hasattr(estimator, "_fitted")

    def test_width_is_compared(self, X):
        da = pytest.importorskip("dask.array")
        fitted = clone(VARIANTS[0]).fit(X)
        with pytest.raises(ValueError, match="16 features"):
            fitted.score(da.from_array(X[:, :5]))


class TestBeside:
    """Rows of one kind, and what comes with them of another."""

    @pytest.mark.parametrize("kind", [sparse.csr_array, np.asarray])
    def test_clean_rows(self, X, kind):
        da = pytest.importorskip("dask.array")
        noisy = X + 0.1
        for rows, clean in [(noisy, da.from_array(X)), (kind(noisy), kind(X))]:
            found = clone(VARIANTS[5]).set_params(block_size="auto")
            found.fit(rows, X_clean=clean)
            expected = found.score(noisy, X_clean=X)
            assert found.score(rows, X_clean=clean) == pytest.approx(expected, abs=1e-5)

    def test_padding_needs_all_rows(self, X):
        da = pytest.importorskip("dask.array")
        settings = {"padding": 0.0, "width": 8, "max_iter": 1, "random_state": 0}
        model = AttentionAutoencoder(2, block_size=100, **settings)
        expected = AttentionAutoencoder(2, **settings).fit(X).transform(X)
        assert_array_equal(model.fit(X).transform(X), expected)
        for act in (model.transform, model.fit):
            with pytest.raises(ValueError, match="padding needs X as an array"):
                act(da.from_array(X))

    def test_duplicate_entries_are_summed(self):
        rows = sparse.csr_array(
            (np.ones(6), [0, 0, 1, 2, 1, 2], [0, 2, 3, 4, 6]), shape=(4, 3)
        )
        found, expected = (LinearAutoencoder(1).fit(X) for X in (rows, rows.toarray()))
        assert_allclose(found.explained_variance_, expected.explained_variance_)
        assert rows.nnz == 6

    def test_gaps_are_filled_in_what_is_read(self, X):
        da = pytest.importorskip("dask.array")
        gappy = X.copy()
        gappy[::3, 2] = np.nan
        model = Autoencoder(3, nan_policy="omit", max_iter=2, random_state=0).fit(gappy)
        lazy = da.from_array(gappy, chunks=(400, 16))
        assert_allclose(
            model.transform(lazy).compute(), model.transform(gappy), atol=1e-5
        )
        assert_allclose(model.impute(lazy), model.impute(gappy), atol=1e-5)

    def test_empty_chunks(self, X):
        da = pytest.importorskip("dask.array")
        fitted = clone(VARIANTS[0]).fit(X)
        lazy = da.concatenate([da.from_array(X[:5]), da.from_array(X[:0])])
        assert fitted.transform(lazy).compute().shape == (5, 3)

    def test_classifiers_take_them_into_memory(self, X, mapped):
        da = pytest.importorskip("dask.array")
        y = X[:, 0] > np.median(X[:, 0])
        model = AutoencoderClassifier(Autoencoder(3, max_iter=1), max_iter=1)
        assert model.fit(da.from_array(X), y).predict(X).shape == y.shape

    def test_set_params_after_a_fit_changes_nothing(self, X):
        rows = sparse.csr_array(X)
        fitted = clone(VARIANTS[0]).fit(rows)
        expected = fitted.transform(rows)
        fitted.set_params(nan_policy="omit", block_size=7)
        assert_array_equal(fitted.transform(rows), expected)


def test_rows_that_do_not_fit_on_a_gpu_are_read_in_blocks(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1, 1))
    X = np.broadcast_to(np.float32(1.0), (2**19, 100))  # more than a usual block
    on_a_gpu, elsewhere = Autoencoder(2, device="cuda"), Autoencoder(2)
    assert isinstance(in_blocks(on_a_gpu, X, trains=True), Source)
    assert in_blocks(on_a_gpu, X[:9], trains=True).shape == (9, 100)
    assert in_blocks(on_a_gpu, X, trains=False) is X
    assert in_blocks(elsewhere, X, trains=True) is X
    assert in_blocks(AutoencoderClassifier(), X, trains=True) is X
