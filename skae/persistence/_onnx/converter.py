"""What skl2onnx asks of an estimator: its outputs, their shapes, its nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from skl2onnx.common import data_types

from skae.persistence._onnx.recording import record, run
from skae.persistence.programs import Program

_WIDE = data_types.DoubleTensorType

_NARROW = 4  # bytes of a float32

_LEAST_OPSET = 18
"""In which reductions take their axes as an input."""


def declare(program: Program) -> Callable[..., list[Any]]:
    """``parser(scope, inputs)``: variables for the outputs."""

    def parser(scope: Any, inputs: list[Any]) -> list[Any]:
        is_wide = any(isinstance(variable.type, _WIDE) for variable in inputs)
        number = _WIDE if is_wide else data_types.FloatTensorType
        return [
            scope.declare_local_variable(
                name, number() if table is None else _type_of(_labels(table))
            )
            for name, table in program.outputs.items()
        ]

    return parser


def infer(program: Program) -> Callable[[Any], None]:
    """``shape_calculator(operator)``: shapes of the outputs."""

    def shape_calculator(operator: Any) -> None:
        n_rows = operator.inputs[0].get_first_dimension()
        found = run(program, *_kind_and_shape(program, operator))
        for variable, example in zip(operator.outputs, found, strict=True):
            variable.type.shape = [n_rows, *example.shape[1:]]

    return shape_calculator


def convert(program: Program) -> Callable[[Any, Any, Any], None]:
    """``converter(scope, operator, container)``: nodes and constants."""

    def converter(scope: Any, operator: Any, container: Any) -> None:
        if container.target_opset < _LEAST_OPSET:
            raise ValueError(
                f"target_opset={container.target_opset} is too low: autoencoders are "
                f"translated into operators of ONNX opset {_LEAST_OPSET} and later."
            )
        dtype, shape = _kind_and_shape(program, operator)
        graph, outputs = record(program, dtype, shape)
        names = {"": "", program.input: _read(scope, operator, container, dtype)}

        def named(name: str) -> str:
            if name not in names:
                names[name] = scope.get_unique_variable_name(name)
            return names[name]

        for name, array in graph.constants.items():
            _hold(container, named(name), array)
        for node in graph.nodes:
            container.add_node(
                node.kind,
                list(map(named, node.inputs)),
                list(map(named, node.outputs)),
                name=scope.get_unique_operator_name(node.kind),
                **node.attributes,
            )
        tables = program.outputs.values()
        for variable, found, table in zip(
            operator.outputs, outputs, tables, strict=True
        ):
            _give(scope, container, variable.full_name, named(found), table)

    return converter


def _kind_and_shape(
    program: Program, operator: Any
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type that is computed in, and shape of a sample as it comes."""
    is_wide = any(isinstance(v.type, _WIDE) for v in operator.inputs)
    dtype = np.dtype(np.float64 if is_wide else np.float32)
    shapes = [list(variable.type.shape or [None])[1:] for variable in operator.inputs]
    if len(shapes) > 1:
        widths = [n for shape in shapes for n in shape]
        shape = () if None in widths else (sum(widths),)
    else:
        shape = () if None in shapes[0] else tuple(shapes[0])
    if not shape:
        return dtype, program.shape
    width = math.prod(program.shape)
    if len(shape) == 1 and shape[0] != width:
        raise ValueError(
            f"{type(operator.raw_operator).__name__} takes rows of {width} numbers, "
            f"and the input of its graph has {shape[0]}."
        )
    return dtype, shape


def _read(scope: Any, operator: Any, container: Any, dtype: np.dtype[Any]) -> str:
    """Name of the input, which is one tensor of a floating type."""
    kinds = {"float32": data_types.FloatTensorType, "float64": _WIDE}
    names: list[str] = []
    for variable in operator.inputs:
        names.append(variable.full_name)
        if not isinstance(variable.type, kinds[dtype.name]):
            names[-1] = scope.get_unique_variable_name("cast")
            wanted = helper.np_dtype_to_tensor_dtype(dtype)
            given = [variable.full_name]
            _add(scope, container, "Cast", given, names[-1], to=wanted)
    if len(names) == 1:
        return names[0]
    rows: str = scope.get_unique_variable_name("rows")
    _add(scope, container, "Concat", names, rows, axis=1)
    return rows


def _give(
    scope: Any, container: Any, output: str, found: str, table: NDArray[Any] | None
) -> None:
    """Let an output be what was found, or what stands there in a table."""
    if table is None:
        _add(scope, container, "Identity", [found], output)
        return
    held = scope.get_unique_variable_name(f"{output}_table")
    _hold(container, held, _labels(table))
    _add(scope, container, "Gather", [held, found], output, axis=0)


def _add(
    scope: Any, container: Any, kind: str, inputs: list[str], output: str, **kw: Any
) -> None:
    name = scope.get_unique_operator_name(kind)
    container.add_node(kind, inputs, [output], name=name, **kw)


def _hold(container: Any, name: str, array: NDArray[Any]) -> None:
    tensor = numpy_helper.from_array(array, name)
    content = array.tolist() if array.dtype == object else tensor  # of strings
    container.add_initializer(name, tensor.data_type, array.shape, content)


def _labels(table: NDArray[Any]) -> NDArray[Any]:
    """Labels in a type that ONNX has."""
    if table.dtype.kind == "b":
        return table
    if table.dtype.kind in "iuf":
        wide = np.float64 if table.dtype.itemsize > _NARROW else np.float32
        found = table.astype(wide if table.dtype.kind == "f" else np.int64)
        if found.tolist() == table.tolist():
            return found
        raise ValueError(
            "Numbers of ONNX have at most 64 bits, the sign of integers included, and "
            f"not all labels here do: {table.tolist()}. Fit to other labels."
        )
    if all(isinstance(label, str) for label in table.tolist()):
        return table.astype(object)
    raise ValueError(
        f"Labels of ONNX are numbers, truth values or strings, and those here are "
        f"{table.tolist()}. Fit to labels of one of these kinds."
    )


def _type_of(table: NDArray[Any]) -> Any:
    types = {
        "int64": data_types.Int64TensorType,
        "float32": data_types.FloatTensorType,
        "float64": _WIDE,
        "bool": data_types.BooleanTensorType,
        "object": data_types.StringTensorType,
    }
    return types[table.dtype.name]()
