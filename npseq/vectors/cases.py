"""The cases: every cell and variant, one and two layers and directions, full and ragged lengths, states, truncations.

A case is the same on every machine and in every version: its numbers are drawn from its name. All of them are multiples
of 1/64 in [-1, 1], which float32, float16 and bfloat16 hold exactly.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from random import Random
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import one_of
from npseq.bptt.truncation import Truncated
from npseq.layers.gru import GRU
from npseq.layers.lstm import LSTM
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNN

LAYERS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
VARIANTS: dict[str, dict[str, Any]] = {
    "rnn": {},
    "rnn-relu": {"nonlinearity": "relu"},
    "gru": {},
    "gru-before": {"reset": "before"},
    "lstm": {},
    "lstm-peepholes": {"peepholes": True},
    "lstm-projection": {"proj_size": 2},
}
GRID: tuple[dict[str, dict[str, Any]], ...] = (  # the words of a case's name, and what each means; "" is the plain one
    {"": {}, "two-layers": {"num_layers": 2}},
    {"": {}, "bidirectional": {"bidirectional": True}},
    {"": {}, "ragged": {"lengths": (3, 5, 1, 4)}},
    {"": {}, "states": {"states": True}},
)
EDGES: dict[str, dict[str, Any]] = {
    "one-step": {"steps": 1},
    "one-sequence": {"batch": 1},
    "no-bias": {"bias": False},
    "empty-sequence": {"lengths": (5, 0, 2, 0)},
}


class Case(NamedTuple):
    """T, B and D, what the layer is, and what is given to it."""

    name: str
    cell: str
    options: dict[str, Any]  # of the layer
    steps: int = 5
    batch: int = 4
    features: int = 2
    hidden: int = 3
    lengths: tuple[int, ...] = ()  # () is all steps
    states: bool = False  # whether there are initial states, and upstream gradients of the last ones
    truncated: int = 0  # the steps of Truncated; 0 is none


class Problem(NamedTuple):
    """A case with its numbers, in float64 and under npseq's names."""

    case: Case
    layer: Recurrent
    inputs: dict[str, np.ndarray]  # x, lengths, h0, c0, dy, dh, dc; c0 and dc of an LSTM alone


def cases(cells: Iterable[str] = ()) -> list[Case]:
    """Returns all cases, or those of some cells. Raises ValueError for a cell that is none of rnn, gru, lstm."""
    wanted = [one_of("cell", cell, tuple(LAYERS)) for cell in cells]
    return [case for case in _all() if not wanted or case.cell in wanted]


def _all() -> Iterator[Case]:
    for variant in VARIANTS:
        for words in product(*GRID):
            yield _case(variant, *((word, axis[word]) for axis, word in zip(GRID, words, strict=True) if word))
        states = ("states", {"states": True})
        yield _case(variant, states, ("truncated", {"truncated": 2}))
        everything = [(word, axis[word]) for axis in GRID for word in axis if word]
        yield _case(variant, *everything, ("truncated", {"truncated": 3}))
    yield _case("lstm-peepholes", ("projection", VARIANTS["lstm-projection"]), ("states", {"states": True}))
    for cell, (word, what) in product(LAYERS, EDGES.items()):
        yield _case(cell, (word, what), ("states", {"states": True}))


def _case(variant: str, *words: tuple[str, dict[str, Any]]) -> Case:
    fields: dict[str, Any] = {}
    options = dict(VARIANTS[variant])
    for _, meaning in words:
        for name, value in meaning.items():
            (fields if name in Case._fields else options)[name] = value
    return Case("-".join([variant, *(word for word, _ in words)]), variant.partition("-")[0], options, **fields)


def problem(case: Case) -> Problem:
    """Returns the layer and the arrays of a case."""
    size = case.features, case.hidden
    layer = LAYERS[case.cell](*size, **case.options, dtype=np.float64, rng=0)
    for name, value in layer.params.items():
        layer.params[name] = _numbers(case, name, value.shape)
    strands, P = layer.num_layers * layer.directions, layer.state_size
    inputs = {
        "x": _numbers(case, "x", (case.steps, case.batch, case.features)),
        "lengths": np.array(case.lengths or [case.steps] * case.batch),
        "dy": _numbers(case, "dy", (case.steps, case.batch, layer.directions * P)),
    }
    for part, width in (("h", P), ("c", case.hidden)) if case.cell == "lstm" else (("h", P),):
        for name in (f"{part}0", f"d{part}"):
            inputs[name] = _numbers(case, name, (strands, case.batch, width)) * case.states
    return Problem(case, layer, inputs)


def computed(given: Problem) -> dict[str, np.ndarray]:
    """Returns npseq's own answer: y, h, c, dx, dh0, dc0, and the derivative by each parameter under its plain name."""
    layer, inputs = given.layer, given.inputs
    state, dstate = (_state(inputs, names) for names in (("h0", "c0"), ("dh", "dc")))
    y, last, tape = layer.forward(inputs["x"], state, inputs["lengths"])
    truncation = Truncated(given.case.truncated) if given.case.truncated else None
    dx, dfirst, grads = layer.backward(inputs["dy"], tape, dstate, truncation)
    states = {"h": last, "dh0": dfirst}
    if given.case.cell == "lstm":
        states = dict(zip(("h", "c", "dh0", "dc0"), (*last, *dfirst), strict=True))
    return {"y": y, **states, "dx": dx, **grads}


def _state(inputs: dict[str, np.ndarray], names: tuple[str, str]) -> Any:
    h, c = (inputs.get(name) for name in names)
    return h if c is None else (h, c)


def _numbers(case: Case, name: str, shape: tuple[int, ...]) -> np.ndarray:
    draw = Random(f"{case.name} {name}").random  # Python promises the same numbers for the same text
    return np.array([int(129 * draw()) - 64 for _ in range(prod(shape))]).reshape(shape) / 64
