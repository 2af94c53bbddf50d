"""Markov chains of first order: the next state depends on the present one, and on nothing before.

S states, numbered from 0; p (S,) a distribution over them; P (S, S) the transition matrix, P[i, j] the probability that
j follows i, so that each row adds up to 1. A sequence of states x_1 .. x_T has the probability

    P(x_1 .. x_T) = P(x_1) prod_{t=2..T} P(x_t | x_{t-1})
"""

from math import inf
from typing import Any

import numpy as np

from npseq.arguments import amount, array, check_room, integer, integers, within
from npseq.backend import Array, array_module, generator, to_host


def transition_matrix(states: Array, num_states: int, *, smoothing: float = 0.0) -> Array:
    """Returns P (S, S), float64, counted in states: P[i, j] = (n(i, j) + e / S) / (n(i) + e).

    Args:
        states: (T,), numbered from 0.
        num_states: S states.
        smoothing: e.

    Raises:
        TypeError: if states are no integers.
        ValueError: if a state is outside 0 to S - 1, smoothing is negative, or without smoothing nothing follows a
            state: its row would be 0 / 0.

    Example:
        >>> ns.models.counting.transition_matrix(np.array([0, 1, 0, 0, 1]), 2, smoothing=0)[0].round(3)
        array([0.333, 0.667])
    """
    num_states, smoothing = integer("num_states", num_states), within("smoothing", smoothing)
    check_room("the shape of the matrix", (num_states, num_states))
    states = _states(states, num_states).astype(np.int64)
    xp = array_module(states)
    pairs = states[:-1] * num_states + states[1:]
    counts = xp.bincount(pairs, minlength=num_states**2).reshape(num_states, num_states) + smoothing / num_states
    totals = counts.sum(axis=1)
    if (totals == 0).any():
        unseen = int((totals == 0).argmax())
        raise ValueError(f"every state must be followed by one, nothing follows state {unseen}; use smoothing > 0")
    shares: Array = counts / totals[:, None]
    return shares


def log_prob(states: Array, initial: Array, transition: Array) -> float:
    """Returns log P(x_1 .. x_T); -inf for what cannot happen.

    Args:
        states: (T,).
        initial: (S,), the distribution of x_1.
        transition: P, as `transition_matrix` returns it.

    Raises:
        TypeError, ValueError: if initial is no distribution, transition no transition matrix, or a state none of them.

    Example:
        >>> P = np.array([[0.5, 0.5], [1.0, 0.0]])
        >>> round(ns.models.counting.log_prob(np.array([0, 1, 0]), np.array([1.0, 0.0]), P), 3)
        -0.693
    """
    size = _check_chain(transition, array("initial", initial))
    states = _states(states, size)
    xp = array_module(states, initial, transition)
    p = xp.concatenate([initial[states[:1]], transition[states[:-1], states[1:]]])
    return float(xp.log(p).sum()) if bool((p > 0).all()) else -inf


def propagate(initial: Array, transition: Array, steps: int) -> Array:
    """Returns the distributions (steps + 1, S) after 0, 1, ..., steps transitions, by dynamic programming.

        p_{t+1}(j) = sum_i p_t(i) P[i, j]

    With a row of the identity as initial these are the probabilities of each state so many steps after that state, at a
    cost of steps S^2, where summing over every path would cost S^steps.

    Args:
        initial: (S,), the distribution before the first transition.
        transition: P, as `transition_matrix` returns it.
        steps: how many transitions.

    Raises:
        ValueError: if initial is no distribution, transition no transition matrix, or steps is negative.

    Example:
        >>> ns.models.counting.propagate(np.array([1.0, 0.0]), np.array([[0.5, 0.5], [1.0, 0.0]]), 2)[-1]
        array([0.75, 0.25])
    """
    _check_chain(transition, array("initial", initial))
    steps = amount("steps", steps, least=0)
    distributions = [initial]
    for _ in range(steps):
        distributions.append(distributions[-1] @ transition)
    found: Array = array_module(initial, transition).stack(distributions)
    return found


def stationary(transition: Array) -> Array:
    """Returns the distribution p (S,) with p = p P.

    It solves p (I - P) = 0 and sum p = 1 by least squares, on the host.

    Args:
        transition: P, as `transition_matrix` returns it.

    Raises:
        ValueError: if transition is no transition matrix, or there are several: the chain falls into parts.

    Example:
        >>> ns.models.counting.stationary(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3)
        array([0.667, 0.333])
    """
    size = _check_chain(transition)
    host = to_host(transition).astype(np.float64)
    system = np.vstack([np.eye(size) - host.T, np.ones((1, size))])
    p, _, rank, _ = np.linalg.lstsq(system, np.append(np.zeros(size), 1), rcond=None)
    if rank < size:
        raise ValueError(f"the chain must have one stationary distribution, got {size - rank + 1}: it falls into parts")
    found: Array = array_module(transition).asarray(p, dtype=transition.dtype)
    return found


def sample_states(initial: Array, transition: Array, length: int, *, rng: Any = None) -> np.ndarray:
    """Returns a sequence of states (length,), int64, drawn on the host.

    Args:
        initial: (S,), the distribution of the first state.
        transition: P, as `transition_matrix` returns it.
        length: how many states.
        rng: a seed or a Generator.

    Example:
        >>> ns.models.counting.sample_states(np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), 5)
        array([0, 1, 0, 1, 0])
    """
    _check_chain(transition, array("initial", initial))
    states = np.empty(amount("length", length), np.int64)
    row, rows = _thresholds(to_host(initial)), _thresholds(to_host(transition))
    for t, u in enumerate(generator(rng).random(length)):
        states[t] = row.searchsorted(u, side="right")
        row = rows[states[t]]
    return states


def _thresholds(rows: np.ndarray) -> np.ndarray:
    """Sums up to each state, up to exactly 1: a uniform u in [0, 1) falls to the first state whose sum is above it."""
    sums = rows.astype(np.float64).cumsum(axis=-1)
    shares: np.ndarray = sums / sums[..., -1:]
    return shares


def _check_chain(transition: Array, initial: Array | None = None) -> int:
    shape: tuple[int, ...] = array("transition", transition).shape
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"transition must have shape (S, S), got {shape}; P[i, j] is the probability of j after i")
    if initial is not None and array("initial", initial).shape != shape[:1]:
        raise ValueError(f"initial must have shape {shape[:1]}, one entry a state, got {initial.shape}")
    for name, rows in (("transition", transition), ("initial", initial)):
        if rows is not None and not _is_distribution(rows):
            raise ValueError(f"each row of {name} must be at least 0 and add up to 1, got sums {rows.sum(axis=-1)}")
    return shape[0]


def _is_distribution(rows: Array) -> bool:
    if rows.dtype.kind != "f":
        raise TypeError(f"probabilities must be real and floating, got {rows.dtype}; convert them with astype(float)")
    tolerance = 8 * rows.shape[-1] * np.finfo(rows.dtype).eps
    return bool((rows >= 0).all()) and bool((abs(rows.sum(axis=-1) - 1) <= tolerance).all())


def _states(states: Array, size: int) -> Array:
    if integers("states", states, size).ndim != 1 or len(states) == 0:
        raise ValueError(f"states must have shape (T,) with at least one state, got {states.shape}")
    return integers("states", states)
