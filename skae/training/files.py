"""Arrays and what is said about them, in one file that is whole or is not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from skae._atomic import put

Arrays = dict[str, NDArray[Any]]


def write_arrays(
    path: Path, header: Mapping[str, Any], arrays: Arrays, *, is_new: bool = False
) -> None:
    """Write a file of safetensors; what is at `path` stays until all of it is written.

    Parameters
    ----------
    path : Path
        Its folder is there.
    header : mapping
        What JSON can say.
    arrays : dict of str to ndarray
        Of numbers.
    is_new : bool
        Whether nothing may be at `path`.

    Raises
    ------
    FileExistsError
        If something is where nothing may be.
    OSError
        If it cannot be written, because the disk is full for example.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    said = json.dumps(header)
    metadata = {"header": said, "sha256": _digest(said, arrays)}
    put(path, save(arrays, metadata), is_new=is_new)


def read_arrays(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of a file that `write_arrays` has written.

    Raises
    ------
    OSError
        If there is none, or it cannot be read.
    ValueError
        If it is not as it was written.
    """
    path.open("rb").close()  # where that fails, the file is not to blame
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        said = metadata["header"]
        if _digest(said, arrays) != metadata["sha256"]:
            raise ValueError("its checksum is not that of its content")
        return json.loads(said), arrays
    except (KeyError, SafetensorError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged, or is no checkpoint: {error}. Delete it to start anew."
        ) from error


def _digest(said: str, arrays: Arrays) -> str:
    found = hashlib.sha256(said.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(array.data)
    return found.hexdigest()
