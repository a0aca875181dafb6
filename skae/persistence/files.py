"""The file: one document, and arrays, in the format of safetensors.

Its header says name, type, shape and place of every array, and holds a table of texts.
Of these there is one, ``skae``: a document in JSON. In this stand the version of the
format, and the SHA-256 of the whole file, taken with zeros for its own digits. So no
byte, of header or arrays, can be another without notice.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from skae import __version__
from skae.persistence.errors import ModelFormatError
from skae.persistence.hints import brief

FORMAT = 1
"""Version of the format: a higher one where older versions of skae cannot read it."""

LARGEST_INT = 2**64
"""Integers in a document are smaller, as those of numpy are."""

Document = dict[str, Any]
Arrays = dict[str, NDArray[Any]]

TYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BOOL": "bool"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8"},
    **{"U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8"},
}
"""Types of arrays, as safetensors and as numpy call them."""

_KEY = "skae"
_BLANK = "0" * 64
_MARK = rb"\"sha256\":\""  # what stands before the digits, in a text in the header
_MOST_BYTES = 64 * 2**20  # of a header; names of columns may be many
_MOST_VALUES = 2**21  # in a header: of the objects that it becomes, which are larger
_DEEPEST = 256  # values in values: more than `packing` ever writes, few to recurse into


def seal(document: Document, arrays: Arrays) -> bytearray:
    """Content of a file.

    Parameters
    ----------
    document : dict
        What is not an array, as JSON takes it, with strings as keys.
    arrays : dict of str to ndarray
        C-contiguous arrays of one of `TYPES`.

    Raises
    ------
    ValueError
        When the document is too large for a header.
    """
    document = {"format": FORMAT, "sha256": _BLANK, **document}
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    content = bytearray(safetensors.numpy.save(arrays, metadata={_KEY: text}))
    size = int.from_bytes(content[:8], "little")
    if size > _MOST_BYTES or _n_values(bytes(content[8 : 8 + size])) > _MOST_VALUES:
        raise ValueError(
            "What is to be saved beside arrays is too large for the header of a file: "
            "most of it may be names of columns."
        )
    start = content.index(_MARK) + len(_MARK)
    digest = hashlib.sha256(content).hexdigest()
    content[start : start + len(digest)] = digest.encode()
    return content


def read(path: str | os.PathLike[str]) -> tuple[Document, Arrays]:
    """Document and arrays of a file on the disk; as `unseal`.

    Raises
    ------
    ModelFormatError
        When the content is anything else. A file whose header does not account for all
        of it is refused before more of it is read.
    OSError
        When it cannot be read.
    """
    with Path(path).open("rb") as file:
        return _unseal(file, os.fstat(file.fileno()).st_size)


def unseal(content: bytes) -> tuple[Document, Arrays]:
    """Document and arrays of a file; what `seal` has made, and nothing else.

    Raises
    ------
    ModelFormatError
        When the content is anything else.
    """
    return _unseal(io.BytesIO(content), len(content))


def _unseal(file: BinaryIO, n_bytes: int) -> tuple[Document, Arrays]:
    """Document and arrays of a file of so many bytes, from its beginning on."""
    start = file.read(9)
    size = int.from_bytes(start[:8], "little")
    if start[8:] != b"{" or not 2 <= size <= _MOST_BYTES:
        raise _not_whole(
            "The file does not begin as one that an estimator was saved to. (What "
            "joblib or pickle have written, these read.)"
        )
    if size > n_bytes - 8:
        raise _not_whole("The file ends within its header.")
    header = _parse(start[8:] + file.read(size - 1))
    texts = header.pop("__metadata__", None)
    if not isinstance(texts, dict) or list(texts) != [_KEY]:
        raise _not_whole(
            "This is a safetensors file, and no estimator of skae was saved to it."
        )
    document = _parse(str(texts[_KEY]).encode("utf-8", "surrogatepass"))
    _check_format(document)
    _check_types(header)
    _check_end(header, n_bytes - 8 - size)
    file.seek(0)
    content = file.read()
    _check_digest(content, document.pop("sha256", None))
    try:
        arrays = safetensors.numpy.load(content)
    except (SafetensorError, ValueError) as error:
        raise _not_whole(f"The arrays do not fill the file: {error}.") from error
    _check_truths(arrays)
    return document, arrays


def _not_whole(what: str) -> ModelFormatError:
    """The error for a file that nobody has saved as it is: what is wrong, and why."""
    return ModelFormatError(
        f"{what} The file is damaged, or none of skae's: copy it again from where it "
        "is whole."
    )


def _parse(content: bytes) -> Document:
    """An object in strict JSON: no key twice, and no number that is none."""
    if _n_values(content) > _MOST_VALUES:
        raise _not_whole("The header holds more values than any estimator does.")
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_moderate,
        )
    except (ValueError, RecursionError) as error:
        raise _not_whole(f"The header is not in order: {error}.") from error
    if not isinstance(found, dict):
        raise _not_whole("The header is not in order: it is no object.")
    _check_depth(found)
    return found


def _check_depth(document: Document) -> None:
    """Refuse values so deep in others that whatever goes down there might not end."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        inner = [n.values() if isinstance(n, dict) else n for n in level]
        level = [v for values in inner for v in values if isinstance(v, list | dict)]
        if not level:
            return
    raise _not_whole("The header is not in order: values stand too deep in it.")


def _n_values(content: bytes) -> int:
    """At least as many as the values of a text in JSON."""
    return sum(content.count(mark) for mark in (b"[", b"{", b","))


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _moderate(text: str) -> int:
    number = int(text)
    if abs(number) >= LARGEST_INT:
        raise ValueError(f"{text} is too large")
    return number


def _check_format(document: Document) -> None:
    version = document.pop("format", None)
    if type(version) is not int or version < 1:
        told = brief(version)
        raise _not_whole(f"The file has no version of the format: {told}.")
    if version > FORMAT:
        raise ModelFormatError(
            f"The file has version {version} of the format, and skae {__version__} "
            f"reads versions up to {FORMAT}: install a newer skae to read it."
        )


def _check_digest(content: bytes, told: object) -> None:
    start = content.find(_MARK) + len(_MARK)
    end = start + len(_BLANK)
    digest = hashlib.sha256(content[:start])
    digest.update(_BLANK.encode())
    digest.update(memoryview(content)[end:])
    # In the file as well as in the document: a digit has more than one spelling there.
    right = digest.hexdigest()
    if (content[start:end], told) != (right.encode(), right):
        raise _not_whole("The checksum is not that of the content.")


def _check_types(header: Document) -> None:
    for name, entry in header.items():
        told = entry.get("dtype") if isinstance(entry, dict) else None
        if not isinstance(told, str) or told not in TYPES:
            raise _not_whole(
                f"The array {brief(name)} is of no known type: {brief(told)}."
            )


def _check_end(header: Document, n_bytes: int) -> None:
    """Refuse a file that goes on behind its arrays: it may do so without an end."""
    told = [entry.get("data_offsets") for entry in header.values()]
    ends = [max(found) for found in told if _are_ints(found)]
    if n_bytes > max(ends, default=0):
        raise _not_whole("The arrays do not fill the file, which goes on behind them.")


def _are_ints(found: object) -> bool:
    return isinstance(found, list) and {int} == {type(entry) for entry in found}


def _check_truths(arrays: Arrays) -> None:
    """Refuse truth values that are neither, which numpy would take as they are."""
    for name, array in arrays.items():
        if array.dtype == np.bool_ and (array.view(np.uint8) > 1).any():
            raise _not_whole(f"The array {name!r} holds no truth values.")
