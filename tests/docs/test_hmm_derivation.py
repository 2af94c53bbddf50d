"""docs/derivations/hmm.md, run beside npseq/models/counting/hmm.py and beside all paths written out."""

import re

import numpy as np
from hmm_page import PATHS, SCORES, STEPS, TEXT, lines, names, score
from printed import assert_same, blocks, labels_of

from npseq.models.counting import forward_backward, viterbi

GIVEN = (SCORES["a"], SCORES["w"], SCORES["u"][1:])


def test_the_lines_are_the_code_s():
    made, found = lines(), forward_backward(*GIVEN)
    assert_same(made["L"], found.log_prob, "L")
    assert_same(made["dw"], found.transition, "dw")
    assert_same(made["da"], found.initial, "da")
    assert_same(np.array([made["du"][t] for t in STEPS]), found.emission, "du")


def test_the_lines_are_the_gradient_of_the_sum_over_all_paths():
    made = lines()
    assert_same(made["L"], names()["L"], "L")
    assert_same(made["dw"], names()["@L/@w"], "dw")
    assert_same(np.array([made["du"][t] for t in STEPS]), names()["@L/@u"][1:], "du")


def test_a_posterior_is_a_share_of_the_paths():
    weights = {path: np.exp(score(path, **SCORES)) for path in PATHS}
    for t in STEPS:
        for i in range(len(SCORES["a"])):
            share = sum(w for path, w in weights.items() if path[t - 1] == i) / sum(weights.values())
            assert_same(lines()["gamma"][t][i], share, f"gamma_{t}{i}")


def test_the_largest_entry_of_delta_is_the_best_path_s_score():
    best = max(PATHS, key=lambda path: score(path, **SCORES))
    path, log_prob = viterbi(*GIVEN)
    assert tuple(path) == best
    assert_same(lines()["delta"][STEPS[-1]].max(), log_prob, "delta")
    assert_same(score(best, **SCORES), log_prob, "the best path")


def test_every_label_has_a_formula_and_a_line():
    formulas = list(dict.fromkeys(re.findall(r"\\text\{\((M\d+)\)\}", TEXT)))
    assert formulas == [f"M{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(blocks(TEXT)) == set(formulas)
