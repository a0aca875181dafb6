"""What rows and codes come out as: arrays, tensors where they are asked for."""

import copy
import pickle

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AttentionAutoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ConvolutionalAutoencoder,
    LinearAutoencoder,
)
from skae.model_selection import AutoencoderSearchCV

parametrize = pytest.mark.parametrize


class ElsewhereTensor(torch.Tensor):
    """Numbers that numpy cannot reach, on a device that a copy to it shows."""

    device = torch.device("meta")
    is_meta = False

    def numpy(self, *args, **kwargs):
        raise TypeError("can't convert meta device type tensor to numpy.")

    __array__ = numpy

    def to(self, device, *args, **kwargs):
        assert device == "cpu"
        return self.as_subclass(torch.Tensor)


DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def elsewhere(X):
    return torch.from_numpy(X).as_subclass(ElsewhereTensor)


def assert_tensor(result, expected):
    """Of the same numbers and dtype as an array, on the CPU, and without a gradient."""
    assert type(result) is torch.Tensor
    assert result.device.type == "cpu"
    assert not result.requires_grad
    assert_array_equal(result.numpy(), expected, strict=True)


@pytest.fixture
def tensors(dense, X):
    """A fitted autoencoder that gives tensors."""
    return dense().set_output(transform="torch").fit(X)


class TestEveryKind:
    @parametrize("dtype", [np.float64, np.float32])
    def test_tensors_come_out_where_they_are_asked_for(self, fitted, new, dtype):
        new = new.astype(dtype)
        codes, rows = fitted.transform(new), fitted.reconstruct(new)
        given = torch.from_numpy(new)
        assert type(fitted.transform(given)) is np.ndarray
        assert type(fitted.reconstruct(given)) is np.ndarray
        assert type(fitted.inverse_transform(torch.from_numpy(codes))) is np.ndarray
        fitted.set_output(transform="torch")
        for X in (given, new):
            assert_tensor(fitted.transform(X), codes)
            assert_tensor(fitted.reconstruct(X), rows)
        for Z in (torch.from_numpy(codes), codes):
            assert_tensor(fitted.inverse_transform(Z), rows)

    def test_fit_transform_gives_them_too(self, variants, variant, X):
        expected = variants[variant]().fit_transform(X)
        model = variants[variant]().set_output(transform="torch")
        assert_tensor(model.fit_transform(torch.from_numpy(X)), expected)

    def test_judgements_stay_arrays(self, fitted, new):
        names = ("reconstruction_error", "score_samples", "score")
        expected = {name: getattr(fitted, name)(new) for name in names}
        fitted.set_output(transform="torch")
        for name, value in expected.items():
            result = getattr(fitted, name)(torch.from_numpy(new))
            assert type(result) is type(value)
            assert_array_equal(result, value)


@parametrize("predictor", [AutoencoderClassifier, AutoencoderRegressor])
def test_predictors_encode_to_tensors_and_predict_arrays(predictor, dense, X, new):
    y = (X[:, 0] > X[:, 1]).astype(float)
    model = predictor(dense(), max_iter=2, random_state=0).fit(X, y)
    codes, predictions = model.transform(new), model.predict(new)
    model.set_output(transform="torch")
    assert_tensor(model.transform(torch.from_numpy(new)), codes)
    assert type(model.predict(torch.from_numpy(new))) is np.ndarray
    assert_array_equal(model.predict(torch.from_numpy(new)), predictions)


class TestDevice:
    def test_results_go_back_to_where_rows_came_from(self, tensors, new):
        codes = tensors.transform(new).numpy()
        for result in (
            tensors.transform(elsewhere(new)),
            tensors.reconstruct(elsewhere(new)),
            tensors.inverse_transform(elsewhere(codes)),
            tensors.impute(elsewhere(new)),
        ):
            assert result.device == ElsewhereTensor.device

    @parametrize("device", DEVICES)
    def test_a_device_of_this_machine(self, dense, X, device):
        there = torch.from_numpy(X).to(device)
        model = dense().set_output(transform="torch").fit(there)
        codes = model.transform(there)
        rows = model.inverse_transform(codes)
        assert codes.device == rows.device == there.device
        assert_array_equal(rows.cpu().numpy(), dense().fit(X).reconstruct(X))

    @parametrize("convert", [np.asarray, np.ndarray.tolist, pd.DataFrame])
    def test_what_is_no_tensor_gives_one_on_the_cpu(self, tensors, new, convert):
        expected = tensors.transform(new).numpy()
        assert_tensor(tensors.transform(convert(new)), expected)

    def test_a_default_device_is_not_asked(self, tensors, new):
        expected = tensors.transform(new).numpy()
        with torch.device("meta"):
            assert_tensor(tensors.transform(new), expected)


HALVES = [torch.bfloat16, torch.float16, torch.float8_e4m3fn]


class TestDtype:
    @parametrize("dtype", HALVES, ids=str)
    def test_half_precision_is_computed_and_given_in_float32(self, dense, X, dtype):
        half = torch.from_numpy(X).to(dtype)
        expected = dense().fit(half.float().numpy())
        model = dense().set_output(transform="torch").fit(half)
        codes = expected.transform(half.float().numpy())
        assert_tensor(model.transform(half), codes)
        half = torch.from_numpy(codes).to(dtype)
        rows = expected.inverse_transform(half.float().numpy())
        assert_tensor(model.inverse_transform(half), rows)

    @parametrize("dtype", [torch.int64, torch.uint8, torch.bool], ids=str)
    def test_whole_numbers_are_computed_in_float64(self, tensors, new, dtype):
        whole = torch.from_numpy(new * 10).to(dtype)
        expected = tensors.transform(whole.double()).numpy()
        assert expected.dtype == np.float64
        assert_tensor(tensors.transform(whole), expected)


class TestOtherTensors:
    @pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
    @parametrize("convert", [torch.Tensor.to_sparse, torch.Tensor.to_sparse_csr])
    def test_sparse_ones_are_refused(self, tensors, X, convert):
        for method in (tensors.fit, tensors.transform):
            with pytest.raises(TypeError, match=r"torch\.sparse_\w+ tensor.*scipy"):
                method(convert(torch.from_numpy(X)))

    def test_nested_ones_are_refused(self, tensors, X):
        rows = torch.from_numpy(X)
        nested = torch.nested.nested_tensor([rows, rows[:3]], layout=torch.jagged)
        with pytest.raises(TypeError, match=r"nested tensor.*to_padded_tensor"):
            tensors.transform(nested)

    def test_complex_ones_are_refused(self, tensors, X):
        with pytest.raises(ValueError, match="Complex data not supported"):
            tensors.transform(torch.from_numpy(X).to(torch.complex64))


def awkward(X):
    """Part of a graph, not contiguous, where numpy cannot look."""
    return torch.tensor(X.T.copy(), requires_grad=True).t() * 1.0


class TestEveryPlaceOfATensor:
    def test_clean_and_validation_rows(self, dense, X, new):
        for name, rows in (("X_clean", X * 0.9), ("X_val", new)):
            expected = dense().fit(X, **{name: rows}).transform(X)
            model = dense().fit(awkward(X), **{name: awkward(rows)})
            assert_array_equal(model.transform(X), expected)

    def test_parts_and_scores(self, dense, X):
        expected, model = dense(), dense()
        for _ in range(2):
            expected.partial_fit(X, X_clean=X * 0.9)
            model.partial_fit(awkward(X), X_clean=awkward(X * 0.9))
        assert_array_equal(model.transform(X), expected.transform(X))
        score = model.score(awkward(X), X_clean=awkward(X * 0.9))
        assert score == expected.score(X, X_clean=X * 0.9)

    def test_labels_and_weights(self, dense, X):
        y, weights = (X[:, 0] > X[:, 1]).astype(np.float32), X[:, 2]
        for predictor in (AutoencoderClassifier, AutoencoderRegressor):
            model = predictor(dense(), max_iter=2, random_state=0)
            expected = clone(model).fit(X, y)
            model.fit(awkward(X), torch.tensor(y).to(torch.bfloat16))
            assert_array_equal(model.predict(awkward(X)), expected.predict(X))
            result = model.score(awkward(X), awkward(y), awkward(weights))
            assert result == expected.score(X, y, weights)

    def test_cross_validation(self, dense, X):
        grid = {"n_components": [1, 2]}
        expected = GridSearchCV(dense(), grid, cv=2).fit(X)
        for Search in (GridSearchCV, AutoencoderSearchCV):
            search = Search(dense().set_output(transform="torch"), grid, cv=2)
            search.fit(torch.from_numpy(X))
            assert search.best_params_ == expected.best_params_
            codes = search.transform(torch.from_numpy(X))
            assert type(codes) is torch.Tensor
            assert type(search.inverse_transform(codes)) is torch.Tensor


class TestMoreMethods:
    def test_filled_rows(self, dense, X, new):
        model = dense(nan_policy="omit").fit(X)
        new[0, 1] = np.nan
        expected = model.impute(new)
        assert np.isfinite(expected).all()
        model.set_output(transform="torch")
        assert_tensor(model.impute(torch.from_numpy(new)), expected)

    def test_distributions_and_samples(self, variants, X, new):
        model = variants["variational"]().fit(X)
        expected = model.transform_distribution(new)
        drawn = model.sample(3, random_state=0)
        model.set_output(transform="torch")
        result = model.transform_distribution(torch.from_numpy(new))
        for tensor, array in zip(result, expected, strict=True):
            assert_tensor(tensor, array)
        assert_tensor(model.sample(3, random_state=0), drawn)

    def test_images_keep_their_shape(self, X):
        images = torch.from_numpy(X[:, :4].reshape(-1, 1, 2, 2))
        model = ConvolutionalAutoencoder(
            2, input_shape=(1, 2, 2), channels=(2,), max_iter=1, random_state=0
        ).fit(images)
        rows = model.reconstruct(images)
        model.set_output(transform="torch")
        assert_tensor(model.reconstruct(images), rows)
        assert_tensor(model.inverse_transform(model.transform(images)), rows)

    def test_padding_stays_padding(self, X):
        sequences = X.copy()
        sequences[::2, 3:] = -1.0
        model = AttentionAutoencoder(
            2, padding=-1.0, width=4, n_heads=2, n_layers=1, max_iter=1, random_state=0
        ).fit(sequences)
        rows = model.reconstruct(sequences)
        assert (rows[::2, 3:] == -1.0).all()
        model.set_output(transform="torch")
        assert_tensor(model.reconstruct(torch.from_numpy(sequences)), rows)

    def test_the_gradient_is_to_be_had_from_the_network(self, tensors, new):
        x = torch.tensor(new, requires_grad=True)
        network = tensors.network_
        codes = network.encode(x)
        assert torch.allclose(codes, tensors.transform(x), rtol=1e-12)
        torch.nn.functional.mse_loss(network.decode(codes), x.detach()).backward()
        assert x.grad.abs().min() > 0


class TestSetting:
    @parametrize(
        "copier",
        [copy.copy, copy.deepcopy, clone, lambda e: pickle.loads(pickle.dumps(e))],
        ids=["copy", "deepcopy", "clone", "pickle"],
    )
    def test_it_is_copied(self, tensors, copier, X):
        assert type(copier(tensors).fit(X).transform(X)) is torch.Tensor

    def test_a_clone_has_one_of_its_own(self, tensors, X):
        clone(tensors).set_output(transform="default")
        assert type(tensors.transform(X)) is torch.Tensor

    def test_it_can_be_taken_back(self, tensors, X):
        assert tensors.set_output(transform=None) is tensors
        assert type(tensors.transform(X)) is torch.Tensor
        assert type(tensors.set_output(transform="pandas").transform(X)) is pd.DataFrame
        assert type(tensors.reconstruct(X)) is np.ndarray
        assert type(tensors.set_output(transform="default").transform(X)) is np.ndarray

    def test_it_outdoes_the_global_one_and_leaves_it_alone(self, tensors, dense, X):
        with config_context(transform_output="pandas"):
            assert type(tensors.transform(X)) is torch.Tensor
            assert type(dense().fit_transform(X)) is pd.DataFrame
            assert type(StandardScaler().fit_transform(X)) is pd.DataFrame

    @parametrize("nothing", ["numpy", "tensor"])
    def test_others_are_refused_at_once(self, tensors, X, nothing):
        known = r"\['default', 'pandas', 'polars', 'torch'\]"
        with pytest.raises(ValueError, match=f"must be in {known}, got '{nothing}'"):
            tensors.set_output(transform=nothing)
        assert type(tensors.transform(X)) is torch.Tensor

    def test_scikit_learn_is_taught_nothing(self, tensors, X):
        scaler = StandardScaler().set_output(transform="torch")
        with pytest.raises(ValueError, match="output config must be in"):
            scaler.fit_transform(X)


class TestInAPipeline:
    def test_the_step_is_told(self, dense, X):
        plain = make_pipeline(StandardScaler(), dense()).fit(X)
        codes, rows = plain.transform(X), plain.inverse_transform(plain.transform(X))
        pipeline = make_pipeline(StandardScaler(), dense())
        pipeline[-1].set_output(transform="torch")
        assert_tensor(clone(pipeline).fit_transform(X), codes)
        assert_tensor(pipeline.fit(X).transform(torch.from_numpy(X)), codes)
        result = pipeline.inverse_transform(torch.from_numpy(codes))
        assert_array_equal(result, rows, strict=True)  # the scaler's, which are arrays

    def test_tensors_go_all_the_way_where_arrays_are_dispatched(self, X):
        pipeline = make_pipeline(StandardScaler(), LinearAutoencoder(2))
        expected = clone(pipeline).fit(X)
        expected = expected.inverse_transform(expected.transform(X))
        pipeline[-1].set_output(transform="torch")
        with config_context(array_api_dispatch=True):
            codes = pipeline.fit_transform(torch.from_numpy(X))
            rows = pipeline.inverse_transform(codes)
        assert type(codes) is type(rows) is torch.Tensor
        assert_allclose(rows.numpy(), expected, rtol=1e-9)

    def test_a_column_transformer_stacks_them_as_arrays(self, dense, X):
        columns = ColumnTransformer([("ae", dense(), [0, 1, 2])], remainder="scale")
        columns.set_params(remainder=StandardScaler())
        expected = clone(columns).fit_transform(X)
        columns.transformers[0][1].set_output(transform="torch")
        assert_array_equal(columns.fit_transform(X), expected, strict=True)


@parametrize(
    "lazy",
    [
        lambda X: da.from_array(X, chunks=(20, 5)),
        lambda X: dd.from_pandas(pd.DataFrame(X), npartitions=3),
    ],
    ids=["array", "frame"],
)
def test_lazy_rows_are_computed(tensors, X, lazy):
    for method in (tensors.transform, tensors.reconstruct):
        result = method(lazy(X))
        assert type(result) is torch.Tensor
        assert_allclose(result.numpy(), method(X).numpy(), rtol=1e-12)
