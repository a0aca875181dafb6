"""Estimators as files: how they are saved, and loaded."""

from __future__ import annotations

import os
import stat
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import sklearn
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skae import __version__
from skae._atomic import write_atomically
from skae.estimators.catalogue import kinds
from skae.estimators.validation import device_asked_for, is_device
from skae.persistence import InconsistentVersionWarning, ModelFormatError
from skae.persistence.files import read, seal
from skae.persistence.hints import check_hint
from skae.persistence.packing import pack, unpack


class SavingMixin:
    """Estimators that can be saved to a file, and pickled."""

    def save(self, path):
        """Save the fitted estimator to a file.

        The file is one of safetensors: arrays, and in the header all else as JSON.
        It can be read by this version of skae and later ones, with `skae.load`, and
        there is nothing in it that reading executes.

        Parameters
        ----------
        path : str or os.PathLike
            Where to. A file that is there is replaced, once the new one is complete;
            no ending is added to the name. ``~`` at the beginning is your home.

        Raises
        ------
        NotFittedError
            When the estimator is not fitted.
        OSError
            When the file cannot be written; one that was there is as it was.
        TypeError
            When there is something in the estimator that only pickle can save: it is
            of a class of your own, or has parameters of unusual types.
        ValueError
            When all that is not an array takes more than 64 MB.
        """
        check_is_fitted(self)
        try:
            node, arrays = pack(self, kinds())
        except TypeError as error:
            raise TypeError(
                f"This {type(self).__name__} cannot be saved without pickle. {error}. "
                "joblib.dump(estimator, path) pickles it; load what it has written "
                "only where you trust whoever wrote it."
            ) from error
        versions = {
            "skae": __version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
        }
        versions = {name: str(version) for name, version in versions.items()}
        content = seal({"versions": versions, "estimator": node}, arrays)
        write_atomically(path, content)

    def __getstate__(self):
        return {**super().__getstate__(), "_skae_version": __version__}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_skae_version", "before 0.1")
        if version != __version__:
            name = type(self).__name__
            warning = InconsistentVersionWarning(name, __version__, version)
            warnings.warn(warning, stacklevel=2)
        super().__setstate__(state)

    def _verified_sizes(self):
        """Lengths of the axes of fitted attributes, by name.

        Raises
        ------
        ValueError
            When parts of the fit do not belong together.
        """
        network = self._fitted.network
        self._fitted.verify_sides("encoder", "decoder")
        if hasattr(self, "_stream"):
            self._stream.verify_beside(network)
        return {"n_features": network.n_features, "n_components": network.n_components}


def load(path, device="cpu"):
    """Read a fitted estimator from a file that ``estimator.save(path)`` has written.

    Whatever is in the file, nothing in it is executed: a file is numbers and names, and
    names are looked up in a table of skae's own classes. It is as safe to read as a
    table is.

    Read more in the :doc:`user guide </user_guide/saving>`.

    Parameters
    ----------
    path : str or os.PathLike
        The file. ``~`` at the beginning is your home.
    device : str, default="cpu"
        What the estimator's parameter `device` is to be: where it is trained, if it is
        fitted again. An estimator that was trained on a GPU is read without one.

    Returns
    -------
    object
        The estimator, with all of its parameters but `device`, and all attributes.

    Raises
    ------
    InvalidParameterError
        When there is no such device.
    ModelFormatError
        When the file is damaged, of a newer format, or no estimator.
    OSError
        When there is no such file, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import skae
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> ae = skae.Autoencoder(2, max_iter=3, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.skae")
    ...     ae.save(path)
    ...     same = skae.load(path)
    >>> np.array_equal(same.transform(X), ae.transform(X))
    True
    """
    path = Path(os.path.expanduser(Path(path)))
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is no file.")
    if not is_device(device):
        raise InvalidParameterError(
            f"The 'device' parameter of load must be {device_asked_for(device)}. "
            f"Got {device!r} instead."
        )
    with _refusals_of(path):
        return _estimator(*read(path), device)


@contextmanager
def _refusals_of(path):
    """Let every refusal say which file is refused."""
    try:
        yield
    except (ModelFormatError, TypeError, NotFittedError) as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _estimator(document, arrays, device):
    """The estimator that a file holds."""
    check_hint(document, dict[Literal["versions", "estimator"], dict])
    check_hint(document.get("versions"), dict[str, str])
    node = document.get("estimator")
    estimator = unpack(node, arrays, kinds(), {"device": device})
    check_hint(estimator, SavingMixin)
    check_is_fitted(estimator)
    return estimator
