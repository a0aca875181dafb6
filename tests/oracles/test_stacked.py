"""Greedy layer by layer is the shallow autoencoders, stacked by hand."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal

from skae import Autoencoder, StackedAutoencoder

SETTINGS = {
    "activation": "tanh",
    "max_iter": 5,
    "learning_rate_init": 1e-2,
    "early_stopping": False,
    "random_state": 0,
}
SIZES = (8, 6)

KINDS = {
    "default": {},
    "float64": {"precision": "float64"},
    "path": {"linear_path": True},
    "code": {"code_activation": "logistic"},
    "folds": {"early_stopping": "auto"},
    "split": {"early_stopping": True, "validation_fraction": 0.3},
    "bernoulli": {"likelihood": "bernoulli"},
    "logistic": {"output_activation": "logistic"},
    "poisson": {"likelihood": "poisson", "weight_decay": 1e-3},
}
every_kind = pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)


def shares(n=60, seed=0):
    return np.random.default_rng(seed).beta(0.5, 0.5, size=(n, 7))


def stacked(**changes):
    return StackedAutoencoder(3, hidden_layer_sizes=SIZES, **SETTINGS | changes)


def shallow_ones(X, **changes):
    """What the layers are to be, each trained on the code of the one before."""
    settings = {"linear_path": False} | SETTINGS | changes
    code = settings.pop("code_activation", "identity")
    of_the_output = {
        name: settings.pop(name)
        for name in ("likelihood", "output_activation")
        if name in settings
    }
    layers = []
    for size, act in zip((*SIZES, 3), ["tanh", "tanh", code], strict=True):
        layer = Autoencoder(
            size,
            hidden_layer_sizes=(),
            code_activation=act,
            **settings,
            **of_the_output,
        ).fit(X)
        layers.append(layer)
        X, of_the_output = layer.transform(X), {}
    return layers


@every_kind
@pytest.mark.parametrize("fine_tune", [True, False])
def test_layers_are_the_shallow_autoencoders_bit_for_bit(settings, fine_tune):
    fitted = stacked(fine_tune=fine_tune, **settings).fit(shares())
    expected = shallow_ones(shares(), **settings)
    assert len(fitted.layers_) == 3
    for layer, other in zip(fitted.layers_, expected, strict=True):
        assert layer.loss_curve_ == other.loss_curve_
        assert layer.n_features_in_ == other.n_features_in_
        for name, weight in other._fitted.weights.items():
            assert_array_equal(layer._fitted.weights[name], weight, err_msg=name)


@every_kind
def test_untuned_network_encodes_as_the_chain_of_its_layers(settings):
    settings = settings | {"precision": "float64", "fine_tune": False}
    fitted = stacked(**settings).fit(shares())
    Z = new = shares(20, seed=1)
    for layer in fitted.layers_:
        Z = layer.transform(Z)
    assert_allclose(fitted.transform(new), Z, rtol=1e-12, atol=1e-12)


def entering(layer, X):
    """What enters the code of a shallow autoencoder, before its activation."""
    fitted = layer._fitted
    scaled = (X - fitted.scaling.mean) / fitted.scaling.scale
    weights = fitted.weights
    return scaled @ weights["encoder.0.weight"].T + weights["encoder.0.bias"]


def test_inner_decoders_are_least_squares_fits_to_what_enters_the_activations():
    X = shares() * 30.0 + 7.0
    fitted = stacked(precision="float64", fine_tune=False).fit(X)
    layers, codes = fitted.layers_, [X]
    for layer in layers:
        codes.append(layer.transform(codes[-1]))
    Z = new = np.random.default_rng(0).normal(size=(20, 3))
    for i in (2, 1):
        design = np.column_stack([codes[i + 1], np.ones(len(X))])
        found = np.linalg.lstsq(design, entering(layers[i - 1], codes[i - 1]))[0]
        Z = np.tanh(Z @ found[:-1] + found[-1])
    expected = layers[0].inverse_transform(Z)
    assert_allclose(fitted.inverse_transform(new), expected, rtol=1e-8)


def test_layers_see_arrays_whatever_the_global_output():
    with sklearn.config_context(transform_output="pandas"):
        fitted = stacked().fit(shares())
    expected = stacked().fit(shares())
    assert_array_equal(fitted.transform(shares()), expected.transform(shares()))
    assert not any(hasattr(layer, "feature_names_in_") for layer in fitted.layers_)


def test_untuned_network_of_float32_is_the_chain_up_to_rounding():
    fitted = stacked(fine_tune=False).fit(shares())
    Z = new = shares(20, seed=1).astype(np.float32)
    for layer in fitted.layers_:
        Z = layer.transform(Z)
    assert fitted.transform(new).dtype == np.float32
    assert_allclose(fitted.transform(new), Z, rtol=1e-6, atol=1e-6)


def test_untuned_network_is_reported_on_as_if_it_had_been_trained():
    X = shares() * 30.0 + 7.0
    fitted = stacked(fine_tune=False, precision="float64").fit(X)
    assert fitted.loss_ == pytest.approx(fitted.reconstruction_error(X).mean())
    assert fitted.loss_ == fitted.best_loss_ == fitted.noise_variance_
    assert fitted.loss_curve_ == [fitted.loss_]
    assert fitted.validation_loss_curve_ == []
    assert (fitted.n_iter_, fitted.best_iteration_) == (1, 0)
    assert_allclose(fitted.mean_, X.mean(axis=0))


def test_tuning_starts_where_the_layers_have_ended():
    X, settings = shares(), {"precision": "float64", "linear_path": True}
    tuned, still = (
        stacked(fine_tune=kind, **settings).fit(X) for kind in (True, False)
    )
    assert tuned.loss_ < still.loss_
    settings |= {"learning_rate_init": 1e-300, "max_iter": 1}
    tuned, still = (
        stacked(fine_tune=kind, **settings).fit(X) for kind in (True, False)
    )
    assert_allclose(tuned.transform(X), still.transform(X), rtol=1e-12, atol=1e-12)
    assert tuned.loss_ == pytest.approx(still.loss_, rel=1e-12)


@pytest.mark.parametrize("linear_path", [True, False])
def test_the_whole_has_no_path(linear_path):
    fitted = stacked(linear_path=linear_path).fit(shares())
    assert not fitted._fitted.network.has_path
    shapes = {name: w.shape for name, w in fitted._fitted.weights.items()}
    assert shapes["encoder.0.weight"] == shapes["decoder.0.weight"] == (8, 7)


def test_without_hidden_layers_it_is_a_single_layer():
    settings = SETTINGS | {"precision": "float64", "hidden_layer_sizes": ()}
    fitted = StackedAutoencoder(3, fine_tune=False, **settings).fit(shares())
    expected = Autoencoder(3, linear_path=False, **settings).fit(shares())
    assert len(fitted.layers_) == 1
    assert_array_equal(fitted.transform(shares()), expected.transform(shares()))


def test_validation_rows_are_encoded_for_every_layer():
    X, new = shares(), shares(20, seed=1)
    fitted = stacked(precision="float64").fit(X, X_val=new)
    for layer in fitted.layers_:
        assert len(layer.validation_loss_curve_) == layer.n_iter_
        error = layer.reconstruction_error(new).mean()
        assert layer.best_loss_ == pytest.approx(error, rel=1e-6)
        new = layer.transform(new)


def test_warm_start_goes_on_with_the_whole():
    fitted = stacked(warm_start=True, precision="float64").fit(shares())
    layers, before = fitted.layers_, fitted.reconstruct(shares())
    fitted.set_params(learning_rate_init=1e-300, max_iter=1).fit(shares())
    assert_allclose(fitted.reconstruct(shares()), before, rtol=1e-12)
    assert fitted.layers_ is layers


def test_clean_rows_are_refused():
    with pytest.raises(ValueError, match="StackedAutoencoder takes no X_clean"):
        stacked().fit(shares(), X_clean=shares())


def test_verbose_tells_of_every_layer(capsys):
    stacked(verbose=True).fit(shares())
    lines = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    epochs = [f"Iteration {i}" for i in range(1, 6)]
    assert lines == [
        *["Layer 1 of 3: 7 to 8", *epochs],
        *["Layer 2 of 3: 8 to 6", *epochs],
        *["Layer 3 of 3: 6 to 3", *epochs],
        *epochs,
    ]


def test_a_random_state_gives_every_layer_the_same_seed():
    state, seed = np.random.RandomState(3), np.random.RandomState(3).randint(2**31)
    drawn, told = (stacked(random_state=s).fit(shares()) for s in (state, seed))
    for layer, other in zip(drawn.layers_, told.layers_, strict=True):
        assert layer.loss_curve_ == other.loss_curve_
