"""Files of arrays: written as a whole or not at all, and read only as they were."""

import errno
import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.training.files import read_arrays, write_arrays

HEADER = {"name": "x", "losses": [0.1, 1 / 3, float("inf")], "none": None}
ARRAYS = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "state": np.array([1, 2, 255], dtype=np.uint8),
    "steps": np.array(7),
    "nothing": np.empty(0, dtype=np.float64),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.fixture
def written(path):
    write_arrays(path, HEADER, ARRAYS)
    return path


def test_what_is_written_is_read(written):
    header, arrays = read_arrays(written)
    assert header == HEADER
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert_array_equal(arrays[name], array, strict=True)


def test_nothing_else_is_left_beside_it(written):
    write_arrays(written, HEADER, {})
    assert os.listdir(written.parent) == [written.name]
    assert read_arrays(written) == (HEADER, {})


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError, match="file"):
        read_arrays(path)


def test_what_cannot_be_read_is_not_called_damaged(path):
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="file"):
        read_arrays(path)


@pytest.mark.parametrize("bit", [0x01, 0x20, 0x80])
def test_every_flipped_byte_is_noticed(written, bit):
    content = written.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= bit
        written.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged, or is no checkpoint"):
            read_arrays(written)


def test_every_truncation_is_noticed(written):
    content = written.read_bytes()
    for length in range(len(content)):
        written.write_bytes(content[:length])
        with pytest.raises(ValueError, match="Delete it to start anew"):
            read_arrays(written)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(written, monkeypatch, error, call):
    before = written.read_bytes()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        write_arrays(written, {}, {})
    monkeypatch.undo()
    assert os.listdir(written.parent) == [written.name]
    assert written.read_bytes() == before


def _without_links(monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOTSUP, "no links here")

    monkeypatch.setattr(os, "link", fail)


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_takes_nobodys_place(path, monkeypatch, links):
    if not links:
        _without_links(monkeypatch)
    write_arrays(path, {"first": 1}, {}, is_new=True)
    with pytest.raises(FileExistsError):
        write_arrays(path, {"second": 2}, {}, is_new=True)
    assert read_arrays(path) == ({"first": 1}, {})
    assert os.listdir(path.parent) == [path.name]
