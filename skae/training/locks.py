"""Places that one fit has at a time, as long as its process lives."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from weakref import WeakSet

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """What one process, or one thread, has at a time: an empty file that it holds open.

    The system takes it back from a process that ends, however that happens. A file that
    was left is nobody's. A child that was forked meanwhile has it not.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Take it; whether nobody else has it.

        A file system that has no locks lets everybody have it.

        Raises
        ------
        OSError
            If there can be no such file.
        """
        _all.add(self)
        while True:
            self._file = self.path.open("ab")
            try:
                _lock(self._file)
            except BlockingIOError:
                self.forget()
                return False
            except OSError:
                return True
            if self._is_there():
                return True
            self._file.close()  # that of a fit which has just ended and removed it

    def release(self) -> None:
        """Give it back, and remove the file."""
        if self._file is None:
            return
        # Not the other way round: by then it might be somebody else's.
        with self._file, suppress(OSError):
            self.path.unlink()
        self._file = None
        if sys.platform == "win32":  # where no file is removed that is open
            with suppress(OSError):
                self.path.unlink()

    def forget(self) -> None:
        """Have nothing to do with it: another process has it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_there(self) -> bool:
        assert self._file is not None
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        return False


_all: WeakSet[Lock] = WeakSet()


def _forget_all() -> None:
    for lock in list(_all):
        lock.forget()


# An open file is one for parent and child: it would be locked until both have ended.
_in_forked_child = getattr(os, "register_at_fork", lambda **calls: None)
_in_forked_child(after_in_child=_forget_all)
