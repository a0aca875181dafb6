"""The way into what holds an estimator: a Pipeline, a search, one in the other."""

from sklearn.pipeline import Pipeline


def best_of(estimator):
    """Return the best estimator of a search that is fitted, any other one as it is."""
    return getattr(estimator, "best_estimator_", estimator)


def named_parts(estimator, prefix=""):
    """List what rows pass through, first to last, without steps that do nothing.

    Parameters
    ----------
    estimator : estimator
        Of a search that is fitted, the best is looked into.

    prefix : str, default=""
        What the names are to start with.

    Returns
    -------
    list of (str, estimator)
        No Pipelines, each with what its parameters' names start with in the whole.
        Empty for a Pipeline that only hands on.
    """
    estimator = best_of(estimator)
    if not isinstance(estimator, Pipeline):
        return [(prefix, estimator)]
    return [
        part
        for name, step in estimator.steps
        if step not in (None, "passthrough")
        for part in named_parts(step, f"{prefix}{name}__")
    ]


def parts(estimator):
    """List them as :func:`named_parts`, without names."""
    return [part for _, part in named_parts(estimator)]


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
    candidates = (estimator, *reversed(parts(estimator)))
    return next((part for part in candidates if hasattr(part, attribute)), None)


def last_step(estimator, *X):
    """Return the last part of an estimator, and rows as that sees them.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    *X : array-like of shape (n_samples, ...)
        Rows.

    Returns
    -------
    estimator : estimator
        Of a Pipeline it is the last step, of a search the best.
    *X : array-like of shape (n_samples, ...)
        What the parts before it make of the rows.
    """
    *before, last = parts(estimator) or [estimator]
    for part in before:
        X = tuple(part.transform(rows) for rows in X)
    return last, *X


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
        is_pythons = "object has no attribute" in str(error)
        reason = error.__cause__ or ("" if is_pythons else error)
        raise TypeError(
            f"{who} needs an estimator with the method {method!r}, which "
            f"{type(estimator).__name__} does not have. {reason}".rstrip()
        ) from error


def through_code(estimator, X, who):
    """Map X to its code and back, with whatever transformer has an inverse.

    Parameters
    ----------
    estimator : transformer
        Fitted.

    X : array-like of shape (n_samples, ...)
        Rows.

    who : str
        What needs it, for the error.

    Returns
    -------
    array-like of shape (n_samples, ...)
        What the estimator gives back.

    Raises
    ------
    TypeError
        If it has no `transform` or no `inverse_transform`.
    """
    decode = ask(estimator, "inverse_transform", who)
    return decode(ask(estimator, "transform", who)(X))
