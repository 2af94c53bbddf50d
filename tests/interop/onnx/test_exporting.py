"""npseq.interop.onnx.export: onnxruntime runs what is written with the same numbers, in float32.

onnxruntime's CPU kernels of RNN, GRU and LSTM have no float64, so in float64 the judge is onnx's reference evaluator,
which has no lengths and no relu. Where neither is installed, the graph is run by ONNX's equations and NumPy.
"""

import importlib.metadata
import json
import os
import sys

import numpy as np
import pytest
from interop.onnx import graph_interpreter

import npseq as ns
from npseq.data import Vocabulary
from npseq.interop.onnx import export, load, read
from npseq.interop.onnx.weights import OP_TYPES
from npseq.layers import Reversed
from npseq.layers.bidirectional import recurrent_layers

T, B, D, H = 5, 4, 3, 6
LENGTHS = np.array([5, 0, 2, 1], np.int32)


def input_forget(*sizes, num_layers, **options):
    texts = "sigmoid(clip=0.5)", "leaky_relu(alpha=0.25, clip=0.5)", "scaled_tanh(beta=0.5)"
    return ns.Recurrent(ns.gallery.InputForgetLSTMCell(True, *texts), *sizes, num_layers=num_layers, **options)


CELLS = {
    "tanh": (ns.RNN, {}),
    "relu": (ns.RNN, {"nonlinearity": "relu"}),
    "reset after": (ns.GRU, {}),
    "reset before": (ns.GRU, {"reset": "before"}),
    "lstm": (ns.LSTM, {}),
    "peepholes": (ns.LSTM, {"peepholes": True}),
    "projection": (ns.LSTM, {"peepholes": True, "proj_size": 4}),
    "softsign": (ns.RNN, {"nonlinearity": "softsign(clip=0.4)"}),
    "elu": (ns.GRU, {"gate_activation": "hard_sigmoid", "activation": "elu(alpha=0.3)", "reset": "before"}),
    "linear": (ns.LSTM, {"gate_activation": "sparse_sigmoid", "activation": "linear", "output_activation": "softplus"}),
    "input_forget": (input_forget, {}),
}
USUAL = ("tanh", "reset after", "reset before", "lstm", "peepholes", "projection")  # the reference evaluator's
every_cell = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture
def onnx():
    return pytest.importorskip("onnx")


@pytest.fixture
def runtime():
    return pytest.importorskip("onnxruntime")


def make(cell, layers=1, bidirectional=False, bias=True, dtype=np.float32):
    kind, own = CELLS[cell]
    return kind(D, H, num_layers=layers, bidirectional=bidirectional, bias=bias, dtype=dtype, rng=0, **own)


def draw(layer, rng, batch=B):
    """A state, as the layer has it and as {name: array} of the graph's inputs."""
    rows, sizes = layer.num_layers * layer.directions, (layer.state_size, layer.hidden_size)
    parts = [rng.normal(size=(rows, batch, sizes[k])).astype(layer.dtype) for k in range(len(layer.cell.state))]
    return (tuple(parts) if len(parts) == 2 else parts[0]), dict(zip(layer.cell.state, parts, strict=True))


def flat(*values):
    return [one for value in values for one in (flat(*value) if isinstance(value, tuple) else [value])]


def session(runtime, path):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def assert_close(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@every_cell
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_a_layer_in_onnxruntime(onnx, runtime, tmp_path, cell, layers, bidirectional, bias, lengths):
    layer, path, rng = make(cell, layers, bidirectional, bias), tmp_path / "layer.onnx", np.random.default_rng(0)
    export(layer, path, lengths=lengths is not None)
    onnx.checker.check_model(str(path), full_check=True)
    x, (state, feeds) = rng.normal(size=(T, B, D)).astype(np.float32), draw(layer, rng)
    y, last, _ = layer.forward(x, state, lengths)
    feeds |= {"x": x} if lengths is None else {"x": x, "lengths": lengths}
    assert_close(session(runtime, path).run(None, feeds), flat(y, last), 1e-6)


@pytest.mark.parametrize("cell", USUAL)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_layer_in_float64_in_the_reference_evaluator(tmp_path, cell, layers, bidirectional):
    reference = pytest.importorskip("onnx.reference")
    layer, path, rng = (
        make(cell, layers, bidirectional, dtype=np.float64),
        tmp_path / "l.onnx",
        np.random.default_rng(0),
    )
    export(layer, path)
    x, (state, feeds) = rng.normal(size=(T, B, D)), draw(layer, rng)
    y, last, _ = layer.forward(x, state)
    assert_close(reference.ReferenceEvaluator(str(path)).run(None, feeds | {"x": x}), flat(y, last), 1e-12)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in ("projection", "linear", "softsign", "elu")])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read_back(onnx, tmp_path, cell, layers, bidirectional, dtype):
    layer, path = make(cell, layers, bidirectional, dtype=dtype), tmp_path / "layer.onnx"
    export(layer, path)
    nodes = read(path)
    assert [node.op_type for node in nodes] == [OP_TYPES[type(layer.cell)]] * layers
    for number, node in enumerate(nodes):
        assert list(node.fed) == ["X", "initial_h", "initial_c"][: 1 + len(layer.cell.state)]
        found, arguments = load(node.op_type, node.inputs, node.attributes)
        assert found.cell == layer.cell
        assert found.directions == layer.directions
        assert arguments == {"state": None, "lengths": None}
        for name, value in found.params.items():
            root, _, reverse = name.partition("_reverse")
            own = root + (f"_l{number}" if number else "") + ("_reverse" if name.endswith("_reverse") else "") + reverse
            assert value.dtype == dtype
            np.testing.assert_array_equal(value, layer.params[own])


@pytest.mark.parametrize("cell", ["lstm", "projection"])
def test_time_and_batch_are_free_and_states_continue(onnx, runtime, tmp_path, cell):
    layer, path, rng = make(cell, 2), tmp_path / "layer.onnx", np.random.default_rng(0)
    export(layer, path)
    runner = session(runtime, path)
    for steps, batch in ((1, 1), (7, 2)):
        x, (state, feeds) = rng.normal(size=(steps, batch, D)).astype(np.float32), draw(layer, rng, batch)
        y, last, _ = layer.forward(x, state)
        assert_close(runner.run(None, feeds | {"x": x}), flat(y, last), 1e-6)
    first = runner.run(None, feeds | {"x": x[:3]})
    second = runner.run(None, {"x": x[3:], "h": first[1], "c": first[2]})
    assert_close([np.concatenate([first[0], second[0]]), *second[1:]], flat(y, last), 1e-6)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_two_layers_of_two_kinds(onnx, runtime, tmp_path, lengths):
    layer = ns.Bidirectional(make("lstm", 2), make("reset after"))
    path, rng = tmp_path / "both.onnx", np.random.default_rng(0)
    export(layer, path, lengths=lengths is not None)
    onnx.checker.check_model(str(path), full_check=True)
    x = rng.normal(size=(T, B, D)).astype(np.float32)
    states = {
        name: draw(one, rng)
        for name, one in zip(("forward", "backward"), recurrent_layers(layer).values(), strict=True)
    }
    feeds = {f"{part}_{name}": value for name, (_, parts) in states.items() for part, value in parts.items()}
    y, last, _ = layer.forward(x, (states["forward"][0], states["backward"][0]), lengths)
    feeds |= {"x": x} if lengths is None else {"x": x, "lengths": lengths}
    runner = session(runtime, path)
    names = ["y", "h_last_forward", "c_last_forward", "h_last_backward"]
    assert [one.name for one in runner.get_outputs()] == names
    assert_close(runner.run(None, feeds), flat(y, last), 1e-6)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_reverse_projection_by_the_equations(interpreter, tmp_path, layers):
    layer, rng = Reversed(make("projection", layers, dtype=np.float64)), np.random.default_rng(0)
    for lengths in (None, LENGTHS):
        path = tmp_path / f"{lengths is None}.onnx"
        export(layer, path, lengths=lengths is not None)
        x, (state, feeds) = rng.normal(size=(T, B, D)), draw(layer.layer, rng)
        y, last, _ = layer.forward(x, state, lengths)
        feeds |= {"x": x} if lengths is None else {"x": x, "lengths": lengths}
        assert_close(interpreter(path, feeds), flat(y, last), 1e-12)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_reverse_layer_in_onnxruntime_and_read_back(onnx, runtime, tmp_path, layers):
    layer, path, rng = Reversed(make("reset before", layers)), tmp_path / "reverse.onnx", np.random.default_rng(0)
    export(layer, path)
    x, (state, feeds) = rng.normal(size=(T, B, D)).astype(np.float32), draw(layer.layer, rng)
    y, last, _ = layer.forward(x, state)
    assert_close(session(runtime, path).run(None, feeds | {"x": x}), flat(y, last), 1e-6)
    again = load(*read(path)[0][1:4])[0]
    assert isinstance(again, Reversed)
    np.testing.assert_array_equal(again.params["W_xz"], layer.params["W_xz"])


@pytest.fixture
def interpreter(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", graph_interpreter.fake_onnx())
    return lambda path, feeds: list(graph_interpreter.run(graph_interpreter.read(path).graph, feeds).values())


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_a_layer_by_the_equations(interpreter, tmp_path, cell, layers, bidirectional, lengths):
    layer = make(cell, layers, bidirectional, dtype=np.float64)
    path, rng = tmp_path / "layer.onnx", np.random.default_rng(0)
    export(layer, path, lengths=lengths is not None)
    x, (state, feeds) = rng.normal(size=(T, B, D)), draw(layer, rng)
    y, last, _ = layer.forward(x, state, lengths)
    feeds |= {"x": x} if lengths is None else {"x": x, "lengths": lengths}
    assert_close(interpreter(path, feeds), flat(y, last), 1e-12)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_a_bidirectional_and_a_reverse_layer_by_the_equations(interpreter, tmp_path, lengths):
    one, other = make("lstm", 2, dtype=np.float64), make("reset before", dtype=np.float64)
    path, rng = tmp_path / "layer.onnx", np.random.default_rng(0)
    x, extra = rng.normal(size=(T, B, D)), {} if lengths is None else {"lengths": lengths}
    first, second = draw(one, rng), draw(other, rng)
    both = ns.Bidirectional(one, other)
    export(both, path, lengths=lengths is not None)
    feeds = {f"{part}_forward": value for part, value in first[1].items()} | {"h_backward": second[1]["h"]}
    y, last, _ = both.forward(x, (first[0], second[0]), lengths)
    assert_close(interpreter(path, {"x": x, **feeds, **extra}), flat(y, last), 1e-12)
    reverse, path = Reversed(make("reset before", dtype=np.float64)), tmp_path / "reverse.onnx"
    export(reverse, path, lengths=lengths is not None)
    y, last, _ = reverse.forward(x, second[0], lengths)
    assert_close(interpreter(path, {"x": x, "h": second[1]["h"], **extra}), flat(y, last), 1e-12)


@every_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_with_lengths_no_steps_keep_the_state_in_onnxruntime(onnx, runtime, tmp_path, cell, layers):
    layer, path = make(cell, layers, bidirectional=True), tmp_path / "layer.onnx"
    export(layer, path, lengths=True)
    state, feeds = draw(layer, np.random.default_rng(0))
    x, lengths = np.zeros((0, B, D), np.float32), np.zeros(B, np.int32)
    y, last, _ = layer.forward(x, state, lengths)
    assert_close(flat(last), flat(state), 0)
    assert_close(session(runtime, path).run(None, {"x": x, **feeds, "lengths": lengths}), flat(y, last), 0)


def test_without_lengths_no_steps_are_a_state_of_zero_in_onnxruntime(onnx, runtime, tmp_path):
    """As docs/interop.md says; of other cells it says what cannot be tested, since it ends the process."""
    layer, path = make("tanh"), tmp_path / "layer.onnx"
    export(layer, path)
    _, feeds = draw(layer, np.random.default_rng(0))
    _, last = session(runtime, path).run(None, {"x": np.zeros((0, B, D), np.float32), **feeds})
    assert not last.any()


MODELS = [
    {"cell": "rnn", "nonlinearity": "relu"},
    {"cell": "gru", "embedding_size": 4},
    {"cell": "gru", "reset": "before", "num_layers": 2},
    {"cell": "lstm", "embedding_size": 4, "num_layers": 2, "dropout": 0.5},
    {"cell": "lstm", "peepholes": True},
    {"cell": "lstm", "bidirectional": True, "proj_size": 3},
]


@pytest.mark.parametrize("options", MODELS, ids=lambda options: " ".join(map(str, options.values())))
def test_a_language_model_in_onnxruntime(onnx, runtime, tmp_path, options):
    model, path, rng = (
        ns.LanguageModel(7, hidden_size=H, rng=0, **options),
        tmp_path / "m.onnx",
        np.random.default_rng(0),
    )
    export(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    runner = session(runtime, path)
    for steps, batch in ((T, B), (2, 1)):
        ids, (state, feeds) = rng.integers(7, size=(steps, batch)), draw(model.recurrent, rng, batch)
        logits, last = model.logits(ids, state)
        assert_close(runner.run(None, feeds | {"ids": ids}), flat(logits, last), 1e-6)


@pytest.mark.parametrize("options", [o for o in MODELS if "nonlinearity" not in o], ids=str)
def test_a_language_model_in_float64_in_the_reference_evaluator(tmp_path, options):
    reference = pytest.importorskip("onnx.reference")
    model = ns.LanguageModel(7, hidden_size=H, rng=0, dtype=np.float64, **options)
    path, rng = tmp_path / "m.onnx", np.random.default_rng(0)
    export(model, path)
    ids, (state, feeds) = rng.integers(7, size=(T, B)), draw(model.recurrent, rng)
    logits, last = model.logits(ids, state)
    assert_close(reference.ReferenceEvaluator(str(path)).run(None, feeds | {"ids": ids}), flat(logits, last), 1e-12)


@pytest.mark.parametrize("options", MODELS, ids=lambda options: " ".join(map(str, options.values())))
def test_a_language_model_by_the_equations(interpreter, tmp_path, options):
    model = ns.LanguageModel(Vocabulary(list("abcdef")), hidden_size=H, rng=0, dtype=np.float64, **options)
    path, rng = tmp_path / "m.onnx", np.random.default_rng(0)
    export(model, path)
    ids, (state, feeds) = rng.integers(6, size=(T, B)), draw(model.recurrent, rng)
    logits, last = model.logits(ids, state)
    assert_close(interpreter(path, feeds | {"ids": ids}), flat(logits, last), 1e-12)
    metadata = graph_interpreter.read(path).metadata
    assert Vocabulary.from_dict(json.loads(metadata["vocabulary"])).to_dict() == model.vocab.to_dict()
    assert metadata["npseq"] in (importlib.metadata.version("npseq"), "unknown")


def test_an_npseq_that_is_not_installed_has_no_version(interpreter, tmp_path, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    export(make("lstm"), tmp_path / "layer.onnx")
    assert graph_interpreter.read(tmp_path / "layer.onnx").metadata == {"npseq": "unknown"}


def test_a_text_is_written_in_onnxruntime(onnx, runtime, tmp_path):
    """Greedily, one token at a time, with nothing of npseq but the vocabulary that the file carries."""
    vocab = Vocabulary(list("the time traveller"))
    model, path = ns.LanguageModel(vocab, "gru", 16, rng=3), tmp_path / "model.onnx"
    export(model, path)
    runner = session(runtime, path)
    metadata = runner.get_modelmeta().custom_metadata_map
    assert metadata["npseq"] == importlib.metadata.version("npseq")
    carried = Vocabulary.from_dict(json.loads(metadata["vocabulary"]))
    ids, h = [carried[token] for token in "the t"], np.zeros((1, 1, 16), np.float32)
    for k in range(4 + 20):
        logits, h = runner.run(None, {"ids": np.array([[ids[k]]]), "h": h})
        if k >= 4:
            ids.append(int(logits[0, 0].argmax()))
    assert carried.decode(ids) == model.generate("the t", 20)


def test_a_file_of_npseqs_is_replaced_keeps_its_mode_and_bytes_repeat(onnx, tmp_path):
    path = tmp_path / "layer.onnx"
    export(make("lstm"), path)
    first = path.read_bytes()
    export(make("tanh"), path)
    os.chmod(path, 0o600)
    export(make("lstm"), str(path))
    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["layer.onnx"]
    with pytest.raises(OSError, match=r"nowhere"):
        export(make("lstm"), tmp_path / "nowhere" / "layer.onnx")


def test_what_npseq_did_not_write_is_not_replaced(onnx, tmp_path):
    theirs = onnx.helper.make_model(onnx.helper.make_graph([], "theirs", [], []), producer_name="pytorch")
    for name, content in (("theirs.onnx", theirs.SerializeToString()), ("notes", b"a text about npseq")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileExistsError, match=rf"{name}' must be npseq's own file to be replaced"):
            export(make("lstm"), tmp_path / name)
        assert (tmp_path / name).read_bytes() == content
    for path, kind in ((os.devnull, "a device"), (tmp_path, "a folder")):
        with pytest.raises(FileExistsError, match=f"must be a plain file where npseq writes, it is {kind}"):
            export(make("lstm"), path)


REFUSED = [
    (ns.GRU(D, H, activation="gelu"), ValueError, "ONNX's recurrent operators have no gelu; they have Relu, Tanh"),
    (
        ns.LSTM(D, H, activation="tanh(clip=1)", output_activation="tanh"),
        ValueError,
        "ONNX's clip bounds the inputs of all gates alike and of no other function, got sigmoid, tanh",
    ),
    (ns.LSTM(D, H, gate_activation="relu(clip=1.0)", activation="relu(clip=1.0)"), ValueError, "ONNX's clip bounds"),
    (ns.Recurrent(ns.gallery.JANETCell(), D, H), ValueError, "ONNX has no JANETCell; give an RNN, a GRU or an LSTM"),
    (
        ns.LSTM(D, H).astype(np.complex128),
        ValueError,
        "ONNX's recurrent operators have no complex numbers, got complex1",
    ),
    (
        ns.Linear(D, H),
        TypeError,
        "model must be an RNN, GRU, LSTM, Bidirectional, Reversed or LanguageModel, got Linear",
    ),
    (
        ns.Bidirectional(ns.RNN(D, H), ns.RNN(D, H, bidirectional=True)),
        ValueError,
        "a reversed layer must have one direction to be exported, got two",
    ),
]


@pytest.mark.parametrize(("model", "error", "message"), REFUSED, ids=lambda one: type(one).__name__)
def test_what_onnx_has_no_operator_for_is_refused(tmp_path, model, error, message):
    with pytest.raises(error, match=message):
        export(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_more_than_one_file_can_hold_is_refused(tmp_path, monkeypatch):
    import npseq.interop.onnx.exporting as exporting

    monkeypatch.setattr(exporting, "LIMIT", 2**20 + 100)
    with pytest.raises(ValueError, match="one ONNX file holds less than 2 GiB, the parameters have 960 bytes"):
        export(make("lstm"), tmp_path / "model.onnx")


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for what, call in {"export": lambda: export(make("lstm"), tmp_path / "m"), "read": lambda: read("m")}.items():
        with pytest.raises(ImportError, match=rf"interop.onnx.{what} needs onnx, .* pip install 'npseq\[onnx\]'"):
            call()
    assert not list(tmp_path.iterdir())
