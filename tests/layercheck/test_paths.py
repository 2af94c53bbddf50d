"""Parameters that lack paths of a long lag are refused and what is missing is named, and right ones never are."""

from __future__ import annotations

import numpy as np
import pytest
from layercheck.small_layers import numbers

import npseq as ns
from npseq.layercheck.check import elsewhere, layer_problem
from npseq.layercheck.memory import Memory, long_memory
from npseq.layercheck.over_time import is_state
from npseq.layercheck.paths import judged_there, measured_there

CELLS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
D, H = 2, 3


def there_of(layer, x, lengths=None):
    problem = layer_problem(layer, x, None, lengths)
    states = [name for name in problem.at if is_state(name)]
    point = long_memory(Memory(problem.time.outputs, problem.at, states, problem.time.there), problem.at)
    return elsewhere(layer, x, lengths, None)(point.at)


def parameters(layer, x, dy, cut=None, start=0):
    """The gradients of parameters, by the paths of lag less than cut, through step `start` and later ones."""
    state = layer.forward(x[:start])[1]
    truncation = None if cut is None else ns.Truncated(cut)
    return layer.backward(dy[start:], layer.forward(x[start:], state)[2], None, truncation)[2]


def wrong(there, numeric, **options):
    strict = there.time._replace(
        gradient=lambda dy: parameters(there.layer, there.x, dy, **options),
        rounding=lambda dy: {name: 0 * v for name, v in numeric.known.directions.items()},
    )
    found = judged_there(strict, numeric)
    return {name for name, judgements in found.items() if any(each.wrong.any() for each in judgements)}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [20, *(pytest.param(steps, marks=pytest.mark.long) for steps in (50, 100, 300))])
def test_every_cut_of_parameters_alone_is_refused(cell, steps):
    layer, x = CELLS[cell](D, H, dtype=np.float64, rng=0), numbers(steps, 2, D)
    there = there_of(layer, x)
    numeric = measured_there(there, list(layer.params))
    inputs = {name for name in layer.params if not name.startswith("W_h")}
    assert wrong(there, numeric) == set()
    for k in range(1, steps):
        of_step_0 = {"W_xf", "b_f", "W_xr", "b_r"}  # which the zero state before it multiplies
        assert wrong(there, numeric, cut=k) >= inputs - (of_step_0 if k == steps - 1 else set()), k
        assert wrong(there, numeric, start=k) >= inputs - (of_step_0 if k == 1 else set()), k


def layer_without(cell, words):
    """A layer whose backward leaves paths of its parameters out."""
    base = CELLS[cell]

    class Wrong(base):
        def backward(self, dy, tape, dstate=None, truncation=None):
            dx, before, grads = super().backward(dy, tape, dstate, truncation)
            for name, value in self.without(dy, tape, dstate).items():
                grads[name][...] = value
            return dx, before, grads

        def without(self, dy, tape, dstate):
            grads = {name: value.copy() for name, value in super().backward(dy, tape, dstate)[2].items()}
            kind, n = words
            if kind == "lag":
                return {k: v.copy() for k, v in super().backward(dy, tape, dstate, ns.Truncated(n))[2].items()}
            late = [{k: v.copy() for k, v in self.later(dy, dstate, t).items()} for t in (n, n + 1)]
            if kind == "before":
                return late[0]
            if kind == "after":
                return {name: grads[name] - late[0][name] for name in grads}
            return {name: grads[name] - late[0][name] + late[1][name] for name in grads}

        def later(self, dy, dstate, t):
            x = self.seen
            state = base.forward(self, x[:t])[1]
            return super().backward(dy[t:], base.forward(self, x[t:], state)[2], dstate)[2]

        def forward(self, x, *rest, **options):
            self.seen = x
            return super().forward(x, *rest, **options)

    return Wrong(D, H, dtype=np.float64, rng=0)


@pytest.mark.parametrize(
    ("cell", "words", "told"),
    [
        ("rnn", ("lag", 27), "paths of lag 27 or more are missing"),
        ("gru", ("lag", 27), "paths of lag 27 or more are missing"),
        ("lstm", ("lag", 27), "paths of lag 27 or more are missing"),
        ("gru", ("lag", 3), "paths of lag 3 or more are missing"),
        ("rnn", ("before", 1), "paths through step 0 are missing"),
        ("rnn", ("before", 5), "paths through steps 0 to 4 are missing"),
        ("rnn", ("after", 25), "paths through steps 25 to 29 are missing"),
        ("rnn", ("at", 7), "paths through step 7 are missing"),
        ("lstm", ("at", 7), "paths through step 7 are missing"),
    ],
)
def test_what_is_missing_is_named(cell, words, told):
    report = ns.gradcheck_layer(layer_without(cell, words), numbers(30, 1, D))
    rows = {row.name: row for row in report.tensors}
    name = {"rnn": "W_xh", "gru": "W_xn", "lstm": "W_xg"}[cell]
    assert rows["x"].passed
    assert (rows[name].status, rows[name].where) == ("fail", told), report
    assert told in report.verdict
    assert "dx is right at every step: look at the sums over time" in report.note


def test_a_point_with_a_long_memory_is_told():
    report = ns.gradcheck_layer(layer_without("rnn", ("lag", 59)), numbers(60, 1, D))
    (row,) = (row for row in report.tensors if row.name == "b_h")
    assert row.note.startswith("wrong where memory is long, at ")
    assert row.note.endswith(": paths of lag 59 or more are missing")
    assert "W_hh * " in row.note


def test_a_gate_that_alone_lacks_paths_is_refused(monkeypatch):
    right = ns.LSTM.backward

    def backward(self, dy, tape, dstate=None, truncation=None):
        dx, before, grads = right(self, dy, tape, dstate, truncation)
        dx, whole = dx.copy(), {name: value.copy() for name, value in grads.items()}
        cut = right(self, dy, tape, dstate, ns.Truncated(35))[2]
        for name in ("W_xf", "W_hf", "b_f"):
            whole[name] = cut[name].copy()
        return dx, before, whole

    layer = ns.LSTM(D, H, dtype=np.float64, rng=0)
    monkeypatch.setattr(ns.LSTM, "backward", backward)
    report = ns.gradcheck_layer(layer, numbers(40, 1, D))
    assert {row.name for row in report.tensors if not row.passed} == {"W_xf", "W_hf", "b_f"}
    assert "W_xf, W_hf, b_f (paths of lag 35 or more are missing)" in report.verdict


def test_a_cut_of_the_reverse_direction_is_refused(monkeypatch):
    right = ns.GRU.backward

    def backward(self, dy, tape, dstate=None, truncation=None):
        dx, before, grads = right(self, dy, tape, dstate, truncation)
        dx, whole = dx.copy(), {name: value.copy() for name, value in grads.items()}
        cut = right(self, dy, tape, dstate, ns.Truncated(22))[2]
        return dx, before, whole | {name: cut[name].copy() for name in cut if name.endswith("_reverse")}

    layer = ns.GRU(D, H, dtype=np.float64, rng=0, bidirectional=True)
    monkeypatch.setattr(ns.GRU, "backward", backward)
    report = ns.gradcheck_layer(layer, numbers(30, 2, D), lengths=np.array([30, 26]))
    assert {row.name for row in report.tensors if not row.passed} == {n for n in layer.params if n.endswith("_reverse")}


def test_a_layer_without_any_memory_passes_and_says_what_was_not_judged():
    layer = ns.RNN(D, H, dtype=np.float64, rng=0)
    layer.params["W_hh"][...] = 1e-4
    report = ns.gradcheck_layer(layer, numbers(20, 1, D))
    assert report, report
    assert report.note == "" or report.note.startswith("no point was found at which memory lasts over all steps")


def random_layer(rng):
    options = {"dtype": np.float64, "rng": int(rng.integers(1 << 30))}
    options["num_layers"], options["bidirectional"] = int(rng.integers(1, 3)), bool(rng.integers(2))
    layer = rng.choice(list(CELLS.values()))(int(rng.integers(1, 4)), int(rng.integers(1, 5)), **options)
    layer.params.flat[...] *= 10.0 ** rng.uniform(-0.7, 0.7)
    T, B = int(np.exp(rng.uniform(np.log(2), np.log(120)))), int(rng.integers(1, 4))
    return layer, rng.normal(size=(T, B, layer.input_size)), rng.integers(0, T + 1, B)


@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(3, 1000), marks=pytest.mark.long)])
def test_no_right_gradient_of_a_random_layer_is_refused(seeds):
    """Each tensor by step, each parameter at a point with a long memory."""
    from npseq.layercheck.over_time import judged, measured

    for seed in seeds:
        rng = np.random.default_rng(seed)
        layer, x, lengths = random_layer(rng)
        lengths = lengths if rng.integers(2) else None
        problem = layer_problem(layer, x, None, lengths)
        found = judged(problem.time, measured(problem.time, problem.at, rng))
        there = there_of(layer, x, lengths)
        numeric = measured_there(there, list(layer.params))
        for name, judgements in [*found.items(), *judged_there(there.time, numeric).items()]:
            assert not any(each.wrong.any() for each in judgements), (seed, name)
