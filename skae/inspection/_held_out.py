"""The rows of a comparison: some to fit on, some held out."""

from dataclasses import dataclass
from math import ceil
from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _num_samples

from skae._optional import import_optional
from skae.inspection._validation import column_names, numeric_matrix


@dataclass(frozen=True)
class HeldOut:
    """Rows split in two, preprocessed, with what is known about the held-out ones.

    Attributes
    ----------
    X_train : ndarray of shape (n_train, n_features)
        Rows to fit on, in random order.

    X_test : ndarray of shape (n_test, n_features)
        Rows to measure on.

    y_test : Series of shape (n_test,) or None
        Their labels, or any numbers to colour them by.

    has_labels : bool
        Whether `y_test` are labels of classes.

    places : ndarray of shape (n_test, n_intrinsic) or None
        Their intrinsic coordinates.

    names : list of str or None
        The names of the columns, where they have names.
    """

    X_train: np.ndarray
    X_test: np.ndarray
    y_test: object
    has_labels: bool
    places: np.ndarray | None
    names: list[str] | None


def hold_out(X, y, places, *, preprocessing, n_test, random_state):
    """Split the rows at random and preprocess them.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The data.

    y : array-like of shape (n_samples,) or None
        Labels or numbers.

    places : array-like of shape (n_samples, n_intrinsic) or None
        Intrinsic coordinates.

    preprocessing : transformer or None
        A clone of it is fitted on the training rows.

    n_test : int
        Number of rows to hold out.

    random_state : int, RandomState instance or None
        Seed of the split.

    Returns
    -------
    HeldOut
        The two parts.
    """
    y = None if y is None else _check_target(y)
    places = None if places is None else check_array(places, dtype=np.float64)
    check_consistent_length(X, y, places)
    train, test, _, rows = train_test_split(
        X, np.arange(_num_samples(X)), test_size=n_test, random_state=random_state
    )
    if preprocessing is not None:
        preprocessing = clone(preprocessing)
        train, test = preprocessing.fit_transform(train), preprocessing.transform(test)
    return HeldOut(
        X_train=_refuse_constant(numeric_matrix(train)),
        X_test=numeric_matrix(test),
        y_test=None if y is None else y.iloc[rows],
        has_labels=y is not None and _are_labels(y),
        places=None if places is None else places[rows],
        names=_names_after(X, train),
    )


def count_held_out(n_samples, *, test_size, max_rows, n_neighbors):
    """Return the number of rows to hold out.

    Parameters
    ----------
    n_samples : int
        Number of rows there are.

    test_size : float or int
        Share or number of rows to hold out.

    max_rows : int
        The most that may be held out.

    n_neighbors : int
        Size of the neighbourhoods to measure among them.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If these are too few for neighbourhoods of that size, or all.
    """
    is_number = isinstance(test_size, Integral)
    n_test = min(test_size if is_number else ceil(test_size * n_samples), max_rows)
    if n_test >= n_samples:
        raise ValueError(
            f"test_size={test_size} leaves none of the {n_samples} rows to fit on: "
            "pass more rows or a smaller test_size."
        )
    needed = 2 * n_neighbors + 1
    if n_test < needed:
        raise ValueError(
            f"{n_test} of the {n_samples} rows would be held out, but measuring "
            f"neighbourhoods of n_neighbors={n_neighbors} takes {needed} rows: pass "
            "more rows, a greater test_size or max_rows, or a smaller n_neighbors."
        )
    return n_test


def _check_target(y):
    pandas = import_optional("pandas", extra="inspection")
    y = pandas.Series(column_or_1d(y), name=getattr(y, "name", None))
    n_missing = y.isna().sum()
    if n_missing:
        raise ValueError(
            f"The target is missing in {n_missing:,} rows: drop these rows, or compare "
            "without the target."
        )
    return y


def _are_labels(y):
    """Tell labels from numbers; whole numbers are labels if they come five times."""
    values = np.unique(y)
    if values.dtype.kind not in "iuf":
        return True
    return bool(len(y) >= 5 * len(values) and np.all(values == np.round(values)))


def _refuse_constant(X):
    if np.ptp(X, axis=0).max() == 0:
        raise ValueError(
            "All rows of X are the same: there is nothing to embed. Pass other rows."
        )
    return X


def _names_after(X, preprocessed):
    """Return the names of the columns, those of X if none was added or dropped."""
    names = column_names(preprocessed) or column_names(X)
    return names if names and len(names) == np.shape(preprocessed)[1] else None
