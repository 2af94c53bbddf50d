"""A stack of layers as ONNX nodes: one RNN, GRU or LSTM a layer, and the shapes between them."""

from typing import Any, NamedTuple

import numpy as np

from npseq.gallery.input_forget_lstm import InputForgetLSTMCell
from npseq.interop.onnx.activations import attributes_of
from npseq.interop.onnx.graph import Graph
from npseq.interop.onnx.projection import projections, with_first_states, without_projection
from npseq.interop.onnx.weights import OP_TYPES, weights_of
from npseq.interop.packed import has_projection
from npseq.layers.gru import GRUCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell

USUAL = ["sigmoid", "tanh", "tanh"]  # ONNX's own, which need no attribute


class Stack(NamedTuple):
    """A layer, whether it runs from the last step to the first, the ending of its names in the graph, attributes."""

    layer: Recurrent
    reverse: bool
    ending: str
    attributes: dict[str, Any]


def add_stack(graph: Graph, stack: Stack, x: str, states: list[str], lengths: str, y: str, last: list[str]) -> str:
    """Adds a stack with the output y and returns this name.

    states and last: h (L*R, B, P), or h and c (L*R, B, H), the initial and the last ones by name. lengths: "" for none.
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
    """Adds the node of one layer and returns the name of its Y (T, R, B, P)."""
    layer, end = stack.layer, stack.ending
    weights, U = weights_of(layer, number), None
    if has_projection(layer):
        reverses = [stack.reverse] if layer.directions == 1 else [False, True]
        x = with_first_states(graph, x, states[0], reverses, lengths, f"first{end}_{number}")
        matrices = projections(layer, number)
        weights, states = without_projection(weights, matrices), ["", *states[1:]]
        U = graph.tensor(f"W_hp{end}_{number}", matrices)
    names = {name: graph.tensor(f"{name}{end}_{number}", values) for name, values in weights.items()}
    inputs = [x, names["W"], names["R"], names.get("B", ""), lengths, *states, names.get("P", "")]
    while not inputs[-1]:
        inputs.pop()
    direction = "bidirectional" if layer.directions == 2 else "reverse" if stack.reverse else "forward"
    attributes = {"direction": direction, "hidden_size": layer.hidden_size, **stack.attributes}
    Y, op_type = f"Y{end}_{number}", OP_TYPES[type(layer.cell)]
    if U is None:
        return graph.node(op_type, inputs, [Y, *last], **attributes)
    graph.node(op_type, inputs, [f"m{end}_{number}", f"m_last{end}_{number}", *last[1:]], **attributes)
    graph.node("MatMul", [f"m_last{end}_{number}", U], last[:1])
    return graph.node("MatMul", [f"m{end}_{number}", U], [Y])


def cell_attributes(layer: Recurrent) -> dict[str, Any]:
    """What a node says of its cell: activations and their numbers, the variant.

    Raises:
        ValueError: for an activation that ONNX has not.
    """
    cell: Any = layer.cell
    if isinstance(cell, RNNCell):
        return attributes_of([str(cell.nonlinearity)], 1, layer.directions)
    texts = [cell.gate_activation, cell.activation]
    if isinstance(cell, GRUCell):
        found = {} if texts == USUAL[:2] else attributes_of(texts, 2, layer.directions)
        return {"linear_before_reset": int(cell.reset == "after"), **found}
    texts.append(cell.output_activation)
    found = {} if texts == USUAL else attributes_of(texts, 2, layer.directions)
    return {**({"input_forget": 1} if isinstance(cell, InputForgetLSTMCell) else {}), **found}


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
