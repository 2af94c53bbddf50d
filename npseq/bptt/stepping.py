"""One step at a time, for generation: nothing is saved for a backward pass.

The state after a step is multiplied by two matrices, the recurrent weights of the next step and the output layer's.
They lie side by side here, so that one product at the end of a step does for both.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from npseq.activations import add
from npseq.backend import Array, MaybeArray
from npseq.bptt.blocks import of_blocks, x_runs
from npseq.bptt.compiled import compiled_step
from npseq.bptt.loop import where
from npseq.bptt.products import product_by
from npseq.bptt.tape import Weights
from npseq.cell import Cell, parts_of

Step = Callable[[Array], tuple[Array, Array]]


def stepper(cell: Cell, w: Weights, batch: int, output: MaybeArray = None) -> Step:
    """Returns a function (inputs) -> (h, scores) of one step from a state that it keeps, zeros at first.

    inputs (A, H, B) is what x and the biases add to the pre-activations: `table` for ids, `inputs_of` for features.
    output (P + 1, V): what [h; 1] is multiplied with. h (P, B) and scores (V, B) are written over by the next step.
    """
    blocks, P, units = w.blocks, w.state, w.W.shape[1] // len(cell.gates)
    n, V = blocks.with_h * units, 0 if output is None else output.shape[1]
    side_by_side = np.empty_like(w.W, shape=(P + 1, n + V))
    side_by_side[:P, :n], side_by_side[P, :n] = w.W[:P, :n], 0
    if output is not None:
        side_by_side[:, n:] = output
    s = np.zeros_like(w.W, shape=(2, P + 1, batch))
    s[:, P] = 1
    c = np.zeros_like(w.W, shape=(2, blocks.parts * units, batch))
    operand, h = s[1], s[1, :P]
    products = np.empty_like(w.W, shape=(n + V, batch))
    through_h, scores = products[:n].reshape(blocks.with_h, units, batch), products[n:]
    times = product_by(side_by_side.T)
    times(operand, products)
    a = np.empty_like(w.W, shape=(len(blocks.names) + len(blocks.saved), units, batch))
    for block, probability in enumerate(cell.masks.values(), len(blocks.names)):
        a[block] = probability
    with_h, x_alone = a[: blocks.with_h], a[blocks.with_h : len(blocks.names)]
    all_with_h, forward = not len(x_alone), compiled_step(cell, w, a, s, c) or _plain(cell, w, a, h, c[1])

    def step(inputs: Array) -> tuple[Array, Array]:
        if all_with_h:
            add(through_h, inputs, with_h)
        else:
            add(through_h, inputs[: len(with_h)], with_h)
            x_alone[...] = inputs[len(with_h) :]
        forward()
        times(operand, products)
        return h, scores

    return step


def _plain(cell: Cell, w: Weights, a: Array, h: Array, c: Array) -> Callable[[], None]:
    """The cell's step, which writes the state after it over the one before."""
    forward, vectors, state = where(cell, w.W).forward, w.vectors, (h, *parts_of(c, w.blocks.parts))
    project = product_by(None if w.U is None else w.U.T)
    if cell.operands > 1:
        project = of_blocks(project)
    return partial(forward, a, state, state, vectors, project)


def table(cell: Cell, w: Weights) -> Array:
    """(A, H, D): the inputs of every one-hot x, side by side."""
    rows = w.x + w.W[w.state] if w.bias else w.x
    return _by_block(cell, w, rows.T)


def inputs_of(cell: Cell, w: Weights, x: Array) -> Array:
    """(A, H, B): the inputs of features x (D, B)."""
    inputs = np.matmul(w.x.T, x)
    if w.bias:
        inputs += w.W[w.state][:, None]
    return _by_block(cell, w, inputs)


def _by_block(cell: Cell, w: Weights, inputs: Array) -> Array:
    """(G*H, N), what x and the biases of the gates add, as (A, H, N) with the other blocks' biases."""
    blocks, N = w.blocks, inputs.shape[1]
    units = len(inputs) // len(cell.gates)
    if not blocks.h_only:
        return inputs.reshape(len(blocks.names), units, N)
    out = np.zeros_like(inputs, shape=(len(blocks.names), units, N))
    for rows, columns in x_runs(cell, units):
        out.reshape(len(blocks.names) * units, N)[rows] = inputs[columns]
    for k, block in enumerate(() if w.h_biases is None else blocks.h_only):
        out[block] = w.h_biases[k][:, None]
    return out
