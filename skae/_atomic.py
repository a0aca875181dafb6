"""Files that are written as a whole or not at all."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes | bytearray) -> None:
    """Write a file, so that whoever looks sees the old content or the new, in full.

    It is written beside its place, under another name, brought to the disk, and moved
    there. A file that was there keeps its permissions; a new one has those that the
    umask leaves.

    Parameters
    ----------
    path : str or os.PathLike
        Where to; of a symbolic link, where it leads to. ``~`` is the user's home.
    content : bytes or bytearray
        What to write.

    Raises
    ------
    OSError
        When it cannot be written: there is no such directory, no space left, or at its
        place something that is no file. What was there is as it was.
    """
    place = Path(os.path.realpath(os.path.expanduser(Path(path))))
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a directory; name a file", str(path))
    if place.exists() and not place.is_file():
        raise FileExistsError(
            errno.EEXIST, "Is a pipe or a device; name a file", str(path)
        )
    if not place.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "No such directory; make it first", str(place.parent)
        )
    put(place, content)
    _sync(place.parent)


def put(place: Path, content: bytes | bytearray, *, is_new: bool = False) -> None:
    """Write a file beside its place, and move it there; as `write_atomically`.

    What is there stays until then, and if the power fails soon after, it may again be
    there.

    Parameters
    ----------
    place : Path
        In a folder that is there, and no link.
    content : bytes or bytearray
        What to write.
    is_new : bool
        Whether nothing may be there: of several processes one wins.

    Raises
    ------
    FileExistsError
        If something is where nothing may be.
    OSError
        When it cannot be written.
    """
    beside = place.with_name(
        f"{_beginning(place)}{secrets.token_hex(_DIGITS // 2)}.tmp"
    )
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _take(place, beside)
            return
        if place.exists():
            shutil.copymode(place, beside)
        os.replace(beside, place)
    finally:
        beside.unlink(missing_ok=True)


def remove(place: Path) -> None:
    """Remove a file, and what was left of it by processes that were killed."""
    place.unlink(missing_ok=True)
    end = "[0-9a-f]" * _DIGITS + ".tmp"
    for left in place.parent.glob(glob.escape(_beginning(place)) + end):
        left.unlink(missing_ok=True)


_DIGITS = 16

_LONGEST = 50  # characters of a name that are repeated: there is a limit to bytes


def _beginning(place: Path) -> str:
    """How the name of a file begins that is not yet at its place."""
    return f".{place.name[:_LONGEST]}-"


def _take(place: Path, beside: Path) -> None:
    """Give a file its name too, if that is free."""
    try:
        os.link(beside, place)
    except FileExistsError:
        raise
    except OSError:  # a file system that knows no links
        if place.exists():
            raise FileExistsError(
                errno.EEXIST, "Is there already", str(place)
            ) from None
        os.replace(beside, place)


def _sync(folder: Path) -> None:
    """Bring the new name to the disk too, where a system lets directories be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
