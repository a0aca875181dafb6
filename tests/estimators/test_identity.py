"""What a fit is a fit of: words that differ where the fits would."""

import re

import dask.array as da
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skae import Autoencoder, AutoencoderClassifier
from skae.estimators.identity import identity_of
from skae.estimators.validation import check_X


def words(X, **parameters):
    return identity_of(Autoencoder(**parameters), {"X": X})


def data(X, **parameters):
    """In words, as an estimator with these parameters reads it."""
    estimator = Autoencoder(**parameters)
    return words(check_X(estimator, X, reset=True))["X"]


def test_rows_are_the_same_however_they_lie(X):
    expected = data(X)
    assert "of shape (60, 5), float64 and digest" in expected
    padded = np.zeros((120, 10))
    padded[::2, ::2] = X
    for rows in (np.asfortranarray(X), padded[::2, ::2], X[::-1][::-1]):
        assert data(rows) == expected


def test_rows_that_are_read_otherwise_are_others(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    chunks = da.from_array(X, chunks=(13, 5))
    expected = data(X, block_size=7)
    assert expected == f"{data(X)}, in blocks of 7"
    assert data(mapped, block_size=7) == data(chunks, block_size=7) == expected
    assert data(mapped) == data(chunks) == data(X)  # all at once
    assert data(X, block_size=8) == f"{data(X)}, in blocks of 8"
    rows = sparse.csr_array(X)
    assert data(rows, block_size=7) == f"{data(X)}, sparse, in blocks of 7"
    assert data(rows) not in (data(X), expected, data(rows, block_size=7))


def test_every_entry_counts(X):
    found = {data(X)}
    for place in np.ndindex(X.shape):
        other = X.copy()
        other[place] += 1e-9
        found.add(data(other))
    assert len(found) == 1 + X.size


def test_shape_and_dtype_count(X):
    forms = [X, X.reshape(30, 10), X.astype(np.float32), X[:-1], X[::-1]]
    assert len({data(rows) for rows in forms}) == len(forms)


def test_rows_of_many_blocks_are_as_one(monkeypatch, X):
    expected = data(X)
    monkeypatch.setattr("skae.estimators.identity._BLOCK_BYTES", 100)
    assert data(X) == expected


SAME = [
    ("hidden_layer_sizes", (8,), [8]),
    ("hidden_layer_sizes", np.array([8, 4]), np.array([8, 4])),
    ("tol", 1e-4, np.float64(1e-4)),
    ("random_state", np.random.RandomState(0), np.random.RandomState(0)),
    ("n_components", 2, np.int64(2)),
]
OTHER = [
    ("hidden_layer_sizes", (8,), (8, 8)),
    ("hidden_layer_sizes", np.array([8, 4]), np.array([4, 8])),
    ("tol", 1e-4, 1e-5),
    ("random_state", np.random.RandomState(0), np.random.RandomState(1)),
    ("random_state", 0, None),
    ("n_components", 2, 3),
]


@pytest.mark.parametrize(("name", "one", "other"), SAME)
def test_values_that_are_the_same(X, name, one, other):
    assert words(X, **{name: one}) == words(X, **{name: other})


@pytest.mark.parametrize(("name", "one", "other"), OTHER)
def test_values_that_are_not(X, name, one, other):
    first, second = words(X, **{name: one}), words(X, **{name: other})
    assert {key for key in first if first[key] != second[key]} == {name}


def test_what_changes_nothing_does_not_count(X, tmp_path):
    other = {"verbose": True, "checkpoint_dir": tmp_path, "checkpoint_every": 5}
    assert words(X, **other) == words(X)


def test_device_auto_is_the_one_that_it_is(X):
    assert words(X, device="auto")["device"] in ("'cpu'", "'cuda'")
    model = AutoencoderClassifier(Autoencoder(device="auto"))
    assert re.search("device='(cpu|cuda)'", identity_of(model, {})["autoencoder"])


def test_no_object_is_told_by_its_place_in_memory(X):
    first, second = (words(X, tol=object())["tol"] for _ in range(2))
    assert first == second == "<object object>"


def test_a_dictionary_is_told_entry_by_entry(X):
    weights = [{0: 1.0, 1: np.float64(2.0)}, {0: 1.0, 1: 2.0}, {0: 1.0, 1: 3.0}]
    first, second, third = (
        identity_of(AutoencoderClassifier(class_weight=weight), {"X": X})[
            "class_weight"
        ]
        for weight in weights
    )
    assert first == second == "{0: 1.0, 1: 2.0}"
    assert third != second


def test_an_estimator_within_is_told_by_its_parameters(X):
    ae = Autoencoder(2, max_iter=1, random_state=0)
    frozen = [FrozenEstimator(clone(ae).fit(rows)) for rows in (X, X, X[:30])]

    def told(autoencoder):
        model = AutoencoderClassifier(autoencoder)
        return identity_of(model, {"X": X})["autoencoder"]

    assert told(ae) == told(clone(ae).fit(X)) == told(clone(ae))
    assert told(ae) != told(Autoencoder(3, max_iter=1, random_state=0))
    assert told(frozen[0]) == told(frozen[1])
    assert told(frozen[0]) not in (told(frozen[2]), told(ae))


def test_the_fit_before_counts_where_it_is_gone_on_from(X):
    fits = [Autoencoder(max_iter=1, random_state=0).fit(r) for r in (X, X[:30])]
    first, second = (identity_of(ae, {"X": X}) for ae in fits)
    assert first == second
    first, second = (
        identity_of(ae.set_params(warm_start=True), {"X": X}) for ae in fits
    )
    assert {key for key in first if first[key] != second[key]} == {"the fit before"}


def test_what_is_not_given_is_not_told(X):
    assert "X_val" not in identity_of(Autoencoder(), {"X": X, "X_val": None})
