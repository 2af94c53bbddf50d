"""docs/interop.md: the order of the gates that it prints is the code's, and its examples run."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from npseq import layers

PAGE = (Path(__file__).parents[2] / "docs" / "interop.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (RNN|GRU|LSTM) \| (.*) \| (.*) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
BLOCKS = re.findall(r"^```python ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_cell_has_its_row():
    assert [row[0] for row in ROWS] == ["RNN", "GRU", "LSTM"]


@pytest.mark.parametrize(
    ("column", "module", "name"), [(2, "torch", "_GATES"), (3, "keras", "_GATES"), (4, "onnx.weights", "GATES")]
)
def test_orders_are_the_codes(column, module, name):
    orders = getattr(importlib.import_module(f"npseq.interop.{module}"), name)
    code = {cell.__name__.removesuffix("Cell"): order for cell, order in orders.items()}
    code.pop("InputForgetLSTM", None)  # an LSTM's without f
    assert {row[0]: tuple(row[column].split(", ")) for row in ROWS} == code


def test_npseqs_own_order_is_the_one_of_its_cells():
    for cell, own, *_ in ROWS:
        assert tuple(own.split(", ")) == getattr(layers, cell)(1, 1).cell.gates


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for word, code in BLOCKS:
        if word:
            pytest.importorskip(word)
        exec(compile(code, "interop.md", "exec"), names)
    assert names["Y"].shape == (4, 1, 1, 2)
    assert names["gru"].hidden_size == 64
