"""Many sequences are generated at once: a step of all is one product, and their tokens are drawn together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npseq.arguments import amount
from npseq.backend import Array, to_host
from npseq.bptt.stepping import table
from npseq.layers import Embedding, Linear
from npseq.layers.recurrent import Recurrent
from npseq.models.decoding.choice import Choice, sample
from npseq.models.decoding.generation import LONGEST, Stepper

ZEROS = -1  # in the place of a token: an input of zeros


def prefixes_of(prefix: Any, n: Any, length: int, on_token: Any) -> Sequence[Any]:
    """The prefixes of all sequences: `prefix` itself where it is a list of several, else copies of it.

    Raises TypeError or ValueError for a number that cannot be, or more tokens than can be generated at once.
    """
    first = prefix[0] if isinstance(prefix, list | tuple) and prefix else None
    several = isinstance(first, str | list | tuple | np.ndarray)
    if several and n is not None:
        raise ValueError(f"n is for one prefix, got n = {n} and {len(prefix)} of them; leave n out")
    if on_token is not None and (several or n is not None):
        raise ValueError("on_token is called for one sequence, got several; leave it out")
    count = len(prefix) if several else 1 if n is None else amount("n", n, most=LONGEST)
    if count * length > LONGEST:
        raise ValueError(f"length times sequences must be at most {LONGEST}, got {count} of {length} tokens")
    return prefix if several else [prefix] * count


class ManyStepper(Stepper):
    """The states of so many sequences between tokens; they start at zero."""

    def __init__(self, embedding: Embedding | None, recurrent: Recurrent, output: Linear, batch: int):
        super().__init__(embedding, recurrent, output, batch)
        xp = self.xp
        if self.rows is None:
            weights = [recurrent.weights(0, d) for d in range(recurrent.directions)]
            of_zeros = self.take(self.zeros) if len(weights) > 1 else [self.take(self.zeros)]
            each = [table(recurrent.cell, w) for w in weights]
            self.each = [xp.concatenate([rows, last[None]])[..., 0] for rows, last in zip(each, of_zeros, strict=True)]
        else:
            self.features = xp.concatenate([self.rows, self.zeros.T])

    def scores_of(self, tokens: Array) -> Array:
        """Takes in a token of each sequence, or ZEROS; returns the logits (V, B) of the next ones."""
        if self.rows is None:
            looked_up = [self.xp.moveaxis(rows[tokens], 0, -1) for rows in self.each]
            inputs: Any = looked_up[0] if len(looked_up) == 1 else looked_up
        else:
            inputs = self.take(self.features[tokens].T)
        h, scores = self.first(inputs)
        for take, layer in self.above:
            h, scores = layer(take(h))
        return scores


@np.errstate(over="ignore")  # of a sigmoid's exp, whose quotient is then 0
def generated_together(
    stepper: ManyStepper,
    known: Sequence[Sequence[int]],
    length: int,
    choice: Choice,
    rng: np.random.Generator,
    stop: int | None,
) -> list[list[int]]:
    """At most `length` ids after those known of each sequence, which are read first; `stop` ends it unseen."""
    lengths = np.array([len(ids) for ids in known])
    ids = np.full((len(known), lengths.max() + length), ZEROS)
    for row, one in zip(ids, known, strict=True):
        row[: len(one)] = one
    ended = np.zeros(len(known), bool)
    for t in range(ids.shape[1] - 1):
        scores = to_host(stepper.scores_of(stepper.xp.asarray(ids[:, t])))
        free = (lengths <= t + 1) & (t + 1 < lengths + length) & ~ended
        if free.any():
            ids[free, t + 1] = drawn = draw(scores[:, free], choice, rng)
            ended[free] |= drawn == stop
        if ended.all():
            break
    found = [row[n : n + length].tolist() for row, n in zip(ids, lengths, strict=True)]
    return [one[: one.index(stop)] if stop in one else one for one in found]


def draw(scores: np.ndarray, choice: Choice, rng: np.random.Generator) -> np.ndarray:
    """A token of each column of scores (V, B): those that `sample` draws of one column after the other."""
    if choice.top_k is not None or choice.top_p is not None or not np.isfinite(scores.max()):
        return np.array([sample(column, choice, rng) for column in scores.T])
    if choice.temperature == 0:
        likeliest: np.ndarray = scores.argmax(axis=0)
        return likeliest
    z = scores.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        p = np.exp((z - z.max(axis=0)) / choice.temperature)
    p[np.isneginf(z)] = 0.0
    p /= p.sum(axis=0)
    cumulated = p.cumsum(axis=0)
    cumulated /= cumulated[-1]
    drawn: np.ndarray = (cumulated <= rng.random(scores.shape[1])).sum(axis=0)
    return drawn
