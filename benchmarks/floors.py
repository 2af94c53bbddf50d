"""The least time that a training step of one layer on tokens can take on a device: its bytes, its operations.

A floor counts what no arrangement can leave out, so that "share of the floor" never flatters: every matrix product
once, every parameter and gradient moved as often as forward, backward, clip and update need it, and the activations
that backward reads, written once and read once. Adjoints, logits and the batch itself are left out. Bytes go at the
speed of the device's memory; what fits its cache, as d2l's size does, could go faster, but there launches count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.cases import GATES, Case, operations

MOVES = 7  # of each parameter: read forward and backward; gradient written, read for the norm; update reads 2, writes 1
KEPT = {"rnn": 1, "gru": 4, "lstm": 5}  # numbers of a unit and step: h; h, r, z, n; i, f, o, g, c'


class Peak(NamedTuple):
    """What a device was measured to do: operations a second in products, bytes a second in copies, read and written."""

    operations: float
    bytes: float


class Floor(NamedTuple):
    """Milliseconds of a step, were there nothing else to it."""

    by_operations: float
    by_bytes: float

    @property
    def least(self) -> float:
        return max(self)


def parameters(case: Case) -> int:
    """Of one layer of one direction on one-hot tokens, and the output over them; one bias a gate, a GRU's inner one."""
    if (case.inputs, case.layers, case.bidirectional) != ("one-hot", 1, False):
        raise ValueError(f"floors are counted for one layer of one direction on one-hot tokens, got {case}")
    inner = case.H if case.cell == "gru" else 0
    return GATES[case.cell] * case.H * (case.V + case.H + 1) + inner + (case.H + 1) * case.V


def moved(case: Case) -> int:
    """Bytes that a training step has to move."""
    activations = 2 * KEPT[case.cell] * case.T * case.B * case.H
    return np.dtype(case.dtype).itemsize * (MOVES * parameters(case) + activations)


def floor(case: Case, peak: Peak) -> Floor:
    """Of a training step on a device with these peaks."""
    return Floor(1e3 * operations(case) / peak.operations, 1e3 * moved(case) / peak.bytes)
