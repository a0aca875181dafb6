"""Small files that would keep a reader busy, or fill its memory: refused, and soon."""

import copy
import json
import struct

import numpy as np
import pytest
import safetensors.numpy

import skae
from skae.persistence import ModelFormatError
from skae.persistence.files import seal, unseal

pytestmark = pytest.mark.usefixtures("reads_within_bounds")
parametrize = pytest.mark.parametrize

HUGE = 40 * 2**30


def refused(path):
    with pytest.raises(ModelFormatError) as found:
        skae.load(path)
    assert len(str(found.value)) < 2000
    return str(found.value)


def lengthen(path):
    """Let a file seem to go on, with a hole that takes no space."""
    with path.open("r+b") as file:
        file.truncate(HUGE)


@pytest.fixture
def network(releases):
    """Document and arrays of an autoencoder, and what stands for its fit."""
    document, arrays = unseal((releases[-1] / "attention.skae").read_bytes())
    attributes = document["estimator"]["AttentionAutoencoder"]["attributes"]
    return document, arrays, attributes["_fitted"]


@pytest.fixture
def sealed_linear(releases):
    """The same of a linear autoencoder."""
    document, arrays = unseal((releases[-1] / "linear.skae").read_bytes())
    attributes = document["estimator"]["LinearAutoencoder"]["attributes"]
    return document, arrays, attributes["_fitted"]


def deep(n, inner=1):
    for _ in range(n):
        inner = [inner]
    return inner


class TestLongFiles:
    @parametrize("start", [b"", b"PK", b"\xff" * 9, struct.pack("<Q", 2**40) + b"{"])
    def test_what_does_not_begin_as_a_file_of_skae(self, start, path):
        path.write_bytes(start)
        lengthen(path)
        assert "does not begin as one" in refused(path)

    def test_what_goes_on_behind_its_arrays(self, small, path):
        small.save(path)
        lengthen(path)
        assert "goes on behind them" in refused(path)

    def test_what_has_a_header_without_arrays(self, small, path):
        small.save(path)
        document, _ = unseal(path.read_bytes())
        path.write_bytes(seal(document, {}))
        lengthen(path)
        assert "goes on behind them" in refused(path)


class TestDeepDocuments:
    @parametrize("n", [300, *range(700, 840, 5)])
    def test_lists_in_place_of_a_fit(self, n, small, path, reseal):
        small.save(path)

        def sink(document, arrays):
            node = {"FittedAutoencoder": deep(n)}
            for _ in range(50):
                node = {"tuple": [node]}
            return {**document, "estimator": node}

        reseal(path, sink)
        assert "estimator" in refused(path) or "not in order" in refused(path)

    @parametrize("n", [100, 200, 300, 600, 900])
    @parametrize("place", ["scalar", "array"])
    def test_lists_in_place_of_a_name(self, place, n, small, path, reseal):
        small.save(path)
        told = {"scalar": [deep(n), 1], "array": {"name": deep(n)}}[place]

        def sink(document, arrays):
            return {**document, "estimator": {place: told}}

        reseal(path, sink)
        assert refused(path)

    @parametrize("n", [100, 300, 700, 800])
    @parametrize("name", ["format", "sha256"])
    def test_lists_in_place_of_what_is_read_first(self, name, n, path):
        text = json.dumps({"format": 1, "sha256": "0" * 64, name: deep(n)})
        path.write_bytes(safetensors.numpy.save({}, {"skae": text}))
        assert refused(path)

    @parametrize("n", [100, 300, 700, 800])
    def test_lists_in_place_of_the_type_of_an_array(self, n, path):
        text = json.dumps({"format": 1, "sha256": "0" * 64})
        header = {"__metadata__": {"skae": text}, "a": {"dtype": deep(n)}}
        header = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        assert refused(path)

    def test_a_reader_that_is_deep_in_calls_itself(self, small, path, reseal):
        small.save(path)

        def sink(document, arrays):
            return {**document, "estimator": {"FittedAutoencoder": deep(200)}}

        reseal(path, sink)

        def load(n):
            return skae.load(path) if n == 0 else load(n - 1)

        with pytest.raises(ModelFormatError):
            load(500)


class TestManyParts:
    @parametrize("n_layers", [1000, 100_000, 2**60])
    def test_networks_of_many_layers_and_no_weights(self, n_layers, network, path):
        document, arrays, fitted = network
        inside = fitted["FittedAutoencoder"]
        inside["network"]["AttentionNetwork"]["n_layers"] = n_layers
        inside["weights"] = {"dict": []}
        parts = document["estimator"]["AttentionAutoencoder"]["parameters"]
        parts["verbose"] = [copy.deepcopy(fitted) for _ in range(1000)]
        path.write_bytes(seal(document, arrays))
        assert "are not of AttentionNetwork" in refused(path)

    def test_networks_of_many_layers_and_as_many_weights(self, network, path):
        document, arrays, fitted = network
        inside = fitted["FittedAutoencoder"]
        inside["network"]["AttentionNetwork"]["n_layers"] = 1000
        names = [f"encoder.{i}.mix.weight" for i in range(1000)]
        arrays |= {name: np.zeros((3, 4)) for name in names}
        inside["weights"] = {"dict": [[name, {"array": name}] for name in names]}
        path.write_bytes(seal(document, arrays))
        with pytest.raises(ModelFormatError, match="are not of AttentionNetwork"):
            skae.load(path)

    def test_one_array_in_many_parts(self, sealed_linear, path):
        document, arrays, fitted = sealed_linear
        inside, n = fitted["FittedAutoencoder"], 300_000
        inside["network"]["DenseNetwork"].update(n_features=n, n_components=1)
        arrays |= {"row": np.zeros(n), "matrix": np.zeros((1, n)), "one": np.zeros(1)}
        row, matrix, one = ({"array": name} for name in ("row", "matrix", "one"))
        weights = {"encoder.0.weight": matrix, "decoder.0.weight": matrix}
        weights |= {"encoder.0.bias": one, "decoder.0.bias": row}
        inside["weights"] = {"dict": [list(pair) for pair in weights.items()]}
        inside["null_output"] = inside["scaling"]["Scaling"]["mean"] = row
        parts = document["estimator"]["LinearAutoencoder"]["parameters"]
        parts["verbose"] = [copy.deepcopy(fitted) for _ in range(10_000)]
        path.write_bytes(seal(document, arrays))
        assert "stands in too many places" in refused(path)
