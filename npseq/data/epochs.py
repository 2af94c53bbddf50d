"""Whole sentences as minibatches, and minibatches that can be read again, epoch after epoch."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from npseq.arguments import array_or_lists, function, integer, integers
from npseq.backend import Array, Seed, generator, to_host
from npseq.data.batches import pad_sequences
from npseq.protocols import Dataset


def sentence_batches(ids: Array, end: int, batch_size: int, rng: Seed = None) -> Iterator[tuple[Array, Array]]:
    """Returns one epoch of whole sentences in random order: pairs of sentences (T, B), padded with `end`, and lengths.

    `LanguageModel.step(None, sentences, ..., lengths=lengths)` learns them. The last batch may have fewer. The call
    itself, not the iteration, draws from rng: a permutation of the sentences.

    Args:
        ids: integers (N,), sentences that end with `end` one after the other, as `load_corpus` with end_of_line makes
            them; what comes after the last end is one, too.
        end: the id that ends a sentence, part of it.
        batch_size: B, sentences of a batch.
        rng: a seed or a Generator.

    Raises:
        TypeError: for ids that are no integers.
        ValueError: for ids of another rank, or none.

    Example:
        >>> for batch, lengths in ns.data.sentence_batches(np.array([5, 6, 1, 5, 1]), end=1, batch_size=2, rng=0):
        ...     print(batch.tolist(), lengths.tolist())
        [[5, 5], [6, 1], [1, 1]] [3, 2]
    """
    batch_size, end = integer("batch_size", batch_size), integer("end", end, 0)
    ids = integers("ids", array_or_lists("ids", ids))
    if ids.ndim != 1 or not len(ids):
        raise ValueError(f"ids must be one text (N,) of at least one token, got shape {ids.shape}")
    starts = [0, *(to_host(ids[:-1] == end).nonzero()[0] + 1).tolist(), len(ids)]
    sentences = [ids[a:b] for a, b in pairwise(starts)]
    order = generator(rng).permutation(len(sentences)).tolist()

    def batches() -> Iterator[tuple[Array, Array]]:
        for start in range(0, len(order), batch_size):
            yield pad_sequences([sentences[k] for k in order[start : start + batch_size]], end)

    return batches()


class Epochs:
    """Minibatches that can be read again: every iteration draws a new epoch, as d2l's `SeqDataLoader` does.

    Args:
        draw: takes a Generator and returns an epoch's minibatches, say by `random_windows` or `sentence_batches`.
        rng: a seed or a Generator, which goes on from epoch to epoch.

    Example:
        >>> loader = ns.data.Epochs(lambda rng: ns.data.sequential_windows(np.arange(100), 2, 10, rng), rng=0)
        >>> [len(list(loader)) for epoch in range(2)]
        [4, 4]
    """

    def __init__(self, draw: Callable[[np.random.Generator], Dataset], rng: Seed = None):
        self.draw, self.rng = function("draw", draw), generator(rng)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        return iter(self.draw(self.rng))
