"""Language models by counting: n-grams, Laplace smoothing, Zipf's law (Dive into Deep Learning, 9.2 and 9.3).

Counting runs on the host, in Python's integers; ids on a GPU are copied there.
"""

from collections import Counter
from collections.abc import Hashable, Sequence, ValuesView
from copy import copy
from math import exp, inf, isfinite, log
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, array, array_or_lists, check_entries, integer, integers, number
from npseq.arrays import is_own, type_name
from npseq.backend import Array, generator, to_host
from npseq.data import Vocabulary
from npseq.models.decoding.choice import check_choice, sample
from npseq.models.decoding.generation import check_length, sized


def ngram_counts(tokens: Array | Sequence[Hashable], order: int) -> Counter[tuple[Any, ...]]:
    """Returns how often each tuple of `order` tokens in a row appears.

    `most_common` names those of equal count in the order of their first appearance, as d2l does.

    Args:
        tokens: ids (N,), or words in a list.
        order: 1 unigrams, 2 bigrams, ...

    Raises:
        TypeError: if the text is not split.
        ValueError: if order is below 1.

    Example:
        >>> ns.models.counting.ngram_counts("the cat the dog the cat".split(), 2).most_common(1)
        [(('the', 'cat'), 2)]
    """
    if isinstance(tokens, str):
        raise TypeError("tokens must be ids or a list of words or characters, got one string; pass list(text)")
    order = integer("order", order)
    if isinstance(tokens, list | tuple | range):
        check_entries("tokens", tokens)
    else:
        tokens = to_host(tokens if is_own(tokens) else array("tokens", tokens)).tolist()
    if not isinstance(tokens, list | tuple | range):
        raise ValueError(f"tokens must be ids (N,) or a list of words or characters, got one number, {tokens}")
    if order > len(tokens):
        return Counter()
    try:
        return Counter(zip(*(tokens[k:] for k in range(order)), strict=False))
    except TypeError as error:
        raise TypeError(f"tokens must be ids or words, got a list with {type_name(tokens[0])} in it") from error


def table_size(vocab_size: int, order: int) -> int:
    """Returns the entries of a full table of n-grams, V^n: what a model that counts would have to store.

    Args:
        vocab_size: V tokens.
        order: n.

    Example:
        >>> ns.models.counting.table_size(28, 3)
        21952
    """
    order = amount("order", order, most=10_000)
    size: int = amount("vocab_size", vocab_size) ** order
    return size


class ZipfFit(NamedTuple):
    """log n_i = -alpha log i + c, n_i the count of the i-th most frequent token, i from 1."""

    alpha: float  # the falling slope
    c: float  # the logarithm of the first count

    def count(self, rank: Any) -> Any:
        """Returns the count that the line gives a rank.

        Args:
            rank: a number from 1 on, or an array of them.
        """
        ranks = number("rank", rank) if isinstance(rank, int | float) else array("rank", rank)
        if np.iscomplexobj(ranks) or not (ranks > 0 if isinstance(ranks, float) else (ranks > 0).all()):
            raise ValueError(f"rank must be real and positive, it counts from 1, got {rank!r:.80}")
        return np.exp(self.c - self.alpha * np.log(ranks))


def fit_zipf(counts: Any, *, first: int = 10, last: int | None = None) -> ZipfFit:
    """Returns Zipf's law, fitted by least squares in the logarithms over the ranks first to last, both included.

    Args:
        counts: numbers of any order, say `ngram_counts(words, 1).values()`.
        first: the first rank; it leaves out the head, which bends.
        last: the last rank; None is that of the rarest.

    Raises:
        ValueError: if a count is not positive, or there are fewer than two ranks.

    Example:
        >>> round(ns.models.counting.fit_zipf([1000 / i for i in range(1, 50)]).alpha, 6)
        1.0
    """
    first = integer("first", first)
    if last is not None:
        last = integer("last", last)
    counts = list(counts) if isinstance(counts, ValuesView) else counts
    given = to_host(array_or_lists("counts", counts))
    if given.ndim != 1 or given.dtype.kind not in "iuf":
        raise TypeError(f"counts must be real numbers in one axis, got {given.dtype} of shape {given.shape}")
    falling = np.sort(given.astype(float))[::-1]
    if falling.size and not falling[-1] > 0:
        raise ValueError(f"counts must be positive, got {falling[-1]:g}; leave out what does not appear")
    fitted = falling[first - 1 : last]
    if len(fitted) < 2:
        raise ValueError(
            f"a line needs at least 2 ranks, got {len(fitted)}, from {first} to {last} of {len(falling)}; "
            "take a longer text or another first and last"
        )
    slope, c = np.polyfit(np.log(np.arange(first, first + len(fitted))), np.log(fitted), 1)
    return ZipfFit(-float(slope), float(c))


class NGramModel:
    """P(token | the order - 1 tokens before it) from counts, with d2l's Laplace smoothing.

        P(x)     = (n(x) + e_1 / m) / (n + e_1)
        P(x | c) = (n(c, x) + e_k P(x)) / (n(c) + e_k),  c the k - 1 tokens before x, k = 2 to order

    n(c) counts the c that a token follows, so that the probabilities add up to 1; d2l's also counts a c that ends the
    text. Where n(c) + e_k is 0, P is 0: such a c has itself probability 0, but for one that ends the text.

    Args:
        ids: (N,), the text to count in.
        vocab: a Vocabulary, or its size m.
        order: 1 unigram, 2 bigram, 3 trigram, ...
        smoothing: e_1 to e_order, or one number for all; 0 is maximum likelihood, and infinitely much gives 1 / m.

    Raises:
        ValueError: if ids are no text of at least `order` tokens of the vocabulary, order is below 1, or smoothing is
            negative, not finite, or not `order` numbers.

    Example:
        >>> model = ns.models.NGramModel([0, 1, 0, 2, 0, 1], vocab=3)
        >>> round(model.probability(1, context=[0]), 3)
        0.667
    """

    def __init__(
        self, ids: Any, vocab: Vocabulary | int, order: int = 2, *, smoothing: float | Sequence[float] = 0.0
    ) -> None:
        self.vocab, self.vocab_size = sized("vocab", vocab)
        self.order = amount("order", order)
        self.smoothing = _smoothing(smoothing, self.order)
        tokens, order = self._ids(ids, self.order), self.order
        self.counts: Counter[tuple[int, ...]] = Counter()
        self._followed: Counter[tuple[int, ...]] = Counter({(): len(tokens)})
        for k in range(1, order + 1):
            self.counts.update(ngram_counts(tokens, k))
            if k < order:
                self._followed.update(ngram_counts(tokens[:-1], k))

    def with_smoothing(self, smoothing: float | Sequence[float]) -> "NGramModel":
        """Returns the model of the same counts with another smoothing; nothing is counted again.

        Args:
            smoothing: as the constructor takes it.
        """
        other = copy(self)
        other.smoothing = _smoothing(smoothing, self.order)
        return other

    def probability(self, token: int, context: Sequence[int] = ()) -> float:
        """Returns P(token | context).

        Args:
            token: an id.
            context: the ids before it; of a longer context the last order - 1 count, of a shorter one all.
        """
        ids = [*self._ids(context, 0), integer("token", token, 0, self.vocab_size)]
        return self._last(tuple(ids[-self.order :]))

    def distribution(self, context: Sequence[int] = ()) -> np.ndarray:
        """Returns P(. | context), (V,) float64.

        Args:
            context: ids, as `probability` takes them.

        Raises:
            ValueError: if, without smoothing, no token followed the context.
        """
        known = self._context(self._ids(context, 0))
        p = np.array([self._last((*known, token)) for token in range(self.vocab_size)])
        if not p.any():
            raise ValueError(f"the context {known} must have been followed by a token; use smoothing for any other")
        return p

    def log_prob(self, tokens: Any) -> float:
        """Returns log P(x_1 .. x_n): P(x_1) P(x_2 | x_1) ..., each given the order - 1 tokens before it.

        Args:
            tokens: a text, or ids.
        """
        ids = self._ids(tokens)
        return sum(_log(self._last(tuple(ids[max(t - self.order, 0) : t]))) for t in range(1, len(ids) + 1))

    def perplexity(self, tokens: Any) -> float:
        """Returns exp of the mean of -log P over the tokens, the first order - 1 given; inf if one has P = 0.

        Args:
            tokens: a text, or ids.
        """
        ids = self._ids(tokens, self.order)
        logs = [_log(self._last(tuple(ids[t - self.order : t]))) for t in range(self.order, len(ids) + 1)]
        mean = sum(logs) / len(logs)
        return inf if mean == -inf else exp(-mean)

    def generate(self, prefix: Any, length: int, temperature: float = 0, rng: Any = None) -> Any:
        """Returns prefix and `length` tokens after it: a text if prefix is one, else ids (N,).

        Args:
            prefix: a text, or ids.
            length: how many tokens to generate.
            temperature: 0 takes the likeliest token; else tokens are drawn from P^(1 / temperature).
            rng: a seed or a Generator, of what is drawn.
        """
        length, choice = check_length(length), check_choice(temperature)
        out, rng = self._ids(prefix, 0), generator(rng)
        for _ in range(length):
            p = self.distribution(self._context(out))
            with np.errstate(divide="ignore"):
                out.append(sample(np.log(p), choice, rng))
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
        ids = integers("tokens", to_host(array_or_lists("tokens", tokens)), self.vocab_size)
        if ids.ndim != 1 or len(ids) < least:
            raise ValueError(f"tokens must be a text or ids (N,) of at least {least}, got {tokens!r:.80}")
        listed: list[int] = ids.tolist()
        return listed


def _smoothing(smoothing: float | Sequence[float], order: int) -> tuple[float, ...]:
    if isinstance(smoothing, int | float):
        values = (number("smoothing", smoothing),) * order
    else:
        given = to_host(array_or_lists("smoothing", smoothing))
        if given.dtype.kind not in "iuf" or given.ndim > 1:
            raise TypeError(f"smoothing must be real numbers, got {given.dtype} of shape {given.shape}")
        values = tuple(given.astype(float).ravel().tolist())
    if len(values) != order or not all(e >= 0 and isfinite(e) for e in values):
        raise ValueError(f"smoothing must be one number, or {order}, each finite and at least 0, got {smoothing!r:.80}")
    return values


def _log(p: float) -> float:
    return log(p) if p else -inf
