"""A stack of nodes computes what the layer computes, by ONNX's equations."""

import numpy as np
import pytest
from interop.onnx.equations import LENGTHS, B, D, H, T
from interop.onnx.graph_interpreter import fake_onnx, run

from npseq import GRU, LSTM, RNN
from npseq.interop.onnx.graph import Graph
from npseq.interop.onnx.stack import Stack, add_stack, cell_attributes


def built(layer, states, lengths, reverse=False):
    graph = Graph(fake_onnx(), layer.dtype)
    x = graph.input("x", ("time", "batch", D))
    names = [graph.input(name, ()) for name in states]
    given = graph.input("lengths", ("batch",), np.int32) if lengths is not None else ""
    last = [graph.output(f"{name}_last", ()) for name in states]
    stack = Stack(layer, reverse, "_end", cell_attributes(layer))
    y = add_stack(graph, stack, x, names, given, graph.output("y", ()), last)
    assert y == "y"
    return graph


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(
    ("kind", "options"),
    [(RNN, {}), (RNN, {"nonlinearity": "relu"}), (GRU, {}), (GRU, {"reset": "before"}), (LSTM, {"peepholes": True})],
)
def test_a_stack_computes_what_the_layer_computes(kind, options, layers, bidirectional, lengths):
    layer = kind(D, H, num_layers=layers, bidirectional=bidirectional, dtype=np.float64, rng=0, **options)
    rng = np.random.default_rng(0)
    shape = (layers * layer.directions, B, H)
    states = {name: rng.normal(size=shape) for name in ("h", "c")[: 1 + (kind is LSTM)]}
    x = rng.normal(size=(T, B, D))
    feeds = {"x": x, **states} | ({} if lengths is None else {"lengths": lengths})
    found = run(built(layer, states, lengths), feeds)
    state = (states["h"], states["c"]) if kind is LSTM else states["h"]
    y, last, _ = layer.forward(x, state, lengths)
    np.testing.assert_allclose(found["y"], y, rtol=0, atol=1e-12)
    for name, expected in zip(states, last if kind is LSTM else (last,), strict=True):
        np.testing.assert_allclose(found[f"{name}_last"], expected, rtol=0, atol=1e-12)


def test_a_reverse_stack_reads_every_sequence_from_its_end():
    layer = GRU(D, H, dtype=np.float64, rng=0)
    x, h = np.random.default_rng(0).normal(size=(T, B, D)), np.zeros((1, B, H))
    found = run(built(layer, ["h"], None, reverse=True), {"x": x, "h": h})
    np.testing.assert_allclose(found["y"], layer.forward(x[::-1])[0][::-1], rtol=0, atol=1e-12)


def test_a_layer_is_one_node_whose_names_end_alike():
    graph = built(LSTM(D, H, num_layers=2, rng=0), ["h", "c"], None)
    nodes = [node for node in graph.nodes if node.op_type == "LSTM"]
    assert [node.outputs[0] for node in nodes] == ["Y_end_0", "Y_end_1"]
    assert nodes[1].inputs[:4] == ["y_end_0", "W_end_1", "R_end_1", "B_end_1"]
    assert nodes[0].attributes == {"direction": "forward", "hidden_size": H}
