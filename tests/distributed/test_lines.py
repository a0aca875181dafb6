"""Lines between processes of one machine, here: between threads."""

import os
import socket
import threading
import time

import pytest
import torch

from skae.distributed.lines import connected


def together(size, work, path=str):
    """What ``work(rank, lines)`` returns for each of so many, or raises.

    Each of them is told ``path(path)`` where it is told a path.
    """
    barrier, said, found = threading.Barrier(size), [None] * size, [None] * size

    def be(rank):
        def hear(word):
            said[rank] = word
            barrier.wait(10)
            heard = [path(word) if isinstance(word, str) else word for word in said]
            barrier.wait(10)
            return heard

        try:
            with connected(rank, size, hear) as lines:
                found[rank] = work(rank, lines)
        except OSError as error:
            found[rank] = error

    threads = [threading.Thread(target=be, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


@pytest.mark.parametrize("size", [2, 5])
def test_all_hear_all(size):
    def work(rank, lines):
        return [lines.exchange(bytes([rank, turn])) for turn in range(3)]

    for rank, heard in enumerate(together(size, work)):
        others = [other for other in range(size) if other != rank]
        assert heard == [
            [bytes([other, turn]) for other in others] for turn in range(3)
        ]


@pytest.mark.parametrize("size", [2, 5])
def test_all_see_the_same_memory(size):
    def work(rank, lines):
        seen = torch.frombuffer(lines.memory(size * 8), dtype=torch.float64)
        seen[rank] = rank
        lines.exchange(b"written")
        return seen.tolist()

    assert together(size, work) == [list(range(size))] * size


def test_memory_that_one_process_has_not_is_none_for_all(monkeypatch):
    def refuse(file, start, n_bytes):
        raise OSError("no space left")

    n_open = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    found = together(3, lambda rank, lines: (lines.memory(8), lines.exchange(b"on")))
    assert found == [(None, [b"on", b"on"])] * 3
    assert len(os.listdir("/proc/self/fd")) == n_open


def test_the_end_of_one_is_heard_by_all():
    def work(rank, lines):
        if rank == 1:
            return "ended"
        return lines.exchange(b"word")

    first, other, last = together(3, work)
    assert other == "ended"
    assert isinstance(first, OSError)
    assert isinstance(last, OSError)


def test_lines_are_patient_whatever_others_are():
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.05)
    try:

        def work(rank, lines):
            time.sleep(0.2 * rank)
            return lines.exchange(b"late")

        assert together(3, work) == [[b"late"] * 2] * 3
    finally:
        socket.setdefaulttimeout(before)


def test_without_a_way_to_all_there_are_no_lines(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    of_another_machine = "{}x".format
    found = together(3, lambda rank, lines: lines, path=of_another_machine)
    assert found == [None] * 3
    assert list(tmp_path.iterdir()) == []


def test_without_sockets_there_are_no_lines(monkeypatch):
    monkeypatch.delattr("socket.AF_UNIX")
    assert together(2, lambda rank, lines: lines) == [None] * 2
