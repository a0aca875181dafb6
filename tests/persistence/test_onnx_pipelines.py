"""Pipelines as one graph, what they are called, and what is refused."""

import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

import skae
from skae import (
    Autoencoder,
    AutoencoderClassifier,
    ConvolutionalAutoencoder,
    LinearAutoencoder,
)
from skae.persistence import to_onnx

QUICK = {"max_iter": 2, "early_stopping": False, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300], np.array([f"digit {label}" for label in y[:300]])


def autoencoder(n_components=5, **parameters):
    return Autoencoder(n_components, **QUICK | parameters)


def run(model, inputs):
    """Outputs of a graph that is in order."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if not isinstance(inputs, dict):
        inputs = {session.get_inputs()[0].name: inputs}
    return session.run(None, inputs)


def assert_predicts(model, X, dtype="float32"):
    X = X.astype(dtype)
    labels, probabilities = run(to_onnx(model, dtype=dtype), X)
    wanted = model.predict_proba(X)
    np.testing.assert_allclose(probabilities, wanted, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scaler_autoencoder_and_classifier(digits, dtype):
    X, y = digits
    model = make_pipeline(StandardScaler(), autoencoder(), LogisticRegression())
    assert_predicts(model.fit(X, y), X, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classifier_of_ours_at_the_end(digits, dtype):
    X, y = digits
    head = AutoencoderClassifier(autoencoder(), max_iter=2, random_state=0)
    assert_predicts(make_pipeline(StandardScaler(), head).fit(X, y), X, dtype)


def test_classifier_of_ours_in_front_of_others_encodes(digits):
    X, y = digits
    head = AutoencoderClassifier(autoencoder(), max_iter=2, random_state=0)
    model = make_pipeline(
        make_pipeline(make_pipeline("passthrough"), StandardScaler()),
        make_pipeline(None, head),
        LogisticRegression(max_iter=500),
    )
    assert_predicts(model.fit(X, y), X)


def test_pipeline_of_two_autoencoders_with_gaps(digits):
    X, _ = digits
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    model = make_pipeline(
        LinearAutoencoder(20, nan_policy="omit"), autoencoder(nan_policy="omit")
    ).fit(X)
    X = X.astype(np.float32)
    (code,) = run(to_onnx(model), X)
    wanted = model.transform(X)
    np.testing.assert_allclose(code, wanted, atol=1e-5 * np.abs(wanted).max())


def test_pipeline_reconstructs_what_its_last_step_sees(digits):
    X, _ = digits
    model = make_pipeline("passthrough", MinMaxScaler(), autoencoder()).fit(X)
    X = X.astype(np.float32)
    (found,) = run(to_onnx(model, method="reconstruct"), X)
    wanted = model[-1].reconstruct(model[:-1].transform(X))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_pipeline_of_one_step_decodes(digits):
    X, _ = digits
    model = make_pipeline("passthrough", autoencoder()).fit(X)
    Z = model.transform(X).astype(np.float32)
    (found,) = run(to_onnx(model, method="inverse_transform"), Z)
    wanted = model[-1].inverse_transform(Z)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_columns(digits):
    X, y = digits
    columns = ColumnTransformer(
        [("a", autoencoder(), slice(0, 32)), ("b", StandardScaler(), slice(32, 64))]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(X, y)
    assert_predicts(model, X)


def test_features_side_by_side(digits):
    X, y = digits
    union = FeatureUnion([("a", autoencoder()), ("b", LinearAutoencoder(3))])
    model = make_pipeline(union, LogisticRegression(max_iter=1000)).fit(X, y)
    assert_predicts(model, X)


def test_images_at_the_beginning(digits):
    X, y = digits
    images = X.reshape(-1, 1, 8, 8) / 16
    encoder = ConvolutionalAutoencoder(5, input_shape=(1, 8, 8), **QUICK)
    model = make_pipeline(encoder, LogisticRegression()).fit(images, y)
    assert_predicts(model, images)
    flat = to_onnx(model[0], initial_types=[("X", FloatTensorType([None, 64]))])
    rows = images.reshape(-1, 64).astype(np.float32)
    np.testing.assert_allclose(
        run(flat, rows)[0], model[0].transform(rows), atol=1e-5, rtol=1e-5
    )


def test_inputs_of_several_types(digits):
    X, _ = digits
    model = autoencoder().fit(X)
    types = [("a", FloatTensorType([None, 40])), ("b", Int64TensorType([None, 24]))]
    graph = to_onnx(model, initial_types=types)
    parts = {"a": X[:, :40].astype(np.float32), "b": X[:, 40:].astype(np.int64)}
    wanted = model.transform(X.astype(np.float32))
    np.testing.assert_allclose(run(graph, parts)[0], wanted, atol=1e-4)


def test_inputs_of_unknown_width(digits):
    X, _ = digits
    model = autoencoder().fit(X)
    types = [("a", FloatTensorType([None, None]))]
    (code,) = run(to_onnx(model, initial_types=types), X.astype(np.float32))
    np.testing.assert_allclose(code, model.transform(X), atol=1e-4)


def test_search_gives_its_best_estimator(digits):
    X, y = digits
    pipeline = make_pipeline(autoencoder(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2)
    assert_predicts(search.fit(X, y), X)


WITHOUT_PROBABILITIES = [
    LinearSVC(),
    SVC(),
    RidgeClassifier(),
    SGDClassifier(),
]


@pytest.mark.filterwarnings("ignore:Attribute `prob:FutureWarning")  # skl2onnx asks
@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("last", WITHOUT_PROBABILITIES, ids=repr)
def test_a_classifier_without_probabilities_gives_labels_alone(digits, last, n_classes):
    X, y = digits
    y = y if n_classes == 10 else np.where(y < "digit 5", "low", "high")
    model = make_pipeline(StandardScaler(), autoencoder(), clone(last)).fit(X, y)
    exported = to_onnx(model)
    assert [output.name for output in exported.graph.output] == ["label"]
    X = X.astype(np.float32)
    (labels,) = run(exported, X)
    np.testing.assert_array_equal(labels, model.predict(X))


def test_a_regressor_at_the_end(digits):
    X, _ = digits
    model = make_pipeline(StandardScaler(), autoencoder(), Ridge()).fit(X, X[:, 20])
    X = X.astype(np.float32)
    (found,) = run(to_onnx(model), X)
    np.testing.assert_allclose(found.ravel(), model.predict(X), atol=1e-4)


@pytest.mark.parametrize("last", [LogisticRegression(), RidgeClassifier(), Ridge()])
def test_predictors_of_others_predict_by_that_name(digits, last):
    X, y = digits
    y = X[:, 20] if isinstance(last, Ridge) else y
    model = make_pipeline(StandardScaler(), autoencoder(), last).fit(X, y)
    exported = to_onnx(model, method="predict")
    assert exported.SerializeToString() == to_onnx(model).SerializeToString()
    facts = {p.key: p.value for p in exported.metadata_props}
    assert facts["method"] == "predict"


def test_skl2onnx_alone_knows_the_estimators(digits):
    X, y = digits
    model = make_pipeline(StandardScaler(), autoencoder()).fit(X, y)
    X = X.astype(np.float32)
    (code,) = run(skl2onnx.to_onnx(model, X[:1]), X)
    np.testing.assert_allclose(code, model.transform(X), atol=1e-5)


def test_names_and_metadata(digits):
    X, _ = digits
    model = autoencoder().fit(X)
    graphs = {
        method: to_onnx(model, method=method).graph
        for method in ("transform", "inverse_transform", "reconstruct")
    }
    names = {
        method: (graph.input[0].name, graph.output[0].name)
        for method, graph in graphs.items()
    }
    assert names == {
        "transform": ("X", "code"),
        "inverse_transform": ("Z", "reconstruction"),
        "reconstruct": ("X", "reconstruction"),
    }
    weights = {tensor.name for tensor in graphs["transform"].initializer}
    assert {"encoder_0_weight", "encoder_0_bias", "encoder_1_weight"} <= weights
    facts = {p.key: p.value for p in to_onnx(make_pipeline(model)).metadata_props}
    assert facts["estimator"] == "Pipeline"
    assert facts["method"] == "transform"
    made = to_onnx(model, method="reconstruct")
    assert made.doc_string == f"Autoencoder, by skae {skae.__version__}"
    assert {p.key: p.value for p in made.metadata_props} == {
        "skae_version": skae.__version__,
        "estimator": "Autoencoder",
        "method": "reconstruct",
    }


def test_tied_weights_are_held_once(digits):
    X, _ = digits
    sizes = {
        tied: to_onnx(
            autoencoder(tied_weights=tied, linear_path=False).fit(X),
            method="reconstruct",
        ).ByteSize()
        for tied in (True, False)
    }
    assert sizes[True] < 0.7 * sizes[False]


def test_the_estimator_is_as_it_was(digits):
    X, _ = digits
    model = autoencoder().fit(X)
    before, attributes = model.transform(X), set(vars(model))
    to_onnx(model)
    assert set(vars(model)) == attributes
    np.testing.assert_array_equal(model.transform(X), before)


def test_an_estimator_that_was_loaded_gives_the_same_graph(digits, tmp_path):
    X, _ = digits
    model = autoencoder().fit(X)
    model.save(tmp_path / "model")
    loaded = skae.load(tmp_path / "model")
    assert to_onnx(loaded).SerializeToString() == to_onnx(model).SerializeToString()


def test_what_is_missing_of_the_method_is_said(digits):
    X, y = digits
    model = make_pipeline(StandardScaler(), autoencoder(), LogisticRegression())
    model.fit(X, y)
    with pytest.raises(
        ValueError, match=r"LogisticRegression: .* be one of 'predict'\."
    ):
        to_onnx(model, method="transform")
    with pytest.raises(ValueError, match="of StandardScaler: the method must be left"):
        to_onnx(model[:1], method="transform")
    with pytest.raises(ValueError, match="must be one of 'transform', 'inverse_tr"):
        to_onnx(model[1], method="predict")
    with pytest.raises(ValueError, match=r"the inverse of StandardScaler.*pipeline"):
        to_onnx(model[:2], method="inverse_transform")
    with pytest.raises(ValueError, match="no step that does anything"):
        to_onnx(make_pipeline("passthrough").fit(X))


def test_unfitted_estimators_are_refused(digits):
    X, y = digits
    for model in (autoencoder(), make_pipeline(StandardScaler(), autoencoder())):
        with pytest.raises(NotFittedError):
            to_onnx(model)
    broken = make_pipeline(autoencoder(), LogisticRegression()).fit(X, y)
    broken.steps[0] = ("autoencoder", autoencoder())
    with pytest.raises(NotFittedError, match="Autoencoder"):
        to_onnx(broken)


def test_types_and_versions_are_checked(digits):
    X, _ = digits
    model = autoencoder().fit(X)
    for dtype in (np.float64, np.dtype(np.float64)):
        (code,) = run(to_onnx(model, dtype=dtype), X)
        np.testing.assert_allclose(code, model.transform(X), atol=1e-9)
    with pytest.raises(ValueError, match=r"'float32' or 'float64'. Got 'float16'"):
        to_onnx(model, dtype="float16")
    with pytest.raises(ValueError, match=r"takes rows of 64 numbers, .* has 3"):
        to_onnx(model, initial_types=[("X", FloatTensorType([None, 3]))])
    with pytest.raises(ValueError, match="target_opset=17 is too low"):
        to_onnx(model, target_opset=17)
    images = ConvolutionalAutoencoder(2, input_shape=(1, 8, 8), **QUICK).fit(X)
    with pytest.raises(ValueError, match=r"takes rows of 64 numbers, .* has 63"):
        to_onnx(images, initial_types=[("X", FloatTensorType([None, 63]))])
    with pytest.raises(ValueError, match=r"shape \(8, 8, 1\).*X.transpose"):
        to_onnx(images, initial_types=[("X", FloatTensorType([None, 8, 8, 1]))])


@pytest.mark.parametrize("opset", range(18, 23))
def test_every_version_from_18_on(digits, opset):
    X, _ = digits
    model = autoencoder(activation="elu").fit(X)
    made = to_onnx(model, target_opset=opset, method="reconstruct")
    X = X.astype(np.float32)
    np.testing.assert_allclose(run(made, X)[0], model.reconstruct(X), atol=1e-4)


def test_first_step_that_does_not_know_its_features(digits):
    X, _ = digits
    model = make_pipeline(FunctionTransformer(), autoencoder()).fit(X)
    del model[0].n_features_in_
    with pytest.raises(ValueError, match="FunctionTransformer does not say how many"):
        to_onnx(model)
    types = [("rows", FloatTensorType([None, 64]))]
    (code,) = run(to_onnx(model, initial_types=types), X.astype(np.float32))
    np.testing.assert_allclose(code, model.transform(X), atol=1e-4)


def test_without_skl2onnx(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r'skl2onnx .* pip install "skae\[onnx\]"'):
        to_onnx(autoencoder().fit(digits[0]))


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, skae.persistence, skae.estimators; "
        "print({'onnx', 'skl2onnx', 'onnxruntime'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"
