"""Lines between processes of one machine, here: between threads."""

import mmap
import os
import socket
import threading
import time

import pytest
import torch

from skae.distributed.lines import _accept, _socket, connected

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "SO_PEERCRED"),
    reason="abstract sockets are Linux's: elsewhere torch's collectives serve",
)


def together(size, work, name=str, patience=None):
    """What ``work(rank, lines)`` returns for each of so many, or raises.

    Each of them is told ``name(name)`` where it is told a name to call.
    """
    barrier, said, found = threading.Barrier(size), [None] * size, [None] * size

    def be(rank):
        def hear(word):
            said[rank] = word
            barrier.wait(10)
            heard = [name(word) if isinstance(word, str) else word for word in said]
            barrier.wait(10)
            return heard

        try:
            with connected(rank, size, hear, patience) as lines:
                found[rank] = work(rank, lines)
        except OSError as error:
            found[rank] = error

    threads = [
        threading.Thread(target=be, args=(rank,), daemon=True) for rank in range(size)
    ]
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


def refuse(*arguments):
    raise OSError("no memory left")


@pytest.mark.parametrize("name", ["os.memfd_create", "os.posix_fallocate"])
def test_memory_that_there_is_not_is_none_for_all(name, monkeypatch):
    monkeypatch.setattr(name, refuse)
    n_open = len(os.listdir("/proc/self/fd"))
    found = together(3, lambda rank, lines: (lines.memory(8), lines.exchange(b"on")))
    assert found == [(None, [b"on", b"on"])] * 3
    assert len(os.listdir("/proc/self/fd")) == n_open


def test_memory_that_one_process_has_not_is_none_for_all(monkeypatch):
    def map_it(*arguments):
        if threading.current_thread().name == "1":
            refuse()
        return original(*arguments)

    def work(rank, lines):
        threading.current_thread().name = str(rank)
        return lines.memory(8), lines.exchange(b"on")

    original = mmap.mmap
    monkeypatch.setattr("skae.distributed.lines.mmap.mmap", map_it)
    n_open = len(os.listdir("/proc/self/fd"))
    assert together(3, work) == [(None, [b"on", b"on"])] * 3
    assert len(os.listdir("/proc/self/fd")) == n_open


def test_who_is_kept_from_an_exchange_has_left():
    def work(rank, lines):
        if rank == 0:
            with pytest.raises(TypeError):
                lines.exchange("no bytes")
            return None
        return lines.exchange(b"word")

    first, *others = together(3, work)
    assert first is None
    assert all(isinstance(error, OSError) for error in others)


def test_who_does_not_answer_in_time_is_given_up():
    def work(rank, lines):
        if rank == 1:
            time.sleep(1)
        return lines.exchange(b"word")

    first, other = together(2, work, patience=0.1)
    assert isinstance(first, TimeoutError)
    assert isinstance(other, OSError)


def test_calls_of_other_users_are_not_taken(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: -1)
    with _socket() as listener, _socket() as caller:
        listener.bind("\0skae-test-of-users")
        listener.listen(1)
        caller.connect("\0skae-test-of-users")
        assert _accept(listener) is None
        assert caller.recv(1) == b""


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


def test_without_a_way_to_all_there_are_no_lines():
    of_another_machine = "{}x".format
    found = together(3, lambda rank, lines: lines, name=of_another_machine)
    assert found == [None] * 3


@pytest.mark.parametrize("name", ["socket.SO_PEERCRED", "socket.socket.bind"])
def test_without_sockets_there_are_no_lines(name, monkeypatch):
    if name.endswith("bind"):
        monkeypatch.setattr("skae.distributed.lines._socket", refuse)
    else:
        monkeypatch.delattr(name)
    assert together(2, lambda rank, lines: lines) == [None] * 2
