"""A cell's two loops over time, and a whole training step around them, as text for Numba.

    forward     a_t += W' h_{t-1},  (h_t, c_t) = cell(a_t, ...)         a_t: what x and the biases add, beforehand
    backward    dh_t = dy_t + p_{t+1},  p_t = W da_t + (the adjoint that the cell returns)

One sequence; n are the units. The cell's step is its own lines, traced. Its local derivatives and its backward are
traced as one, so that the derivatives are never stored.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from npseq.bptt.blocks import Blocks, blocks_of, x_runs
from npseq.cell import Cell
from npseq.compiled.source import calls, kernels
from npseq.gpu.program import Kernel, MatrixProduct, Program, Ref
from npseq.gpu.tracing import CellTrace, Slot, Symbol


def text(cell: Cell, dtype: np.dtype) -> str:
    """The functions of a cell. Raises Untraceable for one that no kernel can hold."""
    forward, backward = traced_forward(cell, dtype), traced_backward(cell, dtype)
    lines = [*kernels(forward, "forward"), *kernels(backward, "backward")]
    lines += [*_forward(cell, forward), *_backward(cell, backward)]
    return "\n".join(lines if cell.vectors else [*lines, *_step(cell)])


def traced_forward(cell: Cell, dtype: np.dtype) -> Program:
    trace = CellTrace(dtype)
    a, p, old, new = _symbols(cell, trace, "old", "new")
    project: Any = trace.product
    cell.forward(a, old, new, p, project)
    return trace.finish(())


def traced_backward(cell: Cell, dtype: np.dtype) -> Program:
    trace, blocks = CellTrace(dtype), blocks_of(cell)
    a, p, old, new, dnew = _symbols(cell, trace, "old", "new", "dnew")
    da: Any = trace.array("da", len(blocks.names) + blocks.vectors)
    s: Any = (old, new)
    if blocks.derived:
        s = Symbol(trace, [Slot() for _ in range(cell.local)], True)
        cell.local_derivatives(a, old, new, s)
    project: Any = partial(trace.product, blocks=cell.operands if cell.operands > 1 else None)
    results: Any = cell.backward(dnew, a, s, da, p, project)
    return trace.finish(results)


def _symbols(cell: Cell, trace: CellTrace, *states: str) -> Any:
    """(a, p, *states) of a step."""
    blocks = blocks_of(cell)
    a = trace.array("a", len(blocks.names) + len(blocks.saved))
    p = trace.array("p", len(cell.vectors)) if cell.vectors else None
    return a, p, *(tuple(trace.array(f"{state}_{part}") for part in cell.state) for state in states)


class Places:
    """Where the blocks of a program lie in step t, as text."""

    def __init__(self, cell: Cell, program: Program, saved: str):
        created = {name for step in program.steps if isinstance(step, Kernel) for name in step.created}
        products = [step for step in program.steps if isinstance(step, MatrixProduct)]
        self.cell, self.saved, self.operands = cell, saved, created & {step.operand.array for step in products}
        self.created = sorted(created - self.operands)
        self.by_gate = {"a": "a[t]", "da": "da[t]", "p": "p.ravel()"}

    def __call__(self, ref: Ref) -> str:
        array, gate = ref
        if array in self.operands:
            return f"{self.saved}[t]"
        if gate is not None:
            row = self.by_gate.get(array, array)
            first, stop = (gate.start, gate.stop) if isinstance(gate, slice) else (gate, gate + 1)
            return row + _blocks(first, stop)
        when, _, part = array.partition("_")
        if not part:
            return array
        h, c = {"old": ("s[t][:P]", "c[t]"), "new": ("s[t + 1][:P]", "c[t + 1]"), "dnew": ("dh", "dc")}[when]
        k = self.cell.state.index(part)
        return c + _blocks(k - 1, k) if k else h

    def project(self, step: MatrixProduct, times: str) -> list[str]:
        """The second product, whose operand is saved for the gradient of its weights."""
        operand = [] if step.operand.array in self.operands else [f"{self.saved}[t][:] = {self(step.operand)}"]
        return [
            *operand,
            f"{step.result} = np.zeros(U.shape[{int(times == 'add_rows')}], U.dtype)",
            f"{times}(U, {self.saved}[t], {step.result})",
        ]


def _blocks(first: int, stop: int) -> str:
    return f"[{first} * n : {stop} * n]"


def _forward(cell: Cell, program: Program) -> Iterator[str]:
    places = Places(cell, program, "m")
    yield from [
        "@njit(cache=True, **PLAIN)",
        "def forward(W, U, p, s, c, a, m, n, P):",
        "    for t in range(a.shape[0]):",
    ]
    yield f"        add_rows(W, s[t][:P], a[t]{_blocks(0, blocks_of(cell).with_h)})"
    lines = calls(program, "forward", places, lambda step: places.project(step, "add_rows"))
    yield from (f"        {line}" for line in [*lines, ""])


def _backward(cell: Cell, program: Program) -> Iterator[str]:
    """dh and dc are those of the last state, and then of the first."""
    places = Places(cell, program, "dv")
    yield from ["@njit(cache=True, **PLAIN)", "def backward(W, U, p, s, c, a, dy, da, dv, dh, dc, n, P):"]
    for name in (*places.created, "passed"):
        yield f"    {name} = np.empty({'P' if name in ('r0', 'passed') else 'n'}, dh.dtype)"
    yield from ["    for t in range(da.shape[0] - 1, -1, -1):", "        if dy.size:", "            add(dy[t], dh)"]
    lines = [*calls(program, "backward", places, lambda step: places.project(step, "dots"))]
    lines.append(f"dots(W, da[t]{_blocks(0, blocks_of(cell).with_h)}, passed)")
    dh, *dc = program.results
    lines += [] if dh is None else [f"add({places(dh)}, passed)"]
    lines += [
        "dh[:] = passed",
        *(f"dc{_blocks(k, k + 1)} = {places(part)}" for k, part in enumerate(dc) if part is not None),
    ]
    yield from (f"        {line}" for line in [*lines, ""])


STEP = """
@njit(cache=True, **PLAIN)
def step(ids, targets, W, U, b, Wo, bo, dW, dU, db, dWo, dbo, s, c, a, m, dy, da, dv, dh, dc, z, n, P, bias):
    x, none = P + bias, a[:0]
    if not (within(ids, W.shape[0] - x) and within(targets, bo.size)):
        return T(np.nan), False
    for t in range(ids.size):
        {inputs}
    forward(W, U, none, s, c, a, m, n, P)
    loss = head(s[1:], Wo, bo, targets, z, dy, dWo, dbo)
    backward(W, U, none, s, c, a, dy, da, dv, dh, dc, n, P)
    times(s[:-1], da, dW, 0, {with_h} * n)
    {projection}
    dW[:P, {of_h} * n :] = zero
    dW[P:] = zero
    db[:] = zero
    for t in range(ids.size):
        {sums}
    return loss, True
"""


def _step(cell: Cell) -> list[str]:
    """Around the loops: the tokens' rows of W, the output layer with its loss, the sums over time. Vectors: none."""
    blocks = blocks_of(cell)
    runs = [(_blocks(rows.start, rows.stop), _blocks(of_x.start, of_x.stop)) for rows, of_x in x_runs(cell, 1)]
    only = [(k, _blocks(block, block + 1)) for k, block in enumerate(blocks.h_only)]
    inputs = [f"a[t]{rows} = W[x + ids[t]]{of_x}" for rows, of_x in runs] + [f"a[t]{rows} = zero" for _, rows in only]
    inputs += ["if bias:", *(f"    add(W[P]{of_x}, a[t]{rows})" for rows, of_x in runs)]
    inputs += [f"    add(b[{k}], a[t]{rows})" for k, rows in only]
    sums = [f"add(da[t]{rows}, dW[x + ids[t]]{of_x})" for rows, of_x in runs]
    sums += ["if bias:", *(f"    add(da[t]{rows}, dW[P]{of_x})" for rows, of_x in runs)]
    sums += [f"    add(da[t]{rows}, db[{k}])" for k, rows in only]
    indent = "\n        ".join
    return STEP.format(
        inputs=indent(inputs), sums=indent(sums), with_h=blocks.with_h, of_h=len(blocks.h_weights),
        projection=_projection(blocks) if cell.projection else "",
    ).splitlines()  # fmt: skip


def _projection(blocks: Blocks) -> str:
    within_W = len(blocks.h_weights) > blocks.with_h
    return f"times(m, dv, dW, {blocks.with_h} * n, dv.shape[1])" if within_W else "times(m, dv, dU, 0, dv.shape[1])"
