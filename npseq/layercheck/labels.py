"""The axes of a layer's tensors have names, in which its report says where a gradient is wrong."""

import re
from typing import Any

from npseq.backend import Array
from npseq.bptt.blocks import blocks_of
from npseq.gradcheck.places import Labels
from npseq.layers.bidirectional import recurrent_layers

INPUTS = ("step", "sequence", "feature")
STATE = ("layer", "sequence", "unit")


def labels_of(layer: Any, at: dict[str, Array]) -> dict[str, Labels]:
    """Returns the labels of x, the initial states and the parameters of a layer over time."""
    return {name: _labels(layer, name, value.ndim) for name, value in at.items()}


def _labels(layer: Any, name: str, ndim: int) -> Labels:
    own = name.split(".")[-1]
    if own == "x":
        return Labels(INPUTS)
    if own in ("h0", "c0"):
        return Labels(STATE)
    parts = recurrent_layers(layer)
    stack = next(
        (part for prefix, part in parts.items() if prefix and name.startswith(prefix)), next(iter(parts.values()))
    )
    from_h = own.startswith("W_h")
    axes = ("unit",) if ndim == 1 else ("unit before" if from_h else "feature", "unit")
    return Labels(axes, _gate(own, blocks_of(stack.cell).names))


def _gate(name: str, gates: tuple[str, ...]) -> str:
    """Returns "gate f" for W_xf and b_f of a cell of several gates."""
    head = re.sub(r"_l\d+|_reverse", "", name)
    found = [gate for gate in gates if head.endswith(gate)]
    return f"gate {max(found, key=len)}" if found and len(gates) > 1 else ""
