"""What pictures ask of an estimator: its codes, what they decode to, what it lost."""

import numpy as np

from skae.inspection._images import image_shape_for
from skae.inspection._rows import as_rows, names_of


def ask(estimator, method, who):
    """Return a method of an estimator, or say that it has none.

    Parameters
    ----------
    estimator : estimator
        Of any kind.

    method : str
        The name of the method.

    who : str
        What needs it.

    Returns
    -------
    callable
        The bound method.

    Raises
    ------
    TypeError
        If there is no such method; with the reason that the estimator gives, if any.
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"{who} needs a fitted instance, but got the class {estimator.__name__}."
        )
    try:
        return getattr(estimator, method)
    except AttributeError as error:
        reason = f" {error.__cause__}" if error.__cause__ else ""
        raise TypeError(
            f"{who} needs an estimator with the method {method!r}, which "
            f"{type(estimator).__name__} does not have.{reason}"
        ) from error


def encode(estimator, X, who):
    """Codes of X as a float array of shape (n_samples, n_components)."""
    return as_rows(ask(estimator, "transform", who)(X))


def decode(estimator, Z, who):
    """What codes decode to, as rows: (n_samples, n_features)."""
    return as_rows(ask(estimator, "inverse_transform", who)(Z))


def reconstruct(estimator, X, who):
    """Reconstructions of X, as rows: (n_samples, n_features)."""
    if hasattr(estimator, "reconstruct"):
        return as_rows(estimator.reconstruct(X))
    decoder = ask(estimator, "inverse_transform", who)
    return as_rows(decoder(ask(estimator, "transform", who)(X)))


def innermost(estimator, attribute):
    """Find what has an attribute in an estimator: itself, a step, the best of a search.

    Parameters
    ----------
    estimator : estimator
        A Pipeline is looked through from its end.

    attribute : str
        The name of the attribute.

    Returns
    -------
    estimator or None
        None if nothing has it.
    """
    if hasattr(estimator, attribute):
        return estimator
    steps = [step for _, step in reversed(getattr(estimator, "steps", []))]
    for inner in (getattr(estimator, "best_estimator_", None), *steps):
        found = None if inner is None else innermost(inner, attribute)
        if found is not None:
            return found
    return None


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


def last_step(estimator, X):
    """Return what reconstructs within an estimator, and X as that sees it.

    Parameters
    ----------
    estimator : estimator
        Fitted; of a Pipeline it is the last step, of a search the best.

    X : array-like of shape (n_samples, ...)
        The rows.

    Returns
    -------
    estimator : estimator
        The last step.
    X : array-like of shape (n_samples, ...)
        What the other steps make of the rows.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    while hasattr(estimator, "steps"):
        if len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator.steps[-1][1]
    return estimator, X


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
    if not unit.endswith("of X"):
        return unit
    steps = [step for _, step in getattr(within, "steps", []) if hasattr(step, "fit")]
    place = next((i for i, step in enumerate(steps) if step is estimator), 0)
    after = f" after {type(steps[place - 1]).__name__}" if place else ""
    return f"{unit}{after}"


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
