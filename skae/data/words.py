"""What a fit is given, in words: they differ where what is given does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from skae.data.sources import Source

_BLOCK_BYTES = 2**24
_FEW = 16  # numbers that are told one by one
_ABSENT = "not there"

CONTENT = "the content of "
"""How the name begins under which the numbers in an array are told, by their digest."""

Array = NDArray[Any]


def in_words(given: Mapping[str, object], n_rows: int | None = None) -> dict[str, str]:
    """What is given, by name, in words that are the same in another process.

    Arrays are told by shape and dtype, a source by how it is read as well. Their
    content, the same for every layout, is told under a name of its own.

    Parameters
    ----------
    given : mapping
        Data, and settings of any kind.
    n_rows : int or None
        Rows that stand for all in a digest; None: all of them, each of which is read
        once.
    """
    said = {}
    for name, value in given.items():
        if isinstance(value, Source) or _is_long(value):
            said[name] = _form(value)
            said[CONTENT + name] = f"of digest {digest(_parts(value, n_rows))}"
        else:
            said[name] = _words(value)
    return said


def differences(
    first: Mapping[str, str], second: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """What two sets of words do not agree on: what either says, by name.

    Of what is another thing altogether, the content and the parts, whose names begin
    with ``name__``, are left out.
    """
    found = {
        name: (first.get(name, _ABSENT), second.get(name, _ABSENT))
        for name in {**first, **second}
        if first.get(name) != second.get(name)
    }
    follows = {CONTENT + name for name in found}
    return {
        name: said
        for name, said in found.items()
        if name not in follows
        and not any(name.startswith(f"{other}__") for other in found)
    }


def digest(parts: Iterable[Array | bytes]) -> str:
    """Digest of all bytes of arrays, in the order of their entries."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = part if isinstance(part, bytes) else np.ascontiguousarray(part).data
        found.update(content)
    return found.hexdigest()


def _is_long(value: object) -> TypeGuard[Array]:
    """Whether it is an array of more numbers than are told one by one."""
    if not isinstance(value, np.ndarray) or value.dtype == object:
        return False
    return value.ndim > 1 or value.size > _FEW


def _form(rows: Array | Source) -> str:
    read = f", {rows.in_words()}" if isinstance(rows, Source) else ""
    return f"of shape {tuple(rows.shape)}, {rows.dtype}{read}"


def _parts(rows: Array | Source, n_rows: int | None) -> Iterator[Array]:
    """The rows block by block, or the few that stand for all."""
    if isinstance(rows, Source):
        yield from rows.blocks() if n_rows is None else [rows[:n_rows]]
    elif n_rows is not None:
        yield rows[:: max(1, len(rows) // n_rows)]
    else:
        size = max(1, _BLOCK_BYTES // max(1, rows[:1].nbytes))
        yield from (rows[i : i + size] for i in range(0, len(rows), size))


def _words(value: object) -> str:
    """A setting in words."""
    if _is_long(value):
        return f"an array {_form(value)} and digest {digest([value])}"
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, np.random.RandomState):
        state = dict(value.get_state(legacy=False))
        inner = state.pop("state")
        rest = repr((inner["pos"], sorted(state.items())))
        return f"a RandomState in state {digest([inner['key'], rest.encode()])}"
    if isinstance(value, dict):
        items = (f"{_words(k)}: {_words(v)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(_words, value))}{comma})"
    if isinstance(value, type):
        return value.__name__
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
