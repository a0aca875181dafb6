"""Files with random states and requests of metadata that no estimator has."""

import copy

import numpy as np
import pytest

import skae
from skae.persistence import ModelFormatError
from skae.persistence.files import seal, unseal

parametrize = pytest.mark.parametrize
pytestmark = pytest.mark.usefixtures("reads_within_bounds")


@parametrize(
    ("name", "value", "message"),
    [
        ("pos", 625, "stands nowhere"),
        ("pos", -1, "stands nowhere"),
        ("pos", 0.5, "not of the type int"),
        ("has_gauss", 2, "stands nowhere"),
        ("gauss", None, "not of the type float"),
        ("key", None, "not of the type ndarray"),
        ("key", {"array": "mean_"}, "another shape"),
        ("state", None, "other parts"),
        ("more", None, "other parts"),
    ],
)
def test_random_states_that_numpy_would_fall_over(name, value, message, path):
    X = np.random.default_rng(0).random((20, 6))
    rng = np.random.RandomState(0)
    skae.Autoencoder(max_iter=1, random_state=rng).fit(X).save(path)
    document, arrays = unseal(path.read_bytes())
    ((content,),) = [document["estimator"].values()]
    pairs = content["parameters"]["random_state"]["RandomState"]["dict"]
    inner = dict(pairs)["state"]["dict"]
    for holder in (pairs, inner):
        for pair in holder:
            if pair[0] == name:
                pair[1] = value
    if name == "more":
        pairs.append([name, value])
    path.write_bytes(seal(document, arrays))
    with pytest.raises(ModelFormatError, match=message):
        skae.load(path)


def test_requests_of_nothing_that_is_routed(sealed, path):
    for method, requests, message in [
        ("owner", {"dict": [["a", True]]}, "no metadata are routed to 'owner'"),
        ("fit", {"dict": [["X_val", "no identifier"]]}, "valid identifier"),
        ("fit", {"dict": [["X_val", 5]]}, "is not of the type"),
        ("fit", None, "is not of the type"),
    ]:
        document, arrays = copy.deepcopy(sealed["dense"])
        ((content,),) = [document["estimator"].values()]
        content["attributes"]["_metadata_request"] = {"dict": [[method, requests]]}
        path.write_bytes(seal(document, arrays))
        with pytest.raises(ModelFormatError, match=message):
            skae.load(path)
