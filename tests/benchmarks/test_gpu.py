"""The GPU benchmark without a GPU: floors counted by hand, verdicts, and the whole program on the fake CuPy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_cupy import device_cublas, device_module

from benchmarks import device, gpu, headline, machine
from benchmarks.cases import CELLS, Case
from benchmarks.floors import Floor, Peak, floor, moved, parameters
from benchmarks.problem import problem
from benchmarks.record import record
from benchmarks.rivals import agreement, on_device


@pytest.fixture
def cupy(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("rnn", 3 * (5 + 3 + 1) + 3 * 5 + 5),
        ("gru", 3 * 3 * (5 + 3 + 1) + 3 + 3 * 5 + 5),
        ("lstm", 4 * 3 * (5 + 3 + 1) + 3 * 5 + 5),
    ],
)
def test_parameters_are_those_of_the_model(cell, expected):
    case = Case(cell, 2, 2, 5, 3)
    assert parameters(case) == expected
    assert parameters(case) == on_device.language_model(problem(case)).params.flat.size


def test_bytes_of_a_step_by_hand():
    """RNN, T = 2, B = 4, V = 5, H = 3: 47 parameters moved 7 times, h written and read, four bytes a number."""
    assert moved(Case("rnn", 2, 4, 5, 3)) == 4 * (7 * 47 + 2 * 2 * 4 * 3)
    assert moved(Case("rnn", 2, 4, 5, 3, "float64")) == 8 * (7 * 47 + 2 * 2 * 4 * 3)
    assert moved(Case("lstm", 2, 4, 5, 3)) - moved(Case("lstm", 1, 4, 5, 3)) == 4 * 2 * 5 * 4 * 3
    assert moved(Case("gru", 2, 4, 5, 3)) - moved(Case("gru", 1, 4, 5, 3)) == 4 * 2 * 4 * 4 * 3


def test_a_floor_is_the_larger_of_two():
    """1120 columns of 6 (256 * 256 + 256 * 28) operations, at 1 TFLOP/s; the bytes of
    256 (28 + 256 + 1) + 257 * 28 parameters, 7 times, and of the states, twice, at 1 TB/s."""
    case = Case("rnn", 35, 32, 28, 256)
    found = floor(case, Peak(1e12, 1e12))
    assert found.by_operations == pytest.approx(1120 * 6 * 256 * 284 * 1e-9)
    assert found.by_bytes == pytest.approx(4 * (7 * 80_156 + 2 * 1120 * 256) * 1e-9)
    assert found.least == found.by_operations
    assert floor(case, Peak(1e15, 1e12)).least == found.by_bytes


@pytest.mark.parametrize("options", [{"layers": 2}, {"bidirectional": True}, {"inputs": "dense"}])
def test_floors_of_other_networks_are_not_guessed(options):
    with pytest.raises(ValueError, match="one layer of one direction on one-hot tokens"):
        parameters(Case("rnn", 2, 2, 5, 3, **options))


def row(cell: str, own: float, eager: float, graph: float, speed: float, tf32: bool = False, size=gpu.SIZES[0]) -> dict:
    found = {name: {"median": ms} for name, ms in {"npseq": own, gpu.EAGER: eager, gpu.GRAPH: graph}.items()}
    case = Case(cell, *size)
    more = {"case": case.to_dict(), "tf32": tf32, "characters_per_second": speed}
    return record("training step", case.name, "ms", found, **more)


def test_verdicts_name_what_was_missed():
    assert [said[:7] for said in gpu.verdicts([row("rnn", 1, 1.0, 0.7, 3e6)])] == ["reached"] * 3
    said = gpu.verdicts([row("rnn", 1, 0.99, 0.69, 2.9e6), row("lstm", 1, 2.0, 0.5, 1e6)])
    assert [one[:7] for one in said] == ["MISSED "] * 3 + ["reached", "MISSED "]
    assert "characters a second 2,900,000, wanted 3e+06" in said[2]
    assert not gpu.verdicts([row("rnn", 1, 0, 0, 0, tf32=True), row("rnn", 1, 0, 0, 0, size=gpu.SIZES[1])])


@pytest.mark.skipif(device_cublas.library() is None, reason="no C compiler for the fake CuPy")
def test_the_whole_program_runs_on_the_fake_cupy(cupy, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(gpu, "SIZES", ((4, 3, 5, 6),))
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    monkeypatch.setattr(on_device, "has_cudnn", lambda: False)
    right = device.peak
    monkeypatch.setattr(device, "peak", lambda cupy, dtype: right(cupy, dtype, 16, 64))
    gpu.main(["--budget", "0", "--least", "1", "--save", "gpu"])
    printed = capsys.readouterr().out
    assert printed.startswith("fake CuPy; ")
    rows = json.loads((tmp_path / "gpu.json").read_text())["records"]
    assert [(one["case"]["cell"], one["tf32"]) for one in rows] == [(c, t) for t in (False, True) for c in CELLS]
    for one in rows:
        assert list(one["measured"]) == ["npseq", gpu.PLAIN]
        assert one["share"] == pytest.approx(max(one["floor"].values()) / one["measured"]["npseq"]["median"])
    assert rows[0]["agreement"][gpu.PLAIN] < 1e-6
    assert "RNN (4, 3, 5, 6)" in (tmp_path / "gpu.md").read_text()


@pytest.mark.skipif(device_cublas.library() is None, reason="no C compiler for the fake CuPy")
@pytest.mark.parametrize("cell", CELLS)
def test_pytorch_has_the_same_loss_and_gradient(cell, cupy):
    pytest.importorskip("torch")
    given = problem(Case(cell, 4, 3, 5, 6, "float64"))
    built = {"npseq": on_device.npseq(cupy, given), "torch": on_device.torch_eager(given, "cpu")}
    assert agreement(built, "float64")["torch"] < 1e-12
    for one in built.values():
        one.step()


def test_events_are_told_the_runs_between_them(cupy):
    ran = []
    found = device.alternate(cupy, {"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, 0.0, 2, warm=1)
    assert {name: len(times) for name, times in found.items()} == {"a": 2, "b": 2}
    assert "".join(ran) == "ab" + 2 * ("a" * (1 + device.BURST) + "b" * (1 + device.BURST))


@pytest.mark.parametrize("module", ["benchmarks.gpu", "benchmarks.headline --device gpu"])
def test_without_a_device_one_line_and_status_1(module):
    code = "import sys; sys.modules['cupy'] = None; import runpy; sys.argv = sys.argv[1:]; "
    name, *rest = module.split()
    command = [sys.executable, "-c", f"{code}runpy.run_module({name!r}, run_name='__main__')", name, *rest]
    answer = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("this benchmark needs CuPy and a CUDA device: device 'gpu' needs CuPy")
    assert answer.stdout == ""


@pytest.mark.skipif(device_cublas.library() is None, reason="no C compiler for the fake CuPy")
def test_a_headline_row_on_a_device(cupy, monkeypatch):
    text = np.random.default_rng(0).integers(1, 9, 40 * 3 + 2)
    vocabulary = headline.ns.data.Vocabulary("time traveller")
    monkeypatch.setattr(headline.ns.data, "load_corpus", lambda *_, **__: (text, vocabulary))
    for name, value in {"BATCH": 4, "STEPS": 5}.items():
        monkeypatch.setattr(headline, name, value)
    result = headline.run(headline.ROWS["rnn-256"]._replace(hidden=6), 0, 3, "gpu")
    assert result["epochs"] == 3
    assert result["seconds"] > 0
    expected = headline.run(headline.ROWS["rnn-256"]._replace(hidden=6), 0, 3, "cpu")
    assert result["perplexity"] == pytest.approx(expected["perplexity"], rel=1e-4)
    assert Floor(1.0, 2.0).least == 2.0
