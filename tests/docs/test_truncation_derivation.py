"""docs/derivations/truncation.md, run beside the layer: lags, the function behind a truncation, means and variances."""

from __future__ import annotations

import itertools
import re
from functools import cache

import numpy as np
import pytest
from printed import assert_same, blocks, labels_of, run, text_of

import npseq as ns
from npseq.bptt.truncation import Plan

TEXT = text_of("docs/derivations/truncation.md")
T, B, D, H = 4, 2, 2, 3
PI = np.array([0.5, 0.8, 0.3, 0.6])  # the first step carries from the given first state, to no parameter
Q = np.array([1, 0.7, 0.7, 0.2])


class Fixed:
    """A truncation that is no draw."""

    def __init__(self, lag_weights=None, factors=None):
        self.fixed = Plan(lag_weights, factors)

    def plan(self, strands, steps, longest):
        return self.fixed


@cache
def case():
    layer = ns.RNN(D, H, dtype=np.float64)
    rng = np.random.default_rng(0)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    x, dy, first = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)), rng.normal(size=(1, B, H))
    _, _, tape = layer.forward(x, first)
    return layer, x, dy, first, tape


@cache
def names(tau=2):
    layer, x, dy, first, _ = case()
    steps = {"x": dict(enumerate(x, 1)), "q": dict(enumerate(dy, 1)), "pi": dict(enumerate(PI, 1)), "Q": Q}
    return run(blocks(TEXT), {"T": T, "tau": tau, "h_0": first[0], **steps, **layer.params})


def parameters():
    layer = case()[0]
    return [layer.params[name] for name in ("W_xh", "W_hh", "b_h")]


def layers_gradient(truncation=None):
    layer, _, dy, _, tape = case()
    grads = layer.backward(dy, tape, truncation=truncation)[2]
    return np.concatenate([grads[name].ravel() for name in ("W_xh", "W_hh", "b_h")])


def slopes(f):
    """The gradient of f(W_xh, W_hh, b_h), all entries in one vector, by a complex step."""
    at, found = parameters(), []
    for k, array in enumerate(at):
        for index in np.ndindex(array.shape):
            stepped = array.astype(complex)
            stepped[index] += 1e-30j
            found.append(f(*at[:k], stepped, *at[k + 1 :]).imag / 1e-30)
    return np.array(found)


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
    for kept in itertools.product([0, 1], repeat=T):
        probability = np.prod(np.where(kept, PI, 1 - PI))
        factors = np.array(kept) / PI
        draw = names()["drawn"](dict(enumerate(factors, 1)))
        assert_same(layers_gradient(Fixed(factors=factors[None])), draw, f"{kept}")
        mean, square = mean + probability * draw, square + probability * draw @ draw
    whole = layers_gradient()
    assert_same(mean, whole, "mean")
    assert_same(names()["variance"], square - whole @ whole, "variance")


def test_roulette_draw_by_draw_its_mean_and_variance():
    mean, square = 0, 0
    for N, probability in zip(range(1, T + 1), Q - np.append(Q[1:], 0), strict=True):
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


def test_every_label_has_a_formula_and_a_line():
    formulas = re.findall(r"\\text\{\((K\d+)\)\}", TEXT)
    assert formulas == [f"K{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(blocks(TEXT)) == set(formulas)
