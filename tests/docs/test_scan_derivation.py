"""docs/derivations/scan.md, run beside ns.scan."""

import json
import re

import numpy as np
import pytest
from printed import assert_same, blocks, labels_of, text_of
from scan_page import EARLY, STEPS, TEXT, T, at_states, between, case, lines, pushed_gradient

import npseq as ns


@pytest.mark.parametrize("variant", ["plain", "damped"])
def test_the_lines_hold(variant):
    lines(variant)


def test_an_iteration_that_is_stopped_early():
    layer, x, first, dy, dlast = case()
    found = ns.scan.forward(layer, x, first, iterations=EARLY)
    assert not found.converged
    grads = ns.scan.backward(layer, dy, found.tape, dlast)[2]
    made = lines("early")
    assert_same(grads.flat, made["gradient"], "the gradient")
    assert_same(grads.flat, pushed_gradient(), "the gradient by a complex step of the pushed loop")
    for t in STEPS:
        if t > EARLY:
            assert_same(made["D"][t], between()["D'"][t], "the derivative through the iterations")


def test_the_loop_s_tape_has_no_pushes():
    layer, x, first, dy, dlast = case()
    made = at_states(None)
    assert max(abs(made["e"][t]).max() for t in STEPS) < 1e-15
    dx, (dh, dc), _ = ns.scan.backward(layer, dy, layer.forward(x, first)[2], dlast)
    assert_same(np.concatenate([dh[0, 0], dc[0, 0]]), made["r"][1], "what the first step passes back")
    assert dx.shape == (T, 1, 2)


def test_every_label_has_a_formula_and_a_line():
    formulas = list(dict.fromkeys(re.findall(r"\\text\{\((P\d+)\)\}", TEXT)))
    assert formulas == [f"P{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(blocks(TEXT, "plain", "early", "damped")) == set(formulas)


def test_the_numbers_of_the_claims_are_those_that_the_example_printed():
    printed = " ".join(json.loads(text_of("benchmarks/results/printed.json"))["57_scan.py"])
    (_, claims) = text_of("docs/guides/all_steps_at_once.md").split("## Claims, counted")
    table = " ".join(line for line in claims.splitlines() if line.startswith("|"))
    quoted = re.findall(r"(?<![\d.])-?\d+\.\d+(?:e[-+]\d+)?(?![\d.])", re.sub(r"\(\d{4}\.\d{5}\)", "", table))
    assert len(quoted) == 8
    assert [number for number in quoted if number != "-0.2" and number not in printed] == []
