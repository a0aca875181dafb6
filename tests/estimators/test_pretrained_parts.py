"""What the parts of a fit with a head hand each other: labels, layers, units."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils._param_validation import InvalidParameterError

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators.finetuning import FineTuning
from skae.networks import AttentionNetwork, ConvolutionalNetwork, DenseNetwork

parametrize = pytest.mark.parametrize

QUICK = {"max_iter": 3, "random_state": 0}
SEEDED = {"hidden_layer_sizes": (8,), "precision": "float64", **QUICK}


@pytest.fixture
def y(X):
    """Labels that the rows tell: (60,), of three classes."""
    return np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.7]))


@pytest.fixture
def few(y):
    """The same, with twenty rows that have a label."""
    return np.where(np.arange(60) % 3 == 0, y, -1)


def classifier(autoencoder=None, **changes):
    autoencoder = autoencoder or DenoisingAutoencoder(2, noise=0.1, **SEEDED)
    return AutoencoderClassifier(autoencoder, **QUICK | changes)


class TestAutoencoder:
    @parametrize("other", ["foo", PCA(2), Autoencoder], ids=str)
    def test_others_are_refused_by_fit_alone(self, X, y, other):
        model = classifier(other)
        assert not get_tags(model).input_tags.allow_nan
        assert "AutoencoderClassifier" in estimator_html_repr(model)
        with pytest.raises(InvalidParameterError, match="'autoencoder' parameter"):
            model.fit(X, y)


class TestLabels:
    def test_a_mark_that_became_a_string_is_no_class(self, X):
        labels = ["a", "b", "c", -1] * 15
        with pytest.raises(ValueError, match="numpy makes strings of all labels"):
            classifier(unlabeled=-1).fit(X, labels)

    def test_a_class_of_weight_zero_is_one(self, X, y):
        model = classifier(class_weight={2: 0.0}).fit(X, y)
        assert_array_equal(model.classes_, [0, 1, 2])
        assert model.predict_proba(X)[:, 2].max() < 0.5

    @parametrize("entry", [None, np.nan, pd.NA], ids=str)
    def test_missing_labels_may_be_missing_in_any_way(self, X, few, entry):
        words = np.array(["a", "b", "c"], dtype=object)[few]
        words[few == -1] = entry
        expected = classifier(unlabeled=-1).fit(X, few)
        for labels in (words, pd.Series(words, dtype="string")):
            model = classifier(unlabeled=np.nan).fit(X, labels)
            assert_array_equal(model.predict_proba(X), expected.predict_proba(X))

    def test_a_score_needs_a_label(self, X, few):
        model = classifier(unlabeled=-1).fit(X, few)
        with pytest.raises(ValueError, match="none to score by"):
            model.score(X, np.full(60, -1))

    def test_weights_of_rows_are_as_many_as_rows(self, X, few):
        model = classifier(unlabeled=-1).fit(X, few)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.score(X, few, sample_weight=np.ones(3))


def test_rows_to_judge_by_are_for_an_autoencoder_alone(X, y):
    with pytest.raises(TypeError, match="X_val"):
        classifier().fit(X, y, X_val=X)
    autoencoder = Autoencoder(2, **SEEDED).fit(X, X_val=X)
    model = AutoencoderClassifier(FrozenEstimator(autoencoder), **QUICK).fit(X, y)
    assert model.n_iter_ == 3


class TestLayers:
    @parametrize(
        ("network", "expected"),
        [
            (
                DenseNetwork(5, 2, (4,)),
                [{"encoder.0.weight", "encoder.0.bias"}, {"encoder.1.weight"}],
            ),
            (
                ConvolutionalNetwork((1, 6, 5), 2, (3, 4)),
                [
                    {"encoder.path.weight", "encoder.0.weight", "encoder.0.bias"},
                    {"encoder.1.weight", "encoder.1.bias"},
                    {"encoder.2.weight", "encoder.code.bias"},
                ],
            ),
        ],
        ids=["dense", "convolutional"],
    )
    def test_are_those_of_the_network(self, network, expected):
        assert [set(layer) for layer in network.encoder_layers()] == expected

    def test_of_a_transformer_are_its_blocks_and_both_ends(self):
        network = AttentionNetwork((5, 2), 2, width=4, n_heads=2, n_layers=3)
        layers = network.encoder_layers()
        assert len(layers) == 5
        names = [name for layer in layers for name in layer]
        wanted = [n for n in network.shapes() if n.startswith("encoder")]
        assert sorted(names) == sorted(wanted)
        assert "encoder.path.weight" in layers[0]
        assert "encoder.code.bias" in layers[-1]

    @parametrize("max_iter", [1, 2, 3, 7])
    def test_are_thawed_in_as_many_epochs_as_are_planned(self, X, y, max_iter):
        autoencoder = Autoencoder(2, **SEEDED | {"hidden_layer_sizes": (8, 4)})
        model = classifier(autoencoder, fine_tune="gradual", max_iter=max_iter)
        assert model.fit(X, y).n_iter_ == max_iter


class TestUnits:
    @parametrize("unit", [1e-6, 1e-2, 1e3, 1e6])
    @parametrize("hidden", [(), (4,)], ids=["linear head", "hidden layer"])
    @parametrize("Estimator", [Autoencoder, LinearAutoencoder])
    def test_of_rows_do_not_matter_to_fine_tuning(self, X, Estimator, hidden, unit):
        targets = X[:, :2] ** 2
        settings = {"hidden_layer_sizes": hidden, "C": 1e20, "max_iter": 20}

        def predicted(scale):
            model = AutoencoderRegressor(Estimator(2), random_state=0, **settings)
            return model.fit(X * scale, targets).predict(X * scale)

        assert_allclose(predicted(unit), predicted(1.0), atol=1e-3)


class TestTheAutoencoder:
    def test_fitted_anew_leaves_what_stands_on_it(self, X, y):
        autoencoder = Autoencoder(2, **SEEDED).fit(X)
        model = classifier(FrozenEstimator(autoencoder)).fit(X, y)
        expected = model.predict_proba(X)
        autoencoder.fit(X[:, :3])
        assert_array_equal(model.predict_proba(X), expected)
        assert model.autoencoder_.n_features_in_ == 5

    def test_that_was_fitted_before_is_taken_as_new(self, X, y):
        images = X[:, :4].reshape(-1, 1, 2, 2)
        settings = {"channels": (2,), **QUICK}
        autoencoder = ConvolutionalAutoencoder(2, input_shape=(1, 1, 4), **settings)
        autoencoder.fit(X[:, :4]).set_params(input_shape=(1, 2, 2))
        before = deepcopy(autoencoder.transform(X[:, :4]))
        assert classifier(autoencoder).fit(images, y).n_features_in_ == 4
        assert_array_equal(autoencoder.transform(X[:, :4]), before)

    def test_describes_itself_after_joint_training(self, X, y):
        settings = {"alpha": 1.0, "max_iter": 20}
        sparse = classifier(SparseAutoencoder(4, **QUICK), **settings).fit(X, y)
        model = sparse.autoencoder_
        added = model.inverse_transform(np.eye(4)) - model.inverse_transform(
            np.zeros((1, 4))
        )
        assert_allclose(model.components_, added, rtol=1e-6, atol=1e-9)

    def test_has_the_noise_of_its_draws(self, X, y):
        still = {"max_iter": 1, "learning_rate_init": 1e-12, "alpha": 1.0}
        autoencoder = VariationalAutoencoder(2, **SEEDED)
        model = classifier(autoencoder, **still).fit(X, y).autoencoder_
        expected = VariationalAutoencoder(2, **SEEDED).fit(X)
        assert_allclose(model.noise_variance_, expected.noise_variance_, rtol=0.1)
        assert_allclose(model.kl_per_component_, expected.kl_per_component_, rtol=1e-6)

    def test_has_noise_beside_padding(self, monkeypatch):
        """What salt and pepper are is known from the entries that are there."""
        seen = []
        see = FineTuning._see

        def spy(tuning, *arguments):
            see(tuning, *arguments)
            seen.append(tuning._objective._own._composition.corruption.of_all)

        monkeypatch.setattr(FineTuning, "_see", spy)
        X = np.random.default_rng(0).normal(size=(30, 6, 1))
        X[::2, 4:] = np.nan
        attention = AttentionAutoencoder(
            2,
            input_shape=(6, 1),
            width=4,
            n_heads=2,
            padding=np.nan,
            noise=0.1,
            corruption="salt_and_pepper",
            **QUICK,
        )
        classifier(attention).fit(X, np.arange(30) % 2)
        assert torch.isfinite(seen[0].salt).all()
        assert torch.isfinite(seen[0].pepper).all()

    def test_without_noise_is_refused_before_it_is_trained(self, X, y, capsys):
        autoencoder = Autoencoder(2, verbose=True, **SEEDED)
        with pytest.raises(ValueError, match="corrupts none"):
            classifier(autoencoder, consistency=1.0).fit(X, y)
        assert capsys.readouterr().out == ""
