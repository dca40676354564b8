"""Pieces placed into one graph."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model.graph.assembly import Assembly
from model.runtime import onnx_runtime


def piece(source: str, result: str) -> onnx.ModelProto:
    """result = 2 · source + 1, by way of a value called `between`."""
    weights = [
        numpy_helper.from_array(np.float32(value), name) for name, value in (("two", 2.0), ("one", 1.0))
    ]
    nodes = [
        helper.make_node("Mul", [source, "two"], ["between"], name="mul"),
        helper.make_node("Add", ["between", "one"], [result], name="add"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in (source, result)]
    graph = helper.make_graph(nodes, "piece", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def assembled(times: int) -> onnx.ModelProto:
    first, middle, last = piece("x", "y"), piece("x", "y"), piece("in", "z")
    whole = Assembly(first)
    names = whole.place("first", first, ["x"])
    for _ in range(times):
        names = whole.place("middle", middle, names)
    return whole.finish("last", last, names)


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_piece_is_computed_as_often_as_it_is_placed(times: int) -> None:
    value = np.array([0.0, 1.0, -3.0], np.float32)
    session = onnx_runtime().InferenceSession(
        assembled(times).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(["z"], {"x": value})
    for _ in range(times + 2):
        value = 2 * value + 1
    np.testing.assert_array_equal(found, value)


def test_weights_stand_in_the_graph_once() -> None:
    assert len(assembled(3).graph.initializer) == len(assembled(1).graph.initializer) == 6


def test_an_output_may_be_used_within_the_last_piece() -> None:
    last = piece("in", "z")
    last.graph.output.extend([helper.make_tensor_value_info("between", TensorProto.FLOAT, ["n"])])
    first = piece("x", "y")
    whole = Assembly(first)
    graph = whole.finish("last", last, whole.place("first", first, ["x"]))
    session = onnx_runtime().InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    between, z = session.run(["between", "z"], {"x": np.array([1.0], np.float32)})
    assert (between, z) == (6.0, 7.0)


def test_a_piece_fed_with_too_few_values_is_refused() -> None:
    first = piece("x", "y")
    with pytest.raises(ValueError, match="shorter"):
        Assembly(first).place("first", first, [])
