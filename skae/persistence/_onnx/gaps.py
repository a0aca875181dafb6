"""What is missing of rows, expected from what is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from onnx import GraphProto, TensorProto, helper, numpy_helper
from torch import Tensor

from skae.data import ProbabilisticPCA
from skae.persistence._onnx.graph import Graph, Value


def fill(graph: Graph, out: Tensor, model: ProbabilisticPCA, x: Value) -> str:
    """Rows with the expectation of what is missing, as `ProbabilisticPCA.fill`.

    The codes of all rows solve systems of their own, in float64, by elimination: their
    matrices are positive definite, so that no pivot is small.
    """
    loadings = model.loadings
    rank = len(loadings)
    missing = graph("IsNaN", x)
    there = graph.cast(graph("Not", missing), torch.float64)
    deviation = graph("Sub", graph.cast(x, torch.float64), model.mean)
    deviation = graph("Where", missing, np.array(0.0), deviation)
    products = (loadings[:, None] * loadings).reshape(rank * rank, -1).T
    matrices = graph("MatMul", there, products)
    matrices = graph("Reshape", matrices, np.array([0, rank, rank]))
    matrices = graph("Add", matrices, model.noise * np.eye(rank))
    scores = graph("MatMul", deviation, loadings.T)
    scores = graph("Unsqueeze", scores, np.array([2]))
    systems = graph("Concat", matrices, scores, axis=2)
    solved = graph("Loop", np.array(rank), np.array(True), systems, body=_step(rank))
    codes = graph("Gather", solved, np.array(rank), axis=2)
    expected = graph("Add", graph("MatMul", codes, loadings), model.mean)
    expected = graph("Clip", expected, *map(np.array, model.bounds))
    return graph("Where", missing, graph.cast(expected, out.dtype), x)


def _step(rank: int) -> GraphProto:
    """Body of a loop over the rows of systems A z = b, held as (A, b).

    Row j is divided by its entry j, and taken away from the others as often as makes
    theirs zero; from itself so often that it is left divided.
    """
    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Reshape", ["step", "one"], "place", {}),
        ("Gather", ["systems", "place"], "row", {"axis": 1}),
        ("Gather", ["row", "place"], "pivot", {"axis": 2}),
        ("Div", ["row", "pivot"], "divided", {}),
        ("Gather", ["systems", "place"], "column", {"axis": 2}),
        ("Gather", ["units", "place"], "unit", {"axis": 1}),
        ("Sub", ["column", "unit"], "times", {}),
        ("Mul", ["times", "divided"], "taken", {}),
        ("Sub", ["systems", "taken"], "changed", {}),
        ("Identity", ["goes_on"], "goes_further", {}),
    ]
    shape = [None, rank, rank + 1]
    begin = [
        helper.make_tensor_value_info("step", TensorProto.INT64, []),
        helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("systems", TensorProto.DOUBLE, shape),
    ]
    end = [
        helper.make_tensor_value_info("goes_further", TensorProto.BOOL, []),
        helper.make_tensor_value_info("changed", TensorProto.DOUBLE, shape),
    ]
    constants = [
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(np.eye(rank), "units"),
    ]
    made = [
        helper.make_node(kind, inputs, [output], **attributes)
        for kind, inputs, output, attributes in nodes
    ]
    return helper.make_graph(made, "elimination", begin, end, constants)
