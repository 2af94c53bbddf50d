"""A gradient decomposed by time step, by lag, by example, and by pair of loss and use; each part sums to the whole."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import flag, instance, integer, one_of
from npseq.backend import Array, MaybeArray, array_module, to_host
from npseq.bptt.factors import contract
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect import states
from npseq.inspect.pairs import crossing_table, pair_table
from npseq.inspect.passes import View, adjoints_by_lag, check_names, named_factors, views_of
from npseq.magnitude import joint_norm, norm
from npseq.protocols import LayerLike
from npseq.shown import in_notebooks

Parts = dict[str, Array]


@in_notebooks
class Ledger(NamedTuple):
    """The parts of a gradient, {parameter: array}; summed over its first axis each is the gradient, to rounding."""

    gradient: Parts  # (...)
    per_step: Parts  # (T, ...): by the time step at which the parameter was used
    per_lag: Parts  # (K, ...): by how many recurrent edges a path crosses, lags 0 to K - 1
    longer: Parts  # (...): all lags from K on, together; zero unless max_lag was given
    per_example: Parts  # (B, ...)
    pair_norms: MaybeArray  # (T, T): see npseq.inspect.pair_norms
    crossing_norms: Array | None  # (R, T, T): see npseq.inspect.crossing_norms; None for a stack
    adjoints: Parts  # dL/dh_t (T, B, P) and dL/dc_t (T, B, H) by every path, "h", "c", "h_l1", "h_reverse", ...
    states: Parts  # h and c after every step, under the same names
    gates: Parts  # (T, B, H): "i", "f", "o", "g", "r_l1", ...
    of: Any = None  # (layer, dy, tape, dstate), its arguments, None with others; the tape may be overwritten since

    def __repr__(self) -> str:
        total = float(joint_norm(g.real for g in self.gradient.values()))
        name = next(iter(self.gradient))
        steps, lags, batch = (len(parts[name]) for parts in (self.per_step, self.per_lag, self.per_example))
        rows = [f"  {name}: {g.shape}" for name, g in self.gradient.items()]
        return "\n".join([f"Ledger: T = {steps}, K = {lags} lags, B = {batch}, gradient norm {total:.6g}", *rows])


def ledger(
    layer: LayerLike,
    dy: Array | None,
    tape: Any,
    dstate: Any = None,
    *,
    max_lag: int | None = None,
    names: Any = None,
    pairs: bool = True,
    dc: Any = None,
    clip_adjoint: float | None = None,
    max_bytes: int | None = MAX_BYTES,
) -> Ledger:
    """Decomposes the gradient that layer.backward(dy, tape, dstate, dc=dc, clip_adjoint=clip_adjoint) returns.

    A path's lag is the number of recurrent edges, from one time step to the next, that it crosses, over all layers and
    directions. Unrolled sum: Werbos 1990; by lag: Pascanu, Mikolov & Bengio 2013 (arXiv 1211.5063).

    Args:
        layer: an RNN, GRU, LSTM or Bidirectional layer of any depth.
        dy: the loss's derivative by y, (T, B, R*P), or None for zeros.
        tape: what forward returned.
        dstate: the loss's derivative by the last state, or None for zeros.
        max_lag: keeps lags 0 to max_lag - 1 apart and adds longer ones up in `longer`; None keeps all apart.
        names: the parameters wanted; None is all.
        pairs: whether to compute the two T x T tables, each about as much work as T/2 backward passes.
        dc, clip_adjoint: as backward takes them. A clamp multiplies adjoints by factors, and each part of the gradient
            has the factors of the whole, which a Truncated(k) with a clamp of its own has not.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        TypeError, ValueError: if an argument does not fit the layer.

    Example:
        >>> layer = ns.LSTM(3, 4, rng=0)
        >>> y, _, tape = layer.forward(np.ones((5, 2, 3), np.float32))
        >>> ns.inspect.ledger(layer, np.ones_like(y), tape).per_step["W_hf"].shape
        (5, 4, 4)
    """
    views = views_of(layer, tape, dy, dstate, dc=dc, clip_adjoint=clip_adjoint)
    names, pairs = check_names(layer, names), flag("pairs", pairs)
    lags = [_lags(view, max_lag) for view in views]
    _guard(layer, views, lags, names, max_bytes)
    adjoints, per_step, per_example, per_lag = {}, {}, {}, {}
    for view, count in zip(views, lags, strict=True):
        rows, found = states.state_adjoints(view)
        adjoints.update(found)
        for name, f in named_factors(view, rows, names).items():
            per_step[name], per_example[name] = contract(f, "t"), contract(f, "b")
        for name, f in named_factors(view, adjoints_by_lag(view, count), names).items():
            per_lag[name] = contract(f, "k")
    gradient = {name: part.sum(axis=0) for name, part in per_step.items()}
    whole = all(count == _longest(view) + 1 for view, count in zip(views, lags, strict=True))
    longer = {name: np.zeros_like(g) if whole else g - per_lag[name].sum(axis=0) for name, g in gradient.items()}
    single = all(view.layer.num_layers == 1 for view in views)
    return Ledger(
        gradient,
        per_step,
        _same_length(per_lag),
        longer,
        per_example,
        pair_table(views, names) if pairs else None,
        crossing_table(views, names) if pairs and single else None,
        adjoints,
        {name: array for view in views for name, array in states.states(view).items()},
        {name: array for view in views for name, array in states.gates(view).items()},
        (layer, dy, tape, dstate) if dc is None and clip_adjoint is None else None,
    )


def lag_norms(ledger: Ledger) -> np.ndarray:
    """Returns the norm of each lag's part of the gradient over all parameters, (K,).

    Args:
        ledger: what npseq.inspect.ledger returned.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((5, 1, 2), np.float32))
        >>> ns.inspect.lag_norms(ns.inspect.ledger(layer, np.ones_like(y), tape)).shape
        (5,)
    """
    parts = check_ledger(ledger).per_lag.values()
    return to_host(joint_norm([p.reshape(len(p), -1) for p in parts], 1))


def adjoint_norms(ledger: Ledger, name: str = "h") -> np.ndarray:
    """Returns the norm of dL/dh_t over batch and units at every step, (T,).

    Args:
        ledger: what npseq.inspect.ledger returned.
        name: which of ledger.adjoints.

    Example:
        >>> layer = ns.RNN(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((5, 1, 2), np.float32))
        >>> ns.inspect.adjoint_norms(ns.inspect.ledger(layer, 0 * y, tape))
        array([0., 0., 0., 0., 0.], dtype=float32)
    """
    one_of("name", name, tuple(check_ledger(ledger).adjoints))
    return to_host(norm(ledger.adjoints[name], (1, 2)))


def check_ledger(ledger: Any) -> Ledger:
    return instance("ledger", ledger, Ledger, "what inspect.ledger returned")


def check_unchanged(ledger: Ledger, change: Array, parts: Parts) -> None:
    """Raises ValueError where the norm of the change of these parts is more than rounding."""
    if float(change) > float(np.finfo(ledger.of[0].dtype).eps) ** 0.5 * float(joint_norm(parts.values())):
        raise ValueError(
            "the layer's parameters and tape must be those that the ledger was made of, they have changed since; make "
            "a new one"
        )


def _longest(view: View) -> int:
    """The largest lag of a path to a parameter: up a direction and down the other in every layer, at most."""
    turns = view.layer.num_layers if view.layer.directions == 2 else 1
    return turns * max(view.steps - 1, 0)


def _lags(view: View, max_lag: int | None) -> int:
    count = _longest(view) + 1
    return count if max_lag is None else min(count, integer("max_lag", max_lag))


def _same_length(per_lag: Parts) -> Parts:
    """Appends zero rows where one view of a Bidirectional can have longer paths than the other."""
    count = max(len(part) for part in per_lag.values())
    padded = {}
    for name, part in per_lag.items():
        rest = np.zeros_like(part, shape=(count - len(part), *part.shape[1:]))
        padded[name] = part if len(part) == count else array_module(part).concatenate([part, rest])
    return padded


def _guard(layer: Any, views: tuple[View, ...], lags: list[int], names: Any, max_bytes: int | None) -> None:
    """Counts the adjoints by lag of all strands, which are held at once, and the parts of every wanted parameter."""
    size, numbers = layer.dtype.itemsize, 0
    for view, count in zip(views, lags, strict=True):
        cell, columns = view.layer.cell, view.steps * count * view.batch
        rows = (len(cell.gates) + 1) * view.layer.hidden_size + 2 * view.layer.output_size
        numbers += columns * (rows * view.layer.num_layers * view.layer.directions)
        wanted = sum(prod(layer.params[name].shape) for name in names or layer.params)
        numbers += wanted * (view.steps + count + view.batch)
    require("this ledger", numbers * size, max_bytes, "give a smaller max_lag, or fewer names, or fewer sequences")
