"""docs/gpu.md: its formula of a tape's numbers holds for every cell, and its table of kernels is that of the traces."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_cupy import device_module
from fake_cupy.device_kernels import COMPILER
from gpu.cell_blocks import CELLS, calls
from gpu.test_kernels import programs

import npseq as ns

PAGE = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text(encoding="utf-8")
FORMULA = re.search(r"^```python\n(K = .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
LAYERS = {
    "rnn": (ns.RNN, {}),
    "rnn without bias": (ns.RNN, {"bias": False}),
    "gru after": (ns.GRU, {}),
    "gru before": (ns.GRU, {"reset": "before"}),
    "lstm": (ns.LSTM, {}),
    "lstm projection": (ns.LSTM, {"proj_size": 3}),
}


@pytest.mark.skipif(COMPILER is None, reason="no C compiler for the fake kernels")
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("T", "B"), [(9, 8), (3, 2)])
def test_the_formula_of_a_tape(name, T, B, monkeypatch):
    cupy = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    make, options = LAYERS[name]
    layer = make(4, 5, rng=0, **options).to("gpu")
    _, _, tape = layer.forward(cupy.zeros((T, B, 4), np.float32))
    strand = tape.strands[0][0]
    held = sum(array.size for array in strand if isinstance(array, cupy.ndarray))
    G, gru, rnn = len(layer.cell.gates), make is ns.GRU, make is ns.RNN
    P = layer.state_size
    known = {"T": T, "B": B, "H": 5, "D": 4, "P": P, "G": G, "bias": int(layer.bias), "lstm": make is ns.LSTM}
    known |= {"gru": gru, "gru_after": name == "gru after", "gru_before": name == "gru before", "projection": P != 5}
    exec(FORMULA, known)
    expected = known["numbers"] - (known["gates"] - 5 * B if rnn else 0)
    assert held == expected


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("RNN, LSTM", "rnn tanh"),
        ("RNN, LSTM", "lstm"),
        ("LSTM with a projection", "lstm projection"),
        ("GRU, reset after", "gru after"),
        ("GRU, reset before", "gru before"),
    ],
)
def test_the_table_of_kernels(row, name):
    forward, backward = re.search(rf"^\| {row} \| (\d) \| (\d) \|$", PAGE, re.MULTILINE).groups()
    assert name in CELLS
    counts = {call.method: len(programs(name, call)) for call in calls(name, np.float32)}
    assert (counts["forward"], counts["backward"]) == (int(forward), int(backward))
