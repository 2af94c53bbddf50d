"""How a recurrent layer's parameters lie in memory, and the notes' names for them.

A strand's weights are one block W (P + bias + D, G*H): rows [h; 1; x], a gate a block of columns, which is the identity
[X, H] [W_xh; W_hh] = X W_xh + H W_hh of the notes. Every named weight is a rectangle of it:

    W_x<gate> (D, H), W_h<gate> (P, H), b_<gate> (H,)        gates: RNN h; GRU r, z, n; LSTM i, f, o, g
    b_hn (H,) the GRU's inner bias with reset="after"; p_i, p_f, p_o (H,) peepholes; W_hp (H, P) the projection

Layer l > 0 adds "_l<l>" to each name, the reverse direction adds "_reverse".
"""

from __future__ import annotations

from npseq.bptt.tape import Weights
from npseq.cells import Cell
from npseq.parameters import Index, Layout, Parameters


def suffix(layer: int, reverse: bool) -> str:
    return (f"_l{layer}" if layer else "") + ("_reverse" if reverse else "")


def strand_layout(cell: Cell, inputs: int, units: int, state: int, bias: bool, ending: str) -> Layout:
    """The blocks and names of one strand."""
    block = f"W{ending}"
    blocks: dict[str, tuple[int, ...]] = {block: (state + bias + inputs, len(cell.gates) * units)}
    names: dict[str, tuple[str, Index]] = {}
    for g, gate in enumerate(cell.gates):
        columns = slice(g * units, (g + 1) * units)
        names[f"W_x{gate}{ending}"] = (block, (slice(state + bias, None), columns))
        names[f"W_h{gate}{ending}"] = (block, (slice(0, state), columns))
        if bias:
            names[f"b_{gate}{ending}"] = (block, (state, columns))
    if cell.second is not None and cell.direct == len(cell.blocks):
        blocks[f"U{ending}"] = (units, state)
        names[f"{cell.second}{ending}"] = (f"U{ending}", ())
    for kind, vectors in (("own", cell.own(bias)), ("inner", cell.inner(bias))):
        if vectors:
            blocks[f"{kind}{ending}"] = (len(vectors), units)
            names.update({f"{name}{ending}": (f"{kind}{ending}", (k,)) for k, name in enumerate(vectors)})
    return Layout(blocks, names)


def strand_weights(cell: Cell, params: Parameters, units: int, state: int, bias: bool, ending: str) -> Weights:
    """The same strand as the loop multiplies with it: views, nothing copied."""
    W = params.block(f"W{ending}")
    U = None
    if cell.direct < len(cell.blocks) and cell.second is not None:
        U = W[:state, cell.direct * units :]
    elif cell.second is not None:
        U = params.block(f"U{ending}")
    own = params.block(f"own{ending}")[..., None] if cell.own(bias) else None
    inner = params.block(f"inner{ending}") if cell.inner(bias) else None
    return Weights(W, U, own, inner, state, int(bias))
