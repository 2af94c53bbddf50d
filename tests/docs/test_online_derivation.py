"""docs/derivations/online.md, run beside rtrl, snap and rflo."""

import re

import numpy as np
import pytest
from online_page import (
    MIXED,
    STEPS,
    TEXT,
    alone,
    alone_names,
    derivatives,
    gated,
    leaky,
    lines,
    mixed_names,
    mixing_names,
    plain,
    product_names,
)
from printed import assert_same, blocks, labels_of, run

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
    variants = ("alone", "products", "mixed", "mixing")
    assert labels_of(blocks(TEXT, *variants)) == set(formulas)


def test_the_lines_of_single_units_and_products():
    names, (layer, x, dy, first) = alone_names(), alone()
    made = run(blocks(TEXT, "alone")[-1:], {name: names[name] for name in ("F", "J", "j", "q")})
    assert_same(made["alone"], ns.online.diagonal_rtrl(layer, x, dy, first).grads.flat, "alone")
    made = run(blocks(TEXT, "products")[-1:], {name: product_names()[name] for name in ("v", "d")})
    for t in STEPS:
        assert_same(made["F"][t], product_names()["F"][t], "F")
    made = run(blocks(TEXT, "mixed")[-1:], {name: mixed_names()[name] for name in MIXED})
    assert_same(made["u_hat"], mixed_names()["uhat"], "u")
    assert_same(made["a_hat"], mixed_names()["ahat"], "a")
    names = mixing_names()
    made = run(blocks(TEXT, "mixing")[-1:], {name: names[name] for name in ("sigma", "s", "r", "k", "C")})
    for (i, j), value in made["Z"].items():
        assert_same(value, names["Z"][i, j], f"Z_{i}{j}")
