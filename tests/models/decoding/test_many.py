"""Sequences that are generated together are those that are generated one by one."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.models.decoding.choice import Choice, sample
from npseq.models.decoding.many import draw

MODELS = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru", "reset": "before"},
    "stack": {"cell": "lstm", "num_layers": 2},
    "embedding": {"cell": "lstm", "embedding_size": 3},
    "both directions": {"cell": "gru", "bidirectional": True},
}
PREFIXES = [[1, 2, 3], [4], [], [0, 5]]


def made(name: str):
    model = ns.LanguageModel(7, hidden_size=6, dtype=np.float64, rng=0, **MODELS[name])
    model.params.flat[...] *= 4
    return model


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_prefixes_of_any_lengths_go_on_as_each_by_itself(name, whole):
    model = made(name)
    for stop in (None, 2):
        found = model.generate(PREFIXES, 9, whole=whole, stop=stop)
        assert [ids.tolist() for ids in found] == [
            model.generate(prefix, 9, whole=whole, stop=stop).tolist() for prefix in PREFIXES
        ]


def test_one_of_n_draws_what_one_alone_draws_and_n_differ():
    model = made("rnn")
    (alone,) = model.generate([1, 2], 20, 1.0, rng=3, n=1)
    np.testing.assert_array_equal(alone, model.generate([1, 2], 20, 1.0, rng=3))
    several = model.generate([1, 2], 20, 1.0, rng=3, n=5)
    assert len({tuple(ids) for ids in several}) == 5
    assert all(ids[:2].tolist() == [1, 2] and len(ids) == 22 for ids in several)


@pytest.mark.parametrize("choice", [Choice(0.0), Choice(0.7), Choice(np.inf), Choice(1.0, 3), Choice(1.0, None, 0.6)])
def test_tokens_are_drawn_together_as_one_after_the_other(choice):
    scores = np.random.default_rng(0).normal(size=(11, 40)) * 3
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    expected = [sample(column, choice, one) for column in scores.T]
    np.testing.assert_array_equal(draw(scores, choice, other), expected)
    with pytest.raises(ValueError, match="scores must be finite"):
        draw(np.where(scores > 5, np.nan, scores), choice, other)


def test_texts_are_a_list_of_texts():
    model = ns.LanguageModel(ns.data.Vocabulary("abcab", token="char"), "rnn", 4, rng=0)
    found = model.generate(["ab", "c"], 5)
    assert found == [model.generate("ab", 5), model.generate("c", 5)]
    assert model.generate("ab", 5, n=2) == [found[0]] * 2


@pytest.mark.parametrize(
    ("prefix", "options", "message"),
    [
        ([[1], [2]], {"n": 2}, "n is for one prefix, got n = 2 and 2 of them"),
        ([1], {"n": 2, "on_token": print}, "on_token is called for one sequence"),
        ([1], {"n": 0}, "n must be"),
        ([1], {"n": 10**8}, "length times sequences must be at most"),
        ([[1], [9]], {}, "tokens must"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_drawn(prefix, options, message):
    with pytest.raises(ValueError, match=message):
        made("rnn").generate(prefix, 4, **options)
