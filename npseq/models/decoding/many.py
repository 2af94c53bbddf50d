"""Many sequences are generated at once: a step of all is one product, and their tokens are drawn together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npseq.arguments import amount
from npseq.backend import Array, to_host
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
        if self.rows is not None:
            self.features = self.xp.concatenate([self.rows, self.zeros.T])

    def scores_of(self, tokens: Array) -> Array:
        """Takes in a token of each sequence, or ZEROS; returns the logits (V, B) of the next ones."""
        if self.rows is None:
            looked_up = [one.take(tokens, axis=2) for one in self.tables]
            inputs: Any = looked_up[0] if len(looked_up) == 1 else looked_up
        else:
            inputs = self.take(self.features[tokens].T)
        h, scores = self.first(inputs)
        for take, layer in self.above:
            h, scores = layer(take(h))
        return scores

    def _by_token(self, tables: list[Array]) -> list[Array]:
        """(A, H, V + 1) of each direction, the last column for zeros; a step takes its columns in the cell's layout."""
        of_zeros = self.take(self.zeros) if len(tables) > 1 else [self.take(self.zeros)]
        whole = [self.xp.concatenate(pair, axis=2) for pair in zip(tables, of_zeros, strict=False)]
        return [self.xp.ascontiguousarray(one) for one in whole]


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
    ids = np.full((lengths.max() + length, len(known)), ZEROS)
    for column, one in zip(ids.T, known, strict=True):
        column[: len(one)] = one
    ended, together = np.zeros(len(known), bool), range(lengths.max(), lengths.min() + length)
    for t in range(1, len(ids)):
        scores = to_host(stepper.scores_of(stepper.xp.asarray(ids[t - 1])))
        if t in together and not ended.any():
            ids[t] = draw(scores, choice, rng)
            if stop is not None:
                ended = ids[t] == stop
            continue
        free = (lengths <= t) & (t < lengths + length) & ~ended
        if free.any():
            ids[t, free] = drawn = draw(scores[:, free], choice, rng)
            ended[free] |= drawn == stop
        if ended.all():
            break
    found = [column[n : n + length].tolist() for column, n in zip(ids.T, lengths, strict=True)]
    return [one[: one.index(stop)] if stop in one else one for one in found]


def draw(scores: np.ndarray, choice: Choice, rng: np.random.Generator) -> np.ndarray:
    """A token of each column of scores (V, B): those that `sample` draws of one column after the other."""
    if choice.top_k is not None or choice.top_p is not None or not np.isfinite(scores).all():
        return np.array([sample(column, choice, rng) for column in scores.T])
    if choice.temperature == 0:
        likeliest: np.ndarray = scores.argmax(axis=0)
        return likeliest
    z = scores.astype(np.float64)
    z -= z.max(axis=0)
    with np.errstate(over="ignore"):
        z /= choice.temperature
    p = np.exp(z, out=z)
    p /= p.sum(axis=0)
    cumulated = p.cumsum(axis=0)
    cumulated /= cumulated[-1]
    drawn: np.ndarray = (cumulated > rng.random(scores.shape[1])).argmax(axis=0)
    return drawn
