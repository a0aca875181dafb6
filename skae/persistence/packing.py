"""From objects to a document and arrays, and back.

What JSON knows stands in the document as it is. Everything else is an object with one
key, the name of its kind, and what the kind makes of it: ``{"tuple": [8, 4]}``. A name
is looked up in a table of kinds, and nowhere else.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from skae.persistence.errors import ModelFormatError
from skae.persistence.files import LARGEST_INT, Arrays
from skae.persistence.hints import brief

_DEEPEST = 64  # objects in objects: far more than any estimator has

_MOST_USES = 64
"""Of an array: each is looked at in full, and a name takes less time to write down."""


class Kind(ABC):
    """A kind of object: what is written down of it, and how it is built from that.

    Attributes
    ----------
    types : tuple of type
        Classes of the objects; those of subclasses are of no kind.
    """

    types: tuple[type, ...]

    @abstractmethod
    def pack(self, value: Any, packer: Packer) -> Any:
        """What stands in the document for an object."""

    @abstractmethod
    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        """Build the object from what stands in the document.

        Raises
        ------
        TypeError, ValueError
            When that is nothing that `pack` has made.
        """


Kinds = Mapping[str, Kind]


def _is_plain(value: Any) -> bool:
    """Whether JSON has the very same value."""
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return abs(value) < LARGEST_INT
    return value is None or type(value) in (bool, str)


class _Place:
    """Where in an object one is, for messages and for the names of arrays."""

    def __init__(self) -> None:
        self._steps: list[str] = []

    @contextmanager
    def at(self, step: object) -> Iterator[None]:
        """Go to a part of the object."""
        if len(self._steps) > _DEEPEST:
            raise ValueError("objects stand in objects without an end")
        self._steps.append(str(step))
        yield
        self._steps.pop()  # but not after an error, which tells where it was

    @property
    def place(self) -> str:
        """Names from the outermost object on."""
        return ".".join(self._steps)


class Packer(_Place):
    """Takes objects apart.

    Parameters
    ----------
    kinds : mapping of str to Kind
        What objects there may be, by name.

    Attributes
    ----------
    arrays : dict of str to ndarray
        All arrays that were met.
    """

    def __init__(self, kinds: Kinds) -> None:
        super().__init__()
        self._kinds = {cls: name for name, k in kinds.items() for cls in k.types}
        self._by_name = kinds
        self._known: dict[int, tuple[str, Any]] = {}
        self.arrays: Arrays = {}

    def pack(self, value: Any, step: object) -> Any:
        """What stands for an object in the document; it is met at `step`.

        Raises
        ------
        TypeError
            When it is of no kind.
        """
        if _is_plain(value):
            return value
        with self.at(step):
            if type(value) is list:
                return [self.pack(entry, i) for i, entry in enumerate(value)]
            name = self._kinds.get(type(value))
            if name is None:
                raise TypeError(
                    f"there is no way to write down {type(value).__qualname__} of the "
                    f"module {type(value).__module__}"
                )
            return {name: self._by_name[name].pack(value, self)}

    def store(self, array: Any, owner: Any) -> str:
        """Name of an array in the file; `owner`, if met again, gives the same one."""
        if id(owner) not in self._known:
            name = ".".join(self._steps[1:])
            while name in self.arrays:
                name += "'"
            self.arrays[name] = array
            self._known[id(owner)] = name, owner  # which so stays alive, as its id does
        return self._known[id(owner)][0]


class Unpacker(_Place):
    """Puts objects together.

    Parameters
    ----------
    kinds : mapping of str to Kind
        What objects there may be, by name.
    arrays : dict of str to ndarray
        All arrays of the file.
    parameters : dict
        What parameters are to be, whatever the file says.
    """

    def __init__(self, kinds: Kinds, arrays: Arrays, parameters: Any = None) -> None:
        super().__init__()
        self._kinds, self._arrays = kinds, arrays
        self._made: dict[tuple[str, Any], Any] = {}
        self._uses = Counter[str]()
        self.parameters: dict[str, Any] = parameters or {}

    def unpack(self, node: Any, step: object) -> Any:
        """Object that stands in the document."""
        if not isinstance(node, list | dict):
            return node
        with self.at(step):
            if isinstance(node, list):
                return [self.unpack(entry, i) for i, entry in enumerate(node)]
            if len(node) != 1 or next(iter(node)) not in self._kinds:
                raise ValueError(f"there is no such kind of object: {list(node)[:2]}")
            ((name, content),) = node.items()
            return self._kinds[name].unpack(content, self)

    def fetch(self, name: Any, form: Any, make: Callable[[Any], Any]) -> Any:
        """What `make` makes of an array of the file; for each `form` only once."""
        if not isinstance(name, str) or name not in self._arrays:
            raise ValueError(f"the file has no array {brief(name)}")
        self._uses[name] += 1
        if self._uses[name] > _MOST_USES:
            raise ValueError(f"the array {brief(name)} stands in too many places")
        if (name, form) not in self._made:
            self._made[name, form] = make(self._arrays[name])
        return self._made[name, form]

    def close(self) -> None:
        """Refuse a file with arrays that nothing has asked for."""
        left = sorted(self._arrays.keys() - {name for name, _ in self._made})
        if left:
            raise ValueError(f"nothing knows of the arrays {left[:3]}")


def pack(value: Any, kinds: Kinds) -> tuple[Any, Arrays]:
    """Document and arrays of an object.

    Raises
    ------
    TypeError
        When some part of it is of no kind, or could not be built again; the message
        says which.
    """
    packer, name = Packer(kinds), type(value).__name__
    try:
        node = packer.pack(value, name)
    except (TypeError, ValueError) as error:
        raise TypeError(f"In {packer.place}: {error}") from error
    try:
        unpack(node, packer.arrays, kinds)  # what could not be read is never written
    except ModelFormatError as error:
        raise TypeError(str(error)) from error
    return node, packer.arrays


def unpack(node: Any, arrays: Arrays, kinds: Kinds, parameters: Any = None) -> Any:
    """Object of a document and arrays; see `Unpacker`.

    Raises
    ------
    ModelFormatError
        When they are not those of an object.
    """
    unpacker = Unpacker(kinds, arrays, parameters)
    try:
        found = unpacker.unpack(node, "estimator")
        unpacker.close()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        place = unpacker.place or "the file"
        raise ModelFormatError(f"In {place}: {error}") from error
    return found
