"""One layer in one direction as other libraries hold it: the gates side by side, in an order of their own.

An order of gates is a tuple of npseq's names for them. Other libraries have a bias beside each of the two products.
But for b_n and b_hn of a GRU with reset="after", the two only ever appear as their sum, and npseq has that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, MaybeArray
from npseq.bptt.layout import suffix
from npseq.layers.gru import GRUCell
from npseq.layers.recurrent import Recurrent

Gates = tuple[str, ...]


class Strand(NamedTuple):
    """G gates in another library's order; P state features, H hidden units."""

    W_x: Array  # (D, G*H)
    W_h: Array  # (P, G*H)
    b_x: MaybeArray = None  # (G*H,)
    b_h: MaybeArray = None  # (G*H,)


class Place(NamedTuple):
    """Where a strand stands in a layer: its layer, its direction, and what its parameters' names end with."""

    number: int
    reverse: bool
    ending: str


def places(layer: Recurrent) -> Iterator[Place]:
    """Every strand, layer by layer, forward before reverse."""
    for number in range(layer.num_layers):
        for d in range(layer.directions):
            yield Place(number, d == 1, suffix(number, d == 1))


def gather(
    layer: Recurrent, values: Mapping[str, np.ndarray], ending: str, gates: Gates, derivatives: bool = False
) -> Strand:
    """The strand whose names end so. Parameters become the biases (b, 0); derivatives by b stand in both."""
    W_x, W_h = (np.concatenate([values[f"W_{side}{g}{ending}"] for g in gates], axis=1) for side in "xh")
    if not layer.bias:
        return Strand(W_x, W_h)
    b_x = [values[f"b_{g}{ending}"] for g in gates]
    hidden = b_x if derivatives else [np.zeros_like(b) for b in b_x]
    b_h = [values[f"b_h{g}{ending}"] if _apart(layer, g) else b for g, b in zip(gates, hidden, strict=True)]
    return Strand(W_x, W_h, np.concatenate(b_x), np.concatenate(b_h))


def scatter(layer: Recurrent, strand: Strand, ending: str, gates: Gates) -> dict[str, np.ndarray]:
    """npseq's names and values: the reverse of `gather`. A strand's b_h of None is zero."""
    parts: dict[str, Any] = {}
    for k, g in enumerate(gates):
        own = slice(k * layer.hidden_size, (k + 1) * layer.hidden_size)
        parts[f"W_x{g}{ending}"], parts[f"W_h{g}{ending}"] = strand.W_x[:, own], strand.W_h[:, own]
        if strand.b_x is None:
            continue
        b_x = strand.b_x[own]
        b_h = np.zeros_like(b_x) if strand.b_h is None else strand.b_h[own]
        if _apart(layer, g):
            parts[f"b_{g}{ending}"], parts[f"b_h{g}{ending}"] = b_x, b_h
        else:
            parts[f"b_{g}{ending}"] = b_x + b_h
    return parts


def _apart(layer: Recurrent, gate: str) -> bool:
    """Whether this gate's two biases are two parameters."""
    return gate == "n" and isinstance(layer.cell, GRUCell) and layer.cell.reset == "after"
