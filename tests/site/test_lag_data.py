"""The numbers of the page with the slider equal backward with each truncation."""

import sys
from pathlib import Path

import numpy as np
import pytest

import npseq as ns

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
from lag_data import lengths


@pytest.mark.parametrize("cell", [ns.RNN, ns.GRU, ns.LSTM])
def test_lengths_are_what_backward_gives(cell):
    layer, rng = cell(3, 4, dtype=np.float64, rng=0), np.random.default_rng(1)
    _, _, tape = layer.forward(rng.normal(size=(6, 2, 3)))
    dy = rng.normal(size=(6, 2, 4))
    found = lengths(ns.inspect.ledger(layer, dy, tape, pairs=False))
    g = layer.backward(dy, tape)[2].flat
    norm = np.linalg.norm(g)
    for k in range(1, 7):
        short = layer.backward(dy, tape, truncation=ns.Truncated(k))[2].flat
        along = short @ g / norm**2
        across = np.linalg.norm(short - along * g) / norm
        expected = [np.linalg.norm(short - g) / norm, along, across]
        assert [found[name][k - 1] for name in ("bias", "along", "across")] == pytest.approx(
            expected, rel=1e-5, abs=1e-14
        )
    before = 0 * g
    for k, share in enumerate(found["lags"]):
        short = layer.backward(dy, tape, truncation=ns.Truncated(k + 1))[2].flat
        assert share == pytest.approx(np.linalg.norm(short - before) / norm, rel=1e-5)
        before = short
