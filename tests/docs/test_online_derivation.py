"""docs/derivations/online.md, run beside rtrl, snap and rflo."""

import re

import numpy as np
import pytest
from online_page import STEPS, TEXT, derivatives, gated, leaky, lines, plain
from printed import assert_same, blocks, labels_of

import npseq as ns


@pytest.mark.parametrize("case", [plain, gated, leaky])
def test_rtrl(case):
    layer, x, dy, first = case()
    assert_same(lines(case)["gradient"], ns.rtrl(layer, x, dy, first).grads.flat, "gradient")
    for t in STEPS:
        assert_same(lines(case)["S"][t], derivatives(case)["S"][t], f"S_{t}")


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_snap(n):
    layer, x, dy, first = plain()
    assert_same(lines(plain, n)["snap"], ns.snap(layer, x, dy, first, n=n).grads.flat, f"SnAp-{n}")


@pytest.mark.parametrize("case", [gated, leaky])
def test_rflo(case):
    layer, x, dy, first = case()
    assert_same(lines(case)["rflo"], ns.rflo(layer, x, dy, first).grads.flat, "RFLO")


def test_a_plain_network_keeps_nothing():
    layer, x, dy, first = plain()
    assert_same(lines(plain)["rflo"], ns.rflo(layer, x, dy, first).grads.flat, "RFLO")
    assert not np.any([lines(plain)["z"][t] for t in STEPS])


def test_every_label_has_a_formula_and_a_line():
    formulas = list(dict.fromkeys(re.findall(r"\\text\{\((O\d+)\)\}", TEXT)))
    assert formulas == [f"O{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(blocks(TEXT)) == set(formulas)
