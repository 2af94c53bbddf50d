"""What a trace has recorded becomes the nodes that somebody would write: slopes, sigmoids, a larger of two."""

import numpy as np
import pytest

import npseq as ns
from npseq.activations import sigmoid
from npseq.diagnosis.graph import Graph
from npseq.diagnosis.reader import Reader, projections
from npseq.gpu.tracing import CellTrace


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (lambda a, b: 1 - a * a, "dtanh(a)"),
        (lambda a, b: a * (1 - a), "dsigmoid(a)"),
        (lambda a, b: sigmoid(a - b), "sigmoid(a - b)"),
        (lambda a, b: (a > 0) * b, "drelu(a) * b"),
        (lambda a, b: np.maximum(a, 0), "relu(a)"),
        (lambda a, b: np.where(a > b, a, b), "maximum(a, b)"),
        (lambda a, b: np.where(a > b, b, a), "where(greater(a, b), b, a)"),
        (lambda a, b: a - a.mean(axis=0, keepdims=True), "a - mean(a)"),
        (lambda a, b: b.sum(axis=0, keepdims=True) ** 2, "total(b) * total(b)"),
    ],
)
def test_an_expression_is_read(line, text):
    trace, graph = CellTrace(np.float64, kernels=False), Graph()
    expression = trace.content(line(trace.array("a"), trace.array("b")))
    reader = Reader(graph, lambda array, gate: graph.leaf(array), {expression: ["y"]})
    assert graph.text(reader.node(expression), graph.names["y"]) == text
    assert reader.node(expression) == graph.names["y"]


def test_a_product_of_several_operands_has_a_matrix_each():
    cells = ns.RNN(1, 1).cell, ns.LSTM(1, 2, proj_size=1).cell, ns.gallery.LRUCell()
    assert [projections(cell) for cell in cells] == [(), ("W_hp",), ("W_zh_1", "W_zh_2")]
