"""One method on its own: fit it, embed the held-out rows, bring them back."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy.sparse import SparseEfficiencyWarning
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skae.inspection._methods import is_quadratic


@dataclass(frozen=True)
class Embedding:
    """What a method made of the held-out rows, and what it took.

    Attributes
    ----------
    estimator : estimator
        The fitted method.

    Z : ndarray of shape (n_test, n_components)
        The codes of the held-out rows.

    X_hat : ndarray of shape (n_test, n_features) or None
        Their reconstructions; None where the method has no inverse.

    fit_seconds, transform_seconds : float
        Wall-clock time; there is no (NaN) time to transform for a method that has
        no `transform`.

    n_fit_rows : int
        Number of rows the method was fitted on.

    notes : list of str
        What is unusual about it, what it warned of: sentences without a subject.
    """

    estimator: object
    Z: np.ndarray
    X_hat: np.ndarray | None
    fit_seconds: float
    transform_seconds: float
    n_fit_rows: int
    notes: list[str]


def embed(method, X_train, X_test, *, max_rows):
    """Fit a clone of a method and embed the held-out rows.

    Parameters
    ----------
    method : estimator
        A transformer; left as it is.

    X_train : ndarray of shape (n_train, n_features)
        Rows to fit on, in random order.

    X_test : ndarray of shape (n_test, n_features)
        Rows to embed.

    max_rows : int
        A method that does not scale is fitted on the first so many of `X_train`.

    Returns
    -------
    Embedding
        Of `X_test`.
    """
    method = clone(method)
    with _noted_warnings() as notes:
        if not hasattr(method, "transform"):
            return _embed_without_transform(method, X_test, notes)
        rows = X_train[:max_rows] if is_quadratic(method) else X_train
        if len(rows) < len(X_train):
            notes.append(f"fitted on {len(rows):,} of the {len(X_train):,} rows")
        return _embed(method, rows, X_test, notes)


def _embed(method, X_train, X_test, notes):
    fit_seconds, _ = _timed(method.fit, X_train)
    transform_seconds, Z = _timed(method.transform, X_test)
    return Embedding(
        method,
        _two_d(Z),
        _reconstruct(method, Z),
        fit_seconds,
        transform_seconds,
        len(X_train),
        notes,
    )


def _embed_without_transform(method, X_test, notes):
    notes.append("no transform: fitted on the held-out rows themselves")
    seconds, Z = _timed(method.fit_transform, X_test)
    return Embedding(method, _two_d(Z), None, seconds, np.nan, len(X_test), notes)


def _reconstruct(method, Z):
    try:
        return np.asarray(method.inverse_transform(Z))
    except (AttributeError, NotFittedError):
        # A KernelPCA without fit_inverse_transform has the method all the same.
        return None


def _timed(function, X):
    start = perf_counter()
    result = function(X)
    return perf_counter() - start, result


def _two_d(Z):
    Z = np.asarray(Z)
    return Z.reshape(len(Z), -1)


@contextmanager
def _noted_warnings():
    """Collect what a method warns its user of: of many methods, a table tells it best.

    Warnings to developers pass.
    """
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        # Isomap joins the pieces of its graph so; it warns that there are pieces, too.
        warnings.simplefilter("ignore", SparseEfficiencyWarning)
        yield notes
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            notes.append(f"warned: {_first_sentence(warning.message)}")
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _first_sentence(message):
    return " ".join(str(message).split()).partition(". ")[0].removesuffix(".")
