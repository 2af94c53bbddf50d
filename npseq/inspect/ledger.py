"""The gradient taken apart: by time step, lag, example, and pair of loss and use. Each part adds up to the whole."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer
from npseq.backend import Array, array_module
from npseq.bptt.factors import contract
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect import states
from npseq.inspect.pairs import crossing_norms, pair_norms
from npseq.inspect.passes import Side, by_lag, check_names, named_factors, sides

Parts = dict[str, Array]


class Ledger(NamedTuple):
    """A gradient's parts, {parameter: array}; summed over its first axis each is the gradient, to rounding."""

    gradient: Parts  # (...)
    per_step: Parts  # (T, ...): by the time step at which the parameter was used
    per_lag: Parts  # (K, ...): by how many times a path was carried from a step to the next, lags 0 to K - 1
    longer: Parts  # (...): all lags from K on, together; zero but for max_lag
    per_example: Parts  # (B, ...)
    pair_norms: Array | None  # (T, T): norm of what goes from the loss at step t to the uses at step s
    crossing_norms: Array | None  # (R, T, T): see npseq.inspect.pairs.crossing_norms; None for a stack
    adjoints: Parts  # dL/dh_t (T, B, P) and dL/dc_t (T, B, H) by every path, "h", "c", "h_l1", "h_reverse", ...
    states: Parts  # h and c after every step, under the same names
    gates: Parts  # (T, B, H): "i", "f", "o", "g", "r_l1", ...
    of: Any = None  # (layer, dy, tape, dstate): what it was made of; the tape may be written over since

    def __repr__(self) -> str:
        total = sum(float((g.real**2).sum()) for g in self.gradient.values()) ** 0.5
        (steps, lags, batch), rows = _lengths(self), [f"  {name}: {g.shape}" for name, g in self.gradient.items()]
        return "\n".join([f"Ledger: T = {steps}, K = {lags} lags, B = {batch}, gradient norm {total:.6g}", *rows])


def ledger(
    layer: Any,
    dy: Array | None,
    tape: Any,
    dstate: Any = None,
    max_lag: int | None = None,
    *,
    names: Any = None,
    pairs: bool = True,
    max_bytes: int | None = MAX_BYTES,
) -> Ledger:
    """The gradient of layer.backward(dy, tape, dstate), taken apart.

    layer: RNN, GRU, LSTM or Bidirectional, of any depth. dy, tape, dstate: as backward takes them. max_lag: lags 0 to
    max_lag - 1 are told apart, longer ones go into `longer`; None is all. names: the parameters wanted, None is all.
    pairs: whether to work out the two T x T tables, each about as much work as T/2 backward passes. max_bytes: where
    to stop instead of running out of memory; None is nowhere.

    A path's lag is how many times it was carried from one time step to the next, over all layers and directions.
    Unrolled sum: Werbos 1990; by lag: Pascanu, Mikolov & Bengio 2013 (arXiv 1211.5063).
    Raises MemoryError, saying how much it would need, before it is allocated; TypeError or ValueError on a misfit.
    """
    parts = sides(layer, tape, dy, dstate)
    names = check_names(layer, names)
    lags = [_lags(side, max_lag) for side in parts]
    _guard(layer, parts, lags, names, max_bytes)
    adjoints, per_step, per_example, per_lag = {}, {}, {}, {}
    for side, count in zip(parts, lags, strict=True):
        rows, found = states.adjoints(side)
        adjoints.update(found)
        for name, f in named_factors(side, rows, names).items():
            per_step[name], per_example[name] = contract(f, "t"), contract(f, "b")
        for name, f in named_factors(side, by_lag(side, count), names).items():
            per_lag[name] = contract(f, "k")
    gradient = {name: part.sum(axis=0) for name, part in per_step.items()}
    whole = all(count == _longest(side) + 1 for side, count in zip(parts, lags, strict=True))
    longer = {name: np.zeros_like(g) if whole else g - per_lag[name].sum(axis=0) for name, g in gradient.items()}
    return Ledger(
        gradient,
        per_step,
        _same_length(per_lag),
        longer,
        per_example,
        pair_norms(layer, dy, tape, dstate, names=names) if pairs else None,
        crossing_norms(layer, dy, tape, dstate, names=names) if pairs and _single(parts) else None,
        adjoints,
        {name: array for side in parts for name, array in states.states(side).items()},
        {name: array for side in parts for name, array in states.gates(side).items()},
        (layer, dy, tape, dstate),
    )


def _longest(side: Side) -> int:
    """The largest lag of a path to a parameter: up a direction and down the other in every layer, at most."""
    turns = side.layer.num_layers if side.layer.directions == 2 else 1
    return turns * max(side.steps - 1, 0)


def _lags(side: Side, max_lag: int | None) -> int:
    count = _longest(side) + 1
    return count if max_lag is None else min(count, integer("max_lag", max_lag))


def _single(parts: tuple[Side, ...]) -> bool:
    return all(side.layer.num_layers == 1 for side in parts)


def _same_length(per_lag: Parts) -> Parts:
    """Zero rows put on where one side of a Bidirectional can have longer paths than the other."""
    count = max(len(part) for part in per_lag.values())
    padded = {}
    for name, part in per_lag.items():
        rest = np.zeros_like(part, shape=(count - len(part), *part.shape[1:]))
        padded[name] = part if len(part) == count else array_module(part).concatenate([part, rest])
    return padded


def _guard(layer: Any, parts: tuple[Side, ...], lags: list[int], names: Any, max_bytes: int | None) -> None:
    """The lag-resolved adjoints of all strands are held at once; the parts of every wanted parameter besides."""
    size, numbers = layer.dtype.itemsize, 0
    for side, count in zip(parts, lags, strict=True):
        cell, columns = side.layer.cell, side.steps * count * side.batch
        rows = (len(cell.gates) + 1) * side.layer.hidden_size + 2 * side.layer.output_size
        numbers += columns * (rows * side.layer.num_layers * side.layer.directions)
        wanted = sum(prod(layer.params[name].shape) for name in names or layer.params)
        numbers += wanted * (side.steps + count + side.batch)
    require("this ledger", numbers * size, max_bytes, "give a smaller max_lag, or fewer names, or fewer sequences")


def _lengths(ledger: Ledger) -> tuple[int, int, int]:
    """T, K and B."""
    name = next(iter(ledger.gradient))
    return len(ledger.per_step[name]), len(ledger.per_lag[name]), len(ledger.per_example[name])
