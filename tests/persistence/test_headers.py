"""Headers with a right checksum that are no headers: refused, and cheaply."""

import json
import struct
import tracemalloc
from hashlib import sha256

import numpy as np
import pytest
import safetensors.numpy

import skae
from skae.persistence import ModelFormatError
from skae.persistence.files import FORMAT

parametrize = pytest.mark.parametrize


def refused(path):
    with pytest.raises(ModelFormatError) as found:
        skae.load(path)
    return str(found.value)


def sign(header, data=b""):
    """Content of a file with a text as its header, and the right checksum in it."""
    header = header.encode() + b" " * (-len(header.encode()) % 8)
    content = struct.pack("<Q", len(header)) + header + data
    return content.replace(b"0" * 64, sha256(content).hexdigest().encode())


def header_of(document, arrays="", sha="0" * 64):
    """Header with the text of a document, which may be no JSON."""
    text = f'{{"format":{FORMAT},"sha256":"{sha}"{document}}}'
    return f'{{"__metadata__":{{"skae":{json.dumps(text)}}}{arrays}}}'


def entry(dtype="F64", shape=(1,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


class TestHeaders:
    def test_the_signature_is_right(self, path):
        path.write_bytes(sign(header_of(',"a":1')))
        assert "checksum" not in refused(path)
        path.write_bytes(sign(header_of(',"a":1')).replace(b'"a', b'"b'))
        assert "checksum" in refused(path)

    @parametrize(
        "document",
        [
            *(',"a":NaN', ',"a":Infinity', ',"a":-Infinity', ',"a":1e999'),
            *(',"a":1,"a":1', ',"b":{"a":1,"a":2}', ',"format":1', ',"a":', ',"a":01'),
            *(',"a":18446744073709551616', ',"a":' + "9" * 5000, ",", ',"a":"\\x00"'),
            ',"a":' + "[" * 100_000 + "]" * 100_000,
            ',"a":' + '{"a":' * 50_000 + "1" + "}" * 50_000,
            "} trailing",
        ],
        ids=lambda document: document[:20],
    )
    def test_documents_that_are_not_strict_json(self, document, path):
        path.write_bytes(sign(header_of(document)))
        assert "not in order" in refused(path)

    def test_headers_that_are_not_strict_json(self, path):
        one = json.dumps(entry())
        for arrays in (f',"a":{one},"a":{one}', ',"a":NaN', ',"__metadata__":{}'):
            path.write_bytes(sign(header_of("", arrays), b"\0" * 8))
            assert "not in order" in refused(path)

    def test_a_header_with_more_values_than_fit(self, path):
        path.write_bytes(sign(header_of(',"a":[' + "[]," * 2_000_000 + "[]]")))
        tracemalloc.start()
        try:
            assert "more values" in refused(path)
            assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
        finally:
            tracemalloc.stop()

    def test_a_header_that_is_too_long(self, path):
        path.write_bytes(sign(header_of("") + " " * 2**26))
        assert "does not begin as one" in refused(path)

    @parametrize(
        "one",
        [
            *(entry("F4"), entry("BF16"), entry("C64", (1,)), entry(None), entry([])),
            *(5, None, [], "F64", {}, {"dtype": "F64"}),
        ],
    )
    def test_arrays_of_no_known_type(self, one, path):
        arrays = f',"a":{json.dumps(one)}'
        path.write_bytes(sign(header_of("", arrays), b"\0" * 8))
        assert ("no known type" if one != {"dtype": "F64"} else "fill") in refused(path)

    @parametrize(
        "arrays",
        [
            {"a": entry(), "b": entry()},
            {"a": entry(offsets=(0, 8)), "b": entry(offsets=(4, 12))},
            {"a": entry(offsets=(8, 16))},
            {"a": entry(offsets=(8, 0))},
            {"a": entry(offsets=(0, 80), shape=(10,))},
            {"a": entry(offsets=(0, 16))},
            {"a": entry(shape=(2,))},
            {"a": entry(shape=(2**62, 2**62))},
            {"a": entry(shape=(2**63, 2))},
            {"a": entry(shape=(-1,))},
            {"a": entry(shape=(1.5,))},
            {"a": entry(shape=("1",))},
            {"a": entry(offsets=(-8, 0))},
            {"a": entry(offsets=(0,))},
            {"a": entry(offsets=(0, 2**64 - 1))},
            {"a": {**entry(), "shape": 1}},
            {},
        ],
        ids=str,
    )
    def test_arrays_that_do_not_fill_the_file(self, arrays, path):
        text = "".join(f",{json.dumps(n)}:{json.dumps(e)}" for n, e in arrays.items())
        path.write_bytes(sign(header_of("", text), b"\0" * 16))
        assert "do not fill" in refused(path)

    def test_truth_values_that_are_neither(self, path):
        text = ',"a":' + json.dumps(entry("BOOL", (8,)))
        path.write_bytes(sign(header_of("", text), bytes([0, 1, 0, 1, 0, 1, 0, 2])))
        assert "no truth values" in refused(path)

    def test_a_document_without_a_checksum(self, path):
        text = json.dumps({"format": FORMAT, "a": 1})
        arrays = {"a": np.zeros(1)}
        path.write_bytes(safetensors.numpy.save(arrays, {"skae": text}))
        assert "checksum" in refused(path)

    @parametrize("sha", ["F" * 64, "", "0" * 63])
    def test_another_checksum(self, sha, path):
        path.write_bytes(sign(header_of("", sha=sha)))
        assert "checksum" in refused(path)
