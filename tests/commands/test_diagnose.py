"""`npseq diagnose` reads gradients from a file or a function, and ends with 1 if they are wrong."""

import json

import numpy as np
import pytest
from commands.command_line import refused
from safetensors.numpy import save_file

import npseq as ns
from npseq.cli import main

LAYERS = {
    "rnn": lambda: ns.RNN(3, 4, dtype=np.float64, rng=0),
    "relu": lambda: ns.RNN(3, 4, nonlinearity="relu", dtype=np.float64, rng=0),
    "gru": lambda: ns.GRU(3, 4, num_layers=2, bidirectional=True, dtype=np.float64, rng=0),
    "gru before": lambda: ns.GRU(3, 4, reset="before", bias=False, dtype=np.float64, rng=0),
    "lstm": lambda: ns.LSTM(3, 4, peepholes=True, proj_size=2, dtype=np.float64, rng=0),
}


def arrays(layer, **wrong):
    """A file's arrays: of an initial state, lengths and the last state's upstream gradient too."""
    rng = np.random.default_rng(1)
    x, lengths = rng.normal(size=(5, 2, 3)), np.array([5, 3])
    state = layer.forward(x)[1]
    y, _, tape = layer.forward(x, state, lengths)
    dy = rng.normal(size=y.shape)
    dx, _, grads = layer.backward(dy, tape, state)
    names = ("h0", "c0"), ("dh", "dc")
    parts = state if isinstance(state, tuple) else (state,)
    found = {name: part for both in names for name, part in zip(both, parts, strict=False)}
    found |= {f"weights.{name}": value for name, value in layer.params.items()}
    found |= {f"grads.{name}": wrong.get(name, value) for name, value in grads.items()}
    return found | {"x": x, "dy": dy, "dx": dx, "lengths": lengths}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_right_gradients_of_a_file_end_with_zero(tmp_path, capsys, name, ending):
    path = tmp_path / f"step.{ending}"
    found = {key: np.ascontiguousarray(value) for key, value in arrays(LAYERS[name]()).items()}
    np.savez(path, **found) if ending == "npz" else save_file(found, path)
    options = ["--nonlinearity", "relu"] if name == "relu" else []
    assert main(["diagnose", str(path), *options]) == 0
    assert capsys.readouterr().out.startswith("The gradients are right: ")


def test_wrong_gradients_end_with_one_and_are_named(tmp_path, capsys):
    path = tmp_path / "step.npz"
    np.savez(path, **arrays(LAYERS["rnn"](), b_h=np.zeros(4)))
    assert main(["diagnose", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "This looks like: b_h: never computed: it is zero."
    assert printed.err == "npseq: error: gradients are wrong: b_h\n"


def test_an_answer_in_json(tmp_path, capsys):
    path = tmp_path / "step.npz"
    layer = LAYERS["rnn"]()
    np.savez(path, **arrays(layer, W_hh=np.ones((4, 4))))
    assert main(["diagnose", str(path), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["bug"] is None
    assert answer["wrong"] == ["W_hh"]
    assert set(answer["right"]) == {"W_xh", "b_h", "x"}


@pytest.mark.parametrize("returned", ["layer, x, dy, grads", '{"layer": layer, "x": x, "dy": dy, "grads": grads}'])
def test_a_function_of_a_module_in_the_working_folder(tmp_path, capsys, monkeypatch, returned):
    name = f"step_of_{len(returned)}"
    (tmp_path / f"{name}.py").write_text(
        "import numpy as np\nimport npseq as ns\n\ndef step():\n    layer = ns.RNN(3, 4, dtype=float, rng=0)\n"
        "    x = np.random.default_rng(0).normal(size=(5, 2, 3))\n    y, _, tape = layer.forward(x)\n    dy = y\n"
        f"    grads = layer.backward(y, tape)[2]\n    return {returned}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["diagnose", f"{name}:step"]) == 0
    assert capsys.readouterr().out == "The gradients are right: W_xh, W_hh, b_h.\n"


@pytest.mark.parametrize(
    ("leave", "add", "message"),
    [
        (["x"], {}, "the file must hold x, dy, weights.<name> and grads.<name>, it has no x"),
        (["weights.W_hh"], {}, "weights must be all those of a RNN; missing or unknown: W_hh"),
        (["weights.b_h"], {}, "cannot place 'b_h'"),
        (["weights.W_xh"], {}, "weights must have names of npseq, W_xh, W_xr or W_xo among them, got W_hh, b_h"),
        (["dx"], {"dx": np.ones(3)}, "dx must have shape (5, 2, 3), got (3,)"),
        (["weights.W_xh"], {"weights.W_xh": np.ones(3)}, "weights.W_xh must be a matrix, got shape (3,)"),
    ],
)
def test_a_file_that_lacks_something_is_refused(tmp_path, capsys, leave, add, message):
    path = tmp_path / "step.npz"
    found = arrays(LAYERS["rnn"]())
    np.savez(path, **{key: value for key, value in found.items() if key not in leave} | add)
    assert message in refused(capsys, 2, "diagnose", str(path))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("nothing.npz", "FILE, if no module:function, must be an existing file, found none at 'nothing.npz'"),
        ("text.npz", "'text.npz' must be a .npz or .safetensors file of arrays; it cannot be read"),
        ("text.safetensors", "'text.safetensors' must be a .npz or .safetensors file of arrays; it cannot be read"),
        ("json:spam", "'json' must have a function 'spam', it has none"),
        ("os:getcwd", "os:getcwd must return (layer, x, dy, grads, ...) or a dict of them, got "),
        ("no_such_module:f", "No module named 'no_such_module'"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, capsys, monkeypatch, argument, message):
    monkeypatch.chdir(tmp_path)
    for name in ("text.npz", "text.safetensors"):
        (tmp_path / name).write_text("some words")
    assert message in refused(capsys, 2, "diagnose", argument)
