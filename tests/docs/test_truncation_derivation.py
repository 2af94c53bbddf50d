"""docs/derivations/truncation.md, run beside the layer: lags, the function behind a truncation, means and variances."""

import re

import carousel_page
import certificate_page
import numpy as np
import pytest
from printed import assert_same, blocks, labels_of
from truncation_page import CHANCE, DRAWS, LENGTH_CHANCE, LENGTHS, PI, TEXT, Q, T, case, names, slopes

import npseq as ns
from npseq.bptt.truncation import Plan


class Fixed:
    """A truncation that is no draw."""

    def __init__(self, lag_weights=None, factors=None):
        self.fixed = Plan(lag_weights, factors)

    def plan(self, strands, steps, longest):
        return self.fixed


def layers_gradient(truncation=None):
    layer, _, dy, _, tape = case()
    grads = layer.backward(dy, tape, truncation=truncation)[2]
    return np.concatenate([grads[name].ravel() for name in ("W_xh", "W_hh", "b_h")])


def test_the_lags_add_up_to_the_gradient():
    assert_same(names()["gradient"], layers_gradient(), "gradient")


@pytest.mark.parametrize("k", range(T))
def test_one_lag(k):
    assert_same(names()["G"][k], layers_gradient(Fixed(np.eye(T)[k])), f"G_{k}")


@pytest.mark.parametrize("tau", range(1, T + 1))
def test_truncated(tau):
    found = names(tau)
    assert_same(found["g_tau"], layers_gradient(ns.Truncated(tau)), "g_tau")
    assert_same(slopes(found["surrogate"]), found["g_tau"], "the surrogate's gradient")
    assert_same(found["g_tau"] - found["bias"], layers_gradient(), "the bias")


@pytest.mark.parametrize("zeta", [0.0, 0.5, 1.0, -2.0])
def test_the_lags_are_the_coefficients_of_a_polynomial(zeta):
    found = names()
    expected = sum(zeta**k * found["G"][k] for k in range(T))
    assert_same(slopes(lambda *at: found["blended"](zeta, *at)), expected, f"zeta {zeta}")


def test_random_truncation_draw_by_draw_its_mean_and_variance():
    mean, square = 0, 0
    for kept, probability in zip(DRAWS, CHANCE, strict=True):
        factors = np.array(kept) / PI
        draw, _ = names()["drawn"](dict(enumerate(factors, 1)))
        assert_same(layers_gradient(Fixed(factors=factors[None])), draw, f"{kept}")
        mean, square = mean + probability * draw, square + probability * draw @ draw
    whole = layers_gradient()
    assert_same(mean, whole, "mean")
    assert_same(names()["variance"], square - whole @ whole, "variance")


def test_the_variance_carry_by_carry():
    draws = [(p, dict(enumerate(np.array(kept) / PI, 1))) for kept, p in zip(DRAWS, CHANCE, strict=True)]
    assert_same(names()["by_carries"](draws), names()["variance"], "variance")


def test_roulette_draw_by_draw_its_mean_and_variance():
    mean, square = 0, 0
    for N, probability in zip(LENGTHS, LENGTH_CHANCE, strict=True):
        draw = names()["roulette"](N)
        assert_same(layers_gradient(Fixed(1 / Q[:N])), draw, f"N = {N}")
        mean, square = mean + probability * draw, square + probability * draw @ draw
    whole = layers_gradient()
    assert_same(mean, whole, "mean")
    assert_same(names()["roulette_variance"], square - whole @ whole, "variance")


def test_the_classes_weigh_as_printed():
    """(K12) and the two values of xi, as the public classes draw them."""
    for seed in range(5):
        factors = ns.RandomTruncation(PI, seed).plan(1, T, T).factors[0]
        assert all(f in (0, 1 / p) for f, p in zip(factors, PI, strict=True))
        weights = ns.RouletteTruncation(lambda k: 0.8**k, seed).plan(1, T, T).lag_weights
        assert_same(weights, 0.8 ** -np.arange(len(weights), dtype=float), "1 / Q")


def test_the_gradient_of_1997():
    found = carousel_page.layers_gradient(ns.CarouselTruncation())
    assert_same(carousel_page.slopes(carousel_page.lines()["fixed"]), found, "the gradient with h held fixed")
    for t in carousel_page.STEPS:
        assert_same(carousel_page.lines()["dc"][t], carousel_page.names()["dc"][t], f"dc_{t}")


def test_the_certificate():
    """The page's own lines, which hold each bound against what it bounds, and the code's numbers."""
    for tau in (0, 1, 2):
        found, made = certificate_page.lines(tau), certificate_page.names(tau)
        for letter, first in (("phi", 0), ("E", max(tau, 1)), ("R", max(tau, 1))):
            for k in range(first, certificate_page.T):
                assert_same(found[letter][k], made[letter][k], f"{letter}_{k}")
        assert_same(found["M"], made["M"], "M")


def test_every_label_has_a_formula_and_a_line():
    formulas = list(dict.fromkeys(re.findall(r"\\text\{\((K\d+)\)\}", TEXT)))
    assert formulas == [f"K{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(blocks(TEXT, "carousel") + blocks(TEXT, "certificate")) == set(formulas)
