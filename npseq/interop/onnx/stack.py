"""A stack of layers as ONNX nodes: one RNN, GRU or LSTM a layer, and the shapes between them."""

from typing import Any, NamedTuple

import numpy as np

from npseq.interop.onnx.graph import Graph
from npseq.interop.onnx.weights import OP_TYPES, weights_of
from npseq.layers.gru import GRUCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell


class Stack(NamedTuple):
    """A layer, whether it runs from the last step to the first, and the ending of its names in the graph."""

    layer: Recurrent
    reverse: bool
    ending: str


def add_stack(graph: Graph, stack: Stack, x: str, states: list[str], lengths: str, y: str, last: list[str]) -> str:
    """Adds a stack with the output y and returns this name.

    states and last: h, or h and c, (L*R, B, H) each, the initial and the last ones by name. lengths: "" for none.
    """
    layers, end = stack.layer.num_layers, stack.ending
    first = [_split(graph, name, layers) for name in states]
    after: list[list[str]] = [[] for _ in states]
    for number in range(layers):
        new = [f"{name}_out_{number}" for name in states]
        Y = _operator(graph, stack, number, x, [part[number] for part in first], lengths, new)
        transposed = graph.node("Transpose", [Y], [f"transposed{end}_{number}"], perm=[0, 2, 1, 3])
        shape = graph.tensor(f"shape{end}_{number}", np.array([0, 0, stack.layer.output_size], np.int64))  # 0: as it is
        x = graph.node("Reshape", [transposed, shape], [y if number == layers - 1 else f"y{end}_{number}"])
        for part, name in zip(after, new, strict=True):
            part.append(name)
    for name, parts, out in zip(states, after, last, strict=True):
        whole = graph.node("Concat", parts, [f"{name}_after" if lengths else out], axis=0)
        if lengths:
            graph.node("Where", [_present(graph, lengths, name), whole, name], [out])
    return y


def _operator(graph: Graph, stack: Stack, number: int, x: str, states: list[str], lengths: str, last: list[str]) -> str:
    """Adds the node of one layer and returns the name of its Y (T, R, B, H)."""
    layer, end = stack.layer, stack.ending
    weights = {
        name: graph.tensor(f"{name}{end}_{number}", values) for name, values in weights_of(layer, number).items()
    }
    op_type = OP_TYPES[type(layer.cell)]
    names = [x, weights["W"], weights["R"], weights.get("B", ""), lengths, *states, weights.get("P", "")]
    while not names[-1]:
        names.pop()
    direction = "bidirectional" if layer.directions == 2 else "reverse" if stack.reverse else "forward"
    attributes = {"direction": direction, "hidden_size": layer.hidden_size, **_cell_attributes(layer)}
    return graph.node(op_type, names, [f"Y{end}_{number}", *last], **attributes)


def _cell_attributes(layer: Recurrent) -> dict[str, Any]:
    if isinstance(layer.cell, GRUCell):
        return {"linear_before_reset": int(layer.cell.reset == "after")}
    if isinstance(layer.cell, RNNCell):
        return {"activations": [layer.cell.nonlinearity.capitalize()] * layer.directions}
    return {}


def _split(graph: Graph, state: str, layers: int) -> list[str]:
    """A state (L*R, B, H) layer by layer."""
    if layers == 1:
        return [state]
    names = [f"{state}_{number}" for number in range(layers)]
    graph.node("Split", [state], names, axis=0)
    return names


def _present(graph: Graph, lengths: str, name: str) -> str:
    """Which sequences have a step at all, (B, 1); the state of the others does not change, which ONNX leaves open."""
    zero = graph.tensor(f"zero_{name}", np.array(0, np.int32))
    axes = graph.tensor(f"axes_{name}", np.array([1], np.int64))
    some = graph.node("Greater", [lengths, zero], [f"some_{name}"])
    return graph.node("Unsqueeze", [some, axes], [f"present_{name}"])
