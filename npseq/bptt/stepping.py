"""One step at a time, for generation: nothing is kept for a backward pass.

The state after a step meets two matrices, the recurrent weights of the next step and those of whatever reads it. They
stand side by side here, so that one product serves both, and it is taken at the end of a step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npseq.activations import add
from npseq.backend import Array, MaybeArray
from npseq.bptt.loop import product_by
from npseq.bptt.tape import Weights
from npseq.cells import Cell

Step = Callable[[Array], tuple[Array, Array]]


def stepper(cell: Cell, w: Weights, batch: int, reader: MaybeArray = None) -> Step:
    """A function (inputs) -> (h, reading) of one step from a state that it keeps, zeros at first.

    inputs (A, H, B) is what x and the biases add to the pre-activations: `table` for ids, `project` for features.
    reader (P + 1, V): what [h; 1] is multiplied with. h (P, B) and reading (V, B) are written over by the next step.
    """
    cell = cell.on(w.W)
    P, direct, units = w.state, cell.direct, w.W.shape[1] // len(cell.gates)
    n, V = direct * units, 0 if reader is None else reader.shape[1]
    side_by_side = np.empty_like(w.W, shape=(P + 1, n + V))
    side_by_side[:P, :n], side_by_side[P, :n] = w.W[:P, :n], 0
    if reader is not None:
        side_by_side[:, n:] = reader
    operand = np.zeros_like(w.W, shape=(P + 1, batch))
    operand[P] = 1
    h = operand[:P]
    state = h, np.zeros_like(w.W, shape=(units, batch)) if "c" in cell.carries else None
    products = np.empty_like(w.W, shape=(n + V, batch))
    through_h, reading = products[:n].reshape(direct, units, batch), products[n:]
    times, second = product_by(side_by_side.T), product_by(None if w.U is None else w.U.T)
    times(operand, products)
    a = np.empty_like(w.W, shape=(len(cell.blocks), units, batch))
    meets_h, beside = a[:direct], a[direct:]
    all_meet_h, forward, own = direct == len(a), cell.forward, w.own

    def step(inputs: Array) -> tuple[Array, Array]:
        if all_meet_h:
            add(through_h, inputs, a)
        else:
            add(through_h, inputs[:direct], meets_h)
            beside[...] = inputs[direct:]
        forward(a, state, own, second, state)
        times(operand, products)
        return h, reading

    return step


def table(cell: Cell, w: Weights) -> Array:
    """(D, A, H, 1): the inputs of every one-hot x."""
    rows = w.x + w.W[w.state] if w.bias else w.x
    return np.moveaxis(_by_block(cell, w, rows.T), 2, 0)[..., None].copy()


def project(cell: Cell, w: Weights, x: Array) -> Array:
    """(A, H, B): the inputs of features x (D, B)."""
    inputs = np.matmul(w.x.T, x)
    if w.bias:
        inputs += w.W[w.state][:, None]
    return _by_block(cell, w, inputs)


def _by_block(cell: Cell, w: Weights, inputs: Array) -> Array:
    """(G*H, N), what x and the biases of the gates add, as (A, H, N) with the other blocks' biases."""
    blocks, N = len(cell.blocks), inputs.shape[1]
    units = len(inputs) // len(cell.gates)
    if not cell.alone:
        return inputs.reshape(blocks, units, N)
    out = np.zeros_like(inputs, shape=(blocks, units, N))
    for rows, columns in cell.runs(units):
        out.reshape(blocks * units, N)[rows] = inputs[columns]
    for k, block in enumerate(() if w.inner is None else cell.alone):
        out[block] = w.inner[k][:, None]
    return out
