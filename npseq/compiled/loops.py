"""A cell's two loops over time, and a whole training step around them, as text for Numba.

    forward     a_t (+)= W' s_t,  (h_t, c_t) = cell(a_t, ...)     s_t: h_{t-1}, and x where it is not multiplied before
    backward    dh_t = dy_t + p_{t+1},  p_t = W da_t + (the adjoint that the cell returns)

The cell's step is its own lines, traced. Its local derivatives and its backward are traced as one, so that the
derivatives are never stored. Threads share the units: of = (B, part, count) says which are a call's, i to j in a block
of n numbers, I to J in h, which has P. They meet before every product, which needs what all of them have written.
over (T, B) says which sequences are over; it has no rows where none is.
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
    return trace.finish(None if one is None else +one for one in results)  # as arrays of their own: a state may be one


def _symbols(cell: Cell, trace: CellTrace, *states: str) -> Any:
    """(a, p, *states) of a step."""
    blocks = blocks_of(cell)
    a = trace.array("a", len(blocks.names) + len(blocks.saved))
    p = trace.array("p", len(cell.vectors)) if cell.vectors else None
    return a, p, *(tuple(trace.array(f"{state}_{part}") for part in cell.state) for state in states)


class Places:
    """Where a thread's part of a program's blocks lies in step t, as text."""

    def __init__(self, cell: Cell, program: Program, saved: str, at: str):
        created = {name for step in program.steps if isinstance(step, Kernel) for name in step.created}
        products = [step for step in program.steps if isinstance(step, MatrixProduct)]
        self.cell, self.saved, self.operands = cell, saved, created & {step.operand.array for step in products}
        self.created, self.products = sorted(created - self.operands), [step.result for step in products]
        self.result = "n" if saved == "dv" else "P"  # the size of a block of the second product
        self.rows = {"a": f"a[{at}]", "da": "da[t]", "p": "p.ravel()"}

    def __call__(self, ref: Ref) -> str:
        array, gate = ref
        if array in self.operands:
            return _part(f"{self.saved}[t]", gate or 0, "P" if self.saved == "dv" else "n")
        when, _, part = array.partition("_")
        if not part:
            size = self.result if array.startswith("v") else "P" if array == "r0" else "n"
            return _part(self.rows.get(array, array), gate or 0, size)
        h, c = {"old": ("s[t]", "c[t]"), "new": ("s[t + 1]", "c[t + 1]"), "dnew": ("dh", "dc")}[when]
        k = self.cell.state.index(part)
        return _part(c, k - 1) if k else _part(h, 0, "P")

    def project(self, step: MatrixProduct, times: str) -> list[str]:
        """The second product, whose operand is saved for the gradient of its weights."""
        array, gate = step.operand
        gates = range(gate.start, gate.stop) if isinstance(gate, slice) else [gate]
        blocks, size = (self.cell.operands, "P") if self.saved == "dv" else (1, "n")
        moved = [] if array in self.operands else [self(Ref(array, gate)) for gate in gates]
        return [
            *(f"{_part(f'{self.saved}[t]', k, size)} = {block}" for k, block in enumerate(moved)),
            MEET,
            f"{times}(U, {self.saved}[t], B, {step.result}, {blocks}, {_bounds(self.result)}, False)",
        ]


BEGUN = "    (B, _, count), met, (i, j), (I, J) = of, 0, span(n, of), span(P, of)"
MEET = "met = meet(arrived, met, count)"
ENDED = ["if len(over) > 0 and over[t].any():"]


def _bounds(size: str) -> str:
    return {"n": "i, j", "P": "I, J"}[size]


def _part(array: str, block: int, size: str = "n") -> str:
    first, last = _bounds(size).split(", ")
    return f"{array}[{block} * {size} + {first} : {block} * {size} + {last}]"


def _blocks(first: int, stop: int) -> str:
    return f"[{first} * n : {stop} * n]"


def _forward(cell: Cell, program: Program) -> Iterator[str]:
    places, with_h = Places(cell, program, "m", "at"), blocks_of(cell).with_h
    yield "@njit(cache=True, nogil=True, **PLAIN)"
    yield "def forward(W, U, p, s, c, a, m, over, n, P, K, adds, arrived, of):"
    yield from [BEGUN, "    if B > 1:", f"        W = pack(W, {with_h}, n // B, K // B, True, i // B, j // B)"]
    if places.products:
        yield from [f"        U = pack(U, 1, P // B, {cell.operands} * n // B, True, I // B, J // B)"]
    yield from (f"    {name} = np.empty(P, s.dtype)" for name in places.products)
    yield from ["    for t in range(len(s) - 1):", "        at = min(t, len(a) - 1)"]
    lines = [MEET, f"forth(W, s[t][:K], B, a[at][: {with_h} * n], {with_h}, i, j, adds)"] if with_h else []
    lines += calls(program, "forward", places, lambda step: places.project(step, "forth"))
    states = _rows(cell, ("s[t]", "c[t]"), ("s[t + 1]", "c[t + 1]"))
    lines += [*ENDED, *(f"    keep({old}, {new}, over[t])" for old, new in states)]
    yield from (f"        {line}" for line in [*lines, ""])


def _backward(cell: Cell, program: Program) -> Iterator[str]:
    """dh and dc are those of the last state, and then of the first."""
    places, with_h, (dh, *dc) = Places(cell, program, "dv", "t"), blocks_of(cell).with_h, program.results
    yield "@njit(cache=True, nogil=True, **PLAIN)"
    yield "def backward(W, U, p, s, c, a, over, dy, da, dv, dh, dc, n, P, arrived, of):"
    yield from [BEGUN, "    if B > 1:", f"        W = pack(W, 1, P // B, {with_h} * n // B, False, I // B, J // B)"]
    if places.products:
        yield from [f"        U = pack(U, {cell.operands}, n // B, P // B, False, i // B, j // B)"]
    yield from (f"    {name} = np.empty({'P' if name == 'r0' else 'n'}, s.dtype)" for name in places.created)
    yield from (f"    {name} = np.empty({cell.operands} * n, s.dtype)" for name in places.products)
    yield from ["    kept_h, kept_c = np.empty_like(dh), np.empty_like(dc)", "    for t in range(len(da) - 1, -1, -1):"]
    kept = [*_rows(cell, ("dh", "dc"), ("kept_h", "kept_c"))]
    lines = ["if dy.size:", "    add(dy[t][I:J], dh[I:J])", *ENDED]
    lines += [f"    keep({now}, {later}, over[t])" for now, later in kept]
    lines += [f"    clear({now}, over[t])" for now, _ in kept]
    lines += calls(program, "backward", places, lambda step: places.project(step, "back"))
    lines.append(f"dh[I:J] = {'zero' if dh is None else places(dh)}")
    lines += [f"{_part('dc', k)} = {places(part)}" for k, part in enumerate(dc) if part is not None]
    lines += [MEET, f"back(W, da[t][: {with_h} * n], B, dh, 1, I, J, True)"] if with_h else []
    lines += [*ENDED, *(f"    keep({later}, {now}, over[t])" for now, later in kept)]
    yield from (f"        {line}" for line in [*lines, ""])


def _rows(cell: Cell, *arrays: tuple[str, str]) -> Iterator[tuple[str, ...]]:
    """A thread's part of each part of the state, in each of some (array of h, array of the others)."""
    yield tuple(_part(h, 0, "P") for h, _ in arrays)
    for k in range(len(cell.state) - 1):
        yield tuple(_part(c, k) for _, c in arrays)


STEP = """
@njit(cache=True, **PLAIN)
def step(ids, targets, W, U, b, Wo, bo, dW, dU, db, dWo, dbo, s, c, a, m, dy, da, dv, dh, dc, z, n, P, bias):
    x, none, never, alone = P + bias, a[:0], np.zeros((0, 0), np.bool_), np.zeros(1, np.int64)
    if not (within(ids, W.shape[0] - x) and within(targets, bo.size)):
        return T(np.nan), False
    for t in range(ids.size):
        {inputs}
    forward(W, U, none, s, c, a, m, never, n, P, P, True, alone, (1, 0, 1))
    loss = head(s[1:], Wo, bo, targets, z, dy, dWo, dbo)
    backward(W, U, none, s, c, a, never, dy, da, dv, dh, dc, n, P, alone, (1, 0, 1))
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
