"""Markov chains, against counts and paths that are written out."""

from itertools import pairwise, product
from math import inf, log

import numpy as np
import pytest

from npseq.models.counting.markov import log_prob, propagate, sample_states, stationary, transition_matrix

WEATHER = np.array([[0.9, 0.1], [0.5, 0.5]])
START = np.array([0.25, 0.75])


def test_counted_transitions():
    states = np.array([0, 0, 1, 2, 0, 1, 0])
    np.testing.assert_array_equal(transition_matrix(states, 3), [[1 / 3, 2 / 3, 0], [0.5, 0, 0.5], [1, 0, 0]])
    P = transition_matrix(states, 4, smoothing=2.0)
    assert P[0].tolist() == [(1 + 0.5) / 5, (2 + 0.5) / 5, 0.5 / 5, 0.5 / 5]
    assert P[3].tolist() == [0.25] * 4
    np.testing.assert_array_equal(transition_matrix(states.astype(np.uint64), 4, smoothing=2.0), P)


def test_log_prob():
    assert log_prob(np.array([1, 0, 0, 1]), START, WEATHER) == pytest.approx(log(0.75 * 0.5 * 0.9 * 0.1), rel=1e-14)
    assert log_prob(np.array([1]), START, WEATHER) == pytest.approx(log(0.75), rel=1e-14)
    assert log_prob(np.array([0, 1]), START, np.eye(2)) == -inf


def test_dynamic_programming_against_all_paths():
    rng = np.random.default_rng(0)
    P, start = rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(3))
    expected = np.zeros(3)
    for path in product(range(3), repeat=5):
        expected[path[-1]] += start[path[0]] * np.prod([P[i, j] for i, j in pairwise(path)])
    after = propagate(start, P, 4)
    assert after.shape == (5, 3)
    np.testing.assert_allclose(after[4], expected, rtol=1e-13)
    np.testing.assert_array_equal(after[0], start)


def test_stationary():
    np.testing.assert_allclose(stationary(WEATHER), [5 / 6, 1 / 6], rtol=1e-14)
    np.testing.assert_allclose(stationary(np.array([[0.0, 1], [1, 0]])), [0.5, 0.5], rtol=1e-14)  # it never settles
    assert stationary(WEATHER.astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match="must have one stationary distribution, got 2: it falls into parts"):
        stationary(np.eye(2))


def test_sampling():
    states = sample_states(START, WEATHER, 20_000, rng=0)
    np.testing.assert_allclose(transition_matrix(states, 2), WEATHER, atol=0.02)
    assert states[:50].tolist() == sample_states(START, WEATHER, 50, rng=0).tolist()
    assert set(sample_states(np.array([0.0, 1, 0]), np.eye(3), 9, rng=0).tolist()) == {1}


@pytest.mark.parametrize(
    ("initial", "transition", "message"),
    [
        (START, WEATHER[:1], r"transition must have shape \(S, S\), got \(1, 2\)"),
        (START[:1], WEATHER, r"initial must have shape \(2,\), one entry a state, got \(1,\)"),
        (START, WEATHER + 0.1, "each row of transition must be at least 0 and add up to 1"),
        (np.array([2.0, -1.0]), WEATHER, "each row of initial must be at least 0"),
        (np.array([0.5, 0.5 + 1e-9]), WEATHER, "each row of initial must be at least 0 and add up to 1"),
    ],
)
def test_a_chain_refuses(initial, transition, message):
    for call in (lambda: propagate(initial, transition, 1), lambda: log_prob(np.array([0]), initial, transition)):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: transition_matrix(np.array([0, 1]), 2), ValueError, "nothing follows state 1; use smoothing"),
        (lambda: transition_matrix(np.array([0, 2]), 2), ValueError, "states must be in \\[0, 2\\), got 2 at"),
        (
            lambda: transition_matrix(np.array([0.5]), 2),
            TypeError,
            r"states must be integers, got float64",
        ),
        (lambda: stationary([[1.0]]), TypeError, "transition must be a NumPy or CuPy array of numbers, got list"),
        (lambda: transition_matrix([0, 1], 2), TypeError, "states must be a NumPy or CuPy array of numbers, got list"),
        (
            lambda: transition_matrix(np.array([0, 1]), 2, smoothing=-1.0),
            ValueError,
            r"smoothing must lie in \[0, inf\), got -1",
        ),
        (lambda: log_prob(np.array([-1]), START, WEATHER), ValueError, "states must be in \\[0, 2\\), got -1 at"),
        (lambda: propagate(START, WEATHER, -1), ValueError, "steps must be an integer of at least 0, got -1"),
        (lambda: sample_states(START, WEATHER, 0), ValueError, "length must be a positive integer, got 0"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
