"""Whether a value is what an annotation says."""

from __future__ import annotations

import types
from collections.abc import Callable
from numbers import Integral
from reprlib import Repr
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np


def check_hint(value: Any, hint: Any) -> None:
    """Refuse a value that is not what an annotation says.

    Of annotations it knows classes, None, unions, literals, tuples, lists, dictionaries
    and arrays, with what is in them. Numbers of numpy are numbers.

    Parameters
    ----------
    value : object
        What was found.
    hint : object
        What is wanted.

    Raises
    ------
    TypeError
        When it is something else.
    """
    if not _fits(value, hint):
        told = hint.__name__ if isinstance(hint, type) else hint
        raise TypeError(f"{brief(value)} is not of the type {told}")


def brief(value: Any) -> str:
    """What a message says of a value, however long or deep it is."""
    text = _REPR.repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 60

_REPR = Repr()
_REPR.maxstring = _REPR.maxother = 4 * _LONGEST  # it cuts in the middle


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is not None:
        return _GENERIC[origin](value, get_args(hint))
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint])
    return value is None if hint in (None, types.NoneType) else isinstance(value, hint)


def _fits_tuple(value: Any, wanted: tuple[Any, ...]) -> bool:
    if not isinstance(value, tuple):
        return False
    if wanted[-1] is Ellipsis:
        return all(_fits(entry, wanted[0]) for entry in value)
    return len(value) == len(wanted) and all(map(_fits, value, wanted))


def _fits_dict(value: Any, wanted: tuple[Any, ...]) -> bool:
    key, entry = wanted
    return isinstance(value, dict) and all(
        _fits(k, key) and _fits(v, entry) for k, v in value.items()
    )


def _fits_array(value: Any, wanted: tuple[Any, ...]) -> bool:
    (scalar,) = get_args(wanted[1])  # of ndarray[shape, dtype[scalar]]
    return isinstance(value, np.ndarray) and issubclass(value.dtype.type, scalar)


_NUMBERS: dict[Any, Any] = {bool: bool | np.bool_, float: float | np.floating}

_GENERIC: dict[Any, Callable[[Any, tuple[Any, ...]], bool]] = {
    tuple: _fits_tuple,
    dict: _fits_dict,
    np.ndarray: _fits_array,
    list: lambda value, wanted: (
        isinstance(value, list) and all(_fits(entry, wanted[0]) for entry in value)
    ),
    Union: lambda value, wanted: any(_fits(value, hint) for hint in wanted),
    types.UnionType: lambda value, wanted: any(_fits(value, hint) for hint in wanted),
    Literal: lambda value, wanted: isinstance(value, str) and value in wanted,
}
