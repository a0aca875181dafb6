"""What a fit is a fit of, and to what, in words that differ where the fits would."""

from __future__ import annotations

import hashlib
import re

import numpy as np
from sklearn.frozen import FrozenEstimator

from skae import __version__
from skae.data import Source
from skae.distributed import process_group
from skae.estimators.settings import choose_device

_BLOCK_BYTES = 2**24
_CHANGES_NOTHING = {"checkpoint_dir", "checkpoint_every", "verbose"}


def identity_of(estimator, data):
    """Everything that a fit depends on, by name.

    All bytes of the data count, in whatever layout they come, and so does how a source
    reads them; its rows are read once. A `random_state` of None is the same every time.

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
    said |= _parameters(estimator)
    if getattr(estimator, "warm_start", False) and hasattr(estimator, "_fitted"):
        said["the fit before"] = _weights(estimator)
    given = {name: rows for name, rows in data.items() if rows is not None}
    return said | {name: _rows(rows) for name, rows in given.items()}


def _parameters(estimator):
    given = estimator.get_params(deep=False)
    if "device" in given:
        device = given["device"]
        given["device"] = str(choose_device(device) if device == "auto" else device)
    return {
        name: _words(value)
        for name, value in given.items()
        if name not in _CHANGES_NOTHING
    }


def _words(value):
    """A parameter in words, which are the same in another process."""
    if isinstance(value, np.ndarray):
        return _rows(value)
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.random.RandomState):
        _, key, *rest = value.get_state()
        return f"a RandomState in state {_digest([key, repr(rest).encode()])}"
    if isinstance(value, dict):
        items = (f"{_words(k)}: {_words(v)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_words, value))})"
    if hasattr(value, "get_params") and not isinstance(value, type):
        given = ", ".join(f"{k}={v}" for k, v in _parameters(value).items())
        if isinstance(value, FrozenEstimator):
            given += f", fitted: {_weights(value.estimator)}"
        return f"{type(value).__name__}({given})"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _weights(estimator):
    """Digest of what an autoencoder has been fitted to be."""
    fitted = estimator._fitted
    arrays = [fitted.weights[name] for name in sorted(fitted.weights)]
    return _digest([*arrays, fitted.scaling.mean, np.asarray(fitted.scaling.scale)])


def _rows(rows):
    """Shape, dtype, and a digest of all bytes; the same for every layout."""
    if isinstance(rows, Source):
        blocks, read = rows.blocks(), f", {rows.in_words()}"
    else:
        read = ""
        size = max(1, _BLOCK_BYTES // max(1, rows[:1].nbytes))
        blocks = (rows[i : i + size] for i in range(0, len(rows), size))
    digest = _digest(blocks)
    return f"of shape {tuple(rows.shape)}, {rows.dtype} and digest {digest}{read}"


def _digest(parts):
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(part if isinstance(part, bytes) else np.ascontiguousarray(part))
    return found.hexdigest()
