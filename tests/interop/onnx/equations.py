"""ONNX's equations of RNN, GRU and LSTM, one sequence and one step at a time, and nodes to evaluate.

The oracle needs NumPy alone, computes in float64 and shares nothing with the package.
"""

import itertools

import numpy as np
import pytest

T, B, D, H = 5, 4, 3, 2
LENGTHS = np.array([3, 0, 5, 1], np.int32)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
KINDS = {
    "tanh": ("RNN", {}),
    "relu": ("RNN", {"activations": ["Relu"]}),
    "gru, reset before": ("GRU", {}),
    "gru, reset after": ("GRU", {"linear_before_reset": 1}),
    "lstm": ("LSTM", {}),
    "peepholes": ("LSTM", {}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_step(x, state, W, R, Wb, Rb, P, relu):
    (h,) = state
    a = W[0] @ x + R[0] @ h + Wb[0] + Rb[0]
    return (np.maximum(a, 0) if relu else np.tanh(a),)


def gru_step(x, state, W, R, Wb, Rb, P, after):
    (h,) = state
    z = sigmoid(W[0] @ x + R[0] @ h + Wb[0] + Rb[0])
    r = sigmoid(W[1] @ x + R[1] @ h + Wb[1] + Rb[1])
    if after:
        n = np.tanh(W[2] @ x + r * (R[2] @ h + Rb[2]) + Wb[2])
    else:
        n = np.tanh(W[2] @ x + R[2] @ (r * h) + Rb[2] + Wb[2])
    return ((1 - z) * n + z * h,)


def lstm_step(x, state, W, R, Wb, Rb, P, _):
    h, c = state
    i = sigmoid(W[0] @ x + R[0] @ h + P[0] * c + Wb[0] + Rb[0])
    f = sigmoid(W[2] @ x + R[2] @ h + P[2] * c + Wb[2] + Rb[2])
    new = f * c + i * np.tanh(W[3] @ x + R[3] @ h + Wb[3] + Rb[3])
    o = sigmoid(W[1] @ x + R[1] @ h + P[1] * new + Wb[1] + Rb[1])
    return o * np.tanh(new), new


STEPS = {"RNN": rnn_step, "GRU": gru_step, "LSTM": lstm_step}


def by_the_equations(op_type, inputs, attributes):
    """[Y, Y_h, (Y_c)] of ONNX's text, for layout 0."""
    x, direction = inputs["X"], attributes.get("direction", "forward")
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    lengths = inputs.get("sequence_lens", [len(x)] * x.shape[1])
    count, size = GATES[op_type], inputs["R"].shape[2]
    names = ["initial_h", "initial_c"] if op_type == "LSTM" else ["initial_h"]
    zeros = np.zeros((len(ways), x.shape[1], size))
    last = [inputs.get(name, zeros).copy() for name in names]
    Y = np.zeros((len(x), len(ways), x.shape[1], size))
    variant = attributes.get("linear_before_reset") or attributes.get("activations", ["Tanh"])[0].lower() == "relu"
    for d, b in itertools.product(range(len(ways)), range(x.shape[1])):
        biases = inputs.get("B", np.zeros((len(ways), 2 * count * size)))[d].reshape(2, count, size)
        P = inputs.get("P", np.zeros((len(ways), 3 * size)))[d].reshape(3, size)
        W, R = inputs["W"][d].reshape(count, size, -1), inputs["R"][d].reshape(count, size, size)
        state = tuple(part[d, b] for part in last)
        steps = range(lengths[b])
        for t in reversed(steps) if ways[d] else steps:
            state = STEPS[op_type](x[t, b], state, W, R, *biases, P, variant)
            Y[t, d, b] = state[0]
        for part, value in zip(last, state, strict=True):
            part[d, b] = value
    return [Y, *last]


def made(kind, direction, *, bias=True, initial=True, lengths=None, dtype=np.float64):
    """(op_type, inputs, attributes) of a node, layout 0."""
    op_type, attributes = KINDS[kind]
    rng = np.random.default_rng(0)
    ways, count = 1 + (direction == "bidirectional"), GATES[op_type]
    shapes = {"X": (T, B, D), "W": (ways, count * H, D), "R": (ways, count * H, H)}
    shapes |= {"B": (ways, 2 * count * H)} if bias else {}
    shapes |= {"initial_h": (ways, B, H)} if initial else {}
    shapes |= {"initial_c": (ways, B, H)} if initial and op_type == "LSTM" else {}
    shapes |= {"P": (ways, 3 * H)} if kind == "peepholes" else {}
    inputs = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    if lengths is not None:
        inputs["sequence_lens"] = lengths
    attributes = {**attributes, "direction": direction, "hidden_size": H}
    if "activations" in attributes:
        attributes["activations"] = attributes["activations"] * ways
    return op_type, inputs, attributes


def assert_close(found, expected, tolerance):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
