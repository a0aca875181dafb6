"""Rows as pictures need them: an array of floats, what is typical of it, some of it."""

import re
from dataclasses import dataclass

import numpy as np
from sklearn.utils import column_or_1d

from skae.inspection._validation import column_names
from skae.metrics import _rows


def as_rows(X):
    """Bring X into an array of floats with a row for each sample.

    Parameters
    ----------
    X : array-like, torch.Tensor or sparse matrix of shape (n_samples, ...)
        NaN may stand for what is missing.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        float64.
    """
    refuse_texts(X)
    return _rows.as_rows(X, ensure_all_finite=False)


def refuse_texts(X):
    """Say what to pass in place of texts, which a Pipeline may begin with.

    Raises
    ------
    ValueError
        If X is a sequence of texts.
    """
    is_row_of_things = not hasattr(X, "nnz") and np.ndim(X) == 1 and len(X)
    if is_row_of_things and isinstance(next(iter(X)), str):
        raise ValueError(
            "X holds texts, and what is drawn here is of numbers: pass the last step "
            "of the Pipeline and the matrix that it sees, pipeline[-1] and "
            "pipeline[:-1].transform(X), or fit_transform where nothing is fitted yet."
        )


def names_of(X, feature_names):
    """Return the names of features that were given, or else those of a DataFrame.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows.

    feature_names : sequence of str or None
        The names.

    Returns
    -------
    list of str or None
        None if there are none.

    Raises
    ------
    ValueError
        If they are not as many as the features.
    """
    if feature_names is None:
        return column_names(X)
    names = [str(name) for name in feature_names]
    n_features = int(np.prod(np.shape(X)[1:]))
    if len(names) != n_features:
        raise ValueError(
            f"feature_names has {len(names)} entries, but X has {n_features} features."
        )
    return names


def mean_and_deviation(rows):
    """Return mean and standard deviation of features, 1 for one that is constant.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Of float64; NaN stands for what is missing.

    Returns
    -------
    mean, deviation : ndarray of shape (n_features,)
        Of each feature. Constant is one whose values differ in their last bits at most.
    """
    low, high = np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)
    rounding = 4 * np.spacing(np.maximum(np.abs(low), np.abs(high)))
    deviation = np.where(high - low > rounding, np.nanstd(rows, axis=0), 1.0)
    return np.nanmean(rows, axis=0), deviation


@dataclass(frozen=True)
class FeatureStatistics:
    """What is typical of the features of some rows.

    Attributes
    ----------
    mean, std : ndarray of shape (n_features,)
        Of each; the deviation of a constant feature is 1.

    low, high : ndarray of shape (n_features,)
        Their quantiles of 5 % and 95 %.

    limits : tuple of float
        Least and largest value of all.
    """

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    limits: tuple[float, float]

    @classmethod
    def of(cls, rows):
        """Describe `rows`, (n_samples, n_features)."""
        mean, std = mean_and_deviation(rows)
        low, high = np.nanquantile(rows, [0.05, 0.95], axis=0)
        limits = float(np.nanmin(rows)), float(np.nanmax(rows))
        return cls(mean, std, low, high, limits)

    def standardise(self, rows):
        """Rows in standard deviations from the mean."""
        return (rows - self.mean) / self.std


def rows_to_show(n_rows, y, n_samples):
    """Choose rows spread over the classes, or over the range of a number.

    Parameters
    ----------
    n_rows : int
        How many there are.

    y : array-like of shape (n_rows,) or None
        Labels or numbers, some of which may be missing; None: the first rows are
        chosen.

    n_samples : int
        How many to choose at most.

    Returns
    -------
    ndarray of int
        Their places.
    """
    if y is None:
        return np.arange(min(n_samples, n_rows))
    codes = _codes(column_or_1d(np.asarray(y)))
    counts = np.bincount(codes)
    by_class = np.argsort(codes, kind="stable")
    turn = np.empty(n_rows, dtype=int)  # 0 for the first row of each class, 1 ...
    turn[by_class] = np.arange(n_rows) - np.repeat(counts.cumsum() - counts, counts)
    order = np.lexsort((codes, turn))
    if len(counts) > n_samples:
        return order[np.linspace(0, len(counts) - 1, n_samples).astype(int)]
    chosen = order[:n_samples]
    return chosen[np.argsort(codes[chosen], kind="stable")]


def _codes(y):
    """Number the classes: those of missing labels come last, as one."""
    there = ~np.array([is_missing(label) for label in y], dtype=bool)
    values, known = classes_of(y[there])
    codes = np.full(len(y), len(values))
    codes[there] = known
    return codes


def classes_of(y):
    """Return the values that there are, and the index of each entry's value."""
    if y.dtype.kind == "O" and not all(isinstance(value, str) for value in y):
        try:
            y = y.astype(float)
        except (TypeError, ValueError):
            y = y.astype(str)
    values, codes = np.unique(y, return_inverse=True)
    if values.dtype.kind not in "OU":
        return values, codes
    order = sorted(range(len(values)), key=lambda i: _with_numbers(values[i]))
    return values[order], np.argsort(order)[codes]


def _with_numbers(text):
    """Split a text so that c2 sorts before c10."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def is_missing(label):
    """Whether it is None, or not equal to itself: NaN, or pandas' NA."""
    same = label == label
    return label is None or not (isinstance(same, bool | np.bool_) and same)
