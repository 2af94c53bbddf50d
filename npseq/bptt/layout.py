"""How a recurrent layer's parameters lie in memory, and their names, those of Dive into Deep Learning.

A strand's weights are one block W (P + bias + D, G*H): rows [h; 1; x], a gate a block of columns, which is the identity
[X, H] [W_xh; W_hh] = X W_xh + H W_hh of Dive into Deep Learning, 9.4. Every named weight is a rectangle of it:

    W_x<gate> (D, H), W_h<gate> (P, H), b_<gate> (H,)        gates: RNN h; GRU r, z, n; LSTM o, i, f, g
    b_hn (H,) the GRU's second bias with reset="after"; p_i, p_f, p_o (H,) peepholes; W_hp (H, P) the projection

Layer l > 0 adds "_l<l>" to each name, the reverse direction adds "_reverse".
"""

from collections.abc import Sequence

from npseq.bptt.blocks import blocks_of
from npseq.bptt.tape import Weights
from npseq.cell import Cell
from npseq.parameters import Index, Layout, Parameters


def suffix(layer: int, direction: int) -> str:
    return (f"_l{layer}" if layer else "") + ("_reverse" if direction else "")


def strand_layout(cell: Cell, inputs: int, units: int, state: int, bias: bool, ending: str) -> Layout:
    """The blocks and names of one strand."""
    block = f"W{ending}"
    blocks: dict[str, tuple[int, ...]] = {block: (state + bias + inputs, len(cell.gates) * units)}
    names: dict[str, tuple[str, Index]] = {}
    h_weights = blocks_of(cell).h_weights
    for g, gate in enumerate(cell.gates):
        columns = slice(g * units, (g + 1) * units)
        names[f"W_x{gate}{ending}"] = (block, (slice(state + bias, None), columns))
        if g < len(h_weights):
            names[f"{h_weights[g]}{ending}"] = (block, (slice(0, state), columns))
        if bias:
            names[f"b_{gate}{ending}"] = (block, (state, columns))
    if cell.projection is not None and not _within_W(cell):
        blocks[f"U{ending}"] = (cell.operands * units, state)
        names[f"{cell.projection}{ending}"] = (f"U{ending}", ())
    for kind, vectors in (("vectors", cell.vectors), ("h_biases", h_biases(cell, bias))):
        if vectors:
            blocks[f"{kind}{ending}"] = (len(vectors), units)
            names.update({f"{name}{ending}": (f"{kind}{ending}", (k,)) for k, name in enumerate(vectors)})
    return Layout(blocks, names)


def stack_layout(cell: Cell, inputs: Sequence[int], units: int, state: int, directions: int, bias: bool) -> Layout:
    """The blocks and names of a stack, the first layer's first; inputs: the features that each layer reads."""
    blocks, names = {}, {}
    for layer, features in enumerate(inputs):
        for d in range(directions):
            strand = strand_layout(cell, features, units, state, bias, suffix(layer, d))
            blocks.update(strand.blocks)
            names.update(strand.names)
    return Layout(blocks, names)


def h_biases(cell: Cell, bias: bool) -> tuple[str, ...]:
    """The biases of the blocks that x does not enter."""
    blocks = blocks_of(cell)
    return tuple(f"b_{blocks.names[k]}" for k in blocks.h_only) if bias else ()


def _within_W(cell: Cell) -> bool:
    """Whether the second product's matrix is the columns of W that follow those of the first."""
    blocks = blocks_of(cell)
    return len(blocks.h_weights) > blocks.with_h


def strand_weights(cell: Cell, params: Parameters, units: int, state: int, bias: bool, ending: str) -> Weights:
    """The same strand as the loop multiplies with it: views, nothing copied."""
    W, U = params.block(f"W{ending}"), None
    if _within_W(cell):
        first = blocks_of(cell).with_h * units
        U = W[:state, first : first + units]
    elif cell.projection is not None:
        U = params.block(f"U{ending}")
    vectors = params.block(f"vectors{ending}")[..., None] if cell.vectors else None
    biases = params.block(f"h_biases{ending}") if h_biases(cell, bias) else None
    return Weights(W, U, vectors, biases, state, int(bias), blocks_of(cell))
