"""Beam search: the likeliest sequences that can be found by keeping only a few prefixes at every step."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, array, function, integer, within
from npseq.backend import to_host


class Hypothesis(NamedTuple):
    """A prefix, without the token it began with; an ended one carries its end token."""

    tokens: tuple[int, ...]
    log_prob: float
    state: Any
    ended: bool = False

    def score(self, alpha: float) -> float:
        """Returns log P(y_1 .. y_L) / L^alpha; the end token is one of the L, so the empty sentence has a length too.

        Args:
            alpha: of the length penalty, 0 for none.
        """
        score: float = self.log_prob / max(len(self.tokens), 1) ** alpha
        return score


class BeamSearch(NamedTuple):
    """What a beam search found."""

    ranked: list[Hypothesis]  # the sequences that ended, and those that were cut off at max_steps, best first
    kept: list[list[tuple[int, ...]]]  # the prefixes that each step kept, d2l's candidates

    @property
    def best(self) -> Hypothesis:
        """The first of `ranked`."""
        return self.ranked[0]


Step = Callable[[Sequence[int], Sequence[Any]], tuple[np.ndarray, Sequence[Any]]]


def beam_search(
    step: Step, state: Any, begin: int, end: int | None, max_steps: int, *, beam_size: int = 2, alpha: float = 0.75
) -> BeamSearch:
    """Returns the sequences of at most max_steps tokens that a beam of beam_size prefixes finds.

    At each step all continuations of the kept prefixes compete and beam_size stay; those that end leave the beam.
    beam_size 1 is greedy search; beam_size V^(max_steps) leaves nothing out and is exhaustive search. Equally likely
    ones are taken in the order of their prefixes and tokens.

    Args:
        step: takes K prefixes' last tokens and states, and returns log P (K, V) of the next token and the K states
            after it.
        state: the one before the first token.
        begin: the first token.
        end: the token that ends a sequence; None is no token.
        max_steps: the most tokens of a sequence.
        beam_size: how many prefixes are kept.
        alpha: of the length penalty, 0 for none (Dive into Deep Learning, 10.8: 0.75).

    Raises:
        ValueError: if beam_size or max_steps is below 1.

    Example:
        >>> table = np.log([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2]])
        >>> def step(tokens, states): return table[list(tokens)], states
        >>> ns.models.beam_search(step, None, begin=0, end=None, max_steps=3).best.tokens
        (2, 1, 0)
    """
    function("step", step)
    beam_size = integer("beam_size", beam_size)
    max_steps = amount("max_steps", max_steps)
    begin = integer("begin", begin, -inf)
    end = None if end is None else integer("end", end, -inf)
    alpha = within("alpha", alpha, below=100)
    alive, finished, kept = [Hypothesis((), 0.0, state)], [], []
    for _ in range(max_steps):
        best = _extended(step, alive, begin, end, beam_size)
        kept.append([hypothesis.tokens for hypothesis in best])
        finished += [hypothesis for hypothesis in best if hypothesis.ended]
        alive = [hypothesis for hypothesis in best if not hypothesis.ended]
        if not alive:
            break
    ranked = sorted(finished + alive, key=lambda hypothesis: -hypothesis.score(alpha))
    return BeamSearch(ranked, kept)


def _extended(step: Step, alive: list[Hypothesis], begin: int, end: int | None, beam_size: int) -> list[Hypothesis]:
    """The beam_size likeliest continuations by one token."""
    last = [hypothesis.tokens[-1] if hypothesis.tokens else begin for hypothesis in alive]
    found: Any = step(last, [hypothesis.state for hypothesis in alive])
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise TypeError(f"step must return a pair, log P (K, V) and K states, got {type(found).__name__}")
    log_probs, states = to_host(array("step(...)[0]", found[0])), found[1]
    shape, kind = log_probs.shape, log_probs.dtype.kind
    if len(shape) != 2 or shape[0] != len(alive) or not shape[1] or kind not in "iuf":
        raise ValueError(f"step must return real log P ({len(alive)}, V), a row for each prefix, got {shape} {kind!r}")
    totals = np.array([hypothesis.log_prob for hypothesis in alive])[:, None] + log_probs
    order = np.argsort(-totals, axis=None, kind="stable")[:beam_size]
    return [
        Hypothesis((*alive[k].tokens, int(token)), float(totals[k, token]), states[k], token == end)
        for k, token in zip(*np.unravel_index(order, totals.shape), strict=True)
    ]
