"""Places that are had by one at a time."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import skae
from skae.training import Lock, locks

removes_what_is_open = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows removes no file that somebody has open"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


def test_it_is_had_by_one_at_a_time(path):
    first, second = Lock(path), Lock(path)
    assert first.acquire()
    assert not second.acquire()
    second.release()  # of what it has not
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_it_leaves_nothing(path):
    lock = Lock(path)
    lock.release()
    assert lock.acquire()
    assert path.exists()
    lock.release()
    assert not path.exists()
    lock.release()


def test_a_file_that_was_left_is_nobodys(path):
    path.write_bytes(b"")
    lock = Lock(path)
    assert lock.acquire()
    lock.release()
    assert not path.exists()


@removes_what_is_open
def test_it_is_not_that_of_a_file_which_has_gone(path, monkeypatch):
    first, second = Lock(path), Lock(path)
    assert first.acquire()
    lock, opened = locks._lock, []

    def after_the_release(file):
        opened.append(os.fstat(file.fileno()).st_ino)
        first.release()  # which removes the file that has just been opened
        lock(file)

    monkeypatch.setattr(locks, "_lock", after_the_release)
    assert second.acquire()
    assert len(opened) == 2
    monkeypatch.undo()
    assert not Lock(path).acquire()
    second.release()


def test_where_there_are_no_locks_everybody_has_it(path, monkeypatch):
    def fail(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", fail)
    first, second = Lock(path), Lock(path)
    assert first.acquire()
    assert second.acquire()
    first.release()
    second.release()
    assert not path.exists()


def test_where_there_can_be_no_file_is_an_error(tmp_path):
    lock = Lock(tmp_path / "nowhere" / "lock")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        lock.acquire()
    lock.release()


FORKED = """
import os
import sys
import time
from pathlib import Path

from skae.training import Lock

lock = Lock(Path(sys.argv[1]))
assert lock.acquire()
if os.fork() == 0:
    lock.release()  # which it has not: nothing happens
    os.write(1, b".")
sys.stdin.read()
"""


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="a forked child is what this is about"
)
def test_a_child_that_outlives_the_process_has_it_not(path):
    places = [str(Path(skae.__file__).parents[1]), *sys.path]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", FORKED, path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdout.read(1) == b"."  # by the child
        assert path.exists()
        assert not Lock(path).acquire()
        process.kill()
        process.wait()
        lock = Lock(path)
        assert lock.acquire()
        lock.release()
        process.stdin.close()
        assert process.stdout.read() == b""  # the child has been there until now


@removes_what_is_open
def test_of_many_threads_one_has_it(path):
    had, at_once = [], []

    def work():
        for _ in range(200):
            lock = Lock(path)
            if lock.acquire():
                had.append(None)
                at_once.append(len(had))
                had.pop()
                lock.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(at_once) == {1}
    assert not path.exists()
