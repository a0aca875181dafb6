"""Checkpoints of something else: refused, with what it is that differs."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from skae import Autoencoder, AutoencoderClassifier, VariationalAutoencoder

FILE = "checkpoint.safetensors"
SHORT = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}


class TestAnotherFit:
    @pytest.fixture
    def cut(self, dense, X, tmp_path, killed_after):
        with killed_after(2):
            dense(checkpoint_dir=tmp_path).fit(X)
        return tmp_path

    CHANGES = [
        ("learning_rate_init", 0.5, "learning_rate_init was 0.01 and is 0.5"),
        ("max_iter", 9, "max_iter was 5 and is 9"),
        (
            "hidden_layer_sizes",
            [4, 2],
            r"hidden_layer_sizes was \(8,\) and is \(4, 2\)",
        ),
        ("random_state", 1, "random_state was 0 and is 1"),
        ("random_state", None, "random_state was 0 and is None"),
        ("precision", "float32", "precision was 'float64' and is 'float32'"),
    ]

    @pytest.mark.fault(100)
    @pytest.mark.parametrize(("name", "value", "said"), CHANGES)
    def test_of_other_parameters(self, dense, X, cut, name, value, said):
        content = (cut / FILE).read_bytes()
        with pytest.raises(ValueError, match=said) as error:
            dense(checkpoint_dir=cut, **{name: value}).fit(X)
        for words in ("another fit, which has not ended", "delete the file", str(cut)):
            assert words in str(error.value)
        assert (cut / FILE).read_bytes() == content

    @pytest.mark.fault(100)
    @pytest.mark.parametrize("place", [(0, 0), (59, 4)])
    def test_to_other_data(self, dense, X, cut, place):
        other = X.copy()
        other[place] = np.nextafter(other[place], 1)
        words = "X has the shape and the type that it had, but other numbers"
        with pytest.raises(ValueError, match=f"{words}.*with the same numbers"):
            dense(checkpoint_dir=cut).fit(other)

    def test_to_fewer_rows(self, dense, X, cut):
        with pytest.raises(
            ValueError,
            match=r"X was of shape \(60, 5\), float64 and is of shape \(59, 5\)",
        ):
            dense(checkpoint_dir=cut).fit(X[:59])

    def test_with_rows_to_judge_by(self, dense, X, cut):
        with pytest.raises(ValueError, match="X_val was not there and is of shape"):
            dense(checkpoint_dir=cut).fit(X, X_val=X[:9])

    def test_of_another_class(self, X, cut):
        other = VariationalAutoencoder(checkpoint_dir=cut)
        with pytest.raises(
            ValueError, match="class was Autoencoder and is Variational"
        ):
            other.fit(X)

    def test_of_a_warm_start_from_elsewhere(
        self, dense, X, tmp_path, killed_after, everything
    ):
        first, second = (dense(warm_start=True).fit(rows) for rows in (X, X[:30]))
        with killed_after(2):
            first.set_params(checkpoint_dir=tmp_path).fit(X)
        before = everything(second)
        with pytest.raises(ValueError, match="the fit before was"):
            second.set_params(checkpoint_dir=tmp_path).fit(X)
        assert everything(second) == before

    def test_of_other_labels(self, X, tmp_path, killed_after):
        model = AutoencoderClassifier(Autoencoder(2, **SHORT), checkpoint_dir=tmp_path)
        with killed_after(2):
            model.fit(X, X[:, 0] > 0.5)
        with pytest.raises(ValueError, match=r"y has the shape .* but other numbers"):
            model.fit(X, X[:, 0] > 0.4)
        with pytest.raises(ValueError, match="autoencoder__max_iter was 4 and is 9"):
            model.set_params(autoencoder__max_iter=9).fit(X, X[:, 0] > 0.5)

    def test_of_another_frozen_encoder(self, X, tmp_path, killed_after):
        y = X[:, 0] > 0.5
        frozen = [
            FrozenEstimator(Autoencoder(2, **SHORT).fit(rows)) for rows in (X, X[:40])
        ]
        with killed_after(2):
            AutoencoderClassifier(frozen[0], checkpoint_dir=tmp_path).fit(X, y)
        with pytest.raises(ValueError, match="the fit of autoencoder__estimator was"):
            AutoencoderClassifier(frozen[1], checkpoint_dir=tmp_path).fit(X, y)

    def test_by_another_version(self, dense, X, cut, monkeypatch):
        monkeypatch.setattr("skae.estimators.identity.__version__", "99.0")
        with pytest.raises(
            ValueError, match=r"the version of skae was .* and is 99\.0"
        ):
            dense(checkpoint_dir=cut).fit(X)

    def test_in_another_format(self, dense, X, cut, monkeypatch):
        monkeypatch.setattr("skae.training.checkpoints._FORMAT", 2)
        with pytest.raises(
            ValueError, match="format 1, and this version of skae reads"
        ):
            dense(checkpoint_dir=cut).fit(X)

    def test_that_is_damaged(self, dense, X, cut):
        content = bytearray((cut / FILE).read_bytes())
        content[-5] ^= 1
        (cut / FILE).write_bytes(content)
        with pytest.raises(ValueError, match=r"is damaged.*checksum"):
            dense(checkpoint_dir=cut).fit(X)

    def test_begins_where_the_file_was_deleted(self, dense, X, cut, everything):
        (cut / FILE).unlink()
        found = dense(checkpoint_dir=cut, max_iter=3).fit(X)
        assert everything(found) == everything(dense(max_iter=3).fit(X))
