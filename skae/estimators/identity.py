"""What a fit is a fit of, and to what, in words that differ where the fits would."""

from __future__ import annotations

import numpy as np
from sklearn.frozen import FrozenEstimator

from skae import __version__
from skae.data import digest, in_words
from skae.distributed import process_group
from skae.estimators.settings import choose_device

_CHANGES_NOTHING = {"checkpoint_dir", "checkpoint_every", "verbose"}


def identity_of(estimator, data):
    """Everything that a fit depends on, by name.

    All bytes of the data count, in whatever layout they come, and so does how a source
    reads them; its rows are read once. A `random_state` of None is the same every time.
    Parameters of an estimator within have names such as ``autoencoder__alpha``.

    Parameters
    ----------
    estimator : estimator object
        With its parameters and, with `warm_start`, the fit that it goes on from.
    data : dict of str to ndarray, Source or None
        All that it is to be fitted to.

    Returns
    -------
    dict of str to str
        In words.
    """
    said = {"the version of skae": __version__, "the class": type(estimator).__name__}
    said["shared by processes"] = "yes" if process_group().shares else "no"
    said |= in_words(dict(_parameters(estimator)))
    if getattr(estimator, "warm_start", False) and hasattr(estimator, "_fitted"):
        said["the fit before"] = _weights(estimator)
    return said | in_words({n: rows for n, rows in data.items() if rows is not None})


def _parameters(estimator, prefix=""):
    """Names and values of all that may change a fit, those of estimators within too."""
    for name, value in estimator.get_params(deep=False).items():
        if name in _CHANGES_NOTHING:
            continue
        if name == "device" and value == "auto":
            value = str(choose_device(value))
        name = f"{prefix}{name}"
        if hasattr(value, "get_params") and not isinstance(value, type):
            yield name, type(value)
            yield from _parameters(value, f"{name}__")
        else:
            yield name, value
    if isinstance(estimator, FrozenEstimator):
        yield f"the fit of {prefix}estimator", _weights(estimator.estimator)


def _weights(estimator):
    """Digest of what an autoencoder has been fitted to be."""
    fitted = estimator._fitted
    arrays = [fitted.weights[name] for name in sorted(fitted.weights)]
    return digest([*arrays, fitted.scaling.mean, np.asarray(fitted.scaling.scale)])
