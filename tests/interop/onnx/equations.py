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


USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
ACTIVATIONS = {  # ONNX's text; the numbers of those that have any, and what they usually are
    "relu": (lambda x: np.maximum(0, x), ()),
    "tanh": (np.tanh, ()),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), ()),
    "affine": (lambda x, alpha, beta: alpha * x + beta, (1.0, 0.0)),
    "leakyrelu": (lambda x, alpha: np.where(x >= 0, x, alpha * x), (0.01,)),
    "thresholdedrelu": (lambda x, alpha: np.where(x > alpha, x, 0), (1.0,)),  # the operator's, not >= of the text
    "scaledtanh": (lambda x, alpha, beta: alpha * np.tanh(beta * x), (None, None)),
    "hardsigmoid": (lambda x, alpha, beta: np.minimum(np.maximum(alpha * x + beta, 0), 1), (0.2, 0.5)),
    "elu": (lambda x, alpha: np.where(x >= 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1)), (1.0,)),
    "softsign": (lambda x: x / (1 + abs(x)), ()),
    "softplus": (lambda x: np.log(1 + np.exp(x)), ()),
}


def functions_of(op_type, attributes, ways):
    """[f, g, h] of each direction; clip bounds the inputs of f and g."""
    names = [name.lower() for name in attributes.get("activations", USUAL[op_type] * ways)]
    numbers = [list(attributes.get(f"activation_{which}", ())) for which in ("alpha", "beta")]
    clip, found = attributes.get("clip", np.inf), []
    for k, name in enumerate(names):
        function, usual = ACTIVATIONS[name]
        own = [rest.pop(0) if rest else one for one, rest in zip(usual, numbers, strict=False)]
        bound = clip if k % len(USUAL[op_type]) < 2 else np.inf
        found.append(lambda x, f=function, own=own, bound=bound: f(np.clip(x, -bound, bound), *own))
    return [found[d * len(found) // ways : (d + 1) * len(found) // ways] for d in range(ways)]


def rnn_step(x, state, W, R, Wb, Rb, P, functions, attributes):
    (h,), (f,) = state, functions
    return (f(W[0] @ x + R[0] @ h + Wb[0] + Rb[0]),)


def gru_step(x, state, W, R, Wb, Rb, P, functions, attributes):
    (h,), (f, g) = state, functions
    z = f(W[0] @ x + R[0] @ h + Wb[0] + Rb[0])
    r = f(W[1] @ x + R[1] @ h + Wb[1] + Rb[1])
    if attributes.get("linear_before_reset"):
        n = g(W[2] @ x + r * (R[2] @ h + Rb[2]) + Wb[2])
    else:
        n = g(W[2] @ x + R[2] @ (r * h) + Rb[2] + Wb[2])
    return ((1 - z) * n + z * h,)


def lstm_step(x, state, W, R, Wb, Rb, P, functions, attributes):
    (h, c), (f, g, out) = state, functions
    i = f(W[0] @ x + R[0] @ h + P[0] * c + Wb[0] + Rb[0])
    forget = f(W[2] @ x + R[2] @ h + P[2] * c + Wb[2] + Rb[2])
    if attributes.get("input_forget"):
        forget = 1 - i
    new = forget * c + i * g(W[3] @ x + R[3] @ h + Wb[3] + Rb[3])
    o = f(W[1] @ x + R[1] @ h + P[1] * new + Wb[1] + Rb[1])
    return o * out(new), new


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
    functions = functions_of(op_type, attributes, len(ways))
    for d, b in itertools.product(range(len(ways)), range(x.shape[1])):
        biases = inputs.get("B", np.zeros((len(ways), 2 * count * size)))[d].reshape(2, count, size)
        P = inputs.get("P", np.zeros((len(ways), 3 * size)))[d].reshape(3, size)
        W, R = inputs["W"][d].reshape(count, size, -1), inputs["R"][d].reshape(count, size, size)
        state = tuple(part[d, b] for part in last)
        steps = range(lengths[b])
        for t in reversed(steps) if ways[d] else steps:
            state = STEPS[op_type](x[t, b], state, W, R, *biases, P, functions[d], attributes)
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
