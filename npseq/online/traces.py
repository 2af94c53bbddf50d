"""One trace for every parameter and part of its unit's state: all that is needed where units do not read each other.

    e_t = j_t e_{t-1} + f_t        gradient = sum_t (dl_t/dtheta in step t alone + dl_t/ds_{t-1} e_{t-1})

j_t, m by m a unit, says how the m parts of a unit's state follow from what they were, and f_t what a parameter of this
unit does to them in step t. Both come from one step backward for each part, of all units at once. The traces of a
parameter are m numbers a sequence, where RTRL's influence has as many as the whole state has features.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, mapping
from npseq.backend import Array, array_module, to_host
from npseq.bptt.factors import contract, strand_factors
from npseq.bptt.layout import suffix
from npseq.bptt.loop import Adjoints, backward
from npseq.bptt.tape import Strand, Tape, Weights
from npseq.cell import Cell
from npseq.layers.adjoints import Rows, adjoints_of
from npseq.layers.batch import check_array
from npseq.layers.jacobian import check_sequence, state_features
from npseq.layers.lengths import has_step, last_steps
from npseq.layers.recurrent import Recurrent
from npseq.layers.upstream import check_dc
from npseq.online.influence import LossGradient, Online, join_outputs, lengths_at, output_gradient, running_rows
from npseq.parameters import Parameters

Traces = dict[str, Array]  # {parameter: (B, m, ...)}
UNITS = 3  # of the layer on which a cell is tried
ENDING = re.compile(r"(_l\d+)?$")
ALONE = {False: "an IndRNN, LRU, minGRU or minLSTM", True: "an RNN, GRU or LSTM"}


@lru_cache
def carried_parts(cell: Cell, held: bool) -> tuple[int, ...] | None:
    """Which parts of the state the next step reads; None where a unit reads another's, or its parameters act on it.

    It is found by numbers, from a step of a small layer whose parameters, inputs and state are random.

    Args:
        cell: of one layer.
        held: whether the h that products read is held fixed.
    """
    rng = np.random.default_rng(0)
    layer = Recurrent(cell, 2, UNITS, dtype=np.float64, rng=0)
    layer.params.flat[:] = rng.uniform(0.2, 0.9, layer.params.flat.size)
    parts = [rng.uniform(0.2, 0.8, (1, 1, size)) for size in (UNITS, layer.c_size) if size]
    tape = layer.forward(rng.uniform(0.2, 0.8, (1, 1, 2)), tuple(parts) if len(parts) > 1 else parts[0])[2]
    n, strand, w = state_features(layer), tape.strands[0][0], weights_of(layer, 0, held)
    found = one_step(layer, w, strand, np.eye(n)[:, :, None])
    J = np.concatenate([part for part in (found.dh, found.dc) if part is not None])[:, :, 0].T
    count = n // UNITS
    blocks = J.reshape(count, UNITS, count, UNITS)
    carried = tuple(part for part in range(count) if blocks[:, :, part].any())
    own, others = np.eye(UNITS, dtype=bool), ~np.eye(UNITS, dtype=bool)
    reads: Any = blocks[list(carried)][:, :, list(carried)].swapaxes(1, 2)[..., others].any()
    for name, f in strand_factors(cell, w, strand, found).items():
        F = contract(f, "bk")[0].reshape(count, UNITS, -1, UNITS)[list(carried)]
        reads = reads or (name != cell.projection and F.swapaxes(1, 2)[..., ~own].any())
    return None if reads else carried


def weights_of(layer: Recurrent, l: int, held: bool) -> Weights:
    """The weights of a layer; with held, of one whose products take no h and hand no adjoint back to it."""
    w = layer.weights(l, 0)
    if not held:
        return w
    W = w.W.copy()
    W[: w.state] = 0
    return w._replace(W=W)


def one_step(layer: Recurrent, w: Weights, strand: Strand, upstream: Array) -> Adjoints:
    """The adjoints of a strand of one step, from (P + C, K, B) of the state after it."""
    P = layer.state_size
    return backward(layer.cell, w, strand, None, upstream[:P], upstream[P:] if layer.c_size else None)


class Carried(NamedTuple):
    """One layer of a stack, and what its units carry."""

    layer: Recurrent
    l: int
    parts: tuple[int, ...]
    held: bool

    def step(self, tape: Tape, before: Traces) -> Traces:
        """The traces after the one step on the tape, from those before."""
        layer, strand = self.layer, tape.strands[self.l][0]
        w, shape = weights_of(layer, self.l, self.held), (len(self.parts), strand.s.shape[2])
        basis = np.zeros_like(strand.s, shape=(layer.state_size + layer.c_size, *shape))
        for k, part in enumerate(self.parts):
            basis[self._rows(part), k] = 1
        if not self.parts:
            return {}
        found, made = one_step(layer, w, strand, basis), {}
        j = self._by_part(found.dh, found.dc)
        for name, f in strand_factors(layer.cell, w, strand, found).items():
            if name != layer.cell.projection:
                full = f"{name}{suffix(self.l, 0)}"
                made[full] = contract(f, "bk")
                if full in before:
                    made[full] += np.einsum("ukpb,bp...u->bk...u", j, before[full])  # (O7)
        return made

    def worth(self, adjoints: Adjoints, traces: Traces) -> Traces:
        """The sum of what the state before a step is worth to the losses, times how it came about."""
        q, ending = self._by_part(adjoints.dh, adjoints.dc), suffix(self.l, 0)
        own = {name: part for name, part in traces.items() if ENDING.search(name).group() == ending}  # type: ignore[union-attr]
        return {name: np.einsum("upb,bp...u->...u", q, part) for name, part in own.items()}  # (O8)

    def _rows(self, part: int) -> slice:
        P, H = self.layer.state_size, self.layer.hidden_size
        return slice(P + (part - 1) * H, P + part * H) if part else slice(0, P)

    def _by_part(self, dh: Array, dc: Array | None) -> Array:
        """(H, [K,] m, B): the carried parts of an adjoint of the state."""
        whole = dh if dc is None else array_module(dh).concatenate([dh, dc])
        return np.stack([whole[self._rows(part)] for part in self.parts], axis=-2)


def run_traces(
    method: str,
    held: bool,
    layer: Recurrent,
    x: Array,
    dy: Array | LossGradient,
    state: Any,
    lengths: Array | None,
    dstate: Any,
    traces: Traces | None,
    dc: Any,
) -> Online:
    """Runs all steps forward with their traces; the other arguments are rtrl's."""
    parts = _required(method, layer, held)
    steps, batch, lengths = check_sequence(layer, x, dy if callable(dy) else array("dy", dy), state, lengths, dstate)
    dcs = check_dc(dc, layer, steps, batch) or [None] * layer.num_layers
    traces = {} if traces is None else _checked_traces(layer, traces, batch, len(parts))
    rows = [Carried(layer, l, parts, held) for l in range(layer.num_layers)]
    grads, outputs = Parameters(layer.params.layout, np.zeros_like(layer.params.flat)), []
    last = _Last(layer, dstate, last_steps(has_step(lengths, steps, batch)))
    last.check(parts, traces)
    _add(grads, rows, last.adjoints(-1), traces)
    for t in range(steps):
        y, state, tape = layer.forward(x[t : t + 1], state, lengths_at(lengths, t))
        received = last.adjoints(t)
        received[-1].dh[...] += output_gradient(dy, t, y[0], lengths).T
        for own, given in zip(received, dcs, strict=True):
            if given is not None:
                own.dc[...] += running_rows(given[t], t, lengths).T
        found = _backward(layer, tape, received, held)
        grads.flat += layer.gradients(found, tape)[2].flat
        _add(grads, rows, [row[0] for row in found], traces)
        traces = {name: part for row in rows for name, part in row.step(tape, traces).items()}
        outputs.append(y)
    return Online(grads, join_outputs(layer, outputs, batch), state, traces)


def _required(method: str, layer: Recurrent, held: bool) -> tuple[int, ...]:
    """The parts that are carried. Raises ValueError where units read each other."""
    parts = carried_parts(layer.cell, held)
    if parts is None:
        how = "whose parameters act on one unit each" if held else "whose units do not read each other"
        raise ValueError(f"{method} needs a cell {how}, such as {ALONE[held]}, got {layer}; use rtrl or snap")
    return parts


class _Last:
    """The loss's derivative by the last state, each sequence's at the step that made it."""

    def __init__(self, layer: Recurrent, dstate: Any, last: np.ndarray):
        self.layer, self.last = layer, last
        self.h, self.c = layer.checked_state("dstate", dstate, len(last))
        self.given = dstate is not None

    def check(self, parts: tuple[int, ...], traces: Traces) -> None:
        """Raises ValueError where a sequence has no step here, and its h no trace of those it has had before."""
        if not (self.given and traces and 0 not in parts and np.any(self.last < 0)):
            return
        if np.any(to_host(self.h)[:, self.last < 0] != 0):
            raise ValueError(
                "dstate of h must be 0 for a sequence without a step, since this cell's h is not carried and has no "
                "trace; give it together with the step that made it"
            )

    def adjoints(self, t: int) -> list[Adjoints]:
        """New arrays (., B) of every layer, zero but for the sequences whose last step this is; -1: that have none."""
        xp = array_module(self.h)
        here = xp.asarray(self.last == t)
        c = [None] * len(self.h) if self.c is None else [np.where(here, part.T, 0) for part in self.c]
        return [Adjoints(h, None, np.where(here, h, 0), own) for h, own in zip(self.h.swapaxes(1, 2), c, strict=True)]


def _backward(layer: Recurrent, tape: Tape, received: list[Adjoints], held: bool) -> Rows:
    """The adjoints of the one step on the tape, in all layers, and of the state before it."""
    around = lambda l, d: (weights_of(layer, l, held), lambda step: step)  # noqa: E731
    return adjoints_of(layer, tape, None, [a.dh for a in received], [a.dc for a in received], around=around)


def _add(grads: Parameters, rows: list[Carried], adjoints: list[Adjoints], traces: Traces) -> None:
    for row, own in zip(rows, adjoints, strict=True) if traces else ():
        for name, part in row.worth(own, traces).items():
            grads[name] = grads[name] + part


def _checked_traces(layer: Recurrent, traces: Any, batch: int, parts: int) -> Traces:
    """Raises TypeError or ValueError for what are no traces of an earlier call."""
    wanted = [name for name in layer.params if parts and ENDING.sub("", name) != layer.cell.projection]
    if set(mapping("influence", traces)) != set(wanted):
        raise ValueError(
            f"influence must have the names {', '.join(wanted)}, got {list(traces)!s:.300}; give that of Online"
        )
    xp = array_module(layer.params.flat)
    return {
        name: check_array(
            f"influence[{name!r}]", traces[name], (batch, parts, *layer.params[name].shape), layer.dtype, xp
        )
        for name in wanted
    }
