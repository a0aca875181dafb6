"""The table of what files may hold."""

import inspect
from dataclasses import is_dataclass

import pytest

import skae
from skae import data, networks, objectives
from skae.estimators.catalogue import kinds
from skae.estimators.saving import SavingMixin
from skae.persistence.kinds import BASIC

OWN = {name: kind for name, kind in kinds().items() if name not in BASIC}

ESTIMATORS = [
    cls
    for cls in (getattr(skae, name) for name in skae.__all__)
    if inspect.isclass(cls)
    and issubclass(cls, SavingMixin)
    and not inspect.isabstract(cls)
]

FITTED_PARTS = [
    part
    for module, base in [
        (networks, networks.Network),
        (networks, networks.Code),
        (objectives, objectives.Likelihood),
    ]
    for part in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(part) and issubclass(part, base) and is_dataclass(part)
]


@pytest.mark.parametrize("cls", [*ESTIMATORS, *FITTED_PARTS, data.Scaling])
def test_all_that_is_fitted_has_its_place(cls):
    assert OWN[cls.__name__].types == (cls,)


def test_a_name_is_that_of_its_class():
    names = {name: kind.types[0].__name__ for name, kind in OWN.items()}
    renamed = {"StackedAutoencoder.Layer": "Layer", "Moments": "DataMoments"}
    assert names == {name: name for name in OWN} | renamed


def test_no_class_has_two_places():
    classes = [cls for kind in kinds().values() for cls in kind.types]
    assert len(classes) == len(set(classes))
