"""The data the command line compares on: sets known by name, and files."""

import gzip
import os
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from sklearn.datasets import (
    fetch_openml,
    load_digits,
    make_s_curve,
    make_swiss_roll,
)

from skae._optional import import_optional
from skae.inspection._validation import listing, numeric_matrix


@dataclass(frozen=True)
class Dataset:
    """Rows to compare on and what is known about them.

    Attributes
    ----------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        The rows.

    y : array-like of shape (n_samples,) or None
        The target.

    intrinsic_coordinates : ndarray of shape (n_samples, n_intrinsic) or None
        The place of each row on the manifold, where that is known.

    image_shape : tuple of int or None
        The shape of a row, where rows are images.
    """

    X: object
    y: object = None
    intrinsic_coordinates: np.ndarray | None = None
    image_shape: tuple[int, ...] | None = None


def load_dataset(name, *, target=None, random_state=0):
    """Load a data set by its name, or from a file.

    Parameters
    ----------
    name : str
        `digits`, `swiss_roll`, `s_curve`, `mnist`, or the path of a CSV, npy, npz or
        Parquet file.

    target : str, default=None
        The column of a table that holds the target.

    random_state : int, default=0
        Seed of the sets that are drawn.

    Returns
    -------
    Dataset
        What was found.

    Raises
    ------
    ValueError
        If the name, the file or the target is not what is needed; the message says
        what would be.

    FileNotFoundError
        If there is no such file, or no MNIST.
    """
    path = Path(name)
    if name in _LOADERS:
        if target is not None:
            raise ValueError(f"{name} brings its own target: leave --target out")
        return _LOADERS[name](random_state)
    if path.suffix.lower() not in _READERS:
        raise ValueError(
            f"{name} is neither a known data set ({', '.join(_LOADERS)}) nor a file "
            f"that can be read ({', '.join(_READERS)})"
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {name}")
    return _READERS[path.suffix.lower()](path, target)


def _digits(random_state):
    X, y = load_digits(return_X_y=True)
    return Dataset(X, y, image_shape=(8, 8))


def _swiss_roll(random_state):
    X, angle = make_swiss_roll(_N_DRAWN, random_state=random_state)
    # The spiral's radius is its angle; this is its arc length, the integral of
    # sqrt(1 + angle ** 2).
    arc = (angle * np.sqrt(1 + angle**2) + np.arcsinh(angle)) / 2
    return Dataset(X, angle, np.column_stack([arc, X[:, 1]]))


def _s_curve(random_state):
    X, angle = make_s_curve(_N_DRAWN, random_state=random_state)
    # Two half circles of radius 1: the angle is the arc length.
    return Dataset(X, angle, np.column_stack([angle, X[:, 1]]))


def _mnist(random_state):
    folder = Path(os.environ.get("SKAE_DATA", "")) / "mnist"
    try:
        if "SKAE_DATA" in os.environ and folder.is_dir():
            X, y = _read_idx(folder, "images-idx3"), _read_idx(folder, "labels-idx1")
        else:
            X, y = _fetch_mnist()
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            "MNIST is not here: set SKAE_DATA to a folder whose mnist/ holds "
            "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz, or connect to "
            f"the network for sklearn.datasets.fetch_openml ({error})"
        ) from error
    X = X.reshape(len(X), -1).astype(np.float32) / 255
    return Dataset(X, y, image_shape=(28, 28))


def _fetch_mnist():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of each attempt; the error says all
        return fetch_openml("mnist_784", return_X_y=True, as_frame=False)


def _read_idx(folder, kind):
    """Read the training part of a data set in LeCun's IDX format, gzipped."""
    with gzip.open(folder / f"train-{kind}-ubyte.gz") as file:
        content = file.read()
    n_dimensions = content[3]
    shape = np.frombuffer(content, dtype=">i4", count=n_dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def _read_table(reader, path, target):
    pandas = import_optional("pandas", extra="inspection")
    with _reading(path):
        table = getattr(pandas, reader)(path)
    _check_header(path, table)
    if target is None:
        y = None
    elif target in table.columns:
        y = table.pop(target)
    else:
        raise ValueError(
            f"{path} has no column {target!r}: it has {listing(table.columns, 20)}"
        )
    # Here, before a scaler meets what it has no words for.
    numeric_matrix(table, otherwise="name one with --target")
    return Dataset(table, y)


def _check_header(path, table):
    """Refuse a table whose first row was taken for its header, or not taken apart."""
    names = [str(name) for name in table.columns]
    if all(map(_is_number, names)) and not all(map(str.isdigit, names)):
        raise ValueError(
            f"{path} has no header: its first line must name the columns, but reads "
            f"{listing(names, 5)}"
        )
    if len(names) == 1 and ";" in names[0]:
        raise ValueError(f"{path} must separate its columns by commas, not semicolons")


def _is_number(name):
    """Whether a column's name is a number; pandas calls a second 1.5 "1.5.1"."""
    for text in (name, name.rpartition(".")[0]):
        with suppress(ValueError):
            float(text)
            return True
    return False


def _read_npy(path, target):
    with _reading(path, _NOT_NUMPY):
        X = np.load(path, allow_pickle=False)
    return _of_arrays(X, None, path, target)


def _read_npz(path, target):
    with _reading(path, _NOT_NUMPY), np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    if "X" not in arrays and len(arrays) != 1:
        raise ValueError(
            f"{path} holds the arrays {listing(arrays)}: one of them must be called X"
        )
    X = arrays["X"] if "X" in arrays else next(iter(arrays.values()))
    return _of_arrays(X, arrays.get("y"), path, target)


def _of_arrays(X, y, path, target):
    """Take arrays of more than two dimensions for images."""
    if target is not None:
        raise ValueError(
            f"--target names a column of a table; the target of {path} is its array y"
        )
    if X.ndim < 2:
        raise ValueError(f"{path} holds an array of shape {X.shape}, not rows")
    image_shape = X.shape[1:] if X.ndim > 2 else None
    X = X.reshape(len(X), np.prod(X.shape[1:]))
    return Dataset(X, y, image_shape=image_shape)


@contextmanager
def _reading(path, reason=None):
    try:
        yield
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} cannot be read: {reason or error}") from error


_N_DRAWN = 2000

# numpy's own words, for any file it does not know, propose to unpickle it.
_NOT_NUMPY = "it is no file of numpy's, or holds Python objects"

_LOADERS = {
    "digits": _digits,
    "swiss_roll": _swiss_roll,
    "s_curve": _s_curve,
    "mnist": _mnist,
}

_READERS = {
    ".csv": partial(_read_table, "read_csv"),
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".parquet": partial(_read_table, "read_parquet"),
}
