"""Every variant as an ONNX graph: the same numbers as in Python."""

import inspect
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.persistence import to_onnx

QUICK = {
    "n_components": 3,
    "max_iter": 2,
    "batch_size": 20,
    "learning_rate_init": 1e-2,
    "early_stopping": False,
    "random_state": 0,
}
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}
ACTIVATIONS = ("gelu", "relu", "elu", "silu", "tanh", "logistic", "identity")
LIKELIHOODS = ("bernoulli", "poisson")


def quick(Estimator, **parameters):
    names = inspect.signature(Estimator).parameters
    known = {name: QUICK[name] for name in QUICK if name in names}
    return Estimator(**known | parameters)


def images(**parameters):
    given = {"input_shape": (2, 4, 3), "channels": (3, 4)} | parameters
    return quick(ConvolutionalAutoencoder, **given)


def sequences(**parameters):
    given = {"input_shape": (8, 3), "width": 8, "n_heads": 2, "n_layers": 2}
    return quick(AttentionAutoencoder, **given | parameters)


VARIANTS = {
    "linear": LinearAutoencoder(3),
    "linear, shrunk": LinearAutoencoder(3, weight_decay=0.1),
    "linear, descent": LinearAutoencoder(3, solver="adam", max_iter=3, random_state=0),
    "shallow": quick(Autoencoder, hidden_layer_sizes=()),
    "deep": quick(Autoencoder, hidden_layer_sizes=(12, 6)),
    "deep, tied": quick(Autoencoder, hidden_layer_sizes=(12, 6), tied_weights=True),
    "no path": quick(Autoencoder, linear_path=False, code_activation="tanh"),
    "logistic output": quick(Autoencoder, output_activation="logistic"),
    "denoising": quick(DenoisingAutoencoder, noise=0.1),
    "contractive": quick(ContractiveAutoencoder),
    "sparse, l1": quick(SparseAutoencoder, n_components=30),
    "sparse, kl": quick(SparseAutoencoder, penalty="kl"),
    "top-k": quick(TopKAutoencoder, n_components=40, k=5),
    "top-k, deep": quick(TopKAutoencoder, k=2, hidden_layer_sizes=(12,)),
    "variational": quick(VariationalAutoencoder),
    "stacked": quick(StackedAutoencoder, hidden_layer_sizes=(12, 6)),
    "convolutional": images(),
    "convolutional, variational": images(beta=1.0, kernel_size=4),
    "convolutional, no path": images(linear_path=False, activation="elu"),
    "attention": sequences(),
    "attention, sinusoidal": sequences(positions="sinusoidal", activation="silu"),
    "attention, no order": sequences(positions=None, linear_path=False),
    "attention, variational": sequences(beta=1.0),
    "gaps": quick(Autoencoder, nan_policy="omit"),
    "gaps, linear": LinearAutoencoder(3, nan_policy="omit"),
    "gaps, counts": quick(Autoencoder, nan_policy="omit", likelihood="poisson"),
    "gaps, convolutional": images(nan_policy="omit"),
    **{act: quick(Autoencoder, activation=act) for act in ACTIVATIONS},
    **{
        f"code {act}": quick(Autoencoder, code_activation=act, hidden_layer_sizes=(5,))
        for act in ACTIVATIONS
    },
    **{name: quick(Autoencoder, likelihood=name) for name in LIKELIHOODS},
    **{
        f"{name}, variational": quick(VariationalAutoencoder, likelihood=name)
        for name in LIKELIHOODS
    },
}
METHODS = ("transform", "inverse_transform", "reconstruct")


def rows(n=50, seed=0):
    """Rows of 24 entries in [0, 1], with something to learn."""
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(9).normal(size=(3, 24))
    return expit(rng.normal(size=(n, 3)) @ weights + 0.3 * rng.normal(size=(n, 24)))


def with_gaps(X, share=0.2):
    rng = np.random.default_rng(1)
    X = np.where(rng.random(X.shape) < share, np.nan, X)
    X[3] = np.nan
    return X


def shaken(estimator):
    """A fitted estimator with other weights, so that none of them is still zero."""
    rng = np.random.default_rng(2)
    weights = {
        name: weight
        + rng.normal(scale=0.3 * weight.shape[-1] ** -0.5, size=weight.shape)
        for name, weight in estimator._fitted.weights.items()
    }
    estimator._fitted = replace(estimator._fitted, weights=weights, _casts={})
    return estimator


def run(model, X):
    """Outputs of a graph that is in order, which gives single rows as it gives many."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    found = session.run(None, {name: X})
    declared = [output.shape for output in session.get_outputs()]
    assert declared == [[None, *output.shape[1:]] for output in found]
    for several, single in zip(found, session.run(None, {name: X[:1]}), strict=True):
        assert single.shape == (1, *several.shape[1:])
        if several.dtype.kind == "f":
            np.testing.assert_allclose(single, several[:1], rtol=1e-4, atol=1e-4)
    assert len(session.run(None, {name: X[:0]})[0]) == 0
    return found


def assert_agrees(estimator, X, method, dtype="float32", **options):
    """The graph of a method gives what the method gives."""
    X = np.asarray(X).astype(dtype)
    wanted = getattr(estimator, method)(X)
    (found,) = run(to_onnx(estimator, method=method, dtype=dtype, **options), X)
    assert found.dtype == wanted.dtype == dtype
    assert found.shape == wanted.shape
    size = max(1.0, np.nanmax(np.abs(wanted)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE[dtype] * size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant(name, dtype):
    X = with_gaps(rows()) if name.startswith("gaps") else rows()
    estimator = shaken(VARIANTS[name].fit(X[4:]))
    for method in METHODS:
        given = estimator.transform(X) if method == "inverse_transform" else X
        assert_agrees(estimator, given, method, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_images_of_their_own_shape(activation, dtype):
    X = rows().reshape(-1, 2, 4, 3)
    estimator = shaken(images(activation=activation, kernel_size=5).fit(X))
    for method in METHODS:
        given = estimator.transform(X) if method == "inverse_transform" else X
        assert_agrees(estimator, given, method, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("padding", [np.nan, -1.0])
def test_sequences_of_different_lengths(padding, dtype):
    X = rows().reshape(-1, 8, 3)
    for i, length in enumerate(np.random.default_rng(0).integers(1, 9, len(X))):
        X[i, length:] = padding
    X[5] = padding
    X[6, 0, 0] = padding  # a single entry
    estimator = shaken(sequences(padding=padding).fit(X))
    assert_agrees(estimator, X, "transform", dtype)
    assert_agrees(estimator, X, "reconstruct", dtype)
    assert_agrees(estimator, estimator.transform(X), "inverse_transform", dtype)


@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8])
@pytest.mark.parametrize(
    "estimator",
    [LinearAutoencoder(3), quick(Autoencoder)],
    ids=["linear", "dense"],
)
def test_rows_far_from_zero(estimator, offset):
    X = (rows() * 1e-3 * offset + offset).astype(np.float32)
    estimator.fit(X)
    for dtype in ("float32", "float64"):
        assert_agrees(estimator, X, "transform", dtype)
        assert_agrees(estimator, X, "reconstruct", dtype)


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_units_that_float32_only_just_holds(scale):
    X = rows().astype(np.float32) * np.float32(scale)
    estimator = quick(Autoencoder).fit(X)
    assert_agrees(estimator, X, "transform")
    for dtype in ("float32", "float64"):
        model = to_onnx(estimator, method="reconstruct", dtype=dtype)
        (found,) = run(model, X.astype(dtype))
        wanted = estimator.reconstruct(X.astype(dtype))
        np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=1e-5)


def test_rows_far_beyond_the_data():
    # The limit of what enters a first layer is the same.
    X = rows()
    estimator = shaken(quick(Autoencoder, hidden_layer_sizes=(12, 6)).fit(X))
    assert_agrees(estimator, 1e3 * X, "reconstruct")
    assert_agrees(estimator, -1e3 * X, "reconstruct", "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_entries_are_kept_alike(dtype):
    estimator = quick(TopKAutoencoder, n_components=40, k=5).fit(rows())
    weights = estimator._fitted.weights
    weights["encoder.0.weight"][10:] = 0.0
    weights["encoder.0.bias"][10:] = 9.0
    estimator._fitted._casts.clear()
    X = rows(seed=1)
    Z = estimator.transform(X)
    assert (np.flatnonzero(Z[0]) == [10, 11, 12, 13, 14]).all()
    assert_agrees(estimator, X, "transform", dtype)


@settings(max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 9), max_size=3),
    n_components=st.integers(1, 30),
    activation=st.sampled_from(ACTIVATIONS),
    code_activation=st.sampled_from(ACTIVATIONS),
    likelihood=st.sampled_from(["gaussian", *LIKELIHOODS]),
    linear_path=st.booleans(),
    tied_weights=st.booleans(),
    precision=st.sampled_from(["float32", "float64"]),
    dtype=st.sampled_from(["float32", "float64"]),
    method=st.sampled_from(METHODS),
)
def test_any_dense_network(sizes, n_components, dtype, method, **parameters):
    X = rows(20)
    estimator = quick(
        Autoencoder,
        n_components=n_components,
        hidden_layer_sizes=sizes,
        max_iter=1,
        **parameters,
    ).fit(X)
    shaken(estimator)
    given = estimator.transform(X) if method == "inverse_transform" else X
    assert_agrees(estimator, given, method, dtype)


@settings(max_examples=25)
@given(
    input_shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    channels=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    kernel_size=st.integers(1, 6),
    dtype=st.sampled_from(["float32", "float64"]),
    method=st.sampled_from(METHODS),
)
def test_images_of_any_size(input_shape, dtype, method, **parameters):
    X = np.random.default_rng(0).random((12, *input_shape))
    parameters |= {"input_shape": input_shape, "max_iter": 1}
    estimator = shaken(quick(ConvolutionalAutoencoder, **parameters).fit(X))
    given = estimator.transform(X) if method == "inverse_transform" else X
    assert_agrees(estimator, given, method, dtype)


LABELS = {
    "integers": np.arange(50) % 3,
    "two": np.arange(50) % 2 * 5,
    "truths": np.arange(50) % 2 == 0,
    "floats": (np.arange(50) % 3).astype(float),
    "large floats": np.array([16777217.0, 2.0**53 - 1, -3.0])[np.arange(50) % 3],
    "short floats": (np.arange(50) % 3).astype("f4"),
    "half floats": (np.arange(50) % 3).astype("f2"),
    "large integers": np.array([2**53 + 1, -(2**63)])[np.arange(50) % 2],
    "short integers": (np.arange(50) % 3).astype(np.uint8),
    "strings": np.array(["a", "bb", "c"])[np.arange(50) % 3],
    "objects": np.array(["a", "bb", "c"], dtype=object)[np.arange(50) % 3],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", LABELS)
def test_classifier(kind, dtype):
    X, y = rows(), LABELS[kind]
    model = AutoencoderClassifier(
        quick(Autoencoder),
        hidden_layer_sizes=(4,) if kind == "strings" else (),
        max_iter=2,
        random_state=0,
    ).fit(X, y)
    given = X.astype(dtype)
    labels, probabilities = run(to_onnx(model, dtype=dtype), given)
    assert labels.tolist() == model.predict(given).tolist()
    assert probabilities.dtype == dtype
    np.testing.assert_allclose(
        probabilities, model.predict_proba(given), rtol=0, atol=TOLERANCE[dtype]
    )
    assert_agrees(model, X, "transform", dtype)


def test_labels_of_mixed_kinds_are_refused():
    model = AutoencoderClassifier(quick(Autoencoder), max_iter=1)
    model.fit(rows(), LABELS["integers"])
    model.classes_ = np.array([0, "a", None], dtype=object)
    with pytest.raises(ValueError, match="Labels of ONNX are numbers"):
        to_onnx(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("labels", ["f2", "f4", "f8"])
def test_labels_between_integers_are_not_rounded(labels, dtype):
    # Such as scikit-learn has no name for; a classifier of one's own may have them.
    model = AutoencoderClassifier(quick(Autoencoder), max_iter=1, random_state=0)
    model.fit(rows(), LABELS["integers"])
    model.classes_ = np.array([0.1, 1 / 3, 16777.3], dtype=labels)
    given = rows().astype(dtype)
    found, _ = run(to_onnx(model, dtype=dtype), given)
    assert found.tolist() == model.predict(given).tolist()


WIDER_THAN_64_BITS = {"integers": np.array([0, 2**64 - 1], dtype=np.uint64)}
if np.dtype(np.longdouble).itemsize > 8:
    fine = 1 + np.finfo(np.longdouble).eps
    WIDER_THAN_64_BITS["floats"] = np.array([1, fine], dtype=np.longdouble)


@pytest.mark.parametrize("kind", WIDER_THAN_64_BITS)
def test_labels_that_would_be_rounded_are_refused(kind):
    model = AutoencoderClassifier(quick(Autoencoder), max_iter=1)
    model.fit(rows(), LABELS["two"])
    model.classes_ = WIDER_THAN_64_BITS[kind]
    with pytest.raises(ValueError, match=r"at most 64 bits.*Fit to other labels"):
        to_onnx(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [0, 1, 2])
def test_regressor(n_outputs, dtype):
    X = rows()
    y = X[:, 3] if n_outputs == 0 else 10.0 * X[:, :n_outputs] + 5.0
    model = AutoencoderRegressor(quick(Autoencoder), max_iter=2, random_state=0)
    model.fit(X, y)
    (found,) = run(to_onnx(model, dtype=dtype), X.astype(dtype))
    wanted = model.predict(X.astype(dtype)).reshape(len(X), -1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=10 * TOLERANCE[dtype])


def test_classifier_of_sequences_with_padding():
    X = rows().reshape(-1, 8, 3)
    X[::2, 5:] = -1.0
    model = AutoencoderClassifier(sequences(padding=-1.0), max_iter=2, random_state=0)
    model.fit(X, LABELS["integers"])
    given = X.astype(np.float32)
    labels, probabilities = run(to_onnx(model), given)
    np.testing.assert_array_equal(labels, model.predict(given))
    np.testing.assert_allclose(probabilities, model.predict_proba(given), atol=1e-5)


def test_the_library_of_the_products_does_not_matter(monkeypatch):
    estimator = quick(Autoencoder).fit(rows())
    before = to_onnx(estimator).SerializeToString()
    monkeypatch.setattr("skae.networks.products._LEAST_FLOPS", 0.0)
    monkeypatch.setattr("skae.networks.products._onednn_is_faster", lambda: True)
    assert to_onnx(estimator).SerializeToString() == before
