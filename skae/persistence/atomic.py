"""Files that are written as a whole or not at all."""

from __future__ import annotations

import errno
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
        Where to; of a symbolic link, where it leads to.
    content : bytes or bytearray
        What to write.

    Raises
    ------
    OSError
        When it cannot be written: there is no such directory, no space left, or at its
        place something that is no file. What was there is as it was.
    """
    place = Path(os.path.realpath(Path(path)))
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
    beside = place.with_name(f".skae-{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, beside)
        os.replace(beside, place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(place.parent)


def _sync(folder: Path) -> None:
    """Bring the new name to the disk too, where a system lets directories be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
