"""A matrix times the columns of some sequences, out = M x, by tiles of out that stay in registers.

BLAS copies M into its own order at every call; here that is done once for all steps. M lies in panels: a panel is some
rows of M, and holds M[these rows, k] for each k in turn, zeros past M's last row. A tile is a panel's rows times four
columns: for each k its VECTORS vectors are multiplied with four numbers of x. `python -m benchmarks.small_products` has
these products beside those of BLAS.
"""

from functools import cache
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from npseq.compiled.products import PLAIN, add_rows, dots

BYTES, VECTORS = (64, 4) if llvmlite.binding.get_host_cpu_features().get("avx512f") else (32, 2)
COLUMNS = 4
INDEX, LANE = ir.IntType(64), ir.IntType(32)


@cache
def tiles_of(dtype: np.dtype) -> tuple[Any, Any, Any]:
    """The functions (pack, forth, back) for a type."""
    return _pack_of(BYTES // dtype.itemsize * VECTORS), *_either(_multiply_of(dtype))


def _pack_of(rows: int) -> Any:
    @numba.njit(**PLAIN)
    def pack(M, n, depth, transposed):
        """The panels of M[:n, :depth], or of M[:depth, :n].T."""
        panels = np.zeros((-(-n // rows), depth * rows), M.dtype)
        if transposed:
            for p in range(len(panels)):
                columns = M[:, p * rows : min(p * rows + rows, n)]
                for k in range(depth):
                    panels[p][k * rows : k * rows + columns.shape[1]] = columns[k]
        else:
            for row in range(n):
                to = panels[row // rows][row % rows :]
                for k in range(depth):
                    to[k * rows] = M[row][k]
        return panels

    return pack


def _multiply_of(dtype: np.dtype) -> Any:
    lanes, tile, strip = BYTES // dtype.itemsize, _tile(dtype, VECTORS), _tile(dtype, 1)
    rows = lanes * VECTORS

    @numba.njit(**PLAIN)
    def multiply(panels, x, x_row, x_first, out, row, first, width, adds):
        """`width` columns of x (depth, x_row), from the x_first on, to those of out (n, row); added if `adds`."""
        n, depth, last = out.size // row, panels.shape[1] // rows, width // COLUMNS * COLUMNS
        if depth == 0:
            for r in range(0 if adds else n):
                out[r * row + first : r * row + first + width] = 0
            return
        some, rest = np.zeros(depth * COLUMNS, x.dtype), np.empty(lanes * COLUMNS, x.dtype)
        for k in range(depth):
            for c in range(width - last):
                some[k * COLUMNS + c] = x[k * x_row + x_first + last + c]
        for p in range(len(panels)):
            size, panel = min(rows, n - p * rows), panels[p]
            for j in range(0, width, COLUMNS):
                columns, to = min(COLUMNS, width - j), p * rows * row + first + j
                given = (x, x_first + j, x_row) if columns == COLUMNS else (some, 0, COLUMNS)
                if size == rows and columns == COLUMNS:
                    tile(panel, given[0], given[1], given[2], out, to, row, adds)
                    continue
                for r in range(0, size, lanes):
                    whole = size - r >= lanes and columns == COLUMNS
                    found = (out, to + r * row, row) if whole else (rest, 0, COLUMNS)
                    strip(panel[r:], given[0], given[1], given[2], found[0], found[1], found[2], adds and whole)
                    if not whole:
                        _move(rest, out, to + r * row, row, min(lanes, size - r), columns, adds)

    return multiply


def _either(multiply: Any) -> tuple[Any, Any]:
    """The functions for some sequences or one."""

    @numba.njit(**PLAIN)
    def forth(M, x, x_row, x_first, out, row, first, width, adds):
        """The same by panels; of one sequence, out += x M or, if `adds` is False, out = x M by the rows of M."""
        if x_row > 1:
            multiply(M, x, x_row, x_first, out, row, first, width, adds)
        else:
            if not adds:
                out[:] = 0
            add_rows(M, x, out)

    @numba.njit(**PLAIN)
    def back(M, x, x_row, x_first, out, row, first, width, adds):
        """The same by panels; of one sequence, out = M x."""
        if x_row > 1:
            multiply(M, x, x_row, x_first, out, row, first, width, adds)
        else:
            dots(M, x, out)

    return forth, back


@numba.njit(**PLAIN)
def _move(rest, out, at, row, size, columns, adds):
    for r in range(size):
        for c in range(columns):
            before = out[at + r * row + c] if adds else rest.dtype.type(0)
            out[at + r * row + c] = before + rest[r * COLUMNS + c]


def _tile(dtype: np.dtype, vectors: int) -> Any:
    """The function of a panel, x from a place on, whose rows are so long, the same of out, and whether it adds."""
    number = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
    lanes, size = BYTES // dtype.itemsize, dtype.itemsize
    vector, row_type = ir.VectorType(number, lanes), ir.VectorType(number, COLUMNS)

    @intrinsic
    def tile(_: Any, panel: Any, x: Any, x_at: Any, x_row: Any, out: Any, at: Any, row: Any, adds: Any) -> Any:
        given = (panel, x, numba.int64, numba.int64, out, numba.int64, numba.int64, numba.boolean)

        def code(context: Any, build: Any, signature: Any, args: Any) -> Any:
            pointers = [context.make_array(signature.args[k])(context, build, args[k]) for k in (0, 1, 4)]
            panel, x, out = (pointer.data for pointer in pointers)
            _, _, x_at, x_row, _, at, row, adds = args
            sums = _sums(build, vector, vectors, panel, pointers[0].nitems, build.gep(x, [x_at]), x_row)
            out = build.gep(out, [at])
            for four in sums:
                for part in _transposed(build, four):
                    place = build.bitcast(out, row_type.as_pointer())
                    before = build.select(adds, build.load(place, align=size), ir.Constant(row_type, None))
                    build.store(build.fadd(before, part), place, align=size)
                    out = build.gep(out, [row])
            return context.get_dummy_value()

        return numba.void(*given), code

    return tile


def _sums(build: Any, vector: Any, vectors: int, panel: Any, count: Any, x: Any, x_row: Any) -> list[list[Any]]:
    """The loop over a panel of `count` numbers: for each of its vectors the sums of the columns."""
    before, loop, after = build.block, build.append_basic_block(), build.append_basic_block()
    build.branch(loop)
    build.position_at_end(loop)
    begun = [INDEX(0), x] + [vector(None)] * (vectors * COLUMNS)
    at, numbers, *sums = running = [build.phi(one.type) for one in begun]
    places = [build.gep(panel, [build.add(at, INDEX(v * vector.count))]) for v in range(vectors)]
    rows = [build.load(build.bitcast(place, vector.as_pointer()), align=4) for place in places]
    columns = [_everywhere(build, vector, build.load(build.gep(numbers, [INDEX(c)]))) for c in range(COLUMNS)]
    once = ("contract",)  # a product and a sum are rounded once, together
    products = [build.fmul(row, column, flags=once) for row in rows for column in columns]
    sums = [build.fadd(total, product, flags=once) for total, product in zip(sums, products, strict=True)]
    next_k = [build.add(at, INDEX(VECTORS * vector.count)), build.gep(numbers, [x_row]), *sums]
    for phi, *values in zip(running, begun, next_k, strict=True):
        for value, block in zip(values, (before, loop), strict=True):
            phi.add_incoming(value, block)
    build.cbranch(build.icmp_signed("<", next_k[0], count), loop, after)
    build.position_at_end(after)
    return [sums[v * COLUMNS : (v + 1) * COLUMNS] for v in range(vectors)]


def _everywhere(build: Any, vector: Any, number: Any) -> Any:
    """A vector whose entries are all this number."""
    first = build.insert_element(vector(ir.Undefined), number, LANE(0))
    return build.shuffle_vector(first, first, ir.Constant(ir.VectorType(LANE, vector.count), None))


def _transposed(build: Any, columns: list[Any]) -> list[Any]:
    """The rows of a few columns: halves of them are interleaved until one vector has all, row after row."""

    def shuffled(one: Any, other: Any, order: list[int]) -> Any:
        return build.shuffle_vector(one, other, ir.Constant(ir.VectorType(LANE, len(order)), [LANE(k) for k in order]))

    while len(columns) > 1:
        half, size = len(columns) // 2, columns[0].type.count
        order = [k // 2 + k % 2 * size for k in range(2 * size)]
        columns = [shuffled(columns[k], columns[k + half], order) for k in range(half)]
    (whole,) = columns
    return [shuffled(whole, whole, [*range(k, k + COLUMNS)]) for k in range(0, whole.type.count, COLUMNS)]
