"""A cell's two loops over time, and a whole training step around them, as text for Numba.

    forward     a_t (+)= W' s_t,  (h_t, c_t) = cell(a_t, ...)     s_t: h_{t-1}, and x where it is not multiplied before
    backward    dh_t = dy_t + p_{t+1},  p_t = W da_t + (the adjoint that the cell returns)

The cell's step is its own lines, traced. Its local derivatives and its backward are traced as one, so that the
derivatives are never stored. A call is for some columns of the batch, of = (B, first, w): all of them in place, fewer
in copies, so that a block is flat either way. Numbers in a block: n of units, P of h, H and Q those of the columns.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from npseq.bptt.blocks import Blocks, blocks_of, x_runs
from npseq.cell import Cell
from npseq.compiled.source import calls, kernels, refs
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

    def __call__(self, ref: Ref) -> tuple[str, bool]:
        """The block, and whether it is one of all sequences; the others are of these columns alone."""
        array, gate = ref
        if array in self.operands:
            return f"{self.saved}[t]", True
        if gate is not None:
            first, stop = (gate.start, gate.stop) if isinstance(gate, slice) else (gate, gate + 1)
            if (row := self.by_gate.get(array)) is None:
                return array + _blocks(first, stop, "H"), False
            return row + _blocks(first, stop), True
        when, _, part = array.partition("_")
        if not part:
            return array, False
        h, c = {"old": ("s[t][:P]", "c[t]"), "new": ("s[t + 1][:P]", "c[t + 1]"), "dnew": ("dh", "dc")}[when]
        k, of_all = self.cell.state.index(part), when != "dnew"
        return c + _blocks(k - 1, k, "n" if of_all else "H") if k else h, of_all

    def project(self, step: MatrixProduct, times: str) -> list[str]:
        """The second product, whose operand is saved for the gradient of its weights."""
        place, of_all = self(step.operand)
        columns = f"{place}, B, first" if of_all else f"{place}, w, 0"
        return [
            *([] if step.operand.array in self.operands else [f"move({columns}, {self.saved}[t], B, first, w)"]),
            f"{step.result} = np.zeros(R // B * w, U.dtype)",
            f"{times}(U, {self.saved}[t], B, first, {step.result}, w, 0, w, False)",
        ]


def _blocks(first: int, stop: int, n: str = "n") -> str:
    return f"[{first} * {n} : {stop} * {n}]"


def _begun(program: Program) -> list[str]:
    """What a loop begins with: the sizes of blocks of its own columns, and room for them."""
    most = max(1, *(len(refs(step)) for step in program.steps if isinstance(step, Kernel)))
    return [
        "    B, first, w = of",
        "    H, Q = n // B * w, P // B * w",
        f"    spare = np.empty(({most}, 0 if w == B else max(H, Q, R // B * w)), s.dtype)",
    ]


def _forward(cell: Cell, program: Program) -> Iterator[str]:
    places = Places(cell, program, "m")
    places.by_gate["a"] = "a[at]"
    yield from ["@njit(cache=True, nogil=True, **PLAIN)", "def forward(W, U, p, s, c, a, m, n, P, R, K, adds, of):"]
    yield from [*_begun(program), "    for t in range(len(s) - 1):", "        at = min(t, len(a) - 1)"]
    yield f"        forth(W, s[t][:K], B, first, a[at]{_blocks(0, blocks_of(cell).with_h)}, B, first, w, adds)"
    lines = calls(program, "forward", places, lambda step: places.project(step, "forth"))
    yield from (f"        {line}" for line in [*lines, ""])


def _backward(cell: Cell, program: Program) -> Iterator[str]:
    """dh and dc are those of the last state, and then of the first."""
    places = Places(cell, program, "dv")
    yield "@njit(cache=True, nogil=True, **PLAIN)"
    yield "def backward(W, U, p, s, c, a, dy, da, dv, dh_all, dc_all, n, P, R, of):"
    yield from _begun(program)
    yield "    dh = take(dh_all, np.empty(Q, s.dtype), of, True)"
    yield "    dc = take(dc_all, np.empty(dc_all.size // B * w, s.dtype), of, True)"
    for name in (*places.created, "passed"):
        yield f"    {name} = np.empty({'Q' if name in ('r0', 'passed') else 'H'}, dh.dtype)"
    yield from ["    for t in range(len(da) - 1, -1, -1):", "        if dy.size:"]
    yield "            add(take(dy[t], spare[0], of, True), dh)"
    lines = [*calls(program, "backward", places, lambda step: places.project(step, "back"))]
    lines.append(f"back(W, da[t]{_blocks(0, blocks_of(cell).with_h)}, B, first, passed, w, 0, w, False)")
    dh, *dc = program.results
    lines += [] if dh is None else [f"add({places(dh)[0]}, passed)"]
    lines += [
        "dh[:] = passed",
        *(f"dc{_blocks(k, k + 1, 'H')} = {places(part)[0]}" for k, part in enumerate(dc) if part is not None),
    ]
    yield from (f"        {line}" for line in lines)
    yield from ["    put(dh, dh_all, of)", "    put(dc, dc_all, of)", ""]


STEP = """
@njit(cache=True, **PLAIN)
def step(ids, targets, W, U, b, Wo, bo, dW, dU, db, dWo, dbo, s, c, a, m, dy, da, dv, dh, dc, z, n, P, bias):
    x, none = P + bias, a[:0]
    if not (within(ids, W.shape[0] - x) and within(targets, bo.size)):
        return T(np.nan), False
    for t in range(ids.size):
        {inputs}
    forward(W, U, none, s, c, a, m, n, P, dv.shape[1], P, True, (1, 0, 1))
    loss = head(s[1:], Wo, bo, targets, z, dy, dWo, dbo)
    backward(W, U, none, s, c, a, dy, da, dv, dh, dc, n, P, m.shape[1], (1, 0, 1))
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
