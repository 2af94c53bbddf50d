"""Markov chains of first order: what comes next depends on what is there now, and on nothing before (A05).

S states, numbered from 0; p (S,) a distribution over them; P (S, S) the transition matrix, P[i, j] the probability that
j follows i, so that each row adds up to 1. A sequence of states x_1 .. x_T has the probability

    P(x_1 .. x_T) = P(x_1) prod_{t=2..T} P(x_t | x_{t-1})
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from npseq.arguments import integer
from npseq.backend import Array, array_module, generator, to_host


def transition_matrix(states: Array, num_states: int, smoothing: float = 0.0) -> Array:
    """P (S, S), float64, counted in states (T,): P[i, j] = (n(i, j) + e / S) / (n(i) + e), e = smoothing.

    Raises TypeError for states that are no integers, ValueError for states outside 0 to S - 1, a negative smoothing,
    and, without smoothing, for a state that nothing follows: its row would be 0 / 0.
    """
    states = _states(states, integer("num_states", num_states)).astype(np.int64)
    if not smoothing >= 0:
        raise ValueError(f"smoothing must not be negative, got {smoothing}")
    xp = array_module(states)
    pairs = states[:-1] * num_states + states[1:]
    counts = xp.bincount(pairs, minlength=num_states**2).reshape(num_states, num_states) + smoothing / num_states
    totals = counts.sum(axis=1)
    if (totals == 0).any():
        unseen = int((totals == 0).argmax())
        raise ValueError(f"every state must be followed by one, nothing follows state {unseen}; use smoothing > 0")
    return counts / totals[:, None]


def log_prob(states: Array, initial: Array, transition: Array) -> float:
    """log P(x_1 .. x_T) of states (T,), x_1 from initial (S,); -inf for what cannot happen.

    Raises ValueError for what is no distribution or no transition matrix, TypeError or ValueError for bad states.
    """
    size = _check_chain(transition, initial)
    states = _states(states, size)
    xp = array_module(states, initial, transition)
    p = xp.concatenate([initial[states[:1]], transition[states[:-1], states[1:]]])
    return float(xp.log(p).sum()) if bool((p > 0).all()) else -inf


def propagate(initial: Array, transition: Array, steps: int) -> Array:
    """The distributions (steps + 1, S) after 0, 1, ..., steps transitions, by dynamic programming.

        p_{t+1}(j) = sum_i p_t(i) P[i, j]

    With a row of the identity as initial: the probabilities of what is there so many steps after that state, at a cost
    of steps S^2, where summing over every path would cost S^steps. Raises ValueError as `log_prob`, and for steps < 0.
    """
    _check_chain(transition, initial)
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    distributions = [initial]
    for _ in range(steps):
        distributions.append(distributions[-1] @ transition)
    return array_module(initial, transition).stack(distributions)


def stationary(transition: Array) -> Array:
    """The distribution p (S,) with p = p P. Raises ValueError where there are several: the chain falls into parts.

    Solved as p (I - P) = 0 and sum p = 1 by least squares, on the host.
    """
    size = _check_chain(transition)
    host = to_host(transition)
    system = np.vstack([np.eye(size) - host.T, np.ones((1, size))])
    p, _, rank, _ = np.linalg.lstsq(system, np.append(np.zeros(size), 1), rcond=None)
    if rank < size:
        raise ValueError(f"the chain must have one stationary distribution, got {size - rank + 1}: it falls into parts")
    return array_module(transition).asarray(p, dtype=transition.dtype)


def sample_states(initial: Array, transition: Array, length: int, rng: Any = None) -> np.ndarray:
    """A sequence of states (length,), int64, drawn on the host."""
    _check_chain(transition, initial)
    states = np.empty(integer("length", length), np.int64)
    row, rows = _thresholds(to_host(initial)), _thresholds(to_host(transition))
    for t, u in enumerate(generator(rng).random(length)):
        states[t] = row.searchsorted(u, side="right")
        row = rows[states[t]]
    return states


def _thresholds(rows: np.ndarray) -> np.ndarray:
    """Sums up to each state, up to exactly 1: a uniform u in [0, 1) falls to the first state whose sum is above it."""
    sums = rows.astype(np.float64).cumsum(axis=-1)
    return sums / sums[..., -1:]


def _check_chain(transition: Array, initial: Array | None = None) -> int:
    shape = getattr(transition, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"transition must have shape (S, S), got {shape}; P[i, j] is the probability of j after i")
    if initial is not None and initial.shape != shape[:1]:
        raise ValueError(f"initial must have shape {shape[:1]}, one entry a state, got {initial.shape}")
    for name, rows in (("transition", transition), ("initial", initial)):
        if rows is not None and not _is_distribution(rows):
            raise ValueError(f"each row of {name} must be at least 0 and add up to 1, got sums {rows.sum(axis=-1)}")
    return shape[0]


def _is_distribution(rows: Array) -> bool:
    tolerance = 8 * rows.shape[-1] * np.finfo(rows.dtype).eps
    return bool((rows >= 0).all()) and bool((abs(rows.sum(axis=-1) - 1) <= tolerance).all())


def _states(states: Array, size: int) -> Array:
    if getattr(states, "dtype", np.dtype(object)).kind not in "iu" or states.ndim != 1 or len(states) == 0:
        given = f"{getattr(states, 'dtype', type(states).__name__)} {getattr(states, 'shape', '')}".strip()
        raise TypeError(f"states must be an integer array (T,) of at least one state, got {given}")
    if bool((states < 0).any()) or bool((states >= size).any()):
        raise ValueError(f"states must lie in 0 to {size - 1}, got {int(states.min())} to {int(states.max())}")
    return states
