"""Lines between processes of one machine: sockets, and memory that they share.

The backends of torch hand a message on from thread to thread. Where all cores are busy
each of these waits for its turn, for milliseconds, and a socket takes microseconds.
"""

from __future__ import annotations

import mmap
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
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

        Raises
        ------
        OSError
            When another process has ended.
        """
        for line in self._lines.values():
            line.sendall(said)
        return [_receive(line, len(said)) for line in self._lines.values()]

    def memory(self, n_bytes: int) -> mmap.mmap | None:
        """Memory that all of them see; None where there is none, for all of them.

        All of it is set aside: to write where none is left would end a process.
        """
        with ExitStack() as opened:
            if self._rank > 0:
                _, files, *_ = socket.recv_fds(self._lines[0], 1, 1)
            else:
                files = _set_aside(n_bytes)
                for line in self._lines.values():
                    socket.send_fds(line, [bytes(1)], files)
            for file in files:
                opened.callback(os.close, file)
            has = bytes([bool(files)])
            if all(said == _YES for said in [has, *self.exchange(has)]):
                return mmap.mmap(files[0], n_bytes)
            return None


@contextmanager
def connected(rank: int, size: int, hear: Hear) -> Iterator[Lines | None]:
    """Lines from process `rank` to all others of `size`; None where there are none."""
    lines: dict[int, socket.socket] = {}
    try:
        yield Lines(rank, lines) if _connect(lines, rank, size, hear) else None
    finally:
        for line in lines.values():
            line.close()


def _connect(lines: dict[int, socket.socket], rank: int, size: int, hear: Hear) -> bool:
    """Call those before this process, be called by those after it.

    Nobody waits for a call that does not come: all say whether theirs were put through.
    """
    with ExitStack() as opened:
        listener = _listen(size, opened)
        paths = hear(listener and listener.getsockname())
        if listener is None or None in paths:
            return False
        for other, path in enumerate(paths[:rank]):
            with suppress(OSError):  # it is of another machine
                lines[other] = _call(path, rank)
        if not all(hear(len(lines) == rank)):
            return False
        for _ in range(rank + 1, size):
            line, _ = listener.accept()
            line.settimeout(None)
            lines[int.from_bytes(_receive(line, _NAME))] = line
        return True


def _listen(size: int, opened: ExitStack) -> socket.socket | None:
    """Listen to calls of processes of this user; None where there is no way to."""
    with suppress(AttributeError, OSError):
        listener = opened.enter_context(_socket())
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="skae-"))
        listener.bind(str(Path(folder) / "line"))
        listener.listen(size)
        return listener
    return None


def _call(path: str, rank: int) -> socket.socket:
    """Call who listens there, and say who calls."""
    line = _socket()
    try:
        line.connect(path)
        line.sendall(rank.to_bytes(_NAME))
    except OSError:
        line.close()
        raise
    return line


def _receive(line: socket.socket, n_bytes: int) -> bytes:
    """So many bytes of what the other end says."""
    said = b""
    while len(said) < n_bytes:
        more = line.recv(n_bytes - len(said))
        if not more:
            raise ConnectionError("connection closed by its other end")
        said += more
    return said


def _socket() -> socket.socket:
    """A socket that waits as long as it takes, whatever the user has set for others."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(None)
    return made


def _set_aside(n_bytes: int) -> list[int]:
    """A file in memory, if there can be one."""
    with suppress(AttributeError, OSError):
        file = os.memfd_create("skae")
        try:
            os.posix_fallocate(file, 0, n_bytes)
        except OSError:
            os.close(file)
        else:
            return [file]
    return []


_NAME = 4  # bytes
_YES = bytes([True])
