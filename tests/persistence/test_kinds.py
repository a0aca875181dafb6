"""Objects of every kind through a document and arrays, and hints."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from skae.persistence import ModelFormatError
from skae.persistence.files import seal, unseal
from skae.persistence.hints import check_hint
from skae.persistence.kinds import BASIC
from skae.persistence.packing import pack, unpack

parametrize = pytest.mark.parametrize


def through_a_file(value):
    node, arrays = pack(value, BASIC)
    document, arrays = unseal(bytes(seal({"estimator": node}, arrays)))
    return unpack(document["estimator"], arrays, BASIC)


VALUES = [
    *(None, True, False, 0, -5, 2**64 - 1, 0.1, -0.0, 1e-310, "", "ä", "\ud800\0"),
    *(float("nan"), float("inf"), float("-inf")),
    *([], [1, [2.5, "a"]], (), (1, (2, [3])), {}, {"a": 1}, {1: {(2, "b"): None}}),
    *(np.float32(0.1), np.float64("nan"), np.int8(-3), np.uint64(2**64 - 1)),
    *(np.bool_(True), np.float16(1.5), np.str_("ä")),
    Path("a") / "b.skae",
    np.arange(6.0).reshape(2, 3),
    np.arange(6, dtype=np.int16).reshape(2, 3).T,
    np.asfortranarray(np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)),
    np.arange(10.0)[::2],
    np.arange(12.0).reshape(3, 4)[:, ::2],
    np.array(5.0),
    np.zeros((0, 3)),
    np.array([True, False]),
    np.array(["a", "längst"]),
    np.array([["a"], ["bc"]]).T,
    np.array([], dtype="<U3"),
    np.array("ab"),
    np.array(["a", 1, None, (2,)], dtype=object),
    np.array([["a", "b"]], dtype=object),
]


@parametrize("value", VALUES, ids=repr)
def test_everything_comes_back(value, assert_same):
    assert_same(value, through_a_file(value))


@parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"a": v}])
def test_the_deepest_values_that_are_written_come_back(wrap, assert_same):
    value = 1
    for _ in range(64):
        value = wrap(value)
        assert_same(value, through_a_file(value))
    with pytest.raises(TypeError, match="without an end"):
        pack(wrap(wrap(value)), BASIC)


def test_arrays_of_the_other_byte_order_come_back_in_that_of_the_machine():
    for array in (np.arange(3.0).astype(">f8"), np.array(["ab"]).astype(">U2")):
        again = through_a_file(array)
        assert again.dtype.isnative
        assert again.tolist() == array.tolist()


def test_one_array_in_two_places_stays_one():
    array = np.arange(3.0)
    first, (second,) = through_a_file([array, (array,)])
    assert first is second


def test_arrays_at_places_with_one_name_stay_two():
    first, second = np.arange(2.0), np.arange(3.0)
    again = through_a_file({"a": {"b": first}, "a.b": second})
    assert again["a"]["b"].tolist() == [0.0, 1.0]
    assert again["a.b"].tolist() == [0.0, 1.0, 2.0]


@parametrize(
    "value",
    [
        *(object(), 2**64, -(2**64), 1 + 1j, b"bytes", {1, 2}, range(3), type, print),
        *(np.datetime64("2020-01-01"), np.complex64(1), np.longdouble(1)),
        *(np.array([1j]), np.array([b"a"]), np.array(["2020"], dtype="M8[Y]")),
        *(np.ma.masked_array([1.0]), np.recarray(1, "f8"), np.array([object()])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_only_pickle_knows_is_refused(value):
    with pytest.raises(TypeError, match="there is no way to write down"):
        pack([value], BASIC)


@parametrize(
    "content",
    [
        {"objects": [1], "shape": [-1]},
        {"objects": [1], "shape": [2]},
        {"objects": [1], "shape": [1.0]},
        {"objects": 1, "shape": [1]},
        {"objects": [1], "shape": 1},
    ],
)
def test_arrays_of_objects_in_no_shape(content):
    with pytest.raises(ModelFormatError):
        unpack({"array": content}, {}, BASIC)


def test_texts_without_width():
    arrays = {"a": np.zeros((2, 0), np.uint32)}
    with pytest.raises(ModelFormatError, match="no characters"):
        unpack({"array": {"name": "a", "width": 0}}, arrays, BASIC)


FITTING = [
    *((1, int), (np.int64(1), int), (1.0, float), (np.float32(1), float)),
    *((True, bool), (np.True_, bool), (None, None), (None, int | None), ("a", str)),
    *(((1, 2), tuple[int, ...]), ((), tuple[int, ...]), ((1, "a"), tuple[int, str])),
    *(([1.0], list[float]), ([], list[int]), ({"a": 1}, dict[str, int])),
    *(("a", Literal["a", "b"]), (np.zeros(2), np.ndarray)),
    *((np.zeros(2), NDArray[np.float64]), (np.zeros(2, "f4"), NDArray[np.floating])),
]

OTHERS = [
    *((1.0, int), (True, int), (np.True_, int), ("1", int), (1, float), (True, float)),
    *((1, bool), (0, None), ("a", int | None), (1, str), (b"a", str)),
    *(([1, 2], tuple[int, ...]), ((1.0,), tuple[int, ...]), ((1,), tuple[int, str])),
    *(((1,), list[int]), ([None], list[int]), ({1: 1}, dict[str, int])),
    *(({"a": "b"}, dict[str, int]), ([], dict[str, int]), ("c", Literal["a", "b"])),
    *((1, Literal["a"]), ([0.0], np.ndarray), (np.zeros(2, "f4"), NDArray[np.float64])),
    *((np.zeros(2, "i4"), NDArray[np.floating]), ([], NDArray[np.float64])),
]


@parametrize(("value", "hint"), FITTING, ids=repr)
def test_hints_that_fit(value, hint):
    check_hint(value, hint)


@parametrize(("value", "hint"), OTHERS, ids=repr)
def test_hints_that_do_not(value, hint):
    with pytest.raises(TypeError, match="is not of the type"):
        check_hint(value, hint)


def test_a_long_value_is_told_in_brief():
    with pytest.raises(TypeError, match=r"^'x{59}\.\.\. is not of the type int$"):
        check_hint("x" * 1000, int)
