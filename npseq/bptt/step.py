"""One step at a time, for generation: nothing is kept for a backward pass.

The state after a step meets two matrices, the recurrent weights of the next step and those of whatever reads it. They
stand side by side here, so that one product serves both, and it is taken at the end of a step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npseq.backend import Array, MaybeArray
from npseq.bptt.loop import product_by
from npseq.bptt.tape import Weights
from npseq.cells import Cell

Step = Callable[[Array], tuple[Array, Array]]


def stepper(cell: Cell, w: Weights, batch: int, reader: MaybeArray = None) -> Step:
    """A function (inputs) -> (h, reading) of one step from a state that it keeps, zeros at first.

    inputs (G, H, B) is what x and the biases add to the pre-activations: `table` for ids, `project` for features.
    reader (P + 1, V): what [h; 1] is multiplied with. h (P, B) and reading (V, B) are written over by the next step.
    """
    cell = cell.on(w.W)
    G, P = len(cell.gates), w.state
    units = w.W.shape[1] // G
    n, direct = cell.direct * units, cell.direct
    at_once = direct < G and not cell.keeps_operand  # the second product's operand is h too: one product does for both
    own = w.own
    columns = G * units if at_once else n
    V = 0 if reader is None else reader.shape[1]
    side_by_side = np.zeros_like(w.W, shape=(P + 1, columns + V))
    side_by_side[:P, :columns] = w.W[:P, :columns]
    if at_once and own is not None:
        side_by_side[P, n:columns], own = own[0, :, 0], None  # the one vector that the cell would add to v
    if reader is not None:
        side_by_side[:, columns:] = reader
    operand = np.zeros_like(w.W, shape=(P + 1, batch))
    operand[P] = 1
    h = operand[:P]
    state = h, np.zeros_like(w.W, shape=(units, batch)) if "c" in cell.carries else None
    products = np.empty_like(w.W, shape=(columns + V, batch))
    through_h, v, reading = products[:n].reshape(direct, units, batch), products[n:columns], products[columns:]
    times = product_by(side_by_side.T)
    times(operand, products)
    again = product_by(None if w.U is None else w.U.T)
    a = np.empty_like(w.W, shape=(G, units, batch))
    meets_h, beside = a[:direct], a[direct:]

    def second(m: Array) -> Array:
        return v if at_once else again(m)

    def step(inputs: Array) -> tuple[Array, Array]:
        if direct == G:
            np.add(through_h, inputs, out=a)
        else:
            np.add(through_h, inputs[:direct], out=meets_h)
            beside[...] = inputs[direct:]
        cell.forward(a, state, own, second, state)
        times(operand, products)
        return h, reading

    return step


def table(cell: Cell, w: Weights) -> Array:
    """(D, G, H, 1): the inputs of every one-hot x."""
    rows = w.x + w.W[w.state] if w.bias else w.x
    return rows.reshape(len(rows), len(cell.gates), -1, 1)


def project(cell: Cell, w: Weights, x: Array) -> Array:
    """(G, H, B): the inputs of features x (D, B)."""
    inputs = np.matmul(w.x.T, x)
    if w.bias:
        inputs += w.W[w.state][:, None]
    return inputs.reshape(len(cell.gates), -1, x.shape[1])
