"""Kinds of objects that Python and numpy bring, and dataclasses."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skae.persistence.files import TYPES
from skae.persistence.hints import brief, check_hint
from skae.persistence.packing import Kind, Packer, Unpacker

_NUMERIC = tuple(TYPES.values())
_LAST_CHARACTER = 0x10FFFF


class TupleKind(Kind):
    """Tuples: a list of their entries."""

    types = (tuple,)

    def pack(self, value: Any, packer: Packer) -> Any:
        return [packer.pack(entry, i) for i, entry in enumerate(value)]

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        check_hint(content, list)
        return tuple(unpacker.unpack(entry, i) for i, entry in enumerate(content))


class DictKind(Kind):
    """Dictionaries: a list of pairs, for keys may be anything that can be hashed."""

    types = (dict,)

    def pack(self, value: Any, packer: Packer) -> Any:
        return [[packer.pack(k, k), packer.pack(v, k)] for k, v in value.items()]

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        found: dict[Any, Any] = {}
        check_hint(content, list[list[object]])
        for pair in content:
            if len(pair) != 2:
                raise ValueError("a pair in a dictionary is none")
            key = unpacker.unpack(pair[0], "a key")
            check_hint(key, Hashable)
            found[key] = unpacker.unpack(pair[1], key)
        if len(found) < len(content):
            raise ValueError("a key stands in a dictionary twice")
        return found


class FloatKind(Kind):
    """Numbers that JSON does not know: nan, inf, -inf."""

    types = (float,)

    def pack(self, value: Any, packer: Packer) -> Any:
        return str(value)

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        check_hint(content, Literal["nan", "inf", "-inf"])
        return float(content)


class ScalarKind(Kind):
    """Numbers of numpy, and its strings: the type, and the value."""

    types = tuple(np.dtype(name).type for name in (*_NUMERIC, "str"))

    def pack(self, value: Any, packer: Packer) -> Any:
        return [type(value).__name__.strip("_"), packer.pack(value.item(), "value")]

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        check_hint(content, list)
        name, node = content if len(content) == 2 else (None, None)
        if name not in (*_NUMERIC, "str"):
            raise ValueError(f"{brief(name)} is no type of number")
        value = unpacker.unpack(node, "value")
        wanted = np.dtype(name).type
        if type(value) is not type(wanted().item()):
            raise ValueError(f"{value!r} is no {name}")
        found = wanted(value)
        if found.item() != value and value == value:
            raise ValueError(f"{value!r} is out of the range of {name}")
        return found


class PathKind(Kind):
    """Paths: their text."""

    types = (type(Path()),)

    def pack(self, value: Any, packer: Packer) -> Any:
        return str(value)

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        check_hint(content, str)
        return Path(content)


class ArrayKind(Kind):
    """Arrays: the name of one in the file, and in which order its entries lie.

    That is told where it is not C's. Texts of equal width are the numbers of their
    characters; objects are written down one by one.
    """

    types = (np.ndarray,)

    def pack(self, value: Any, packer: Packer) -> Any:
        if value.dtype == object:
            entries = [packer.pack(entry, i) for i, entry in enumerate(value.flat)]
            return {"objects": entries, "shape": list(value.shape)}
        numbers, told = value, {}
        if value.dtype.kind == "U":
            width = value.dtype.itemsize // 4
            numbers = np.ascontiguousarray(value).astype(f"<U{width}")
            numbers = numbers.reshape(*value.shape, 1).view("<u4")
            told = {"width": width}
        elif value.dtype.name not in _NUMERIC:
            raise TypeError(f"there is no way to write down arrays of {value.dtype}")
        is_fortran = numbers.flags.f_contiguous and not numbers.flags.c_contiguous
        numbers = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
        name = packer.store(numbers.reshape((*value.shape, *told.values())), value)
        if is_fortran:
            told["order"] = "F"
        return {"name": name, **told} if told else name

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        told = {"name": content} if isinstance(content, str) else content
        check_hint(told, dict)
        if told.keys() == {"objects", "shape"}:
            return _array_of_objects(told, unpacker)
        if told.keys() - {"width", "order"} != {"name"}:
            raise ValueError(f"{sorted(told)} do not tell what an array is")
        order: Any = told.get("order", "C")
        width = told.get("width")
        check_hint(order, Literal["C", "F"])
        check_hint(width, int | None)

        def make(numbers: Any) -> Any:
            texts = numbers if width is None else _texts(numbers, width)
            return np.array(texts, order=order)

        return unpacker.fetch(told["name"], (order, width), make)


def _array_of_objects(content: Any, unpacker: Unpacker) -> Any:
    check_hint(content["objects"], list)
    check_hint(content["shape"], list[int])
    found = np.empty(len(content["objects"]), dtype=object)
    for i, node in enumerate(content["objects"]):
        found[i] = unpacker.unpack(node, i)
    if any(n < 0 for n in content["shape"]):
        raise ValueError(f"{content['shape']} is no shape")
    return found.reshape(content["shape"])


def _texts(numbers: Any, width: Any) -> Any:
    """Texts of the numbers of their characters, along the last axis."""
    if numbers.dtype != np.uint32 or numbers.ndim < 1 or numbers.shape[-1] != width:
        raise ValueError(f"{numbers.dtype} of shape {numbers.shape} are no texts")
    if width == 0 or np.any(numbers > _LAST_CHARACTER):
        raise ValueError("numbers that are no characters stand in texts")
    return np.ascontiguousarray(numbers).view(f"<U{width}")[..., 0]


class RandomStateKind(Kind):
    """Random states of the Mersenne twister: where they stand."""

    types = (np.random.RandomState,)

    def pack(self, value: Any, packer: Packer) -> Any:
        state = value.get_state(legacy=False)
        if state.pop("bit_generator") != "MT19937":
            raise TypeError("there is no way to write down its bit generator")
        return packer.pack(state, "state")

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        state = unpacker.unpack(content, "state")
        check_hint(state, dict[str, object])
        found = np.random.RandomState(0)
        blank = found.get_state(legacy=False)
        _check_twister(state, blank)
        found.set_state({"bit_generator": "MT19937", **state})
        return found


def _check_twister(state: Any, blank: Any) -> None:
    """Refuse a state that numpy would take, and fall over."""
    same = state.keys() == blank.keys() - {"bit_generator"}
    inner: Any = state["state"] if same else None
    if not isinstance(inner, dict) or inner.keys() != blank["state"].keys():
        raise ValueError("a random state has other parts")
    key, wanted = inner["key"], blank["state"]["key"]
    for value in (inner["pos"], state["has_gauss"]):
        check_hint(value, int)
    check_hint(state["gauss"], float)
    check_hint(key, np.ndarray)
    if (key.shape, key.dtype) != (wanted.shape, wanted.dtype):
        raise ValueError("the key of a random state has another shape")
    if not 0 <= inner["pos"] <= len(key) or state["has_gauss"] not in (0, 1):
        raise ValueError("a random state stands nowhere")


class DataclassKind(Kind):
    """Dataclasses: their fields by name, of the types that they are annotated with.

    Fields that no comparison counts are left out. A part that has more to say about its
    fields than their types has a method ``verify()``, which refuses wrong ones.

    Parameters
    ----------
    cls : type
        The dataclass.
    """

    def __init__(self, cls: Any) -> None:
        self.types = (cls,)
        self._cls = cls
        hints = inspect.get_annotations(cls, eval_str=True)
        kept = [field for field in fields(cls) if field.compare]
        self._hints = {field.name: hints[field.name] for field in kept}
        self._needed = {
            f.name for f in kept if f.default is f.default_factory is MISSING
        }

    def pack(self, value: Any, packer: Packer) -> Any:
        return {name: packer.pack(getattr(value, name), name) for name in self._hints}

    def unpack(self, content: Any, unpacker: Unpacker) -> Any:
        check_hint(content, dict)
        strange = content.keys() - self._hints.keys()
        missing = self._needed - content.keys()
        if strange or missing:
            raise ValueError(
                f"{self._cls.__name__} has not the fields {sorted(strange | missing)}, "
                "or they are missing"
            )
        values = {name: unpacker.unpack(node, name) for name, node in content.items()}
        for name, value in values.items():
            with unpacker.at(name):
                check_hint(value, self._hints[name])
        found = self._cls(**values)
        if hasattr(found, "verify"):
            found.verify()
        return found


BASIC = {
    "tuple": TupleKind(),
    "dict": DictKind(),
    "float": FloatKind(),
    "scalar": ScalarKind(),
    "path": PathKind(),
    "array": ArrayKind(),
    "RandomState": RandomStateKind(),
}
"""What Python and numpy bring, by name; skae's own classes are in the catalogue of the
estimators."""
