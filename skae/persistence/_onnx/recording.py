"""Look on while torch computes, and write down what it does as a graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from skae.persistence._onnx.graph import Graph, Value
from skae.persistence._onnx.operations import OPERATIONS
from skae.persistence.programs import Program
from skae.training import neutral

_ROWS = (2, 3)
"""Of the examples: a graph that holds for both holds for any number."""

_IN_PLACE = re.compile(r"[^_].*[^_]_")

_ABOUT_SHAPES = frozenset(
    {"__get__", "__len__", "dim", "element_size", "is_contiguous", "ndimension"}
    | {"is_floating_point", "numel", "size", "stride"}
)
"""Functions whose answer does not depend on the numbers. `__get__` is an attribute."""


class Recording(TorchFunctionMode):
    """Every torch function that is called on what depends on the rows becomes nodes.

    It is called as ever, on an example, so that all of Python around it works. What
    does not depend on the rows is a constant.
    """

    def __init__(self, n_rows: int, names: Mapping[int, str]) -> None:
        super().__init__()
        self.graph = Graph(n_rows, names)
        self._seen: dict[int, Value] = {}

    def see(self, name: str, tensor: Tensor) -> None:
        """From now on the tensor is what the graph computes under that name."""
        self._seen[id(tensor)] = Value(name, tensor)

    def value(self, thing: Any) -> Any:
        """The arguments of a function, with values in place of tensors."""
        if isinstance(thing, Tensor):
            return self._seen.get(id(thing), Value("", thing))
        if isinstance(thing, tuple | list) and not isinstance(thing, torch.Size):
            return [self.value(part) for part in thing]
        return thing

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func`, and translate what it did if it was done to rows."""
        kwargs = kwargs or {}
        given = [self.value(argument) for argument in args]
        named = {name: self.value(argument) for name, argument in kwargs.items()}
        result = func(*args, **kwargs)
        if not any(map(_depends, (*given, *named.values()))):
            return result
        kind = func.__name__
        if _IN_PLACE.fullmatch(kind) and args[0]._is_view():
            raise NotImplementedError(
                f"{kind}() changes a view, and with it a tensor that the graph has "
                "passed. Use the function that gives a new tensor."
            )
        several = isinstance(result, tuple) and not isinstance(result, torch.Size)
        results = list(result) if several else [result]
        if not all(isinstance(part, Tensor) for part in results):
            if kind in _ABOUT_SHAPES:
                return result
            raise NotImplementedError(
                f"{kind}() asks for the numbers of rows, which a graph does not know "
                "before it is run. Use torch operations, such as torch.where, in place "
                "of Python's conditions."
            )
        translate = OPERATIONS.get(func, OPERATIONS.get(kind.strip("_")))
        if translate is None:
            raise NotImplementedError(
                f"No ONNX node is known for the torch function {kind}(). Those that "
                "the networks of skae are made of are: "
                f"{', '.join(sorted(k for k in OPERATIONS if isinstance(k, str)))}."
            )
        found = translate(self.graph, result, *given, **named)
        names = found if several else [found]
        for name, part in zip(names, results, strict=True):
            self.see(name, part)
        return result


def record(
    program: Program, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[Graph, list[str]]:
    """Graph of a program for samples of this shape, and the names of its outputs.

    The input has the name that the program gives it.

    Raises
    ------
    NotImplementedError
        When the program does what no node is known for, or what depends on how many
        rows there are.
    """
    few, more = (_recorded(program, dtype, (n, *shape)) for n in _ROWS)
    if few[0] != more[0]:
        raise NotImplementedError(
            "What is computed depends on the number of rows, and a graph is one for "
            "any number. Let torch find it: view(-1, ...), not view(len(x), ...)."
        )
    return few


def run(program: Program, dtype: np.dtype[Any], shape: tuple[int, ...]) -> list[Tensor]:
    """What a program gives for a sample of zeros."""
    with neutral(torch.device("cpu")):
        return list(program.function(dtype)(_example(dtype, (1, *shape))))


def _recorded(
    program: Program, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[Graph, list[str]]:
    names = {_address(array): n for n, array in program.arrays(dtype).items()}
    function, x = program.function(dtype), _example(dtype, shape)
    recording = Recording(shape[0], names)
    recording.see(program.input, x)
    with neutral(torch.device("cpu")), recording:
        outputs = function(x)
    graph = recording.graph
    return graph, [graph("Identity", recording.value(output)) for output in outputs]


def _example(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.zeros(shape, dtype))


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _depends(argument: Any) -> bool:
    """Whether an argument, or a part of it, depends on the rows."""
    return any(isinstance(v, Value) and not v.is_constant for v in _parts(argument))


def _parts(argument: Any) -> Iterator[Any]:
    if isinstance(argument, list):
        for part in argument:
            yield from _parts(part)
    else:
        yield argument
