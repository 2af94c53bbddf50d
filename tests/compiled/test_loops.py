"""The text of a cell's loops: its own lines, once; the derivatives of a step are never stored."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.compiled.loops import text
from npseq.gpu.program import Untraceable
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

SINGLE = np.dtype(np.float32)


@pytest.mark.parametrize("cell", [RNNCell(), GRUCell(), GRUCell("before"), LSTMCell(), LSTMCell(True, True)], ids=str)
def test_a_step_is_one_function_around_each_product_in_both_directions(cell):
    lines = text(cell, SINGLE).splitlines()
    kernels = 1 + (cell.projection is not None)
    for direction in ("forward", "backward"):
        assert sum(line.startswith(f"def {direction}_") for line in lines) in (kernels, 1)
        assert sum(line.startswith(f"def {direction}(") for line in lines) == 1
    assert any(line.startswith("def step(") for line in lines) == (not cell.vectors)


def test_a_cell_that_is_not_entry_by_entry_has_no_text():
    with pytest.raises(Untraceable):
        text(ns.gallery.LayerNormLSTMCell(), SINGLE)
