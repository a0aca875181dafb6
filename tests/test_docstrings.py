"""Every public class, method and function is documented, in numpydoc's shape."""

import ast
import inspect
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate
from sklearn.base import is_classifier
from sklearn.utils import get_tags

import skae
import skae.inspection
import skae.metrics
import skae.model_selection

IGNORED_IN_FUNCTIONS = {
    "SA01",  # not every function has relatives to see also
}

IGNORED_IN_MEMBERS = {
    "ES01",  # a summary and the parameters often say it all
    "EX01",  # the example of the class shows its methods at work
    "RT02",  # the one value returned may be named
    "SA01",  # the class tells what to see also
}


def public_objects(is_wanted):
    """Dotted names of the public objects of one kind."""
    return [
        f"{module.__name__}.{name}"
        for module in (skae, *(getattr(skae, name) for name in skae._SUBPACKAGES))
        for name in sorted(module.__all__)
        if is_wanted(getattr(module, name))
    ]


def found_by(name):
    """What a dotted name leads to: a module, and attributes from there on."""
    try:
        return import_module(name)
    except ImportError:
        parent, _, attribute = name.rpartition(".")
        if not parent:
            raise
        return getattr(found_by(parent), attribute)


def members_of(name):
    """Dotted names of a class's public methods and properties, scikit-learn's not."""
    kinds = (classmethod, property, staticmethod)
    return sorted(
        f"{name}.{member}"
        for cls in found_by(name).__mro__
        for member, value in vars(cls).items()
        if cls.__module__.startswith("skae.")
        and not member.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, kinds))
    )


CLASSES = public_objects(inspect.isclass)
FUNCTIONS = public_objects(inspect.isfunction)
MEMBERS = sorted({member for name in CLASSES for member in members_of(name)})


def errors(name, ignored=()):
    return [
        f"{name}: {code} {message}"
        for code, message in validate(name)["errors"]
        if code not in ignored
    ]


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name):
    assert not errors(name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    assert not errors(name, IGNORED_IN_FUNCTIONS)


@pytest.mark.parametrize("name", MEMBERS)
def test_members(name):
    assert not errors(name, IGNORED_IN_MEMBERS)


@pytest.mark.parametrize("name", CLASSES + FUNCTIONS)
def test_there_is_an_example(name):
    # All of it runs: pytest collects the doctests of the package.
    assert ">>>" in inspect.getdoc(found_by(name)).partition("Examples\n--------")[2]


def sections(name):
    return NumpyDocString(inspect.getdoc(found_by(name)) or "")


@pytest.mark.parametrize("name", CLASSES + FUNCTIONS + MEMBERS)
def test_defaults_are_those_of_the_signature(name):
    for parameter, told, _ in sections(name)["Parameters"]:
        signature = inspect.signature(found_by(name)).parameters
        if parameter not in signature:  # one of *these, or several at once
            continue
        default, told = signature[parameter].default, told.partition("default=")[2]
        if told:
            value = np.nan if told == "np.nan" else ast.literal_eval(told)
            assert repr(value) == repr(default), parameter
        else:
            assert default is inspect.Parameter.empty, parameter


@pytest.mark.parametrize("name", CLASSES + FUNCTIONS + MEMBERS)
def test_relatives_are_there(name):
    module = name.rpartition(".")[0]
    for relatives, _ in sections(name)["See Also"]:
        for relative, _ in relatives:
            assert leads(relative) or leads(f"{module}.{relative}"), relative


def leads(name):
    try:
        found_by(name)
    except (ImportError, AttributeError):
        return False
    return True


SHORT = {"max_iter": 2, "random_state": 0}

COMPLETE = {
    "AttentionAutoencoder": {"width": 4, "beta": 1.0},
    "AutoencoderSearchCV": {"estimator": skae.Autoencoder(**SHORT), "param_grid": {}},
    "ConvolutionalAutoencoder": {"beta": 1.0},
}
"""Parameters with which a fit has all attributes that it can have; else `SHORT`."""

ESTIMATORS = [
    name
    for name in CLASSES
    if hasattr(found_by(name), "fit") and not inspect.isabstract(found_by(name))
]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_attributes_are_those_of_a_fit(name):
    cls, rng = found_by(name), np.random.default_rng(0)
    given = COMPLETE.get(cls.__name__, {})
    estimator = cls(**given if "estimator" in given else SHORT | given)
    X = pd.DataFrame(rng.normal(size=(30, 4)), columns=[*"abcd"])
    y = X["a"] > 0 if is_classifier(estimator) else X[["a", "b"]]
    fitted = estimator.fit(X, y if get_tags(estimator).target_tags.required else None)
    found = {
        attribute
        for attribute in (*vars(fitted), *properties_of(cls))
        if attribute.endswith("_") and not attribute.startswith("_")
    }
    assert {attribute.name for attribute in sections(name)["Attributes"]} == found


def properties_of(cls):
    return {
        name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if base.__module__.startswith("skae.") and isinstance(value, property)
    }
