"""One step at a time, for generation: nothing is kept for a backward pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npseq.backend import Array
from npseq.bptt.loop import product_by
from npseq.bptt.tape import Weights
from npseq.cells import Cell

Step = Callable[[Array, Array, Array | None], tuple[Array, Array | None]]


def stepper(cell: Cell, w: Weights, batch: int) -> Step:
    """A function (inputs, h, c) -> (h, c) of one step; h (P, B), c (H, B).

    inputs (G, H, B) is what x and the biases add to the pre-activations: `table` for ids, `project` for features.
    """
    cell = cell.on(w.W)
    G = len(cell.gates)
    units = w.W.shape[1] // G
    n, direct = cell.direct * units, cell.direct
    a = np.empty_like(w.W, shape=(G, units, batch))
    through_h, beside = a[:direct], a[direct:]
    products = through_h.reshape(n, batch)
    times = product_by(w.W[: w.state, :n].T)
    second = product_by(None if w.U is None else w.U.T)

    def step(inputs: Array, h: Array, c: Array | None) -> tuple[Array, Array | None]:
        times(h, products)
        if direct == G:
            np.add(a, inputs, out=a)
        else:
            np.add(through_h, inputs[:direct], out=through_h)
            beside[...] = inputs[direct:]
        after = np.empty_like(h), None if c is None else np.empty_like(c)
        cell.forward(a, (h, c), w.own, second, after)
        return after

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
