"""A graph in the making: nodes, and the constants that they read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

_TYPES = {
    torch.float32: onnx.TensorProto.FLOAT,
    torch.float64: onnx.TensorProto.DOUBLE,
    torch.int64: onnx.TensorProto.INT64,
    torch.bool: onnx.TensorProto.BOOL,
}


class Node(NamedTuple):
    """A node: what it computes, from what, under which names."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Value(NamedTuple):
    """A tensor on the way through a function.

    Attributes
    ----------
    name : str
        Under which the graph computes it; empty for a constant.
    example : Tensor
        What it is for the rows of the example; a constant itself.
    """

    name: str
    example: Tensor

    @property
    def is_constant(self) -> bool:
        """Whether it does not depend on the rows."""
        return not self.name


class Graph:
    """Nodes and constants of a function, for any number of rows.

    Parameters
    ----------
    n_rows : int
        Rows of the example that the function is seen to work on.
    names : mapping of int to str
        Names of constants, by the address of their first entry.
    """

    def __init__(self, n_rows: int, names: Mapping[int, str]) -> None:
        self.n_rows, self._names = n_rows, names
        self.nodes: list[Node] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._held: dict[object, tuple[str, object]] = {}

    def __call__(self, kind: str, *inputs: object, **attributes: Any) -> str:
        """Add a node of one output, and give its name.

        Inputs are names, values and arrays.
        """
        return self.several(kind, 1, *inputs, **attributes)[0]

    def several(
        self, kind: str, n_outputs: int, *inputs: object, **attributes: Any
    ) -> list[str]:
        """Add a node of several outputs, and give their names."""
        stem = f"{kind}_{len(self.nodes)}"
        outputs = [stem, *(f"{stem}_{i}" for i in range(1, n_outputs))]
        names = tuple(map(self._name, inputs))
        self.nodes.append(Node(kind, names, tuple(outputs), attributes))
        return outputs

    def number(self, value: float, dtype: torch.dtype) -> NDArray[Any]:
        """A number of Python as an input of a node."""
        return torch.tensor(value, dtype=dtype, device="cpu").numpy()

    def typed(self, thing: Value | float, dtype: torch.dtype) -> object:
        """A value in another type, or a number, as an input of a node."""
        if not isinstance(thing, Value):
            return self.number(thing, dtype)
        if thing.example.dtype == dtype:
            return thing
        if thing.is_constant:
            return Value("", thing.example.to(dtype))
        return self.cast(thing, dtype)

    def cast(self, thing: object, dtype: torch.dtype) -> str:
        """Bring something into a type."""
        return self("Cast", thing, to=_TYPES[dtype])

    def _name(self, thing: object) -> str:
        if isinstance(thing, str):
            return thing
        if isinstance(thing, Value):
            return thing.name or self._constant(thing.example)
        return self._hold("constant", np.asarray(thing))

    def _constant(self, tensor: Tensor) -> str:
        """Name of a constant tensor; the same one has the same name."""
        key = tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()
        if key not in self._held:
            name = self._names.get(tensor.data_ptr(), "constant")
            held = self._hold(name, tensor.numpy(force=True))
            self._held[key] = (
                held,
                tensor,
            )  # kept, so that nothing else comes to lie there
        return self._held[key][0]

    def _hold(self, name: str, array: NDArray[Any]) -> str:
        taken = sum(other.partition("#")[0] == name for other in self.constants)
        unique = f"{name}#{taken}" if taken else name
        self.constants[unique] = np.array(array, order="C")
        return unique

    def __eq__(self, other: object) -> bool:
        """Whether both compute the same."""
        return (
            isinstance(other, Graph)
            and self.nodes == other.nodes
            and self.constants.keys() == other.constants.keys()
            and all(
                _same(array, other.constants[name])
                for name, array in self.constants.items()
            )
        )

    __hash__ = None  # type: ignore[assignment]


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
