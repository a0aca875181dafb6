"""What was saved is what is read: every attribute, every bit of every result."""

import copy
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

import skae
from skae import (
    Autoencoder,
    AutoencoderClassifier,
    DenoisingAutoencoder,
    LinearAutoencoder,
    StackedAutoencoder,
)

SHORT = {"max_iter": 2, "random_state": 0}
parametrize = pytest.mark.parametrize


@pytest.fixture
def X():
    """Rows: (40, 6)."""
    return np.random.default_rng(0).random((40, 6))


@pytest.fixture
def pair(made, kind, path):
    """An estimator, and the same from a file."""
    made(kind).save(path)
    return made(kind), skae.load(path)


def test_every_public_class_is_among_the_kinds(releases):
    saved = releases[-1].glob("*.skae")
    names = {type(skae.load(path)).__name__ for path in saved}
    assert names == {*skae._ESTIMATORS} - {"AutoencoderTransformer"}


class TestEveryKind:
    def test_all_that_it_holds_is_the_same(self, pair, assert_same):
        assert_same(*pair)

    def test_all_that_it_says_is_the_same(self, pair, outputs):
        said, again = map(outputs, pair)
        assert said.keys() == again.keys()
        for method, output in said.items():
            assert_array_equal(output, again[method], err_msg=method, strict=True)

    def test_float32_rows_too(self, pair, new_rows):
        X = new_rows(pair[0], 9).astype(np.float32)
        codes, again = (estimator.transform(X) for estimator in pair)
        assert_array_equal(codes, again, strict=True)

    def test_the_same_file_comes_of_the_copy(self, pair, path):
        content = path.read_bytes()
        pair[1].save(path)
        assert path.read_bytes() == content

    def test_it_is_cloned_and_fitted_as_ever(self, pair, new_rows, outputs):
        X = new_rows(pair[0], 40)
        y = np.resize(getattr(pair[0], "classes_", X), len(X))
        first, second = (clone(estimator).fit(X, y) for estimator in pair)
        again = outputs(second)
        for method, output in outputs(first).items():
            assert_array_equal(output, again[method], err_msg=method, strict=True)

    def test_partial_fit_goes_on_with_the_same_bits(self, pair, new_rows, assert_same):
        first, second = copy.deepcopy(pair[0]), pair[1]
        assert hasattr(first, "partial_fit") == hasattr(second, "partial_fit")
        if hasattr(first, "partial_fit"):
            for seed in (5, 6):
                X = new_rows(first, 20, seed)
                first.partial_fit(X)
                second.partial_fit(X)
        assert_same(first, second)


class TestParameters:
    @parametrize(
        "changes",
        [
            {"hidden_layer_sizes": np.array([4])},
            {"hidden_layer_sizes": [np.int64(4)], "n_components": np.int32(2)},
            {"learning_rate_init": np.float32(0.01), "shuffle": np.True_},
            {"n_iter_no_change": np.inf, "verbose": 0},
            {"random_state": np.random.RandomState(3)},
            {"random_state": None},
        ],
        ids=" ".join,
    )
    def test_of_any_type_come_back(self, changes, path, X, assert_same):
        fitted = Autoencoder(**SHORT | changes).fit(X)
        fitted.save(path)
        assert_same(fitted, skae.load(path))

    def test_a_random_state_goes_on(self, path, X):
        rng = np.random.RandomState(3)
        rng.normal()  # of which every second is kept for later
        fitted = Autoencoder(max_iter=1, random_state=rng).fit(X)
        fitted.save(path)
        drawn = skae.load(path).random_state.normal(size=700)
        assert_array_equal(drawn, rng.normal(size=700))

    def test_are_those_set_and_the_fit_is_that_of_before(self, path, X, assert_same):
        fitted = Autoencoder(**SHORT).fit(X).set_params(n_components=3)
        fitted.save(path)
        again = skae.load(path)
        assert_same(fitted, again)
        assert again.n_components == 3
        assert again.transform(X).shape == (40, 2)

    @pytest.mark.fault(97)
    def test_a_device_is_the_readers(self, path, X):
        fitted = AutoencoderClassifier(
            FrozenEstimator(StackedAutoencoder(**SHORT).fit(X)), max_iter=1
        ).fit(X, X[:, 0] > 0.5)
        stacked = fitted.autoencoder.estimator
        for autoencoder in (stacked, fitted.autoencoder_, *stacked.layers_):
            autoencoder.device = "cuda:7"
        fitted.save(path)
        for device in ("cpu", "auto"):
            again = skae.load(path, device=device)
            parts = again.autoencoder_, again.autoencoder.estimator
            assert {part.device for part in parts} == {device}
            assert {layer.device for layer in parts[0].layers_} == {device}
            assert_array_equal(again.predict(X), fitted.predict(X))

    @parametrize("device", ["cuda:99", "nonsense", "meta", 0, None])
    def test_a_device_must_be_there(self, device, small, path):
        small.save(path)
        with pytest.raises(ValueError, match="'device' parameter of load"):
            skae.load(path, device=device)

    def test_an_unfitted_autoencoder_as_a_parameter(self, path, X, assert_same):
        fitted = AutoencoderClassifier(
            DenoisingAutoencoder(2, **SHORT), unlabeled=np.nan, max_iter=1
        ).fit(X, np.where(X[:, 0] > 0.9, np.nan, X[:, 1] > 0.5))
        fitted.save(path)
        assert_same(fitted, skae.load(path))

    @parametrize(
        "y",
        [
            np.array([3, 1], dtype="<i2"),
            np.array([True, False]),
            np.array(["a", "längst"]),
            np.array(["a", "längst"], dtype=object),
            np.array([1.0, 2.0]),
        ],
        ids=lambda y: y.dtype.str,
    )
    def test_classes_of_any_type(self, y, path, X, assert_same):
        labels = y[(X[:, 0] > 0.5).astype(int)]
        fitted = AutoencoderClassifier(
            LinearAutoencoder(), fine_tune="head", random_state=0
        ).fit(X, labels)
        fitted.save(path)
        assert_same(fitted, skae.load(path))

    @parametrize("transform", ["default", "pandas", "polars", "torch"])
    def test_output_settings_come_back(self, transform, path, X, assert_same):
        fitted = Autoencoder(**SHORT).set_output(transform=transform).fit(X)
        fitted.save(path)
        again = skae.load(path)
        assert_same(fitted, again)
        assert type(again.transform(X)) is type(fitted.transform(X))

    def test_output_settings_and_requests_come_back(self, path, X, assert_same):
        with config_context(enable_metadata_routing=True):
            fitted = Autoencoder(**SHORT).set_fit_request(X_val=True, X_clean="clean")
            fitted.set_output(transform="pandas").fit(X).save(path)
            again = skae.load(path)
            assert_same(fitted, again)
            routing = again.get_metadata_routing()
            assert routing.fit.requests == {"X_val": True, "X_clean": "clean"}
        assert list(again.transform(X).columns) == ["autoencoder0", "autoencoder1"]


class TestRefusals:
    def test_without_a_fit_there_is_nothing_to_save(self, path):
        with pytest.raises(NotFittedError):
            Autoencoder().save(path)
        assert not path.exists()

    def test_classes_of_ones_own(self, path, X):
        class MyAutoencoder(Autoencoder):
            pass

        fitted = MyAutoencoder(**SHORT).fit(X)
        with pytest.raises(TypeError, match=r"MyAutoencoder .*joblib\.dump"):
            fitted.save(path)
        fitted = AutoencoderClassifier(fitted, max_iter=1).fit(X, X[:, 0] > 0.5)
        with pytest.raises(TypeError, match=r"In AutoencoderClassifier\.autoencoder"):
            fitted.save(path)
        assert not path.exists()

    @parametrize(
        ("name", "value"),
        [
            ("unlabeled", object()),
            ("unlabeled", 2**64),
            ("unlabeled", np.datetime64("2020-01-01")),
            ("class_weight", {0: np.array([1 + 1j])}),
            ("random_state", np.random.RandomState(np.random.PCG64(0))),
            ("hidden_layer_sizes", range(3, 4)),
            ("max_iter", -1),
        ],
    )
    def test_parameters_that_only_pickle_can_save(self, name, value, path, X):
        fitted = AutoencoderClassifier(LinearAutoencoder(), max_iter=1)
        fitted.fit(X, X[:, 0] > 0.5).set_params(**{name: value})
        with pytest.raises(TypeError, match=rf"(?s)In .*{name}.*joblib\.dump"):
            fitted.save(path)
        assert not path.exists()

    def test_a_list_in_itself(self, small, path):
        small.batch_size = []
        small.batch_size.append(small.batch_size)
        with pytest.raises(TypeError, match="without an end"):
            small.save(path)

    def test_attributes_of_ones_own(self, small, path):
        small.note = "mine"
        with pytest.raises(TypeError, match="attributes that fit does not set: note"):
            small.save(path)

    def test_callbacks(self, small, path):
        callback = pytest.importorskip("sklearn.callback")
        small.set_callbacks(callback.ProgressBar())
        with pytest.raises(TypeError, match=r"set_callbacks\(\) without any"):
            small.save(path)
        small.set_callbacks().save(path)
        assert_array_equal(skae.load(path).mean_, small.mean_)

    def test_a_fit_that_has_become_nonsense_is_not_written(self, small, path):
        small._fitted.weights["encoder.0.weight"][:] = np.nan
        with pytest.raises(TypeError, match="not finite"):
            small.save(path)
        assert not path.exists()


class TestTheFile:
    def test_is_one_of_safetensors(self, made, path):
        made("dense").save(path)
        arrays = safetensors.numpy.load_file(path)
        weights = made("dense")._fitted.weights
        for name, weight in weights.items():
            assert_array_equal(arrays[f"_fitted.weights.{name}"], weight, strict=True)

    def test_tells_the_versions(self, small, path, document_of):
        small.save(path)
        versions = document_of(path)["versions"]
        assert versions["skae"] == skae.__version__
        assert versions["numpy"] == np.__version__
        assert versions.keys() == {"skae", "numpy", "scikit-learn", "torch"}

    def test_has_each_array_once(self, made, path):
        made("regressor-of-frozen").save(path)
        arrays = safetensors.numpy.load_file(path)
        names = [name for name in arrays if name.endswith("components_")]
        assert names == ["autoencoder.estimator.components_"]

    def test_has_names_of_columns_in_every_script(self, path, X, assert_same):
        frame = pd.DataFrame(X, columns=['"', "\\", "ä\n", "\u2028", "", "sha256"])
        fitted = LinearAutoencoder().fit(frame)
        fitted.save(path)
        assert_same(fitted, skae.load(path))

    def test_is_as_small_as_its_arrays(self, path, X):
        wide = np.tile(X, 200)
        fitted = Autoencoder(**SHORT).fit(wide)
        fitted.save(path)
        weights = sum(w.nbytes for w in fitted._fitted.weights.values())
        assert path.stat().st_size < weights + 3 * 8 * 1200 + 8192

    def test_begins_with_the_length_of_its_header(self, small, path):
        small.save(path)
        content = path.read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        assert content[8:9] == b"{"
        assert content[7 + size : 8 + size] in (b"}", b" ")
        assert size % 8 == 0

    def test_what_is_too_large_for_a_header_is_refused(self, small, path):
        small.loss_curve_ = [0.5] * 2**21
        with pytest.raises(ValueError, match="too large for the header"):
            small.save(path)
        assert not path.exists()

    def test_can_be_anywhere_a_path_leads(self, small, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for path in ("model", Path("model.pt"), str(tmp_path / "a b.skae")):
            small.save(path)
            assert_array_equal(skae.load(path).mean_, small.mean_)
        assert {p.name for p in tmp_path.iterdir()} == {"model", "model.pt", "a b.skae"}
