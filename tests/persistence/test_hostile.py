"""Files with a right checksum and wrong content: refused, or possible estimators."""

import copy
import re
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import skae
from skae.persistence import ModelFormatError
from skae.persistence.files import seal

parametrize = pytest.mark.parametrize
pytestmark = pytest.mark.usefixtures("reads_within_bounds")


def refused(path):
    with pytest.raises(ModelFormatError) as found:
        skae.load(path)
    return str(found.value)


class Spot:
    """A node of a document, to be replaced."""

    def __init__(self, holder, key):
        self.holder, self.key = holder, key

    def put(self, value):
        self.holder[self.key] = value


def spots(node):
    """All nodes in a document."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, inner in list(pairs):
        yield Spot(node, key)
        if isinstance(inner, dict | list):
            yield from spots(inner)


NAMES = st.sampled_from(
    [
        *("tuple", "dict", "float", "scalar", "path", "array", "RandomState"),
        *("Autoencoder", "FrozenEstimator", "DenseNetwork", "Gaussian", "Scaling"),
        *("PlainCode", "ObservedLikelihood", "float64", "int8", "str", "nan", "mean_"),
        *("os.system", "", "encoder.0.weight", "_fitted.null_output"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64) + 1, 2**64 - 1),
    st.integers(-2, 7),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    NAMES,
)
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=2)
    ),
    max_leaves=6,
)


def use(estimator, X):
    """Apply an estimator, which may refuse rows: its numbers are possible ones."""
    with suppress(ValueError), np.errstate(all="ignore"):
        codes = estimator.transform(X)
        assert len(codes) == len(X)
        if hasattr(estimator, "predict"):
            assert len(estimator.predict(X)) == len(X)
        else:
            assert len(estimator.inverse_transform(codes)) == len(X)
            assert len(estimator.score_samples(X)) == len(X)


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_node_may_be_anything(data, sealed, tmp_path, new_rows):
    kind = data.draw(st.sampled_from(sorted(sealed)))
    document, arrays = copy.deepcopy(sealed[kind])
    nodes = list(spots(document["estimator"]))
    data.draw(st.sampled_from(nodes)).put(data.draw(NODES))
    path = tmp_path / "model.skae"
    path.write_bytes(seal(document, arrays))
    with suppress(ModelFormatError):
        estimator = skae.load(path)
        use(estimator, new_rows(estimator))


def inside(document, place):
    """Holder and key of a node by its place: ``_fitted.network.code``."""
    ((holder,),) = [document["estimator"].values()]
    first, *steps, key = ["attributes", *place.split(".")]
    holder = holder[first]
    for step in steps:
        holder = holder[step]
        if isinstance(holder, dict) and len(holder) == 1:
            ((holder,),) = [holder.values()]
    return holder, key


NETWORK, CODE = "_fitted.network.", "_fitted.network.code"


@parametrize(
    ("kind", "place", "value", "message"),
    [
        ("dense", "n_features_in_", 5, "not the number"),
        ("dense", "n_features_in_", "6", "not of the type int"),
        ("dense", "n_features_in_", True, "not of the type int"),
        ("dense", "n_iter_", -1, "not the number"),
        ("dense", "loss_", 1, "not of the type float"),
        ("dense", "loss_curve_", [0.5, None], "not of the type list"),
        ("dense", "loss_curve_", {"tuple": []}, "not of the type list"),
        ("dense", "_omitted", 0, "not of the type bool"),
        ("dense", "mean_", 0.5, "not of the type ndarray"),
        ("dense", "mean_", {"array": "_fitted.weights.decoder.1.bias"}, "shape"),
        ("dense", "mean_", {"array": "nothing"}, "has no array"),
        ("dense", "mean_", {"array": {"order": "C"}}, "do not tell what"),
        ("dense", "mean_", {"array": {"name": "mean_", "order": "K"}}, "Literal"),
        ("dense", "mean_", {"array": {"name": "mean_", "width": 6}}, "no texts"),
        ("dense", "mean_", {"array": 5}, "not of the type dict"),
        ("dense", "transform", 5, "knows nothing of transform"),
        ("dense", "__class__", 5, "knows nothing of __class__"),
        ("dense", "_fitted", None, "not of the type FittedAutoencoder"),
        ("dense", "_fitted.scaling", None, "not of the type Scaling"),
        ("dense", "_fitted.scaling.scale", 0.0, "no scale"),
        ("dense", "_fitted.scaling.scale", 1e200, "no scale"),
        ("dense", "_fitted.scaling.strange", 1, "has not the fields"),
        ("dense", "_fitted.noise_variance", -1.0, "no noise_variance"),
        ("dense", "_fitted.noise_variance", {"float": "nan"}, "no noise_variance"),
        ("dense", "_fitted.noise_variance", {"float": "many"}, "Literal"),
        ("dense", "_fitted.weights", {"dict": []}, "weights of the shapes {} are"),
        ("dense", "_fitted.weights", {"dict": [[1]]}, "a pair in a dictionary"),
        ("dense", "_fitted.weights", {"dict": [[1, 2], [1, 2]]}, "twice"),
        ("dense", "_fitted.weights", {"dict": [[[1], 2]]}, "Hashable"),
        ("dense", "_fitted.weights", {"dict": [[1, 2]]}, "not of the type dict"),
        ("dense", NETWORK + "n_features", 7, "are not of DenseNetwork"),
        ("dense", NETWORK + "n_components", 0, "sizes below 1"),
        ("dense", NETWORK + "hidden_layer_sizes", {"tuple": [0]}, "sizes below 1"),
        ("dense", NETWORK + "hidden_layer_sizes", {"tuple": [4, 4]}, "not of Dense"),
        ("dense", NETWORK + "hidden_layer_sizes", [4], "not of the type tuple"),
        ("dense", NETWORK + "activation", "eval", "no activation 'eval'"),
        ("dense", CODE, {"PlainCode": {"activation": "x"}}, "no activation 'x'"),
        ("dense", CODE, {"TopKCode": {"k": 3}}, "cannot be active"),
        ("dense", CODE, {"GaussianCode": {}}, "are not of DenseNetwork"),
        ("dense", CODE, {"Gaussian": {}}, "not of the type Code"),
        ("dense", CODE, {"PlainCode": {}, "TopKCode": {}}, "no such kind"),
        ("gaps", "_fitted.filler.noise", 0.0, "are impossible"),
        ("gaps", "_fitted.filler.bounds", {"tuple": [1.0, 0.0]}, "are impossible"),
        ("gaps", "_fitted.filler.bounds", {"tuple": [1.0]}, "not of the type tuple"),
        ("gaps", "_fitted.filler.loadings", {"array": "mean_"}, "different features"),
        ("dense", "classes_", {"array": "mean_"}, "where there must be one"),
        ("frame", "feature_names_in_", {"array": "mean_"}, "must be one of the shape"),
        ("parts", "_stream", {"Gaussian": {}}, "is not of the type"),
        ("parts", "_stream.first", {"array": "mean_"}, "not arrays of the shapes"),
        ("parts", "_stream.n_steps", -1, "negative counts"),
        ("linear-parts", "_stream.gram", {"array": "mean_"}, "moments are not those"),
        ("linear-parts", "_stream.n_samples", 0, "moments are not those"),
        ("convolutional", "_expects", {"tuple": [2, 1, 3]}, "samples of the shape"),
        ("convolutional", "_shape_of_a_sample", {"tuple": [7]}, "samples of the shape"),
        ("convolutional", "_shape_of_a_sample", {"tuple": [-1, -6]}, "samples of the"),
        ("convolutional", NETWORK + "kernel_size", 0, "sizes below 1"),
        ("convolutional", NETWORK + "channels", {"tuple": []}, "sizes below 1"),
        ("attention", NETWORK + "n_heads", 3, "do not fit"),
        ("attention", NETWORK + "n_layers", 2**60, "are not of Attention"),
        ("attention", NETWORK + "positions", "x", "no positions 'x'"),
        ("attention", "_fitted", {"Gaussian": {}}, "not of the type FittedAutoenc"),
        ("classifier", "autoencoder_", {"Gaussian": {}}, "not of the type BaseEst"),
        ("classifier", "classes_", {"array": "autoencoder_.mean_"}, "the shape"),
        ("classifier", "_head.network.n_components", 3, "are not of DenseNetwork"),
        ("regressor", "n_outputs_", 2, "not the number"),
        ("regressor-of-frozen", "_is_flat", True, "one column is not 2 outputs"),
        ("top-k", CODE, {"PlainCode": {}}, "not of the type TopKCode"),
        ("top-k", CODE, {"TopKCode": {"k": 1}}, "not the number"),
        ("top-k", "k_", 1, "not the number"),
        ("sparse", CODE, {"TopKCode": {"k": 1}}, "not of the type PlainCode"),
    ],
)
def test_what_a_part_refuses(kind, place, value, message, sealed, path):
    document, arrays = copy.deepcopy(sealed[kind])
    holder, key = inside(document, place)
    holder[key] = value
    path.write_bytes(seal(document, arrays))
    assert message in refused(path)


@parametrize(
    ("kind", "name", "value", "message"),
    [
        ("dense", "max_iter", -1, "'max_iter' parameter"),
        ("dense", "max_iter", {"scalar": ["int8", 300]}, "OverflowError|out of bounds"),
        ("dense", "max_iter", {"scalar": ["int8", 2.0]}, "is no int8"),
        ("dense", "max_iter", {"scalar": ["int8"]}, "no type of number"),
        ("dense", "max_iter", {"scalar": ["object", 2]}, "no type of number"),
        ("dense", "max_iter", {"scalar": 2}, "not of the type list"),
        ("dense", "tol", {"scalar": ["float32", 0.1]}, "out of the range of float32"),
        ("dense", "novelty", 1, "knows nothing of novelty"),
        ("dense", "likelihood", {"path": 5}, "not of the type str"),
        ("dense", "random_state", {"RandomState": {"dict": []}}, "other parts"),
        ("dense", "random_state", {"RandomState": 5}, "not of the type dict"),
        ("classifier", "autoencoder", {"FrozenEstimator": None}, "of the type Saving"),
        (
            *("classifier", "autoencoder"),
            {
                "DenoisingAutoencoder": {
                    "parameters": {},
                    "attributes": {"_sklearn_output_config": 5},
                }
            },
            "not of the type dict",
        ),
        ("classifier", "autoencoder", {"Gaussian": {}}, "'autoencoder' parameter"),
    ],
)
def test_what_a_parameter_refuses(kind, name, value, message, sealed, path):
    document, arrays = copy.deepcopy(sealed[kind])
    ((content,),) = [document["estimator"].values()]
    content["parameters"][name] = value
    path.write_bytes(seal(document, arrays))
    assert re.search(message, refused(path))


@parametrize(
    ("kind", "name", "array", "message"),
    [
        ("dense", "_fitted.weights.encoder.0.weight", np.float32("nan"), "not finite"),
        ("dense", "_fitted.null_output", np.float32("inf"), "not finite"),
        ("dense", "_fitted.scaling.mean", np.float64("nan"), "finite numbers"),
        ("dense", "_fitted.scaling.mean", np.float32(0), "is not of the type"),
        ("dense", "_fitted.null_output", np.float16(0), "float32 or float64"),
        ("dense", "mean_", np.int64(0), "must be one of the shape"),
        ("gaps", "_fitted.filler.mean", np.float64("inf"), "not finite"),
        ("parts", "_stream.weights", np.float32("nan"), "not of finite numbers"),
        ("linear-parts", "_stream.gram", np.float64("inf"), "finite numbers"),
        ("linear-parts", "_stream.gram", np.float32(0), "finite numbers"),
        ("classifier", "classes_", np.uint32(0x110000), "no characters"),
        ("classifier", "classes_", np.float32(0), "no texts"),
    ],
)
def test_what_an_array_may_not_hold(kind, name, array, message, sealed, path):
    document, arrays = copy.deepcopy(sealed[kind])
    arrays[name] = np.full(arrays[name].shape, array)
    path.write_bytes(seal(document, arrays))
    assert message in refused(path)


@parametrize("name", ["_fitted.null_output", "_fitted.scaling.mean"])
def test_arrays_of_other_lengths(name, sealed, path):
    document, arrays = copy.deepcopy(sealed["dense"])
    arrays[name] = arrays[name][1:].copy()
    path.write_bytes(seal(document, arrays))
    assert "null_output and mean are not of 6 features" in refused(path)


def test_a_filler_of_another_length(sealed, path):
    document, arrays = copy.deepcopy(sealed["gaps"])
    for name in ("_fitted.filler.mean", "_fitted.filler.loadings"):
        arrays[name] = arrays[name][..., 1:].copy()
    path.write_bytes(seal(document, arrays))
    assert "what fills gaps is not of 6 features" in refused(path)


def test_an_array_that_nothing_asks_for(sealed, path):
    document, arrays = copy.deepcopy(sealed["dense"])
    path.write_bytes(seal(document, {**arrays, "more": np.zeros(2)}))
    assert "nothing knows of the arrays ['more']" in refused(path)


def test_an_array_that_is_missing(sealed, path):
    document, arrays = copy.deepcopy(sealed["dense"])
    del arrays["mean_"]
    path.write_bytes(seal(document, arrays))
    assert "the file has no array 'mean_'" in refused(path)


@parametrize("kind", ["dense", "linear", "convolutional", "attention", "classifier"])
def test_a_fit_that_lacks_something(kind, sealed, path):
    whole, arrays = sealed[kind]
    for name in ("n_features_in_", "n_iter_", "_fitted", "_encoder", "autoencoder_"):
        document = copy.deepcopy(whole)
        ((content,),) = [document["estimator"].values()]
        if content["attributes"].pop(name, None) is not None:
            path.write_bytes(seal(document, arrays))
            assert f"lacks {name}" in refused(path)


def test_no_fit_at_all(sealed, path):
    document, _ = copy.deepcopy(sealed["dense"])
    ((content,),) = [document["estimator"].values()]
    content["attributes"] = {}
    path.write_bytes(seal(document, {}))
    assert "not fitted yet" in refused(path)


@parametrize(
    "change",
    [
        lambda document: document.update(estimator=None),
        lambda document: document.update(estimator={"Gaussian": {}}),
        lambda document: document.update(estimator=[]),
        lambda document: document.update(versions=None),
        lambda document: document.update(versions={"skae": 1}),
        lambda document: document.update(more={}),
        lambda document: document.pop("estimator"),
        lambda document: document.pop("versions"),
        lambda document: document["estimator"]["Autoencoder"].update(more={}),
        lambda document: document["estimator"].update(Autoencoder=[]),
    ],
)
def test_documents_of_another_shape(change, sealed, path):
    document, _ = copy.deepcopy(sealed["dense"])
    change(document)
    path.write_bytes(seal(document, {}))
    assert refused(path)


def test_a_network_of_another_class(sealed, path):
    document, _ = copy.deepcopy(sealed["attention"])
    dense, arrays = sealed["dense"]
    parts = document["estimator"]["AttentionAutoencoder"]["attributes"]
    parts["_fitted"] = dense["estimator"]["Autoencoder"]["attributes"]["_fitted"]
    path.write_bytes(seal(document, arrays))
    assert "is not of the type" in refused(path)


@parametrize(
    ("kind", "other", "wanted"),
    [
        ("variational", "dense", "GaussianCode"),
        ("dense", "variational", "PlainCode"),
        ("linear", "top-k", "PlainCode"),
        ("top-k", "sparse", "TopKCode"),
    ],
)
def test_a_code_of_another_class(kind, other, wanted, sealed, path):
    document, arrays = copy.deepcopy(sealed[kind])
    ((content,),) = [document["estimator"].values()]
    another, others = copy.deepcopy(sealed[other])
    ((source,),) = [another["estimator"].values()]
    content["attributes"] |= source["attributes"]
    path.write_bytes(seal(document, arrays | others))
    assert f"not of the type {wanted}" in refused(path)


def test_an_encoder_that_is_not_the_autoencoders(sealed, path):
    document, arrays = copy.deepcopy(sealed["classifier"])
    dense, others = sealed["deep-tied"]
    parts = document["estimator"]["AutoencoderClassifier"]["attributes"]
    parts["_encoder"] = dense["estimator"]["Autoencoder"]["attributes"]["_fitted"]
    path.write_bytes(seal(document, others | arrays))
    assert "not that of the autoencoder" in refused(path)


@parametrize("n_axes", [0, 7])
def test_a_filler_of_an_impossible_rank(n_axes, sealed, path):
    document, arrays = copy.deepcopy(sealed["gaps"])
    arrays["_fitted.filler.loadings"] = np.ones((n_axes, 6))
    path.write_bytes(seal(document, arrays))
    assert f"{n_axes} axes of 6 features are impossible" in refused(path)
