"""What a fitted estimator does to rows, told to whoever translates it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Program:
    """A method of a fitted estimator as a function of tensors.

    Attributes
    ----------
    input : str
        Name of what it takes.
    shape : tuple of int
        Of a sample of that.
    outputs : dict of str to (ndarray or None)
        Names of what it gives. An array is a table: what the function gives are places
        in it.
    function : callable
        ``function(dtype)`` gives the function that maps a tensor of samples of that
        numpy dtype to a tuple of tensors, one for each output, in torch operations
        that do not depend on the numbers.
    arrays : callable
        ``arrays(dtype)`` gives the arrays that this function shares, by name.
    """

    input: str
    shape: tuple[int, ...]
    outputs: Mapping[str, NDArray[Any] | None]
    function: Callable[[np.dtype[Any]], Callable[[Tensor], tuple[Tensor, ...]]]
    arrays: Callable[[np.dtype[Any]], Mapping[str, NDArray[Any]]] = field(
        default=lambda dtype: {}
    )


class ProgramsMixin:
    """Answers the questions of skl2onnx, for estimators that say what they compute.

    skl2onnx asks whatever it meets in a pipeline for these three methods; nothing has
    to be registered.
    """

    @abstractmethod
    def _programs(self) -> Mapping[str, Program]:
        """What can be exported, by the name of the method; the default comes first."""

    def _program(self) -> Program:
        """What is exported where no method is named."""
        return next(iter(self._programs().values()))

    def onnx_parser(self) -> Callable[..., Any]:
        """Declare the outputs of a graph, where skl2onnx asks for them.

        Returns
        -------
        callable
            ``parser(scope, inputs)``, as skl2onnx calls it.
        """
        parser: Callable[..., Any] = _converter().declare(self._program())
        return parser

    def onnx_shape_calculator(self) -> Callable[..., Any]:
        """Say what shapes these have, where skl2onnx asks for them.

        Returns
        -------
        callable
            ``shape_calculator(operator)``, as skl2onnx calls it.
        """
        calculator: Callable[..., Any] = _converter().infer(self._program())
        return calculator

    def onnx_converter(self) -> Callable[..., Any]:
        """Add the nodes of a graph, where skl2onnx asks for them.

        Returns
        -------
        callable
            ``converter(scope, operator, container)``, as skl2onnx calls it.
        """
        converter: Callable[..., Any] = _converter().convert(self._program())
        return converter


def _converter() -> Any:
    """The module that imports onnx, which few need."""
    return import_module("skae.persistence._onnx.converter")
