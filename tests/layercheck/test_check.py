"""gradcheck_layer passes right gradients of every layer and fails wrong ones."""

from __future__ import annotations

import numpy as np
import pytest
from layercheck.small_layers import LENGTHS, B, D, T, numbers, small
from layers.recurrent_cases import CELLS

import npseq as ns


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_passes_whatever_the_dtype(cell):
    report = ns.gradcheck_layer(small(cell, bidirectional=cell != "lstm both"), numbers(T, B, D), lengths=LENGTHS)
    assert report, report
    assert report.max_error < 1e-13
    assert report.note == ""
    assert {"x", "h0"} <= {row.name for row in report.tensors}


@pytest.mark.parametrize(
    ("layer", "x", "tensors"),
    [
        (ns.Linear(3, 2, rng=0), numbers(2, 4, 3), ["x", "W", "b"]),
        (ns.Embedding(4, 3, padding_idx=1, rng=0), np.array([[1, 2], [2, 0]]), ["W"]),
        (ns.Dropout(0.5, rng=0), numbers(3, 4), ["x"]),
    ],
)
def test_layers_without_time_pass(layer, x, tensors):
    report = ns.gradcheck_layer(layer, x)
    assert report, report
    assert [row.name for row in report.tensors] == tensors


def test_bidirectional_names_its_parts_and_takes_ids_states_and_dropout():
    layer = ns.Bidirectional(ns.GRU(3, 2, num_layers=2, dropout=0.5, rng=0), ns.LSTM(3, 2, rng=1))
    state = (numbers(2, B, 2).astype(np.float32), (numbers(1, B, 2), None))
    report = ns.gradcheck_layer(layer, np.array([[0, 2], [1, 1]]), state)
    assert report, report
    names = [row.name for row in report.tensors]
    assert names[:4] == ["forward.h0", "backward.h0", "backward.c0", "forward.W_xr"]
    assert "x" not in names


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
def test_every_other_method_passes(method):
    report = ns.gradcheck_layer(small("gru after"), numbers(3, B, D), method=method)
    assert report, report
    assert report.method == method


def test_neither_the_layer_nor_an_argument_is_written():
    layer, x, state = small("lstm", num_layers=2), numbers(T, B, D), (numbers(2, B, 2), numbers(2, B, 2))
    before = [array.copy() for array in (layer.params.flat, x, *state, LENGTHS)]
    for array in (layer.params.flat, x, *state, LENGTHS):
        array.flags.writeable = False
    assert ns.gradcheck_layer(layer, x, state, LENGTHS)
    for array, copy in zip((layer.params.flat, x, *state, LENGTHS), before, strict=True):
        array.flags.writeable = True
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (0, 0)])
def test_no_steps_or_no_sequences_pass(steps, batch):
    report = ns.gradcheck_layer(small("lstm both"), numbers(steps, batch, D))
    assert report, report


@pytest.mark.parametrize(
    ("layer", "given", "message"),
    [
        (np.tanh, {}, "layer must be a layer of npseq, got ufunc; for a function, use gradcheck"),
        (small("lstm", dtype=np.complex128), {}, "layer must be real to be checked, got complex128"),
        (small("lstm"), {"x": 1j * numbers(T, B, D)}, "x must be real to be checked, got complex128"),
        (ns.Linear(2, 2), {"lengths": LENGTHS}, "Linear has no time, so it takes no lengths; leave that out"),
        (small("lstm"), {"x": [[1.0]]}, "x must be a NumPy or CuPy array of numbers, got list"),
        (small("lstm"), {"state": numbers(1, B, 2)}, r"state of an LSTM must be a pair \(h, c\)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(layer, given, message):
    with pytest.raises(TypeError, match=message):
        ns.gradcheck_layer(layer, **({"x": numbers(T, B, D)} | given))
