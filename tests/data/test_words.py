"""What is given in words: they differ where what is given does."""

import numpy as np
import pytest

from skae.data import ArraySource, differences, in_words

X = np.sin(np.random.default_rng(0).random((60, 5)))


def source(rows, block_size=7):
    return ArraySource(rows, block_size, rows.dtype, np.asarray)


def content(rows, **options):
    return in_words({"X": rows}, **options)["the content of X"]


@pytest.mark.parametrize("given", [X, source(X)], ids=["array", "source"])
def test_rows_are_told_by_shape_dtype_and_content(given):
    said = in_words({"X": given})
    assert list(said) == ["X", "the content of X"]
    assert said["X"].startswith("of shape (60, 5), float64")
    assert said["the content of X"] == content(X)
    assert "in blocks of 7" in in_words({"X": source(X)})["X"]


def test_every_entry_counts():
    found = {content(X)}
    for place in np.ndindex(X.shape):
        other = X.copy()
        other[place] += 1e-9
        found.add(content(other))
    assert len(found) == 1 + X.size


def test_shape_and_dtype_count():
    forms = [X, X.reshape(30, 10), X.astype(np.float32), X[:-1], X[::-1]]
    assert len({str(in_words({"X": rows})) for rows in forms}) == len(forms)


def test_layout_does_not():
    padded = np.zeros((120, 10))
    padded[::2, ::2] = X
    for rows in (np.asfortranarray(X), padded[::2, ::2], X[::-1][::-1]):
        assert in_words({"X": rows}) == in_words({"X": X})


def test_rows_of_many_blocks_are_as_one(monkeypatch):
    expected = content(X)
    monkeypatch.setattr("skae.data.words._BLOCK_BYTES", 100)
    assert content(X) == expected


@pytest.mark.parametrize("make", [np.asarray, source], ids=["array", "source"])
def test_some_rows_stand_for_all(make):
    other = X.copy()
    other[7] += 1.0
    assert content(make(X), n_rows=6) == content(make(other), n_rows=6)
    other[0] += 1.0
    assert content(make(X), n_rows=6) != content(make(other), n_rows=6)
    assert content(make(X), n_rows=100) == content(X)


WORDS = [
    (np.float64(1e-4), "0.0001"),
    (np.array(3), "3"),
    (np.array([8, 4]), "(8, 4)"),
    ((128,), "(128,)"),
    ([], "()"),
    (np.array(["a", None], dtype=object), "('a', None)"),
    ([8, (4, np.int64(2))], "(8, (4, 2))"),
    ({0: np.float64(2.0), "b": [1]}, "{0: 2.0, 'b': (1,)}"),
    (object(), "<object object>"),
    (ArraySource, "ArraySource"),
    (None, "None"),
    ("cpu", "'cpu'"),
]


@pytest.mark.parametrize(("value", "words"), WORDS)
def test_settings(value, words):
    assert in_words({"name": value}) == {"name": words}


def test_a_random_state_is_told_by_its_state():
    states = [np.random.RandomState(seed) for seed in (0, 0, 1)]
    states[1].normal(), states[1].normal()
    states += [np.random.RandomState(0) for _ in range(2)]
    states[4].normal()  # leaves another one to come
    said = [in_words({"seed": state})["seed"] for state in states]
    assert said[0] == said[3]
    assert len(set(said)) == 4
    assert said[0].startswith("a RandomState in state ")


def test_a_long_array_within_is_told_by_its_digest():
    long = np.arange(100)
    said = [in_words({"k": {"a": a}})["k"] for a in (long, long.copy(), long + 1)]
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("{'a': an array of shape (100,), int64 and digest ")


class TestDifferences:
    def test_there_are_none(self):
        assert differences({"a": "1"}, {"a": "1"}) == {}

    def test_are_told_by_name(self):
        first, second = {"a": "1", "b": "2"}, {"b": "3", "c": "4", "a": "1"}
        assert differences(first, second) == {"b": ("2", "3"), "c": ("not there", "4")}

    def test_content_is_told_of_where_the_form_is_the_same(self):
        first, second, third = (in_words({"X": rows}) for rows in (X, X + 1, X[1:]))
        assert list(differences(first, second)) == ["the content of X"]
        assert list(differences(first, third)) == ["X"]

    def test_parts_are_told_of_where_they_are_parts_of_the_same(self):
        first = {"a": "A", "a__b": "B", "a__b__k": "1"}
        assert list(differences(first, first | {"a__b__k": "2"})) == ["a__b__k"]
        other = {"a": "A", "a__b": "C", "a__b__k": "2", "a__b__l": "3"}
        assert differences(first, other) == {"a__b": ("B", "C")}
