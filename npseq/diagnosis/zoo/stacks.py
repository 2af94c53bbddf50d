"""L1 to L11: wrong between layers, directions and dropout."""

from typing import Any

import numpy as np

from npseq.diagnosis.mistake import Mistake, SumChange

BOTH_WAYS = "dx_t = dx of the forward direction at t + dx of the reverse direction at its step T + 1 - t"
FROM_ABOVE = "dy of layer l is dx of layer l + 1"


def through_forward_weights(dx: np.ndarray, done: list[Any]) -> np.ndarray:
    """dx of both directions through the forward direction's W_x."""
    found: np.ndarray = done[0].roots["dx"]
    for kept in done[1:]:
        products = (
            done[0].strand.leaves.matrix(f"W_x{gate}") @ kept.roots[f"kept_{gate}"]
            for gate in kept.strand.part.layer.cell.gates
        )
        found = found + sum(products)[::-1]
    return found


def other_direction(value: np.ndarray, of: Any) -> np.ndarray:
    """The gradient of the parameter that has this name in the other direction."""
    other = of.name.removesuffix("_reverse") if of.name.endswith("_reverse") else f"{of.name}_reverse"
    other_found: np.ndarray = of.gradient(other, value)
    return other_found


def masked_only(dx: np.ndarray, part: Any, l: int, joined: np.ndarray) -> np.ndarray:
    """Through dropout's mask, without its scale."""
    masked: np.ndarray = joined * (part.dropped(np.ones_like(joined), l) != 0)
    return masked


STACKS = (
    Mistake("L1", "dy not turned for the reverse direction", "the reverse direction's step u has dy of step T + 1 - u",
            "T13", step=("dh_total = dy.turned + p",), strands=lambda strand: strand.d == 1),
    Mistake("L2", "dx of the reverse direction not turned back", BOTH_WAYS, "T14",
            site=("dx", lambda dx, done: sum(kept.roots["dx"] for kept in done))),
    Mistake("L3", "dx of the reverse direction not added", BOTH_WAYS, "T14",
            site=("dx", lambda dx, done: done[0].roots["dx"])),
    Mistake("L4", "dx through the forward direction's weights in both", BOTH_WAYS, "T14",
            site=("dx", through_forward_weights)),
    Mistake("L5", "weight gradients under the other direction's name", "each direction has its own parameters", "T13",
            sums={"*": SumChange(after=other_direction)}),
    Mistake("L6", "directions swapped on the way to the layer below", "layer l + 1 reads [forward h, reverse h]", "T12",
            site=("below", lambda dx, part, l, joined: np.roll(dx, dx.shape[2] // 2, axis=2))),
    Mistake("L7", "the reverse layer's dy turned at T, not at each length",
            "the reverse direction starts at each sequence's own last step", "T16",
            site=("part dy", lambda dy, part: dy if part.order is None else part.raw_dy[::-1])),
    Mistake("L8", "nothing handed to the layer below", FROM_ABOVE, "T12",
            site=("below", lambda dx, part, l, joined: 0 * dx)),
    Mistake("L9", "a new dropout mask in backward", "backward multiplies by the mask of forward", "T12"),
    Mistake("L10", "dropout's mask without its scale in backward", "backward multiplies by the mask of forward", "T12",
            site=("below", masked_only)),
    Mistake("L11", "dropout's mask left out of backward", "backward multiplies by the mask of forward", "T12",
            site=("below", lambda dx, part, l, joined: joined)),
)  # fmt: skip
