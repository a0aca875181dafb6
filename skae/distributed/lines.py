"""Lines between processes of one machine: sockets, and memory that they share.

The backends of torch hand a message on from thread to thread. Where all cores are busy
each of these waits for its turn, for milliseconds, and a socket takes microseconds.
"""

from __future__ import annotations

import mmap
import os
import secrets
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

Hear = Callable[[Any], list[Any]]
"""``hear(said)``: what each process says, in their order."""


class Lines:
    """Lines from one process to each other one of its group.

    Parameters
    ----------
    rank : int
        Number of this process.
    lines : mapping of int to socket
        By the number of the process at the other end.
    """

    def __init__(self, rank: int, lines: Mapping[int, socket.socket]) -> None:
        self._rank, self._lines = rank, dict(sorted(lines.items()))

    def exchange(self, said: bytes) -> list[bytes]:
        """Say something to all others, and hear as much from each, in their order.

        Who is kept from it by anything has left the others: the lines are closed.

        Raises
        ------
        OSError
            When another process has ended, or has not answered in time.
        """
        with self._closed_by_errors():
            for line in self._lines.values():
                line.sendall(said)
            return [_receive(line, len(said)) for line in self._lines.values()]

    def memory(self, n_bytes: int) -> mmap.mmap | None:
        """Memory of zeros that all of them see; None where one of them sees none.

        All of it is set aside: to write where none is left would end a process.
        """
        with self._closed_by_errors(), ExitStack() as opened:
            if self._rank > 0:
                _, files, *_ = socket.recv_fds(self._lines[0], 1, 1)
            else:
                files = _set_aside(n_bytes)
                for line in self._lines.values():
                    socket.send_fds(line, [bytes(1)], files)
            memory = None
            for file in files:
                opened.callback(os.close, file)
                with suppress(OSError):
                    memory = mmap.mmap(file, n_bytes)
            said = bytes([memory is not None])
            heard = [said, *self.exchange(said)]
            return memory if all(map(any, heard)) else None

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.close()

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


@contextmanager
def connected(
    rank: int, size: int, hear: Hear, patience: float | None = None
) -> Iterator[Lines | None]:
    """Lines from process `rank` to all others of `size`; None where there are none.

    There are some on Linux, if all processes are on one machine. Others are waited for
    for `patience` seconds; None: as long as it takes.
    """
    lines: dict[int, socket.socket] = {}
    try:
        is_whole = _connect(lines, rank, size, hear)
        for line in lines.values():
            line.settimeout(patience)
        yield Lines(rank, lines) if is_whole else None
    finally:
        for line in lines.values():
            line.close()


def _connect(lines: dict[int, socket.socket], rank: int, size: int, hear: Hear) -> bool:
    """Call those before this process, be called by those after it.

    Nobody waits for a call that does not come: all say whether theirs were put through.
    """
    with ExitStack() as opened:
        name = f"\0skae-{secrets.token_hex(16)}"  # of no file
        listener = _listen(name, size, opened)
        names = hear(listener and name)
        if listener is None or None in names:
            return False
        for other, called in enumerate(names[:rank]):
            with suppress(OSError):  # it is of another machine
                lines[other] = _call(called, rank)
        if not all(hear(len(lines) == rank)):
            return False
        while len(lines) < size - 1:
            line = _accept(listener)
            if line is not None:
                lines[int.from_bytes(_receive(line, _NUMBER))] = line
        return True


def _listen(name: str, size: int, opened: ExitStack) -> socket.socket | None:
    """Listen to calls; None where there is no way to."""
    if not hasattr(socket, "SO_PEERCRED"):  # this is not Linux
        return None
    with suppress(OSError):
        listener = opened.enter_context(_socket())
        listener.bind(name)
        listener.listen(size)
        return listener
    return None


def _call(name: str, rank: int) -> socket.socket:
    """Call who listens there, and say who calls."""
    line = _socket()
    try:
        line.connect(name)
        line.sendall(rank.to_bytes(_NUMBER))
    except OSError:
        line.close()
        raise
    return line


def _accept(listener: socket.socket) -> socket.socket | None:
    """Take a call, unless it is another user's."""
    line, _ = listener.accept()
    line.settimeout(None)
    form = struct.Struct("3i")
    _, user, _ = form.unpack(
        line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size)
    )
    if user == os.geteuid():
        return line
    line.close()
    return None


def _socket() -> socket.socket:
    """A socket that waits as long as it takes, whatever others have as a default."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(None)
    return made


def _receive(line: socket.socket, n_bytes: int) -> bytes:
    """So many bytes of what the other end says."""
    said = b""
    while len(said) < n_bytes:
        more = line.recv(n_bytes - len(said))
        if not more:
            raise ConnectionError("connection closed by its other end")
        said += more
    return said


def _set_aside(n_bytes: int) -> list[int]:
    """A file in memory, if there can be one."""
    with suppress(OSError):
        file = os.memfd_create("skae")
        try:
            os.posix_fallocate(file, 0, n_bytes)
        except OSError:
            os.close(file)
        else:
            return [file]
    return []


_NUMBER = 4  # bytes of the number of a process
