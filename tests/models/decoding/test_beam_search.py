"""Beam search, and what greedy search misses."""

import itertools

import numpy as np
import pytest

from npseq.models import beam_search

A, B, C, D, E = range(5)


def by_prefix(table):
    """A step whose state is the prefix read so far, and whose distribution is table(prefix)."""

    def step(tokens, states):
        prefixes = [(*state, token) if token >= 0 else () for state, token in zip(states, tokens, strict=True)]
        with np.errstate(divide="ignore"):
            return np.log([table(prefix) for prefix in prefixes]), prefixes

    return step


def d2l_greedy_example(prefix):
    """Figures "greedy search" and its rival in d2l: P of A, B, C, <eos> at each step."""
    after_the_third = {(A, B, C): (0, 0.2, 0.2, 0.6), (A, C, B): (0.1, 0.2, 0.1, 0.6)}
    table = {
        (): (0.5, 0.2, 0.2, 0.1),
        (A,): (0.1, 0.4, 0.3, 0.2),
        (A, B): (0.2, 0.2, 0.4, 0.2),
        (A, C): (0.1, 0.6, 0.2, 0.1),
        **after_the_third,
    }
    return table.get(prefix, (0.25, 0.25, 0.25, 0.25))


def test_greedy_search_misses_the_likeliest_sequence():
    step = by_prefix(d2l_greedy_example)
    greedy = beam_search(step, (), -1, 3, 4, beam_size=1, alpha=0).best
    assert greedy.tokens == (A, B, C, 3)
    assert np.exp(greedy.log_prob) == pytest.approx(0.5 * 0.4 * 0.4 * 0.6, rel=1e-12)
    assert np.exp(greedy.log_prob) == pytest.approx(0.048, rel=1e-12)
    wider = beam_search(step, (), -1, 3, 4, beam_size=3, alpha=0)
    found = {h.tokens: np.exp(h.log_prob) for h in wider.ranked}
    assert found[(A, C, B, 3)] == pytest.approx(0.054, rel=1e-12)
    assert found[(A, C, B, 3)] > 0.048


def test_a_beam_of_two_keeps_the_candidates_of_the_notes():
    likely = {(): (A, C), (A,): (B,), (C,): (E,), (A, B): (D,), (C, E): (D,)}

    def table(prefix):
        p = np.full(5, 0.02)
        p[list(likely.get(prefix, (A,)))] = 0.4
        return p / p.sum()

    found = beam_search(by_prefix(table), (), -1, None, 3, beam_size=2)
    assert found.kept == [[(A,), (C,)], [(A, B), (C, E)], [(A, B, D), (C, E, D)]]


def test_the_cost_of_the_three_searches():
    vocabulary, steps, beam = 10_000, 10, 2
    assert vocabulary**steps == 10**40
    assert vocabulary * steps == 10**5  # greedy
    assert beam * vocabulary * steps == 2 * 10**5


def test_scores_are_divided_by_the_length_to_the_power_alpha():
    def table(prefix):
        return {(): (0.5, 0.0, 0.5), (0,): (0.1, 0.9, 0.0), (0, 1): (0.0, 0.0, 1.0)}.get(prefix, (0, 0, 1.0))

    short, long = (2,), (0, 1, 2)
    search = beam_search(by_prefix(table), (), -1, 2, 4, beam_size=3)
    scores = {h.tokens: h.score(0.75) for h in search.ranked}
    assert scores[short] == pytest.approx(np.log(0.5))
    assert scores[long] == pytest.approx(np.log(0.45) / 3**0.75)
    assert search.best.tokens == long
    assert beam_search(by_prefix(table), (), -1, 2, 4, beam_size=3, alpha=0).best.tokens == short


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_exhaustive_search_is_a_beam_that_leaves_nothing_out(seed, alpha):
    rng, end = np.random.default_rng(seed), 2
    p = {prefix: rng.dirichlet(np.ones(3)) for n in range(4) for prefix in itertools.product(range(3), repeat=n)}
    whole = {}
    for tokens in itertools.product(range(3), repeat=4):
        size = tokens.index(end) + 1 if end in tokens else 4
        prefix = tokens[:size]
        whole[prefix] = sum(np.log(p[prefix[:t]][prefix[t]]) for t in range(size)) / size**alpha
    found = beam_search(by_prefix(p.get), (), -1, end, 4, beam_size=3**4, alpha=alpha)
    assert [h.tokens for h in found.ranked] == sorted(whole, key=whole.get, reverse=True)
    assert found.best.score(alpha) == pytest.approx(max(whole.values()), rel=1e-12)


def test_a_beam_needs_a_prefix_and_a_step():
    with pytest.raises(ValueError, match="beam_size must be a positive integer, got 0"):
        beam_search(by_prefix(lambda prefix: (1.0,)), (), -1, None, 3, beam_size=0)
    with pytest.raises(ValueError, match="max_steps must be a positive integer, got 0"):
        beam_search(by_prefix(lambda prefix: (1.0,)), (), -1, None, 0)
