"""Blocks of a matrix times the columns of some sequences, out = M x, by tiles of out that stay in registers.

BLAS copies M into its own order at every call; here that is done once for all steps. M's rows are some blocks of as
many units each. They lie in panels: a panel is some rows of one block, and holds M[these rows, k] for each k in turn,
zeros past the block's last row. A tile is a panel's rows times some columns: for each k its VECTORS vectors are
multiplied with as many numbers of x. Two vectors by eight columns are 16 sums, as four by four are, and read a panel
half as often. The columns after the last eight are multiplied by tiles of FEW columns.
"""

from functools import cache
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from npseq.compiled.products import PLAIN, add_rows, dots

BYTES, VECTORS, COLUMNS = (64, 2, 8) if llvmlite.binding.get_host_cpu_features().get("avx512f") else (32, 2, 4)
FEW = 4  # columns of the tiles at the edges
NEAR = 16  # numbers of a row that are transposed together: about what a cache line has
INDEX, LANE = ir.IntType(64), ir.IntType(32)


def rows_of(dtype: np.dtype) -> int:
    """The rows of a panel."""
    return BYTES // dtype.itemsize * VECTORS


@cache
def tiles_of(dtype: np.dtype) -> tuple[Any, ...]:
    """The functions (pack, batched, forth, back, span) for a type."""
    rows, multiply = rows_of(dtype), _multiply_of(dtype)
    return _pack_of(rows), _batched_of(rows, multiply), *_either(multiply), _span_of(rows)


def _span_of(rows: int) -> Any:
    @numba.njit(**PLAIN)
    def span(size, of):
        """From where to where one of `count` parts of a block of so many numbers goes: whole panels."""
        B, part, count = of
        panel = rows * B
        panels = -(-size // panel)
        return min(panels * part // count * panel, size), min(panels * (part + 1) // count * panel, size)

    return span


def _pack_of(rows: int) -> Any:
    @numba.njit(**PLAIN)
    def pack(M, blocks, units, depth, transposed, first, last):
        """The panels of units first to last of each block of M[: blocks * units, :depth], or of M[:depth].T."""
        each = -(-(last - first) // rows)
        panels = np.empty((blocks * each, depth * rows), M.dtype)
        for p in range(len(panels)):
            at = first + p % each * rows
            size, row, panel = min(rows, last - at), p // each * units + at, panels[p]
            if size < rows:
                panel[:] = 0
            if transposed:
                for k in range(depth):
                    panel[k * rows : k * rows + size] = M[k][row : row + size]
            else:
                for near in range(0, depth, NEAR):
                    for r in range(size):
                        for k in range(near, min(near + NEAR, depth)):
                            panel[k * rows + r] = M[row + r][k]
        return panels

    return pack


def _multiply_of(dtype: np.dtype) -> Any:
    lanes, rows = BYTES // dtype.itemsize, rows_of(dtype)
    tile, narrow, strip = (_tile(dtype, *size) for size in ((VECTORS, COLUMNS), (VECTORS, FEW), (1, FEW)))

    @numba.njit(**PLAIN)
    def multiply(panels, x, B, out, blocks, first, last, adds):
        """From first to last in each block of out, (blocks, units * B), M x; added to what is there if `adds`."""
        depth, whole, each = x.size // B, B // FEW * FEW, -(-(last - first) // (rows * B))
        some, rest = np.zeros(depth * FEW if whole < B else 0, x.dtype), np.zeros(lanes * FEW, x.dtype)
        for k in range(depth):
            for c in range(B - whole):
                some[k * FEW + c] = x[k * B + whole + c]
        for p in range(len(panels)):
            at, panel = first + p % each * rows * B, panels[p]
            size, to = min(rows, (last - at) // B), p // each * (out.size // blocks) + at
            wide = B // COLUMNS * COLUMNS if size == rows else 0
            for j in range(0, wide, COLUMNS):
                tile(panel, x, j, B, out, to + j, B, adds)
            for j in range(wide, B, FEW):
                if size == rows and j < whole:
                    narrow(panel, x, j, B, out, to + j, B, adds)
                    continue
                columns, given = min(FEW, B - j), (x, j, B) if j < whole else (some, 0, FEW)
                for r in range(0, size, lanes):
                    fits, place = size - r >= lanes and columns == FEW, to + r * B + j
                    found = (out, place, B) if fits else (rest, 0, FEW)
                    strip(panel[r:], given[0], given[1], given[2], found[0], found[1], found[2], adds and fits)
                    if not fits:
                        _move(rest, out, place, B, min(lanes, size - r), columns, adds)

    return multiply


def _batched_of(rows: int, multiply: Any) -> Any:
    @numba.njit(**PLAIN)
    def batched(panels, x, B, out, first, last):
        """Writes M x[t] into out[t], from first to last, for each step t: a panel stays in the cache for all steps."""
        for p in range(len(panels)):
            at = first + p * rows * B
            for t in range(len(out)):
                multiply(panels[p : p + 1], x[t], B, out[t], 1, at, min(at + rows * B, last), False)

    return batched


def _either(multiply: Any) -> tuple[Any, Any]:
    """The functions for some sequences or one."""

    @numba.njit(**PLAIN)
    def forth(M, x, B, out, blocks, first, last, adds):
        """The product by panels; of one sequence x M, with M as it is."""
        if B > 1:
            multiply(M, x, B, out, blocks, first, last, adds)
        else:
            if not adds:
                out[:] = 0
            add_rows(M, x, out)

    @numba.njit(**PLAIN)
    def back(M, x, B, out, blocks, first, last, adds):
        """The product by panels; of one sequence M x, with M as it is."""
        if B > 1:
            multiply(M, x, B, out, blocks, first, last, adds)
        else:
            if not adds:
                out[:] = 0
            dots(M, x, out)

    return forth, back


@numba.njit(**PLAIN)
def _move(rest, out, at, row, size, columns, adds):
    for r in range(size):
        for c in range(columns):
            before = out[at + r * row + c] if adds else rest.dtype.type(0)
            out[at + r * row + c] = before + rest[r * FEW + c]


def _tile(dtype: np.dtype, vectors: int, columns: int) -> Any:
    """The function of a panel, x from a place on, whose rows are so long, the same of out, and whether it adds."""
    number = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
    lanes, size = BYTES // dtype.itemsize, dtype.itemsize
    vector, row_type = ir.VectorType(number, lanes), ir.VectorType(number, columns)

    @intrinsic
    def tile(_: Any, panel: Any, x: Any, x_at: Any, x_row: Any, out: Any, at: Any, row: Any, adds: Any) -> Any:
        given = (panel, x, numba.int64, numba.int64, out, numba.int64, numba.int64, numba.boolean)

        def code(context: Any, build: Any, signature: Any, args: Any) -> Any:
            pointers = [context.make_array(signature.args[k])(context, build, args[k]) for k in (0, 1, 4)]
            panel, x, out = (pointer.data for pointer in pointers)
            _, _, x_at, x_row, _, at, row, adds = args
            sums = _sums(build, vector, (vectors, columns), panel, pointers[0].nitems, build.gep(x, [x_at]), x_row)
            out = build.gep(out, [at])
            for of_vector in sums:
                for part in _transposed(build, of_vector):
                    place = build.bitcast(out, row_type.as_pointer())
                    before = build.select(adds, build.load(place, align=size), ir.Constant(row_type, None))
                    build.store(build.fadd(before, part), place, align=size)
                    out = build.gep(out, [row])
            return context.get_dummy_value()

        return numba.void(*given), code

    return tile


def _sums(
    build: Any, vector: Any, tile: tuple[int, int], panel: Any, count: Any, x: Any, x_row: Any
) -> list[list[Any]]:
    """The loop over a panel of `count` numbers: for each of the tile's vectors the sums of its columns."""
    vectors, columns = tile
    before, loop, after = build.block, build.append_basic_block(), build.append_basic_block()
    build.branch(loop)
    build.position_at_end(loop)
    begun = [INDEX(0), x] + [vector(None)] * (vectors * columns)
    at, numbers, *sums = running = [build.phi(one.type) for one in begun]
    places = [build.gep(panel, [build.add(at, INDEX(v * vector.count))]) for v in range(vectors)]
    rows = [build.load(build.bitcast(place, vector.as_pointer()), align=4) for place in places]
    factors = [_everywhere(build, vector, build.load(build.gep(numbers, [INDEX(c)]))) for c in range(columns)]
    once = ("contract",)  # a product and a sum are rounded once, together
    products = [build.fmul(row, column, flags=once) for row in rows for column in factors]
    sums = [build.fadd(total, product, flags=once) for total, product in zip(sums, products, strict=True)]
    next_k = [build.add(at, INDEX(VECTORS * vector.count)), build.gep(numbers, [x_row]), *sums]
    for phi, *values in zip(running, begun, next_k, strict=True):
        for value, block in zip(values, (before, loop), strict=True):
            phi.add_incoming(value, block)
    build.cbranch(build.icmp_signed("<", next_k[0], count), loop, after)
    build.position_at_end(after)
    return [sums[v * columns : (v + 1) * columns] for v in range(vectors)]


def _everywhere(build: Any, vector: Any, number: Any) -> Any:
    """A vector whose entries are all this number."""
    first = build.insert_element(vector(ir.Undefined), number, LANE(0))
    return build.shuffle_vector(first, first, ir.Constant(ir.VectorType(LANE, vector.count), None))


def _transposed(build: Any, columns: list[Any]) -> list[Any]:
    """The rows of a few columns: halves of them are interleaved until one vector has all, row after row."""

    def shuffled(one: Any, other: Any, order: list[int]) -> Any:
        return build.shuffle_vector(one, other, ir.Constant(ir.VectorType(LANE, len(order)), [LANE(k) for k in order]))

    width = len(columns)
    while len(columns) > 1:
        half, size = len(columns) // 2, columns[0].type.count
        order = [k // 2 + k % 2 * size for k in range(2 * size)]
        columns = [shuffled(columns[k], columns[k + half], order) for k in range(half)]
    (whole,) = columns
    return [shuffled(whole, whole, [*range(k, k + width)]) for k in range(0, whole.type.count, width)]
