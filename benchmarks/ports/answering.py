"""What every adapter shares: it reads questions of `npseq vectors check --stream --protocol json`, and answers.

It needs no npseq, so an adapter runs in any environment that has NumPy and its library.
"""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import numpy as np


class Skip(Exception):
    """The library cannot have the case, and why."""


def serve(answer, dtype=np.float64):
    """Answers every question by answer(case), a {name: array}; the library's own output goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        inputs = {name: np.array(value, dtype) for name, value in asked["inputs"].items()}
        inputs["lengths"] = inputs["lengths"].astype(int)
        weights = {name: np.array(value, dtype) for name, value in asked["weights"].items()}
        case = SimpleNamespace(cell=asked["cell"], w=weights, **asked["options"], **inputs)
        try:
            found = {name: np.asarray(value, np.float64).tolist() for name, value in answer(case).items()}
        except Skip as reason:
            found = {"skip": str(reason)}
        print(json.dumps(found), file=out, flush=True)


def skip_unless(*needs):
    """needs: (condition, reason), each of which must hold."""
    for condition, reason in needs:
        if not condition:
            raise Skip(reason)


def skip_truncated(case):
    skip_unless((not case.truncated, "no truncation by lag"))


def one_plain_strand(case, lengths=False):
    """Cells that are stepped by the adapter have one layer, one direction and, mostly, full lengths."""
    skip_truncated(case)
    skip_unless(
        (case.layers == case.directions == 1, "one layer and direction: a cell"),
        (lengths or (case.lengths == case.T).all(), "no lengths: a cell"),
        (case.hidden_size == case.state_size, "no projection"),
        (not case.peepholes, "no peepholes"),
    )


def side_by_side(case, source, gates):
    """W_x (D, G*H) or W_h (H, G*H) of npseq's layout, the gates in this order."""
    return np.concatenate([case.w[f"W_{source}{gate}"] for gate in gates], axis=1)


def biases(case, gates):
    return np.concatenate([case.w[f"b_{gate}"] for gate in gates])


def by_gate(gates, W_x=None, W_h=None, b=None):
    """The derivatives under npseq's names, from arrays that have the gates side by side."""
    parts = {"dW_x": W_x, "dW_h": W_h, "db_": b}
    return {
        f"{name}{gate}": part
        for name, array in parts.items()
        if array is not None
        for gate, part in zip(gates, np.split(np.asarray(array), len(gates), axis=-1), strict=True)
    }
