"""Attributes that fits set: what each of them may be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.linear_partial import DataMoments
from skae.estimators.partial import Stream
from skae.persistence.hints import check_hint


@dataclass(frozen=True)
class Typed:
    """Anything of a type.

    Attributes
    ----------
    hint : object
        The type, as an annotation.
    """

    hint: Any


class Sized(ABC):
    """Numbers of things, which must be those of others."""

    @abstractmethod
    def check(self, value, sizes):
        """Refuse a value that this attribute cannot have.

        Parameters
        ----------
        value : object
            What was found.
        sizes : dict of str to int
            Lengths of the axes that attributes have in common, by name.

        Raises
        ------
        TypeError, ValueError
            When it is something else.
        """


@dataclass(frozen=True)
class Count(Sized):
    """A number of things.

    Attributes
    ----------
    axis : str or None
        The axis that it is the length of.
    """

    axis: str | None = None

    def check(self, value, sizes):
        check_hint(value, int)
        if value < 0 or sizes.get(self.axis, value) != value:
            raise ValueError(f"{value} is not the number that it must be")


@dataclass(frozen=True)
class Table(Sized):
    """An array.

    Attributes
    ----------
    axes : tuple of str
        Its axes.
    kinds : str
        What is in it, by letters of numpy's.
    entry : object
        What each object in an array of such is, as an annotation.
    """

    axes: tuple[str, ...]
    kinds: str = "f"
    entry: Any = object

    def check(self, value, sizes):
        check_hint(value, np.ndarray)
        wanted = tuple(map(sizes.get, self.axes))
        if value.shape != wanted or value.dtype.kind not in self.kinds:
            raise ValueError(
                f"an array of {value.dtype} has the shape {value.shape}, where there "
                f"must be one of the shape {wanted}"
            )
        if value.dtype.kind == "O":
            check_hint(value.tolist(), list[self.entry])


_SHAPE = tuple[int, ...]
_OUTPUT = Literal["default", "pandas", "polars"] | bool  # tensors or not

ATTRIBUTES = {
    "_encoder": Typed(FittedAutoencoder),
    "_expects": Typed(_SHAPE | None),
    "_fitted": Typed(FittedAutoencoder),
    "_head": Typed(FittedAutoencoder),
    "_interrupted": Typed(bool),
    "_is_flat": Typed(bool),
    "_omitted": Typed(bool),
    "_padded_with": Typed(float | int | None),
    "_shape_of_a_sample": Typed(_SHAPE),
    "_sklearn_output_config": Typed(dict[Literal["transform", "tensors"], _OUTPUT]),
    "_stream": Typed(Stream | DataMoments),
    "autoencoder_": Typed(BaseEstimator),
    "best_iteration_": Count(),
    "best_loss_": Typed(float),
    "classes_": Table(("n_classes",), "biufUO", str),
    "components_": Table(("n_components", "n_features")),
    "dead_fraction_": Typed(float),
    "explained_variance_": Table(("n_components",)),
    "explained_variance_ratio_": Table(("n_components",)),
    "feature_names_in_": Table(("n_features",), "O", str),
    "k_": Count("k"),
    "kl_per_component_": Table(("n_components",)),
    "layers_": Typed(list[BaseEstimator]),
    "loss_": Typed(float),
    "loss_curve_": Typed(list[float]),
    "mean_": Table(("n_features",)),
    "n_active_components_": Count(),
    "n_components_": Count("n_components"),
    "n_features_in_": Count("n_features"),
    "n_iter_": Count(),
    "n_outputs_": Count("n_outputs"),
    "n_samples_": Count(),
    "noise_variance_": Typed(float),
    "singular_values_": Table(("n_components",)),
    "validation_loss_curve_": Typed(list[float]),
}
"""What an attribute may be, by name; a fit sets no others."""
