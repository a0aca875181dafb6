"""What pictures ask of an estimator: its codes, what they decode to, what it lost."""

import numpy as np
from sklearn.pipeline import Pipeline

from skae.inspection._images import image_shape_for
from skae.inspection._rows import as_rows, names_of, refuse_texts
from skae.metrics._within import ask, innermost, parts, through_code


def encode(estimator, X, who):
    """Codes of X as a float array of shape (n_samples, n_components)."""
    try:
        transform = ask(estimator, "transform", who)
    except TypeError as error:
        before = isinstance(estimator, Pipeline) and estimator[:-1]
        if not (before and hasattr(before, "transform")):
            raise
        raise TypeError(
            f"{error} The steps before the last one have it: pass pipeline[:-1]."
        ) from error
    return as_rows(transform(X))


def decode(estimator, Z, who):
    """What codes decode to, as rows: (n_samples, n_features)."""
    return as_rows(ask(estimator, "inverse_transform", who)(Z))


def reconstruct(estimator, X, who):
    """Reconstructions of X, as rows: (n_samples, n_features)."""
    refuse_texts(X)
    if hasattr(estimator, "reconstruct"):
        return as_rows(estimator.reconstruct(X))
    return as_rows(through_code(estimator, X, who))


def fitted_names(estimator, rows):
    """Names of the features that an estimator was fitted to, if these are its rows."""
    names = getattr(estimator, "feature_names_in_", None)
    has_them = names is not None and len(names) == rows.shape[1]
    return list(names) if has_them else None


def known_image_shape(estimator, X, image_shape, feature_names):
    """Say in what shape the rows of X are images, with what an estimator knows.

    Parameters
    ----------
    estimator : estimator
        One of images knows their shape, one of sequences that there are none:
        `image_shape_`.

    X : array-like of shape (n_samples, ...)
        The rows.

    image_shape : tuple of int, False or None
        What the caller knows.

    feature_names : list of str or None
        Names of the features; what has names is a table.

    Returns
    -------
    tuple of int or False
        False: they are no images.

    Raises
    ------
    ValueError
        If `image_shape` does not fit.
    """
    n_features = int(np.prod(np.shape(X)[1:]))
    knows, known = innermost(estimator, "image_shape_"), None
    if knows is not None and knows.n_features_in_ == n_features:
        known = knows.image_shape_  # else a step before it changes the width
    names = names_of(X, feature_names)
    shape = image_shape_for(n_features, image_shape, names, known)
    return False if shape is None else shape.shape


def error_unit(estimator, within=None):
    """Return the unit of a reconstruction's error; None if nothing is known of it.

    Parameters
    ----------
    estimator : estimator
        Whose error it is.

    within : estimator, default=None
        The Pipeline around it, if any.

    Returns
    -------
    str or None
        The squared units of X, with the step before it in a Pipeline, or nats.
    """
    if not hasattr(estimator, "inverse_transform"):
        return None
    unit = getattr(estimator, "loss_unit_", "squared units of X")
    return f"{unit}{after(estimator, within)}" if unit.endswith("of X") else unit


def after(estimator, within):
    """Say after which step of a Pipeline an estimator stands: " after PCA", or ""."""
    around = parts(within)
    place = next((i for i, part in enumerate(around) if part is estimator), 0)
    return f" after {type(around[place - 1]).__name__}" if place else ""


def in_unit(what, unit):
    """Write the unit of a quantity behind it."""
    return f"{what} [{unit}]" if unit else what


def check_components(components, n_components):
    """Refuse components that a code does not have.

    Parameters
    ----------
    components : int or sequence of int
        Their indices.

    n_components : int
        Size of the code.

    Returns
    -------
    list of int
        The indices.

    Raises
    ------
    ValueError
        If there is none, or one that the code does not have.
    """
    chosen = np.ravel(components)
    known = chosen.dtype.kind in "iu" and chosen.size and chosen.min() >= 0
    if not known or chosen.max() >= n_components:
        raise ValueError(
            f"components={components!r} is not in this code: its {n_components} "
            f"components have the indices 0 to {n_components - 1}."
        )
    return chosen.tolist()
