"""npseq.interop.onnx.load and outputs: against ONNX's equations, evaluated one sequence and one step at a time.

That oracle needs NumPy alone, float64, and shares nothing with the package. Where onnx and onnxruntime are installed,
onnx's own node tests, its reference evaluator (float64; it has no lengths and no relu) and onnxruntime (float32 only:
its kernels have no double) judge too.
"""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys

import numpy as np
import pytest

from npseq import GRU, LSTM, RNN
from npseq.interop.onnx import load, outputs

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
every_direction = pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])


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
    variant = attributes.get("linear_before_reset") or "activations" in attributes
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


def batch_first(inputs):
    turned = ("X", "initial_h", "initial_c")
    return {name: array.swapaxes(0, 1) if name in turned else array for name, array in inputs.items()}


def run(op_type, inputs, attributes):
    layer, arguments = load(op_type, inputs, attributes)
    y, state, _ = layer.forward(**arguments)
    return outputs(y, state, attributes)


def assert_close(found, expected, tolerance):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@every_kind
@every_direction
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("initial", [True, False])
def test_same_as_the_equations(kind, direction, lengths, bias, initial):
    op_type, inputs, attributes = made(kind, direction, bias=bias, initial=initial, lengths=lengths)
    expected = by_the_equations(op_type, inputs, attributes)
    assert_close(run(op_type, inputs, attributes), expected, 1e-12)
    found = run(op_type, batch_first(inputs), attributes | {"layout": 1})
    Y, *states = expected
    assert_close(found, [Y.transpose(2, 0, 1, 3), *(one.swapaxes(0, 1) for one in states)], 1e-12)


@pytest.mark.parametrize("absent", ["initial_h", "initial_c"])
def test_one_initial_state_of_an_lstm(absent):
    op_type, inputs, attributes = made("lstm", "forward")
    del inputs[absent]
    assert_close(run(op_type, inputs, attributes), by_the_equations(op_type, inputs, attributes), 1e-12)


def test_inputs_in_order_are_inputs_by_name():
    op_type, inputs, attributes = made("peepholes", "bidirectional")
    order = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
    listed = [inputs.get(name) for name in order]
    expected = run(op_type, inputs, attributes)
    assert_close(run(op_type, listed, attributes), expected, 0)
    assert_close(run(op_type, ["" if one is None else one for one in listed], attributes), expected, 0)
    texts = {"direction": b"bidirectional", "activations": [b"SIGMOID", b"Tanh", b"tanh"] * 2, "clip": None}
    assert_close(run(op_type, listed, texts), expected, 0)


def test_what_a_layer_is_made_of():
    op_type, inputs, attributes = made("gru, reset after", "bidirectional", dtype=np.float32)
    layer, arguments = load(op_type, inputs, attributes)
    assert type(layer) is GRU
    assert layer.dtype == np.float32
    assert layer.directions == 2
    assert list(arguments) == ["x", "state", "lengths"]
    np.testing.assert_array_equal(layer.params["b_hn_reverse"], inputs["B"][1, 5 * H :])
    assert not np.shares_memory(layer.params.flat, inputs["W"])
    layer, arguments = load("LSTM", {"W": np.zeros((1, 8, 3)), "R": np.zeros((1, 8, 2))})
    assert type(layer) is LSTM
    assert not layer.bias
    assert arguments == {"state": None, "lengths": None}
    assert type(load(*made("tanh", "reverse"))[0].layer) is RNN


@every_kind
def test_reverse_has_the_right_gradient(kind):
    op_type, inputs, attributes = made(kind, "reverse", lengths=LENGTHS)
    layer, arguments = load(op_type, inputs, attributes)
    x, lengths = arguments["x"], arguments["lengths"]
    y, last, tape = layer.forward(**arguments)
    rng = np.random.default_rng(1)
    dy = rng.normal(size=y.shape)
    dlast = tuple(rng.normal(size=s.shape) for s in last) if op_type == "LSTM" else rng.normal(size=last.shape)
    dx, dfirst, grads = layer.backward(dy, tape, dlast)

    def loss(flat, x, state):
        y, last, _ = layer.bind(flat).forward(x, state, lengths)
        last, weights = (last, dlast) if op_type == "LSTM" else ((last,), (dlast,))
        return (y * dy).sum() + sum((s * w).sum() for s, w in zip(last, weights, strict=True))

    step, at = 1e-200j, layer.params.flat
    for k in range(at.size):
        moved = at.astype(complex)
        moved[k] += step
        assert abs(loss(moved, x, arguments["state"]).imag / 1e-200 - grads.flat[k]) < 1e-12
    direction = rng.normal(size=x.shape)
    slope = loss(at.astype(complex), x + step * direction, arguments["state"]).imag / 1e-200
    assert abs(slope - (dx * direction).sum()) < 1e-12
    parts = dfirst if op_type == "LSTM" else (dfirst,)
    initial = arguments["state"] if op_type == "LSTM" else (arguments["state"],)
    for k, part in enumerate(parts):
        direction = rng.normal(size=part.shape)
        moved = tuple(s + step * direction * (j == k) for j, s in enumerate(initial))
        slope = loss(at.astype(complex), x, moved if op_type == "LSTM" else moved[0]).imag / 1e-200
        assert abs(slope - (part * direction).sum()) < 1e-12


ATTRIBUTES = [
    ("LSTM", {"clip": 3.0}, ValueError, "LSTM's clip is not supported: npseq bounds no pre-activations, got 3.0"),
    ("RNN", {"activation_alpha": [0.1]}, ValueError, r"RNN's activation_alpha is not supported: .*got \[0.1\]"),
    ("RNN", {"activation_beta": [0.1]}, ValueError, "RNN's activation_beta is not supported"),
    ("LSTM", {"input_forget": 1}, ValueError, "LSTM's input_forget=1 is not supported"),
    ("LSTM", {"input_forget": 2}, ValueError, "LSTM's input_forget must be 0 or 1, got 2"),
    ("GRU", {"layout": 2}, ValueError, "GRU's layout must be 0 or 1, got 2"),
    ("GRU", {"layout": 0.5}, TypeError, "GRU's layout must be an integer, got 0.5"),
    ("GRU", {"hidden_size": 0}, TypeError, "GRU's hidden_size must be an integer, 1 or more, got 0"),
    ("GRU", {"hidden_size": 5}, ValueError, "GRU's hidden_size must be the last axis of R, 2, got 5"),
    ("RNN", {"direction": b"backward"}, ValueError, "direction must be one of forward, reverse, bidirectional, got 'b"),
    ("RNN", {"linear_before_reset": 1}, ValueError, "RNN has no attribute 'linear_before_reset' that npseq knows"),
    (
        "LSTM",
        {"output_sequence": 1},
        ValueError,
        "LSTM has no attribute 'output_sequence' that npseq knows; it knows a",
    ),
    ("RNN", {"activations": ["Affine"]}, ValueError, r"activations must be \['tanh'\] or relu, alike .*\['Affine'\]"),
    ("GRU", {"activations": ["Sigmoid", "Relu"]}, ValueError, r"GRU's activations must be \['sigmoid', 'tanh'\], got"),
    ("LSTM", {"activations": ["HardSigmoid", "Tanh", "Tanh"]}, ValueError, "LSTM's activations must be .*HardSigmoid"),
    ("Elman", {}, ValueError, "op_type must be one of RNN, GRU, LSTM, got 'Elman'"),
]


@pytest.mark.parametrize(("op_type", "attributes", "error", "message"), ATTRIBUTES)
def test_attributes_that_are_refused(op_type, attributes, error, message):
    count = GATES.get(op_type, 1)
    with pytest.raises(error, match=message) as caught:
        load(op_type, {"W": np.zeros((1, count * H, D)), "R": np.zeros((1, count * H, H))}, attributes)
    assert "\n" not in str(caught.value)


def test_directions_of_an_rnn_have_one_function():
    op_type, inputs, attributes = made("tanh", "bidirectional")
    with pytest.raises(
        ValueError, match=r"RNN's activations must be .* alike in both directions, got \['Tanh', 'Relu'\]"
    ):
        load(op_type, inputs, attributes | {"activations": ["Tanh", "Relu"]})
    load(op_type, inputs, attributes | {"activations": ["Tanh", "Tanh"]})
    load(*made("tanh", "forward")[:2], {"activations": ["Tanh", "Tanh"]})  # ONNX's own default


def changed(name, value):
    return lambda given: given | {name: value}


INPUTS = [
    (lambda given: {"W": given["W"]}, ValueError, "W and R must be there; missing: R; not its own: none"),
    (changed("w", np.zeros(1)), ValueError, "missing: none; not its own: 'w'"),
    (lambda given: [None] * 9, ValueError, "LSTM takes at most 8 inputs .*, got 9"),
    (lambda given: np.zeros(3), TypeError, "inputs must be a mapping or a list of arrays in ONNX's order, got ndarray"),
    (changed("W", np.zeros((8, 3))), ValueError, r"W must have three axes, none empty, got shape \(8, 3\)"),
    (changed("W", np.zeros((1, 8, 0))), ValueError, "W must have three axes, none empty"),
    (changed("W", np.zeros((1, 6, 3))), ValueError, r"W must have shape \(1, 8, 3\) .*got \(1, 6, 3\)"),
    (
        changed("R", np.zeros((2, 8, 2))),
        ValueError,
        r"R must have shape \(1, 8, 2\) with direction='forward'.*got \(2, 8",
    ),
    (changed("B", np.zeros((1, 8))), ValueError, r"B must have shape \(1, 16\)"),
    (changed("P", np.zeros((1, 8))), ValueError, r"P must have shape \(1, 6\)"),
    (changed("X", np.zeros((T, B, 7))), ValueError, r"X must have shape \(5, 4, 3\).*got \(5, 4, 7\)"),
    (changed("X", np.zeros((T, 3))), ValueError, r"X must have shape \('T', 4, 3\).*got \(5, 3\)"),
    (changed("X", np.zeros((T, 3, D))), ValueError, r"initial_h must have shape \(1, 3, 2\).*got \(1, 4, 2\)"),
    (changed("initial_c", np.zeros((1, B, 3))), ValueError, r"initial_c must have shape \(1, 4, 2\)"),
    (changed("sequence_lens", np.zeros(3, int)), ValueError, r"sequence_lens must have shape \(4,\)"),
    (changed("sequence_lens", np.zeros(B)), TypeError, "sequence_lens must be integers, got float64"),
    (changed("W", np.zeros((1, 8, 3), np.float16)), TypeError, "W must be float32 or float64, got float16"),
    (changed("R", np.zeros((1, 8, 2), np.float32)), TypeError, "R must be float64 as its W is, got float32"),
    (changed("X", "x.bin"), TypeError, "X must be float64 as its W is, got <U5"),
]


@pytest.mark.parametrize(("change", "error", "message"), INPUTS)
def test_inputs_that_are_refused(change, error, message):
    op_type, inputs, attributes = made("lstm", "forward")
    with pytest.raises(error, match=message) as caught:
        load(op_type, change(inputs), attributes)
    assert "\n" not in str(caught.value)


def test_lengths_are_checked_by_the_layer():
    layer, arguments = load(*made("lstm", "reverse", lengths=np.array([6, 1, 1, 1])))
    with pytest.raises(ValueError, match=r"lengths must be in \[0, 5\]"):
        layer.forward(**arguments)


def test_loading_imports_neither_onnx_nor_protobuf():
    command = "import sys, npseq.interop.onnx; sys.exit(bool({'onnx', 'onnxruntime', 'google'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


# by others ------------------------------------------------------------------------------------------------------------


def node_model(op_type, inputs, attributes, fed):
    """A model of one node, what is not fed stored in it, and its feeds."""
    onnx = pytest.importorskip("onnx")
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"][: 8 if op_type == "LSTM" else 6]
    names = [name if name in inputs else "" for name in order]
    results = ["Y", "Y_h", "Y_c"][: 3 if op_type == "LSTM" else 2]
    helper, kinds = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    values = [helper.make_tensor_value_info(n, kinds(inputs[n].dtype), inputs[n].shape) for n in names if n in fed]
    givens = [helper.make_tensor_value_info(n, kinds(inputs["X"].dtype), None) for n in results]
    stored = [onnx.numpy_helper.from_array(inputs[n], n) for n in names if n and n not in fed]
    node = helper.make_node(op_type, names, results, **attributes)
    graph = helper.make_graph([node], "node", values, givens, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, {name: inputs[name] for name in names if name in fed}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "relu"])
@every_direction
@pytest.mark.parametrize("layout", [0, 1])
def test_same_as_the_reference_evaluator_in_float64(kind, direction, layout):
    reference = pytest.importorskip("onnx.reference")
    op_type, inputs, attributes = made(kind, direction)
    inputs, attributes = batch_first(inputs) if layout else inputs, attributes | {"layout": layout}
    model, feeds = node_model(op_type, inputs, attributes, ("X", "initial_h", "initial_c"))
    expected = reference.ReferenceEvaluator(model).run(None, feeds)
    assert expected[0].dtype == np.float64
    assert_close(run(op_type, inputs, attributes), expected, 1e-12)


@every_kind
@every_direction
@pytest.mark.parametrize("lengths", [None, np.array([3, 2, 5, 1], np.int32)], ids=["full", "lengths"])
def test_same_as_onnxruntime_in_float32(kind, direction, lengths):
    runtime = pytest.importorskip("onnxruntime")
    op_type, inputs, attributes = made(kind, direction, lengths=lengths, dtype=np.float32)
    inputs |= {name: inputs[name] / 2 for name in inputs if name != "sequence_lens"}
    model, feeds = node_model(op_type, inputs, attributes, ("X", "initial_h", "initial_c", "sequence_lens"))
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert_close(run(op_type, inputs, attributes), session.run(None, feeds), 1e-6)


@pytest.mark.parametrize("op_type", GATES)
def test_onnx_own_node_tests(op_type, monkeypatch):
    """The cases by which backends of ONNX are judged; each gives a node, its inputs and its outputs."""
    pytest.importorskip("onnx")
    module = importlib.import_module(f"onnx.backend.test.case.node.{op_type.lower()}")
    cases = []
    monkeypatch.setattr(
        module, "expect", lambda node, inputs, outputs, name: cases.append((node, inputs, outputs, name))
    )
    owner = next(value for value in vars(module).values() if hasattr(value, "export_defaults"))
    for name in vars(owner):
        if name.startswith("export"):
            getattr(owner, name)()
    assert len(cases) >= 4
    helper = pytest.importorskip("onnx.helper")
    for node, inputs, expected, name in cases:
        given = dict(zip([source for source in node.input if source], inputs, strict=True))
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        found = dict(zip(("Y", "Y_h", "Y_c"), run(op_type, given, attributes), strict=False))
        wanted = dict(zip([out for out in node.output if out], expected, strict=True))
        for out, array in wanted.items():
            assert found[out].shape == array.shape, name
            np.testing.assert_allclose(found[out], array, rtol=0, atol=1e-6, err_msg=name)
