"""What a fit is a fit of: words that differ where the fits would."""

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
    said = words(check_X(estimator, X, reset=True))
    return said["X"], said["the content of X"]


def test_rows_are_the_same_however_they_lie(X):
    expected = data(X)
    assert expected[0] == "of shape (60, 5), float64"
    padded = np.zeros((120, 10))
    padded[::2, ::2] = X
    for rows in (np.asfortranarray(X), padded[::2, ::2], X[::-1][::-1]):
        assert data(rows) == expected


def test_rows_that_are_read_otherwise_are_others(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    chunks = da.from_array(X, chunks=(13, 5))
    whole, content = data(X)
    expected = data(X, block_size=7)
    assert expected == (f"{whole}, in blocks of 7", content)
    assert data(mapped, block_size=7) == data(chunks, block_size=7) == expected
    assert data(mapped) == data(chunks) == data(X)  # all at once
    assert data(X, block_size=8) == (f"{whole}, in blocks of 8", content)
    rows = sparse.csr_array(X)
    said = f"{whole}, sparse, in blocks of 7"
    assert data(rows, block_size=7) == (said, content)
    assert data(rows) not in (data(X), expected, data(rows, block_size=7))


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
    assert identity_of(model, {})["autoencoder__device"] in ("'cpu'", "'cuda'")


def test_an_estimator_within_is_told_by_its_parameters(X):
    ae = Autoencoder(2, max_iter=1, random_state=0)
    frozen = [FrozenEstimator(clone(ae).fit(rows)) for rows in (X, X, X[:30])]

    def told(autoencoder):
        return identity_of(AutoencoderClassifier(autoencoder), {"X": X})

    def differing(first, second):
        first, second = told(first), told(second)
        assert first.keys() == second.keys()
        return [name for name in first if first[name] != second[name]]

    assert told(ae) == told(clone(ae).fit(X)) == told(clone(ae))
    assert differing(ae, clone(ae).set_params(tol=0.5)) == ["autoencoder__tol"]
    assert told(frozen[0]) == told(frozen[1])
    assert differing(frozen[0], frozen[2]) == ["the fit of autoencoder__estimator"]
    assert told(ae)["autoencoder"] == "Autoencoder"
    assert told(frozen[0])["autoencoder"] == "FrozenEstimator"
    assert told(None)["autoencoder"] == "None"


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
