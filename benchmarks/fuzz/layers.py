"""Recurrent layers: forward and backward, plain, with reused buffers, checkpointed, and two of them both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz import twin
from benchmarks.fuzz.arithmetic import Arithmetic
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.stacks import (
    Numbers,
    dy_of,
    expected,
    inputs_of,
    lengths_of,
    past,
    recurrent,
    sizes,
    state_for,
    state_of,
    truncation_of,
)
from benchmarks.fuzz.verdict import Case
from npseq.bptt.workspace import Workspace
from npseq.layers.checkpointing import Schedule, checkpointed

DTYPES = ("float32", "float64", "complex64", "complex128")
FORMS = ("plain", "reused", "checkpointed", "two")
ROWS = dict.fromkeys(("y", "h", "c", "dx", "dh", "dc"), 2)


def case(d: Draw) -> Case:
    """One layer, run by npseq."""
    form = d.of("form", FORMS, (5, 3, 2, 1))
    dtype = np.dtype(d.of("dtype", DTYPES, (10, 8, 1, 1)))
    ids = d.maybe("token ids", 0.35)
    features = d.of("V", (2, 5, 127, 135), (4, 4, 1, 2)) if ids else d.whole("D", 1, 6)
    return two(d, dtype, features, ids) if form == "two" else one(d, dtype, features, ids, form)


def numbers(d: Draw, layer: Any, ids: bool) -> Numbers:
    """What one layer is given."""
    steps, batch = sizes(d)
    lengths = lengths_of(d, steps, batch)
    padding = past(lengths, steps, batch)
    x = inputs_of(d, padding, layer.input_size, layer.dtype, ids)
    h, c = state_of(d, "state", layer, batch, (1.0, 100.0))
    return Numbers(x, h, c, lengths, dy_of(d, padding, layer), *state_of(d, "dstate", layer, batch, (1.0,)))


def one(d: Draw, dtype: Any, features: int, ids: bool, form: str) -> Case:
    layer, network = recurrent(d, features, dtype, one_way=form == "checkpointed")
    given = numbers(d, layer, ids)
    d.watch("params", layer.params.flat)
    truncation, (plan,) = (None, [None]) if form == "checkpointed" else truncation_of(d, [layer], len(given.x))
    if form == "checkpointed":
        found = in_pieces(d, layer, given)
    else:
        found = passes(d, layer, given, truncation, form == "reused")
    d.check_unwritten()
    refusals(d, layer, given)
    params = {name: value.copy() for name, value in layer.params.items()}

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        made = expected(new, network, params, given, layer, plan)
        return {name: array for name, array in made.items() if name in found}

    rival = None
    if truncation is None and twin.can(network, params, layer.dtype, given):
        rival = lambda: twin.passes(network, params, layer, given)  # noqa: E731
    return Case(found, ROWS, right, dtype, depth(layer, len(given.x)), rival)


def depth(layer: Any, steps: int) -> float:
    """Rounding units: a few for each step and layer on the way, and for each term of a product."""
    return 4 * (layer.num_layers * steps + 4) + layer.hidden_size + min(layer.input_size, 9)


def outputs(layer: Any, y: Any, last: Any, dx: Any, dstate: Any, grads: Any) -> dict[str, np.ndarray]:
    """Everything that came back, by name; copies."""
    both = isinstance(layer, ns.LSTM)
    parts = {"h": last[0], "c": last[1]} if both else {"h": last}
    parts |= {"dh": dstate[0], "dc": dstate[1]} if both else {"dh": dstate}
    parts |= {"y": y} | ({} if dx is None else {"dx": dx}) | dict(grads)
    return {name: np.array(value) for name, value in parts.items()}


def passes(d: Draw, layer: Any, given: Numbers, truncation: Any, reused: bool) -> dict[str, np.ndarray]:
    """Forward and backward, where `reused` with buffers that another batch has left."""
    tape = grads = workspace = None
    if reused:
        tape, grads, workspace = left_behind(d, layer, given)
    state, dlast = state_for(layer, given.h, given.c), state_for(layer, given.dh, given.dc)
    training = d.maybe("training", 0.2)
    y, last, tape = layer.forward(given.x, state, given.lengths, training=training, tape=tape)
    seen = y.tobytes()
    dx, dstate, got = layer.backward(given.dy, tape, dlast, truncation, grads=grads, workspace=workspace)
    if grads is not None and got is not grads:
        d.complaints.append("the gradients that were handed over are not those that came back")
    if y.tobytes() != seen:
        d.complaints.append("backward has written on y")
    found = outputs(layer, y, last, dx, dstate, got)
    if truncation is None and d.maybe("backward twice", 0.2):
        again = outputs(layer, y, last, *layer.backward(given.dy, tape, dlast, workspace=workspace))
        d.complaints += [f"the second backward has another {n}" for n in found if bits(found[n]) != bits(again[n])]
    for name, array in found.items():
        if array.dtype != layer.dtype:
            d.complaints.append(f"{name} is {array.dtype}, the layer {layer.dtype}")
    return found


def bits(array: np.ndarray) -> bytes:
    return array.tobytes()


def left_behind(d: Draw, layer: Any, given: Numbers) -> tuple[Any, Any, Any]:
    """A tape, gradients and a workspace of another batch, of the same shape or not; the gradients filled with nan."""
    steps, batch = given.x.shape[:2]
    if d.maybe("other shape before", 0.5):
        steps, batch = int(d.rng.integers(1, 9)), int(d.rng.integers(1, 5))
    x = np.zeros((steps, batch), np.int64) if d.rng.random() < 0.5 else d.numbers((steps, batch, layer.input_size),
                                                                                 layer.dtype)  # fmt: skip
    lengths = d.rng.integers(0, steps + 1, batch) if d.rng.random() < 0.5 else None
    grads, workspace = layer.params.like(np.full_like(layer.params.flat, np.nan)), Workspace()
    _, _, tape = layer.forward(x, None, lengths)
    dy = d.numbers((steps, batch, layer.output_size), layer.dtype)
    layer.backward(dy, tape, None, ns.Truncated(2) if d.rng.random() < 0.3 else None, workspace=workspace)
    return tape, grads, workspace


def in_pieces(d: Draw, layer: Any, given: Numbers) -> dict[str, np.ndarray]:
    """The gradient without a tape of all steps."""
    dy: Any = given.dy
    if dy is not None and d.maybe("dy by a function", 0.5):
        whole = dy
        dy = lambda first, y: whole[first : first + len(y)]  # noqa: E731
    schedule = None
    if d.maybe("schedule", 0.6):
        schedule = Schedule(d.whole("stride", 1, 5), d.whole("slots", 1, 4))
    state, dlast = state_for(layer, given.h, given.c), state_for(layer, given.dh, given.dc)
    made = checkpointed(layer, given.x, dy, state, given.lengths, dlast, schedule=schedule)
    nothing = (np.zeros(0),) * 2 if isinstance(layer, ns.LSTM) else np.zeros(0)
    found = outputs(layer, np.zeros(0), nothing, made.dx, made.dstate, made.grads)
    return {name: array for name, array in found.items() if name not in ("y", "h", "c")}


def refusals(d: Draw, layer: Any, given: Numbers) -> None:
    """A bool is no integer, anywhere."""
    steps, batch = given.x.shape[:2]
    if d.told["form"] == "checkpointed" and d.maybe("bool lengths", 0.1):
        flags = np.ones(batch, bool)
        d.refused("lengths of bool to checkpointed", lambda: checkpointed(layer, given.x, given.dy, None, flags))
    elif d.maybe("bool lengths", 0.05):
        d.refused("lengths of bool", lambda: layer.forward(given.x, None, np.ones(batch, bool)))
    if d.maybe("bool ids", 0.05):
        d.refused("ids of bool", lambda: layer.forward(np.zeros((steps, batch), bool)))


def two(d: Draw, dtype: Any, features: int, ids: bool) -> Case:
    """A Bidirectional of two layers, whose cells, widths and depths differ."""
    first, network_f = recurrent(d, features, dtype)
    told, d.told = d.told, {}
    second, network_b = recurrent(d, features, dtype)
    d.told = {**told, "backward": f"({d.about()})"}
    layer = ns.Bidirectional(first, second)
    steps, batch = sizes(d)
    lengths = lengths_of(d, steps, batch)
    padding = past(lengths, steps, batch)
    x, dy = inputs_of(d, padding, features, dtype, ids), dy_of(d, padding, layer)
    states = [state_of(d, f"state {n}", half, batch, (1.0, 100.0)) for n, half in ((1, first), (2, second))]
    dstates = [state_of(d, f"dstate {n}", half, batch, (1.0,)) for n, half in ((1, first), (2, second))]
    cut = first.output_size
    halves = [
        Numbers(x, *state, lengths, None if dy is None else part, *dstate)
        for state, part, dstate in zip(
            states, (None, None) if dy is None else (dy[..., :cut], dy[..., cut:]), dstates, strict=True
        )
    ]
    truncation, plans = truncation_of(d, [first, second], steps)
    pairs = [tuple(map(state_for, (first, second), *zip(*both, strict=True))) for both in (states, dstates)]
    y, last, tape = layer.forward(x, pairs[0], lengths)
    dx, dstate, grads = layer.backward(dy, tape, pairs[1], truncation)
    d.check_unwritten()
    found = {"y": np.array(y), **({} if dx is None else {"dx": dx})}
    names = ("forward", "backward")
    for k, (name, half) in enumerate(zip(names, (first, second), strict=True)):
        own = {n.removeprefix(f"{name}."): g for n, g in grads.items() if n.startswith(f"{name}.")}
        got = outputs(half, y, last[k], None, dstate[k], own)
        found |= {f"{name}.{n}": array for n, array in got.items() if n != "y"}

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        made = [
            expected(new, network, half.params, given, half, plan, turned)
            for network, half, given, plan, turned in zip(
                (network_f, network_b), (first, second), halves, plans, (False, True), strict=True
            )
        ]
        out = {"y": np.concatenate([part["y"] for part in made], axis=-1)}
        out |= {} if dx is None else {"dx": made[0]["dx"] + made[1]["dx"]}
        for name, part in zip(names, made, strict=True):
            out |= {f"{name}.{n}": array for n, array in part.items() if n not in ("y", "dx")}
        return out

    rows = ROWS | {f"{name}.{part}": 2 for name in names for part in ("h", "c", "dh", "dc")}
    return Case(found, rows, right, dtype, max(depth(first, steps), depth(second, steps)))
