"""What a search has to know before it begins."""

import os

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.validation import _num_samples

from skae.estimators import AutoencoderTransformer


def find_autoencoder(estimator):
    """The autoencoder in an estimator, and the prefix of its parameters' names.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    parameters = {"": estimator, **estimator.get_params(deep=True)}
    found = {
        name: value
        for name, value in parameters.items()
        if isinstance(value, AutoencoderTransformer)
    }
    if len(found) != 1:
        raise ValueError(
            "AutoencoderSearchCV wants an autoencoder, or a Pipeline with one, and "
            f"found {len(found)} in {estimator}. Use GridSearchCV."
        )
    [(name, autoencoder)] = found.items()
    return name and f"{name}__", autoencoder


def shape_of(X):
    """Shape of the data; of a list whose rows differ, that of a single column."""
    shape = getattr(X, "shape", None)
    if shape is not None:
        return tuple(shape)
    try:
        return np.asarray(X).shape
    except ValueError:  # it is the fits' to say what is wrong
        return _num_samples(X), 1


def refuse_ambiguous(scoring, refit):
    """Refuse several scores of which none is named as the one that ranks candidates.

    Raises
    ------
    ValueError
        If candidates are to be dropped round by round, and it is not said by which.
    """
    several = isinstance(scoring, list | tuple | set | dict)
    if callable(refit) or (several and not isinstance(refit, str)):
        raise ValueError(
            "With factor, candidates are ranked after each round: refit must be True "
            "or False where there is a single score, or else the name of one. Got "
            f"{refit!r}."
        )


def refuse_one_folder(candidate):
    """Refuse a candidate whose fits would all have their checkpoints in one folder.

    Raises
    ------
    ValueError
        If its `checkpoint_dir` does not give each fit a folder of its own.
    """
    for name, value in candidate.get_params(deep=True).items():
        is_folder = name.split("__")[-1] == "checkpoint_dir" and value is not None
        if is_folder and "{fit}" not in os.fspath(value):
            raise ValueError(
                f"{name}={os.fspath(value)!r} is the folder of a single fit, and a "
                "search makes many: end it in '{fit}', which gives each of them a "
                "folder of its own."
            )


def size_of_a_split(search, X, y):
    """Rows that a candidate is trained on, and how often it is.

    Where that cannot be known before the search: the rows of X, and once.
    """
    cv, n_samples = search.cv, _num_samples(X)
    if cv is not None and not hasattr(cv, "split") and not isinstance(cv, int):
        return n_samples, 1  # an iterable that can be gone through only once
    try:
        cv = check_cv(cv, y, classifier=is_classifier(search.estimator))
        train, _ = next(iter(cv.split(X, y)))
        return len(train), cv.get_n_splits(X, y)
    except Exception:  # groups that are missing here, say: the search itself will tell
        return n_samples, 1
