"""Every public class, method and function is documented, in numpydoc's shape."""

import inspect
from importlib import import_module

import pytest
from numpydoc.validate import validate

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


def load(name):
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def members_of(name):
    """Dotted names of a class's public methods and properties, scikit-learn's not."""
    kinds = (classmethod, property, staticmethod)
    return sorted(
        f"{name}.{member}"
        for cls in load(name).__mro__
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
    assert ">>>" in inspect.getdoc(load(name)).partition("Examples\n--------")[2]
