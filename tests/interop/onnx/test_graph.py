"""The builder of graphs records nodes, tensors, inputs and outputs by name."""

import numpy as np
import pytest
from interop.onnx.graph_interpreter import fake_onnx, run

from npseq.interop.onnx.graph import IR_VERSION, OPERATOR_SET, Graph


@pytest.fixture
def graph():
    return Graph(fake_onnx(), np.dtype(np.float64))


def test_a_node_has_a_name_of_its_own_and_returns_its_first_output(graph):
    assert graph.node("Split", ["x"], ["a", "b"], axis=0) == "a"
    assert graph.node("Split", ["a"], ["c", "d"], axis=0) == "c"
    assert [node.name for node in graph.nodes] == ["Split_0", "Split_1"]
    assert graph.nodes[0].attributes == {"axis": 0}


def test_a_tensor_is_stored_in_c_order(graph):
    assert graph.tensor("W", np.arange(6.0).reshape(2, 3).T) == "W"
    assert graph.tensors[0][1].flags.c_contiguous


def test_inputs_and_outputs_have_shapes_and_the_dtype_of_the_graph_or_their_own(graph):
    graph.input("x", ("time", 3))
    graph.input("ids", ("time",), np.int64)
    graph.output("y", ("time", 4))
    assert [(value.name, value.kind, value.shape) for value in (*graph.inputs, *graph.outputs)] == [
        ("x", "float64", ("time", 3)),
        ("ids", "int64", ("time",)),
        ("y", "float64", ("time", 4)),
    ]


def test_the_model_holds_the_graph_its_versions_and_metadata(graph):
    x, W = graph.input("x", ("time", 2)), graph.tensor("W", np.eye(2) * 3)
    graph.node("MatMul", [x, W], [graph.output("y", ("time", 2))])
    model = graph.model("name", {"key": "value"})
    assert (model.graph.name, model.metadata) == ("name", {"key": "value"})
    assert (model.opset_imports, model.ir_version) == ([("", OPERATOR_SET)], IR_VERSION)
    np.testing.assert_array_equal(run(model.graph, {"x": np.ones((1, 2))})["y"], [[3, 3]])
