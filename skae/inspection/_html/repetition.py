"""What it takes to repeat a comparison: the call, the parameters, the versions."""

import hashlib
import inspect
import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from skae import __version__

_PACKAGES = ("scikit-learn", "torch", "numpy", "scipy", "pandas", "matplotlib")


_PLACES = "intrinsic_coordinates"


def code(display, path):
    """Write the Python code that repeats a comparison of X.

    Parameters
    ----------
    display : ComparisonDisplay
        The comparison.

    path : str
        Where the report is to go.

    Returns
    -------
    str
        Several lines.
    """
    options = dict(display.settings)
    estimators = options.pop("estimators")
    named = [] if estimators is None else [*estimators.values()]
    places = options.pop(_PLACES)
    lines = [
        "from skae.inspection import ComparisonDisplay",
        *_imports([*named, options["preprocessing"]]),
        "",
        "display = ComparisonDisplay.from_estimators(",
        *_dict_lines(estimators),
        "    X,",
        *(["    y,"] if display.held_out.y_test is not None else []),
        # As long as X and y are, and called by its name as they are.
        *([f"    {_PLACES}={_PLACES},"] if places is not None else []),
        *(f"    {name}={written(value)}," for name, value in options.items()),
        ")",
        f"display.to_html({path!r})",
    ]
    return "\n".join(lines)


def _dict_lines(estimators):
    if estimators is None:
        return ["    None,"]
    entries = (f"        {n!r}: {written(e)}," for n, e in estimators.items())
    return ["    {", *entries, "    },"]


def _imports(estimators):
    parts = [
        part
        for estimator in estimators
        if hasattr(estimator, "get_params")
        for part in (estimator, *estimator.get_params(deep=True).values())
    ]
    classes = {type(part) for part in parts if hasattr(part, "get_params")}
    return sorted(f"from {_home(c)} import {c.__name__}" for c in classes)


def _home(cls):
    """Return the module that a class is imported from: the shortest that has it."""
    paths = accumulate(cls.__module__.split("."), "{}.{}".format)
    modules = ((path, sys.modules.get(path)) for path in paths)
    return next((path for path, module in modules if _has(module, cls)), cls.__module__)


def _has(module, cls):
    return getattr(module, cls.__name__, None) is cls


def written(value):
    """Write an estimator or a value as code, in one line, without addresses."""
    try:
        text = value.__repr__(N_CHAR_MAX=sys.maxsize)  # else scikit-learn shortens it
    except TypeError:
        text = repr(value)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(text.split()))


def settings(display):
    """Yield the name of each setting of a comparison, and its value as code."""
    for name, value in display.settings.items():
        if name == _PLACES and value is not None:
            yield name, f"array of shape {np.shape(value)}"
        elif name != "estimators":
            yield name, written(value)


def parameters(method):
    """List the parameters of a method, and of the steps of a Pipeline.

    Parameters
    ----------
    method : estimator
        The method.

    Yields
    ------
    name : str
        The class.

    rows : list of tuple of (str, str, bool)
        A parameter, its value, and whether that is not the default.
    """
    steps = (
        [step for _, step in method.steps] if isinstance(method, Pipeline) else [method]
    )
    for step in steps:
        if hasattr(step, "get_params"):
            defaults = inspect.signature(type(step)).parameters
            rows = [
                (name, written(value), not _is_default(value, defaults.get(name)))
                for name, value in step.get_params(deep=False).items()
            ]
            yield type(step).__name__, sorted(rows, key=lambda row: not row[2])


def _is_default(value, parameter):
    return parameter is not None and written(value) == written(parameter.default)


def fingerprint(held_out):
    """Hash the rows, training rows first: others see whether theirs are the same."""
    digest = hashlib.sha256()
    for X in (held_out.X_train, held_out.X_test):
        for rows in gen_batches(len(X), 1000):
            digest.update(np.ascontiguousarray(X[rows], dtype="<f8"))
    return digest.hexdigest()


def versions():
    """Yield what the comparison was run with, and its version."""
    yield "skae", __version__
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
    yield "Python", platform.python_version()
    yield "Platform", f"{platform.platform()}, {os.cpu_count()} processors"
