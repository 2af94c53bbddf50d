"""Each example's own gradient norm, without its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.bptt.factors import squared_norms
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect.passes import check_names, named_factors, plain, sides


def ghost_norms(
    layer: Any,
    dy: Array | None,
    tape: Any,
    dstate: Any = None,
    *,
    names: Any = None,
    max_bytes: int | None = MAX_BYTES,
) -> dict[str, Array]:
    """{parameter: (B,)}: the norm of each example's gradient, from one backward pass over the whole batch.

    |sum_t a_t d_t^T|^2 = sum_{t,s} <a_t, a_s> <d_t, d_s>, so B tables of T x T stand for B gradients: what
    clipping by example needs (Goodfellow 2015, arXiv 1510.01799; over a sequence: Li et al. 2022, arXiv 2110.05679).
    The root of a sum that cancels keeps half its digits.
    Raises MemoryError before the tables are allocated; TypeError or ValueError on a misfit.
    """
    names = check_names(layer, names)
    found = {}
    for side in sides(layer, tape, dy, dstate):
        needed = 2 * side.batch * side.steps**2 * layer.dtype.itemsize
        require("these norms", needed, max_bytes, "give fewer sequences at a time")
        for name, f in named_factors(side, plain(side), names).items():
            found[name] = np.sqrt(squared_norms(f, "b"))
    return found
