"""Strands of every cell and their weights, in random numbers of the documented shapes. No layer makes them.

The order of blocks and columns is written out by hand: a holds the blocks that h enters, then the other gates; W has a
column block a gate, and the weights of h for block k stand in column block k.
"""

from typing import NamedTuple

import numpy as np
import pytest

from npseq.bptt.blocks import blocks_of
from npseq.bptt.loop import Adjoints
from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

T, B, D, H, P = 4, 3, 2, 3, 2
RNN, AFTER, BEFORE, LSTM = ("h",), ("r", "z", "hn", "n"), ("r", "z", "n"), ("o", "i", "f", "g")
CELLS = {  # the cell, its gates, the blocks of a, how many of these h enters
    "rnn tanh": (RNNCell("tanh"), RNN, RNN, 1),
    "rnn relu": (RNNCell("relu"), RNN, RNN, 1),
    "gru after": (GRUCell("after"), BEFORE, AFTER, 3),
    "gru before": (GRUCell("before"), BEFORE, BEFORE, 2),
    "lstm": (LSTMCell(), LSTM, LSTM, 4),
    "lstm peepholes": (LSTMCell(peepholes=True), LSTM, LSTM, 4),
    "lstm projection": (LSTMCell(projected=True), LSTM, LSTM, 4),
    "lstm both": (LSTMCell(peepholes=True, projected=True), LSTM, LSTM, 4),
}
every_cell = pytest.mark.parametrize("name", CELLS)
LENGTHS = np.array([2, 0, 4])


class Made(NamedTuple):
    """A cell, the order of its blocks, and a strand with its weights."""

    cell: Cell
    gates: tuple[str, ...]
    blocks: tuple[str, ...]
    with_h: int
    w: Weights
    strand: Strand


def state_size(name):
    return P if CELLS[name][0].projection == "W_hp" else H


def random_weights(name, bias=True, seed=0):
    rng = np.random.default_rng(seed)
    cell, gates, _, _ = CELLS[name]
    size = state_size(name)
    W = rng.uniform(-0.9, 0.9, (size + bias + D, len(gates) * H))
    U = W[:, 2 * H :][:size] if name == "gru before" else rng.uniform(-0.9, 0.9, (H, P)) if size == P else None
    vectors = rng.uniform(-0.9, 0.9, (3, H, 1)) if cell.vectors else None
    h_biases = rng.uniform(-0.9, 0.9, (1, H)) if name == "gru after" and bias else None
    return Weights(W, U, vectors, h_biases, size, int(bias), blocks_of(cell))


def made(name, *, bias=True, ids=False, lengths=None, steps=T, batch=B, dtype=np.float64, seed=0):
    """A strand of which x, or ids, and the first state are set; whatever a pass has to write is nan."""
    rng = np.random.default_rng(seed + 1)
    cell, gates, blocks, with_h = CELLS[name]
    w = Weights(*(part.astype(dtype) if isinstance(part, np.ndarray) else part for part in random_weights(name, bias)))
    if name == "gru before":
        w = w._replace(U=w.W[:H, 2 * H :])
    x_first = ids or name.startswith("gru")

    def nothing(needed, *shape):
        return np.full(shape, np.nan, dtype) if needed else None

    s = nothing(True, steps + 1, w.state if ids else len(w.W), batch)
    s[0, : w.state] = rng.normal(size=(w.state, batch))
    if not ids:
        s[:, w.state : w.state + w.bias] = 1
        s[:steps, w.state + w.bias :] = rng.normal(size=(steps, D, batch))
    c = nothing("c" in cell.state, steps + 1, H, batch)
    if c is not None:
        c[0] = rng.normal(size=(H, batch))
    mask = None if lengths is None else (np.arange(steps)[:, None] < lengths)[:, None]
    strand = Strand(
        s=s,
        c=c,
        a=nothing(True, steps if cell.reads_gates or x_first else 1, len(blocks), H, batch),
        m=nothing(w.U is not None, steps, H, batch),
        transposed=None,
        x_first=x_first,
        ids=rng.integers(0, D, (steps, batch)) if ids else None,
        mask=mask,
        ragged=(False,) * steps if mask is None else tuple((~mask).any(axis=(1, 2)).tolist()),
    )
    return Made(cell, gates, blocks, with_h, w, strand)


def inputs(one):
    """x (T, D, B), one-hot columns where it is ids."""
    if one.strand.ids is not None:
        return np.moveaxis(np.eye(D)[one.strand.ids], 2, 1)
    return one.strand.s[:-1, one.w.state + one.w.bias :]


def random_adjoints(one, lags=(), seed=0):
    """Adjoints of every step, which no loss has; in memory time comes first."""
    rng, steps, batch = np.random.default_rng(seed + 2), one.strand.steps, one.strand.s.shape[2]
    da = rng.normal(size=(steps, len(one.blocks), H, *lags, batch))
    dv = None if one.w.U is None else rng.normal(size=(steps, one.w.U.shape[1], *lags, batch))
    return Adjoints(
        da=da.transpose(1, 2, 0, *range(3, da.ndim)),
        dv=None if dv is None else dv.swapaxes(0, 1),
        dh=rng.normal(size=(one.w.state, *lags, batch)),
        dc=None if one.strand.c is None else rng.normal(size=(H, *lags, batch)),
    )


def named(one, w):
    """{name: rectangle} of weights, or of gradients that are laid out as they are."""
    P_, found = one.w.state, {}
    for k, gate in enumerate(one.gates):
        columns = slice(k * H, (k + 1) * H)
        found[f"W_x{gate}"], found[f"W_h{gate}"] = w.W[P_ + w.bias :, columns], w.W[:P_, columns]
        if w.bias:
            found[f"b_{gate}"] = w.W[P_, columns]
    if w.h_biases is not None:
        found["b_hn"] = w.h_biases[0]
    if w.vectors is not None:
        found |= {f"p_{gate}": w.vectors[k, :, 0] for k, gate in enumerate("oif")}
    if one.cell.projection == "W_hp":
        found["W_hp"] = w.U
    return found
