"""npseq.interop.onnx.load and outputs against ONNX's equations.

Where onnx and onnxruntime are installed, onnx's own node tests, its reference evaluator (float64; it has no lengths and
no relu) and onnxruntime (float32 only: its kernels have no double) are oracles too.
"""

import importlib
import subprocess
import sys

import numpy as np
import pytest
from interop.onnx.equations import GATES, KINDS, LENGTHS, B, D, H, T, assert_close, by_the_equations, every_kind, made

from npseq import GRU, LSTM, RNN
from npseq.interop.onnx import load, outputs

every_direction = pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])


def batch_first(inputs):
    swapped = ("X", "initial_h", "initial_c")
    return {name: array.swapaxes(0, 1) if name in swapped else array for name, array in inputs.items()}


def run(op_type, inputs, attributes):
    layer, arguments = load(op_type, inputs, attributes)
    y, state, _ = layer.forward(**arguments)
    return outputs(y, state, attributes)


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
    (changed("X", "x.bin"), TypeError, "X must be a NumPy or CuPy array of numbers, got str"),
]


@pytest.mark.parametrize(("change", "error", "message"), INPUTS)
def test_inputs_that_do_not_fit_are_refused(change, error, message):
    op_type, inputs, attributes = made("lstm", "forward")
    with pytest.raises(error, match=message) as caught:
        load(op_type, change(inputs), attributes)
    assert "\n" not in str(caught.value)


def test_lengths_are_checked_by_the_layer():
    layer, arguments = load(*made("lstm", "reverse", lengths=np.array([6, 1, 1, 1])))
    with pytest.raises(ValueError, match=r"lengths must be in \[0, 6\)"):
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
