"""Hidden Markov models: states that nobody sees, each of which makes what is seen.

S states; z_1 .. z_T a path of them, x_1 .. x_T what is seen. initial (S,) holds log P(z_1 = i), transition (S, S)
log P(z_{t+1} = j | z_t = i), emission (T, S) log P(x_t | z_t = i). They need not add up to 1: any scores will do, as in
a conditional random field, and -inf forbids. The posteriors are the gradient of log P(x_1 .. x_T) by these scores, and
the backward algorithm is backpropagation through the forward one: docs/derivations/hmm.md.
"""

from types import ModuleType
from typing import NamedTuple

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module


class Posteriors(NamedTuple):
    """log P(x_1 .. x_T), and its gradient by each of the scores, which is what x tells about the states."""

    log_prob: float | Array  # log of the sum over all paths; complex for complex scores
    initial: Array  # (S,), P(z_1 = i | x)
    transition: Array  # (S, S), how often j is expected to follow i: the sum of P(z_t = i, z_{t+1} = j | x)
    emission: Array  # (T, S), P(z_t = i | x)


def forward_backward(initial: Array, transition: Array, emission: Array) -> Posteriors:
    """Returns the probability of what is seen, and the posteriors of the states, at a cost of T S^2.

    Args:
        initial: (S,), log P(z_1 = i).
        transition: (S, S), log P(z_{t+1} = j | z_t = i).
        emission: (T, S), log P(x_t | z_t = i).

    Raises:
        TypeError: if one is no array of floats.
        ValueError: if shapes do not fit, a score is nan or infinity, or no path is possible.

    Example:
        >>> fair, loaded = np.log([1 / 6] * 6), np.log([0.1] * 5 + [0.5])
        >>> rolls = np.array([2, 6, 6, 6, 6, 1]) - 1
        >>> seen = np.stack([fair[rolls], loaded[rolls]], axis=1)
        >>> found = ns.models.counting.forward_backward(np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.1, 0.9]]), seen)
        >>> found.emission[:, 1].round(2).tolist()
        [0.77, 0.91, 0.95, 0.95, 0.91, 0.77]
    """
    xp = _checked(initial, transition, emission)
    alpha = [initial + emission[0]]  # (M1)
    for scores in emission[1:]:
        alpha.append(_log_sum(xp, alpha[-1][:, None] + transition) + scores)  # (M2)
    log_prob = _possible(_log_sum(xp, alpha[-1]))  # (M3)
    gamma, expected = xp.zeros_like(emission, dtype=log_prob.dtype), xp.zeros_like(transition, dtype=log_prob.dtype)
    gamma[-1] = xp.exp(alpha[-1] - log_prob)  # (M4)
    for t in reversed(range(len(emission) - 1)):
        reached = xp.where(xp.isfinite(alpha[t + 1]), alpha[t + 1], 0)  # no path comes to the others
        xi = gamma[t + 1] * xp.exp(alpha[t][:, None] + transition + (emission[t + 1] - reached))  # (M5)
        gamma[t] = xi.sum(axis=1)  # (M6)
        expected += xi
    value = log_prob if log_prob.dtype.kind == "c" else float(log_prob)
    return Posteriors(value, gamma[0].copy(), expected, gamma)


def viterbi(initial: Array, transition: Array, emission: Array) -> tuple[Array, float]:
    """Returns the likeliest path of states (T,), int64, and log P(path, x_1 .. x_T).

    Of equally likely ones it takes the state with the smallest number, from the last step back.

    Args:
        initial, transition, emission: as `forward_backward` takes them, real.

    Raises:
        TypeError, ValueError: as `forward_backward`.

    Example:
        >>> seen = np.log([[0.9, 0.2], [0.1, 0.8], [0.9, 0.2]])
        >>> path, log_prob = ns.models.counting.viterbi(np.log([0.5, 0.5]), np.log([[0.6, 0.4], [0.4, 0.6]]), seen)
        >>> path.tolist(), round(float(np.exp(log_prob)), 4)
        ([0, 1, 0], 0.0518)
    """
    xp = _checked(initial, transition, emission, kinds="f")
    delta, before = initial + emission[0], []  # (M10)
    for scores in emission[1:]:
        arrivals = delta[:, None] + transition
        before.append(arrivals.argmax(axis=0))
        delta = arrivals.max(axis=0) + scores  # (M11)
    log_prob, path = float(_possible(delta.max())), [delta.argmax()]
    for origins in reversed(before):
        path.append(origins[path[-1]])
    return xp.stack(path[::-1]).astype(np.int64), log_prob


def _log_sum(xp: ModuleType, scores: Array) -> Array:
    """log sum exp over the first axis; of nothing but -inf it is -inf. Complex scores are shifted by a real number."""
    top = scores.real.max(axis=0)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))  # NumPy 1 takes 0 for a float64
    with np.errstate(divide="ignore"):
        total: Array = xp.log(xp.exp(scores - shift).sum(axis=0)) + shift
        return total


def _possible(log_prob: Array) -> Array:
    if not bool(np.isfinite(log_prob.real)):
        raise ValueError("at least one path must be possible, got scores that make the sum over all paths 0")
    return log_prob


def _checked(initial: Array, transition: Array, emission: Array, kinds: str = "fc") -> ModuleType:
    scores = {"initial": initial, "transition": transition, "emission": emission}
    for name, value in scores.items():
        if array(name, value).dtype.kind not in kinds:
            raise TypeError(f"{name} must be logarithms, float32 or float64, got {value.dtype}")
    size, steps = initial.shape, emission.shape[:1]
    if len(size) != 1 or 0 in size or transition.shape != size * 2 or emission.shape != (*steps, *size):
        raise ValueError(
            "initial, transition and emission must have shapes (S,), (S, S) and (T, S), "
            f"got {initial.shape}, {transition.shape} and {emission.shape}"
        )
    if not len(emission):
        raise ValueError("emission must have at least one step, got none")
    xp = array_module(*scores.values())
    for name, value in scores.items():
        if bool((xp.isnan(value) | (value.real == np.inf)).any()):
            raise ValueError(f"{name} must hold logarithms, none nan or infinity; -inf is what is impossible")
    return xp
