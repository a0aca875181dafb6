"""A file is written as a whole or not at all."""

import errno
import os
import resource
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

import skae
from skae._atomic import put, remove, write_atomically


@contextmanager
def largest_file(n_bytes):
    """As if the disk had only so much space: what is more is refused by the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.fault(98)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(small, path):
    small.save(path)
    old = path.read_bytes()
    with largest_file(1000), pytest.raises(OSError) as found:  # noqa: PT011
        small.save(path)
    assert found.value.errno == errno.EFBIG
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]
    assert_array_equal(skae.load(path).mean_, small.mean_)


def test_a_full_disk_leaves_nothing_where_there_was_nothing(small, path):
    with largest_file(1000), pytest.raises(OSError):  # noqa: PT011
        small.save(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["~/model.skae", "~no such user"])
def test_a_path_may_begin_at_home(small, name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    small.save(name)
    assert os.path.isfile(name.replace("~/", "home/"))
    assert_array_equal(skae.load(Path(name)).mean_, small.mean_)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_no_failure_leaves_debris(call, error, small, path, monkeypatch):
    small.save(path)
    old = path.read_bytes()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        small.save(path)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_it_is_on_the_disk_before_it_is_in_its_place(small, path, monkeypatch):
    calls = []
    for call in ("fsync", "replace"):
        real = getattr(os, call)
        monkeypatch.setattr(
            os, call, lambda *a, real=real, call=call: (calls.append(call), real(*a))
        )
    small.save(path)
    assert calls == ["fsync", "replace", "fsync"]  # the last one of the directory


def test_a_directory_that_cannot_be_synced_is_no_failure(small, path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)  # as for directories on Windows
    small.save(path)
    monkeypatch.undo()
    assert_array_equal(skae.load(path).mean_, small.mean_)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_of_the_umask(mask, small, path):
    with umask(mask):
        small.save(path)
    assert mode_of(path) == 0o666 & ~mask


def test_a_file_that_was_there_keeps_its_permissions(small, path):
    small.save(path)
    path.chmod(0o640)
    with umask(0o077):
        small.save(path)
    assert mode_of(path) == 0o640


def test_a_link_still_leads_to_the_file(small, path, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(path)
    small.save(link)
    assert link.is_symlink()
    assert_array_equal(skae.load(path).mean_, small.mean_)


def test_a_directory_that_is_not_there(small, tmp_path):
    path = tmp_path / "nowhere" / "model.skae"
    with pytest.raises(FileNotFoundError, match=r"make it first.*nowhere'"):
        small.save(path)
    assert not path.parent.exists()


def test_a_directory_is_no_name(small, tmp_path):
    with pytest.raises(IsADirectoryError, match="name a file"):
        small.save(tmp_path)


def test_what_is_there_and_is_no_file_stays(small, tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for place in (pipe, link):
        with pytest.raises(FileExistsError, match="name a file"):
            small.save(place)
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


@pytest.mark.parametrize("path", [None, 5, b"model"])
def test_what_is_no_path(path, small):
    with pytest.raises(TypeError):
        small.save(path)


def test_other_content_is_written_the_same_way(path):
    write_atomically(str(path), b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"


LEAVES_HALF = """
import os, sys
from pathlib import Path
from skae._atomic import put

os.fsync = lambda descriptor: os._exit(9)
put(Path(sys.argv[1]), b"half a file")
"""


@pytest.mark.parametrize("name", ["model", "a[b]*", "ä" * 120])
def test_what_killed_processes_have_left_is_removed_too(name, tmp_path):
    path, others = tmp_path / name, {tmp_path / f"{name}-x", tmp_path / f".{name}-.tmp"}
    for other in others:
        put(other, b"mine")
    run = subprocess.run([sys.executable, "-c", LEAVES_HALF, path])
    assert run.returncode == 9
    assert len(list(tmp_path.iterdir())) == 3
    put(path, b"whole")
    remove(path)
    assert set(tmp_path.iterdir()) == others
    remove(path)
