"""The search for a point with a long memory."""

from __future__ import annotations

import numpy as np
import pytest
from layercheck.small_layers import numbers

import npseq as ns
from npseq.layercheck.check import layer_problem
from npseq.layercheck.memory import ENOUGH, GOAL, Memory, long_memory
from npseq.layercheck.over_time import is_state


def memory_of(layer, x, lengths=None):
    problem = layer_problem(layer, x, None, lengths)
    states = [name for name in problem.at if is_state(name)]
    return Memory(problem.time.outputs, problem.at, states, problem.time.there), problem.at


def decaying(steps, factor):
    """A network whose state shrinks by a factor each step, exactly."""
    layer = ns.RNN(1, 1, dtype=np.float64, rng=0)
    layer.params["W_hh"][...] = factor
    layer.params["b_h"][...] = 0.0
    return layer, np.zeros((steps, 1, 1))


def test_the_spread_is_that_of_what_is_left_of_a_change():
    memory, at = memory_of(*decaying(11, 0.1))
    assert memory.spread(at) == pytest.approx(10.0)
    memory, at = memory_of(*decaying(11, 1.0))
    assert memory.spread(at) == pytest.approx(0.0)


def test_only_a_sequence_s_own_steps_count():
    layer, _ = decaying(11, 0.1)
    memory, at = memory_of(layer, np.zeros((11, 2, 1)), np.array([3, 1]))
    assert memory.spread(at) == pytest.approx(2.0)


def test_a_long_memory_is_left_alone():
    memory, at = memory_of(*decaying(11, 0.5))
    point = long_memory(memory, at)
    assert point.at is at
    assert (point.moves, point.passes) == ("", 1)
    assert point.spread < ENOUGH


@pytest.mark.parametrize(
    "layer",
    [
        ns.RNN(2, 3, dtype=np.float64, rng=0),
        ns.GRU(2, 3, dtype=np.float64, rng=0, num_layers=2),
        ns.LSTM(2, 3, dtype=np.float64, rng=0, bidirectional=True),
        ns.Bidirectional(ns.RNN(2, 3, rng=0), ns.GRU(2, 3, rng=1)),
        ns.Recurrent(ns.gallery.MGUCell(), 2, 3, dtype=np.float64, rng=0),
    ],
)
def test_a_short_one_is_made_long_by_moves_that_are_told(layer):
    memory, at = memory_of(layer, numbers(60, 2, 2))
    before = {name: value.copy() for name, value in at.items()}
    assert memory.spread(at) > ENOUGH
    point = long_memory(memory, at)
    assert point.spread <= GOAL
    assert memory.spread(point.at) == pytest.approx(point.spread)
    again = {name: value.copy() for name, value in at.items()}
    for move in point.moves.split(", "):
        name, kind, by = move.split(" ")
        again[name] = again[name] + float(by) if kind == "+" else again[name] * float(by)
    for name, value in point.at.items():
        np.testing.assert_allclose(again[name], value, rtol=2e-3, atol=2e-3)
        np.testing.assert_array_equal(at[name], before[name])
