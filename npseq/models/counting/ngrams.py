"""Language models by counting: n-grams, Laplace smoothing, Zipf's law (A10 to A13 of the notes).

Counting runs on the host, in Python's integers; ids on a GPU are copied there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from copy import copy
from math import exp, inf, isfinite, log
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer
from npseq.backend import generator, to_host
from npseq.data import Vocabulary
from npseq.models.decoding.generation import sample, sized


def ngram_counts(tokens: Sequence[Hashable], order: int) -> Counter[tuple[Any, ...]]:
    """How often each tuple of `order` tokens in a row appears; tokens: ids (N,), or words in a list.

    `most_common` names those of equal count in the order of their first appearance, as d2l does.
    Raises TypeError for a text that is not split, ValueError for an order under 1.
    """
    if isinstance(tokens, str):
        raise TypeError("tokens must be ids or a list of words or characters, got one string; pass list(text)")
    integer("order", order)
    tokens = to_host(tokens).tolist() if hasattr(tokens, "dtype") else tokens
    return Counter(zip(*(tokens[k:] for k in range(order)), strict=False))


def table_size(vocab_size: int, order: int) -> int:
    """Entries of a full table of n-grams, V^n: what a model that counts would have to store (A13)."""
    return integer("vocab_size", vocab_size) ** integer("order", order)


class ZipfFit(NamedTuple):
    """log n_i = -alpha log i + c, n_i the count of the i-th most frequent token, i from 1."""

    alpha: float
    c: float

    def count(self, rank: Any) -> Any:
        """The count that the line gives a rank, or an array of ranks."""
        return np.exp(self.c - self.alpha * np.log(rank))


def fit_zipf(counts: Any, first: int = 10, last: int | None = None) -> ZipfFit:
    """Zipf's law by least squares in the logarithms, over the ranks first to last, both included.

    counts: numbers of any order, say `ngram_counts(words, 1).values()`. The head, which bends, is left out by `first`;
    last None is the last rank. Raises ValueError for counts that are not positive and for less than two ranks.
    """
    integer("first", first)
    falling = np.sort(np.fromiter(counts, float))[::-1]
    if falling.size and not falling[-1] > 0:
        raise ValueError(f"counts must be positive, got {falling[-1]:g}; leave out what does not appear")
    kept = falling[first - 1 : last]
    if len(kept) < 2:
        raise ValueError(
            f"a line needs at least 2 ranks, got {len(kept)}, from {first} to {last} of {len(falling)}; take a longer "
            "text or another first and last"
        )
    slope, c = np.polyfit(np.log(np.arange(first, first + len(kept))), np.log(kept), 1)
    return ZipfFit(-float(slope), float(c))


class NGramModel:
    """P(token | the order - 1 tokens before it) from counts, with Laplace smoothing as d2l has it (A10, A11).

        P(x)     = (n(x) + e_1 / m) / (n + e_1)
        P(x | c) = (n(c, x) + e_k P(x)) / (n(c) + e_k),  c the k - 1 tokens before x, k = 2 to order

    n(c) counts the c that a token follows, so that the probabilities add up to 1; d2l's also counts a c that ends the
    text. Where n(c) + e_k is 0, P is 0: such a c has itself probability 0, but for one that ends the text.

    ids (N,): the text to count in. vocab: a Vocabulary, or its size m. order: 1 unigram, 2 bigram, 3 trigram, ...
    smoothing: e_1 to e_order, or one number for all; 0 is maximum likelihood, and infinitely much gives 1 / m.
    Raises ValueError for ids that are no text of at least `order` tokens of the vocabulary, an order under 1, and
    smoothing that is negative, not finite, or not `order` numbers.
    """

    def __init__(
        self, ids: Any, vocab: Vocabulary | int, order: int = 2, smoothing: float | Sequence[float] = 0.0
    ) -> None:
        self.vocab, self.vocab_size = sized("vocab", vocab)
        self.order = integer("order", order)
        self.smoothing = _smoothing(smoothing, order)
        tokens = self._ids(ids, order)
        self.counts: Counter[tuple[int, ...]] = Counter()
        self._followed: Counter[tuple[int, ...]] = Counter({(): len(tokens)})
        for k in range(1, order + 1):
            self.counts.update(ngram_counts(tokens, k))
            if k < order:
                self._followed.update(ngram_counts(tokens[:-1], k))

    def with_smoothing(self, smoothing: float | Sequence[float]) -> NGramModel:
        """The model of the same counts with another smoothing; nothing is counted again."""
        other = copy(self)
        other.smoothing = _smoothing(smoothing, self.order)
        return other

    def probability(self, token: int, context: Sequence[int] = ()) -> float:
        """P(token | context); of a longer context the last order - 1 tokens count, of a shorter one all."""
        ids = self._ids([*context, token])
        return self._last(tuple(ids[-self.order :]))

    def distribution(self, context: Sequence[int] = ()) -> np.ndarray:
        """P(. | context), (V,) float64. Raises ValueError for a context that no token followed, without smoothing."""
        known = self._context(self._ids(context, 0))
        p = np.array([self._last((*known, token)) for token in range(self.vocab_size)])
        if not p.any():
            raise ValueError(f"the context {known} must have been followed by a token; use smoothing for any other")
        return p

    def log_prob(self, tokens: Any) -> float:
        """log P(x_1 .. x_n) of a text or ids: P(x_1) P(x_2 | x_1) ..., each given the order - 1 tokens before it."""
        ids = self._ids(tokens)
        return sum(_log(self._last(tuple(ids[max(t - self.order, 0) : t]))) for t in range(1, len(ids) + 1))

    def perplexity(self, tokens: Any) -> float:
        """exp of the mean of -log P over a text's tokens, its first order - 1 given; inf where one has P = 0."""
        ids = self._ids(tokens, self.order)
        logs = [_log(self._last(tuple(ids[t - self.order : t]))) for t in range(self.order, len(ids) + 1)]
        mean = sum(logs) / len(logs)
        return inf if mean == -inf else exp(-mean)

    def generate(self, prefix: Any, length: int, temperature: float = 0, rng: Any = None) -> Any:
        """prefix and `length` tokens after it: a text where prefix is one, else ids (N,).

        temperature 0 takes the likeliest token; else tokens are drawn from P^(1 / temperature).
        """
        if not temperature >= 0:
            raise ValueError(f"temperature must be 0, for the likeliest token, or positive, got {temperature}")
        out, rng = self._ids(prefix, 0), generator(rng)
        for _ in range(length):
            p = self.distribution(self._context(out))
            with np.errstate(divide="ignore"):
                out.append(sample(np.log(p), temperature, rng))
        return self.vocab.decode(out) if isinstance(prefix, str) and self.vocab else np.array(out)

    def _context(self, ids: list[int]) -> tuple[int, ...]:
        """The last order - 1 of ids: as much as the model looks back."""
        return tuple(ids[max(len(ids) - self.order + 1, 0) :])

    def _last(self, ngram: tuple[int, ...]) -> float:
        """P of the last token of an n-gram after those before it."""
        context, e = ngram[:-1], self.smoothing[len(ngram) - 1]
        total = self._followed[context] + e
        if not total:
            return 0.0
        prior = (self._last(ngram[-1:]) if context else 1 / self.vocab_size) if e else 0.0
        return (self.counts[ngram] + e * prior) / total

    def _ids(self, tokens: Any, least: int = 1) -> list[int]:
        if isinstance(tokens, str):
            if self.vocab is None:
                raise TypeError("a text needs the model to have a Vocabulary; give ids, or build the model with one")
            tokens = self.vocab.encode(tokens)
        ids = to_host(tokens) if len(tokens) else np.zeros(0, int)
        if ids.ndim != 1 or ids.dtype.kind not in "iu" or len(ids) < least:
            raise ValueError(f"tokens must be a text or integer ids (N,) of at least {least} tokens, got {tokens!r}")
        if ids.size and not 0 <= ids.min() <= ids.max() < self.vocab_size:
            raise ValueError(f"token ids must be in [0, {self.vocab_size}), got {ids.min()} to {ids.max()}")
        return ids.tolist()


def _smoothing(smoothing: float | Sequence[float], order: int) -> tuple[float, ...]:
    if isinstance(smoothing, Sequence | np.ndarray):
        values = tuple(float(e) for e in smoothing)
    else:
        values = (float(smoothing),) * order
    if len(values) != order or not all(e >= 0 and isfinite(e) for e in values):
        raise ValueError(f"smoothing must be one number, or {order}, each finite and at least 0, got {smoothing!r}")
    return values


def _log(p: float) -> float:
    return log(p) if p else -inf
