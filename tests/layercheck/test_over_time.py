"""A gradient that is wrong at some steps in time is refused, however small it is there, and a right one never."""

from __future__ import annotations

import numpy as np
import pytest
from layercheck.small_layers import numbers

import npseq as ns
from npseq.layercheck.check import layer_problem
from npseq.layercheck.over_time import judged, measured

CELLS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}
D, H = 2, 3


def problem_of(cell, steps, lengths=None, **options):
    layer = CELLS[cell](D, H, **{"dtype": np.float64, "rng": 0, **options})
    x = numbers(steps, 2, D)
    return layer, x, layer_problem(layer, x, start_of(layer), lengths)


def start_of(layer):
    """Initial states other than zero, or the recurrent weights do nothing at the first step."""
    h = numbers(layer.num_layers * layer.directions, 2, H, seed=1)
    return (h, h + 1) if isinstance(layer, ns.LSTM) else h


def wrong(time, known, gradient):
    """The names of the tensors that are wrong, where rounding excuses nothing."""
    strict = time._replace(gradient=gradient, rounding=lambda dy: {name: 0 * v for name, v in known.directions.items()})
    return {name for name, found in judged(strict, known).items() if any(f.wrong.any() for f in found)}


def backward(layer, x, state, dy, **options):
    dx, dstate, grads = layer.backward(dy, layer.forward(x, state)[2], **options)
    states = dstate if isinstance(dstate, tuple) else (dstate,)
    return {"x": dx, **dict(zip(("h0", "c0"), states, strict=False)), **{k: v.copy() for k, v in grads.items()}}


def cut_by_lag(layer, x, k):
    """Every path ends after k steps."""
    return lambda dy: backward(layer, x, start_of(layer), dy, truncation=ns.Truncated(k))


def cut_in_blocks(layer, x, k):
    """The state is detached after every k steps."""

    def gradient(dy):
        state, parts = start_of(layer), []
        for start in range(0, len(x), k):
            parts.append(backward(layer, x[start : start + k], state, dy[start : start + k]))
            state = layer.forward(x[start : start + k], state)[1]
        total = {name: sum(part[name] for part in parts) for name in parts[0]}
        return {
            **total,
            "x": np.concatenate([p["x"] for p in parts]),
            **{n: parts[0][n] for n in ("h0", "c0") if n in total},
        }

    return gradient


def cut_sums(layer, x, k):
    """Parameters are summed over the last k steps alone; everything else is right."""

    def gradient(dy):
        right = backward(layer, x, start_of(layer), dy)
        late = backward(layer, x[len(x) - k :], layer.forward(x[: len(x) - k], start_of(layer))[1], dy[len(x) - k :])
        return {**right, **{name: late[name] for name in layer.params}}

    return gradient


CUTS = {"by lag": cut_by_lag, "in blocks": cut_in_blocks, "sums": cut_sums}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [20, *(pytest.param(steps, marks=pytest.mark.long) for steps in (50, 100, 300))])
def test_every_cut_is_refused_and_the_right_gradient_is_not(cell, steps):
    layer, x, problem = problem_of(cell, steps)
    known = measured(problem.time, problem.at, np.random.default_rng(0))
    assert wrong(problem.time, known, problem.time.gradient) == set()
    assert wrong(problem.time, known, lambda dy: backward(layer, x, start_of(layer), dy)) == set()
    for k in range(1, steps):
        assert "x" in wrong(problem.time, known, cut_by_lag(layer, x, k)), k
    for k in (1, 2, steps // 2, steps - 1):
        assert "x" in wrong(problem.time, known, cut_in_blocks(layer, x, k)), k
        assert wrong(problem.time, known, cut_sums(layer, x, k)) == set(layer.params), k


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_late_and_the_first_step_only(cell):
    layer, x, problem = problem_of(cell, 60)
    known = measured(problem.time, problem.at, np.random.default_rng(0))

    def late(dy):
        return backward(layer, x, None, np.concatenate([dy[:-1], 0 * dy[-1:]]))

    def first(dy):
        right = backward(layer, x, start_of(layer), dy)
        return {**right, "x": np.concatenate([-3 * right["x"][:1], right["x"][1:]])}

    def state(dy):
        right = backward(layer, x, start_of(layer), dy)
        return {**right, "h0": 1.001 * right["h0"]}

    assert set(layer.params) | {"x", "h0"} <= wrong(problem.time, known, late)
    assert wrong(problem.time, known, first) == {"x"}
    assert wrong(problem.time, known, state) == {"h0"}


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_layer_with_a_cut_is_refused_with_the_step(cell, monkeypatch):
    own = CELLS[cell].backward
    layer, x = CELLS[cell](1, 2, dtype=np.float64, rng=0), numbers(60, 1, 1)
    layer.params.flat[...] *= 0.5
    assert ns.gradcheck_layer(layer, x)
    monkeypatch.setattr(
        CELLS[cell],
        "backward",
        lambda self, dy, tape, dstate=None, _=None: own(self, dy, tape, dstate, ns.Truncated(55)),
    )
    report = ns.gradcheck_layer(layer, x)
    rows = {row.name: row for row in report.tensors}
    assert not report
    assert rows["x"].status == rows["h0"].status == "fail"
    assert rows["x"].note.startswith("wrong where the loss is at step 59 alone: at steps 0 to 4 of 60, where it is ")
    assert report.note.startswith(
        "dx is right after step 4 and wrong at it, in sequence 0: look at step 4 of the backward loop"
    )
    assert rows["x"].error > 0.1


def test_sequences_of_other_lengths_are_judged_each_on_its_own_scale():
    """A short sequence beside a long one, whose gradient has vanished where the short one's is large."""
    _, _, problem = problem_of("rnn", 70, lengths=np.array([3, 70]))
    known = measured(problem.time, problem.at, np.random.default_rng(0))
    assert [steps.tolist() for steps in known.losses] == [[0, 0], [1, 1], [1, 34], [2, 69]]

    def gradient(dy):
        right = problem.time.gradient(dy)
        return {**right, "x": right["x"] * np.array([1.0, 1.0 + 1e-6])[:, None]}

    assert wrong(problem.time, known, problem.time.gradient) == set()
    assert wrong(problem.time, known, gradient) == {"x"}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "options", [{"num_layers": 2}, {"bidirectional": True}, {"num_layers": 2, "bidirectional": True}]
)
def test_stacks_and_two_directions_pass(cell, options):
    layer, x, _ = problem_of(cell, 8, **options)
    report = ns.gradcheck_layer(layer, x, lengths=np.array([8, 3]))
    assert report, report


def test_what_float64_cannot_hold_is_not_judged():
    layer, x, problem = problem_of("rnn", 300)
    layer.params["W_hh"][...] *= 1e-3
    problem = layer_problem(layer, x)
    known = measured(problem.time, problem.at, np.random.default_rng(0))
    assert np.abs(known.slopes["x"][-1]).min() < 1e-290
    assert wrong(problem.time, known, problem.time.gradient) == set()
    assert wrong(problem.time, known, cut_by_lag(layer, x, 60)) >= {"x"}


def test_ids_and_truncations_are_judged_too():
    layer = ns.GRU(5, H, dtype=np.float64, rng=0)
    report = ns.gradcheck_layer(layer, np.random.default_rng(0).integers(0, 5, (30, 2)))
    assert report, report
    report = ns.gradcheck_layer(ns.LSTM(D, H, dtype=np.float64, rng=0), numbers(30, 2, D), truncation=ns.Truncated(4))
    assert report, report
