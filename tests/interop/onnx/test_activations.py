"""ONNX's activations, their numbers, clip and input_forget: every node that the standard allows.

300 random nodes are beside ONNX's equations in float64, and beside onnxruntime in float32 where it is installed.
"""

import numpy as np
import pytest
from interop.onnx.equations import ACTIVATIONS, GATES, USUAL, assert_close, by_the_equations
from interop.onnx.test_loading import node_model, run

import npseq as ns
from npseq.interop.onnx import load
from npseq.interop.onnx.activations import NAMES, activations_of, attributes_of

T, B, D, H = 4, 3, 2, 3
REFUSED = [
    ("RNN", {"activations": ["Gelu"]}, ValueError, r"RNN's activations must be 1 of Relu, Tanh, .*, got \['Gelu'\]"),
    ("RNN", {"activations": ["Tanh", "Relu"]}, ValueError, "RNN's activations must be 1 of"),
    ("LSTM", {"activations": ["Tanh"]}, ValueError, "LSTM's activations must be 3 of"),
    ("GRU", {"activations": "Tanh"}, TypeError, "GRU's activations must be a list"),
    ("RNN", {"activation_alpha": [0.1]}, ValueError, r"RNN's activation_alpha must have at most .*none here.*1 more"),
    ("RNN", {"activations": ["Elu"], "activation_beta": [1.0]}, ValueError, "activation_beta must have at most"),
    (
        "GRU",
        {"activations": ["LeakyRelu", "Tanh"], "activation_alpha": [0.1, 0.2]},
        ValueError,
        r"at most a number for each function that takes one \(LeakyRelu\), got 1 more: \[0.2\]",
    ),
    ("RNN", {"activations": ["Elu"], "activation_alpha": ["a"]}, (TypeError, ValueError), "activation_alpha must"),
    ("RNN", {"activations": ["ScaledTanh"]}, ValueError, "activation_alpha and activation_beta must be given for"),
    ("LSTM", {"clip": 0.0}, ValueError, "LSTM's clip must be above 0, got 0.0; leave it out for no bound"),
    ("LSTM", {"clip": "1"}, (TypeError, ValueError), "LSTM's clip must be"),
]


@pytest.mark.parametrize(("op_type", "attributes", "error", "message"), REFUSED)
def test_what_the_standard_does_not_allow_is_refused_in_one_line(op_type, attributes, error, message):
    rows = GATES[op_type] * H
    with pytest.raises(error, match=message) as caught:
        load(op_type, {"W": np.zeros((1, rows, D)), "R": np.zeros((1, rows, H))}, attributes)
    assert "\n" not in str(caught.value)


def test_numbers_are_taken_by_the_functions_that_have_them():
    given = {"activations": ["Tanh", "Affine", "ELU", "HardSigmoid", "tanh", "Relu"], "clip": 2.0}
    given |= {"activation_alpha": [0.25, 0.5, 0.75], "activation_beta": [1.5]}
    assert activations_of("LSTM", given, 2) == (
        ("tanh(clip=2.0)", "affine(alpha=0.25, beta=1.5, clip=2.0)", "elu(alpha=0.5)"),
        ("hard_sigmoid(alpha=0.75, clip=2.0)", "tanh(clip=2.0)", "relu"),
    )


def test_what_is_written_is_read_again():
    texts = ("hard_sigmoid(clip=1.5)", "affine(alpha=2.0, clip=1.5)", "softplus")
    attributes = attributes_of(texts, 2, 2)
    assert attributes == {
        "activations": ["HardSigmoid", "Affine", "Softplus"] * 2,
        "activation_alpha": [0.2, 2.0] * 2,
        "activation_beta": [0.5, 0.0] * 2,
        "clip": 1.5,
    }
    assert activations_of("LSTM", attributes, 2) == (texts, texts)


def test_directions_with_other_functions_are_two_layers():
    op_type, inputs, attributes = random_node(np.random.default_rng(0), "LSTM", direction="bidirectional")
    attributes |= {"activations": ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Relu", "Tanh"]}
    attributes = {name: value for name, value in attributes.items() if not name.startswith("activation_")}
    layer, arguments = load(op_type, inputs, attributes)
    assert isinstance(layer, ns.Bidirectional)
    assert [one.shape for one in arguments["state"][1]] == [(1, B, H)] * 2
    assert_close(run(op_type, inputs, attributes), by_the_equations(op_type, inputs, attributes), 1e-12)


def random_node(rng, op_type, direction=None):
    """(op_type, inputs, attributes) of float64, layout 0; all functions and options are about equally frequent."""
    direction = direction or str(rng.choice(["forward", "reverse", "bidirectional"]))
    ways, count = 1 + (direction == "bidirectional"), GATES[op_type]
    names = [str(rng.choice(list(NAMES))) for _ in USUAL[op_type] * ways]
    if rng.random() < 0.5:
        names = names[: len(USUAL[op_type])] * ways
    users = [[name for name in names if len(ACTIVATIONS[name.lower()][1]) > k] for k in (0, 1)]
    attributes = {"direction": direction, "hidden_size": H, "activations": names}
    for key, those in zip(("activation_alpha", "activation_beta"), users, strict=True):
        if those:
            attributes[key] = [float(np.float32(rng.uniform(0.2, 0.9))) for _ in those]
    if rng.random() < 0.4:
        attributes["clip"] = float(np.float32(rng.uniform(0.2, 1.5)))
    if op_type == "GRU":
        attributes["linear_before_reset"] = int(rng.integers(2))
    if op_type == "LSTM" and rng.random() < 0.4:
        attributes["input_forget"] = 1
    shapes = {"X": (T, B, D), "W": (ways, count * H, D), "R": (ways, count * H, H)}
    optional = {"B": (ways, 2 * count * H), "initial_h": (ways, B, H)}
    optional |= {"initial_c": (ways, B, H), "P": (ways, 3 * H)} if op_type == "LSTM" else {}
    shapes |= {name: shape for name, shape in optional.items() if rng.random() < 0.7 or name == "initial_h"}
    inputs = {name: np.float32(rng.normal(size=shape) * 0.4).astype(np.float64) for name, shape in shapes.items()}
    if op_type == "LSTM" and rng.random() < 0.8:
        inputs.setdefault("initial_c", np.zeros((ways, B, H)))
    if rng.random() < 0.5:
        inputs["sequence_lens"] = rng.integers(1, T + 1, B).astype(np.int32)
    return op_type, inputs, attributes


def batch_first(inputs):
    swapped = ("X", "initial_h", "initial_c")
    return {name: array.swapaxes(0, 1) if name in swapped else array for name, array in inputs.items()}


@pytest.mark.parametrize("op_type", GATES)
def test_random_nodes_are_the_equations(op_type):
    rng, seen = np.random.default_rng(0), set()
    for _ in range(100):
        _, inputs, attributes = random_node(rng, op_type)
        seen |= {*attributes["activations"], *attributes}
        expected = by_the_equations(op_type, inputs, attributes)
        assert_close(run(op_type, inputs, attributes), expected, 1e-12 * max(abs(one).max() for one in expected))
        found = run(op_type, batch_first(inputs), attributes | {"layout": 1})
        swapped = [expected[0].transpose(2, 0, 1, 3), *(one.swapaxes(0, 1) for one in expected[1:])]
        assert_close(found, swapped, 1e-12 * max(abs(one).max() for one in expected))
    assert seen >= {*NAMES, "clip", "activation_alpha", "activation_beta"}


@pytest.mark.parametrize("op_type", GATES)
def test_random_nodes_are_onnxruntimes(op_type):
    """It has no layout 1, which the equations judge."""
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    for _ in range(100):
        _, inputs, attributes = random_node(rng, op_type)
        single = {name: x.astype(np.float32) if x.dtype == np.float64 else x for name, x in inputs.items()}
        fed = ("X", "initial_h", "initial_c", "sequence_lens")
        model, feeds = node_model(op_type, single, attributes, fed)
        session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        expected = session.run(None, feeds)
        assert_close(run(op_type, inputs, attributes), expected, 2e-6 * max(1, *(abs(one).max() for one in expected)))


@pytest.mark.parametrize(("name", "beside"), [("Affine", 0), ("ThresholdedRelu", 0), ("Elu", 1)])
def test_usual_numbers_are_the_operators_and_onnxruntimes_are_others(name, beside):
    """Where a number is left out the standard takes that of the operator, 1; onnxruntime takes 0 for these two."""
    runtime = pytest.importorskip("onnxruntime")
    inputs = {"X": np.array([[[0.5]], [[-0.7]], [[2.0]]], np.float32), "W": np.ones((1, 1, 1), np.float32)}
    inputs |= {"R": np.zeros((1, 1, 1), np.float32)}
    attributes = {"activations": [name], "hidden_size": 1}
    model, feeds = node_model("RNN", inputs, attributes, ("X",))
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    theirs = session.run(None, feeds)
    same = run("RNN", inputs, attributes | {"activation_alpha": [float(beside)]})
    assert_close(same, theirs, 1e-6)
    assert_close(run("RNN", inputs, attributes), by_the_equations("RNN", inputs, attributes), 1e-6)
    assert_close(run("RNN", inputs, attributes), run("RNN", inputs, attributes | {"activation_alpha": [1.0]}), 0)
