"""Files that were cut off, flipped, or never were any: all refused, none executed."""

import os
import pickle
import re
import struct
from pathlib import Path

import joblib
import numpy as np
import pytest
import safetensors.numpy
from numpy.testing import assert_array_equal

import skae
from skae import LinearAutoencoder
from skae.persistence import ModelFormatError

PATTERNS = (0x01, 0x20, 0x80, 0xFF)
"""Which bits of a byte are flipped: the lowest, that of the case, the highest, all."""


@pytest.fixture
def content(small, path):
    """Content of a small file."""
    small.save(path)
    content = path.read_bytes()
    assert len(content) < 4096
    return content


def refused_as_damaged(path):
    """See the file refused, and the advice that ends what is said."""
    said = refused(path)
    is_newer = re.search(r"version \d+ of the format, .* install a newer skae", said)
    assert is_newer or said.endswith(
        " The file is damaged, or none of skae's: copy it again from where it is whole."
    )


def headed(header):
    """Content that is a header alone."""
    return struct.pack("<Q", len(header)) + header


def refused(path, content=None):
    """Write the content, unless it is there, and see the file refused; what is said."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFormatError) as found:
        skae.load(path)
    assert str(path) in str(found.value)
    return str(found.value)


# The file stays open: opening it to write takes longer than refusing it.


@pytest.mark.fault(94)
def test_truncation_at_every_byte(content, path):
    with path.open("r+b", buffering=0) as file:
        for length in reversed(range(len(content))):
            file.truncate(length)
            refused_as_damaged(path)
    assert path.read_bytes() == b""


@pytest.mark.fault(95)
def test_every_byte_flipped(content, path):
    with path.open("r+b", buffering=0) as file:
        for place, byte in enumerate(content):
            for pattern in (*PATTERNS, 0):
                file.seek(place)
                file.write(bytes([byte ^ pattern]))
                if pattern:
                    refused_as_damaged(path)
    assert path.read_bytes() == content


def test_bytes_added(content, path):
    for more in (b"\0", b" ", content):
        refused(path, content + more)
        refused(path, more + content)


def test_bytes_left_out(content, path):
    for place in range(0, len(content), 40):
        refused(path, content[:place] + content[place + 1 :])


def test_parts_exchanged(content, path):
    half = len(content) // 2
    refused(path, content[half:] + content[:half])
    refused(path, content[::-1])


def test_the_whole_file_is_read(content, path, small):
    path.write_bytes(content)
    assert_array_equal(skae.load(path).components_, small.components_)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0", b"\0" * 8, b"\xff" * 100, b"{}", b"skae", b"PK\3\4" + b"\0" * 99),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 9) + b"{}",
        *map(
            headed,
            [
                *(b"{}", b"{}  ", b"{x}", b"[]", b'{"a":"\xff\xff\xff"}'),
                b'{"__metadata__":17}',
                b'{"__metadata__":{}}',
                b'{"__metadata__":{"skae":"5"}}',
                b'{"__metadata__":{"skae":"[1]"}}',
                b'{"__metadata__":{"skae":5}}',
                b'{"__metadata__":{"skae":"{}"}}',
            ],
        ),
    ],
)
def test_what_never_was_a_model(content, path):
    refused(path, content)


def test_another_safetensors_file(path):
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    assert "no estimator of skae" in refused(path)
    safetensors.numpy.save_file({"a": np.zeros(3)}, path, metadata={"format": "pt"})
    assert "no estimator of skae" in refused(path)


class Exploit:
    """Makes a file as soon as it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.fault(96)
def test_a_malicious_pickle_is_refused_unopened(path, small, tmp_path, reseal):
    trap = tmp_path / "trap"
    bad = pickle.dumps(Exploit(trap))
    assert "joblib or pickle" in refused(path, bad)
    joblib.dump(Exploit(trap), path)
    refused(path)
    refused(path, headed(bad))
    small.save(path)

    def smuggle(document, arrays):
        arrays["mean_"] = np.frombuffer(bad, np.uint8)

    reseal(path, smuggle)
    refused(path)
    assert not trap.exists()
    pickle.loads(bad)
    assert trap.exists()  # the trap was one


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "builtins.eval", "skae.estimators.dense.Autoencoder", "Exploit"),
        *("sklearn.decomposition.PCA", "AutoencoderTransformer", "__class__", ""),
    ],
)
def test_names_are_looked_up_in_the_table_and_nowhere_else(name, small, path, reseal):
    small.save(path)

    def rename(document, arrays):
        document["estimator"] = {name: document["estimator"]["LinearAutoencoder"]}

    reseal(path, rename)
    assert "no such kind" in refused(path)


@pytest.mark.fault(97)
@pytest.mark.parametrize("version", [2, 3, 1000])
def test_a_newer_format_says_so(version, small, path, reseal):
    small.save(path)
    reseal(path, lambda document, arrays: {**document, "format": version})
    message = refused(path)
    assert f"version {version} of the format" in message
    assert "versions up to 1" in message
    assert f"skae {skae.__version__}" in message


def test_a_newer_format_says_so_whatever_its_checksum_is(content, path):
    newer = content.replace(rb"\"format\":1", rb"\"format\":2")
    assert "version 2 of the format" in refused(path, newer)


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, [1]])
def test_no_version_of_the_format(version, small, path, reseal):
    small.save(path)
    reseal(path, lambda document, arrays: {**document, "format": version})
    assert "no version of the format" in refused(path)


def test_a_newer_skae_with_the_same_format_may_know_more(small, path, reseal):
    small.save(path)

    def add(document, arrays):
        parts = document["estimator"]["LinearAutoencoder"]
        parts["parameters"]["novelty"] = 1

    reseal(path, add)
    assert "knows nothing of novelty: a newer" in refused(path)


def test_an_older_skae_with_the_same_format_may_know_less(small, path, reseal):
    small.set_params(verbose=True).save(path)

    def forget(document, arrays):
        parts = document["estimator"]["LinearAutoencoder"]
        del parts["parameters"]["verbose"]

    reseal(path, forget)
    assert skae.load(path).verbose == LinearAutoencoder().verbose


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        skae.load(tmp_path / "nothing")
    with pytest.raises(OSError, match="is no file"):
        skae.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # of which a read would never end
    with pytest.raises(OSError, match="is no file"):
        skae.load(tmp_path / "pipe")
    for path in (None, 5, b"bytes"):
        with pytest.raises(TypeError):
            skae.load(path)
