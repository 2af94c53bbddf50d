"""Two proofs of a backward pass that need no difference of a loss.

    adjoint     <w, J v> = <J' w, v>     J v by a complex step through forward, J' w by backward
    symmetry    <u, H v> = <v, H u>      H v by a complex step through backward, itself no part of the claim

The first holds J' to J along random directions of all inputs at once; a backward that passes it may still have a branch
that complex numbers do not take. The second runs backward itself on complex numbers: what it returns is the derivative
of something only if its own derivative is symmetric.
"""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, make

import npseq as ns
from npseq.layercheck.check import layer_problem

STEP = 1e-30
T, B, D = 4, 3, 2
LENGTHS = np.array([2, 0, 4])
SHAPES = {
    "one layer": {"num_layers": 1},
    "two layers": {"num_layers": 2},
    "both directions": {"num_layers": 2, "bidirectional": True},
    "no bias": {"num_layers": 1, "bias": False},
}
DIRECTIONS = 5


def draw(rng, *shape):
    return rng.normal(size=shape)


def recurrent(cell, shape):
    layer = make(cell, D, 3, **SHAPES[shape])
    rng = np.random.default_rng(1)
    rows = layer.num_layers * layer.directions
    h = draw(rng, rows, B, layer.state_size)
    state = (h, draw(rng, rows, B, layer.hidden_size)) if isinstance(layer, ns.LSTM) else h
    return layer, draw(rng, T, B, D), state


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def like(state, arrays):
    return tuple(arrays) if isinstance(state, tuple) else next(iter(arrays))


def forward(layer, x, state):
    """[y, last state ...] as one list."""
    y, last, tape = layer.forward(x, state, LENGTHS)
    return [y, *parts(last)], tape


def backward(layer, flat, x, state, w):
    """[dflat, dx, dstate ...] from w, the derivatives by what forward returns."""
    bound = layer.bind(flat)
    _, tape = forward(bound, x, state)
    dx, dstate, grads = bound.backward(w[0], tape, like(state, w[1:]))
    return [grads.flat, dx, *parts(dstate)]


def moved(values, v):
    return [value + 1j * STEP * direction for value, direction in zip(values, v, strict=True)]


def inner(a, b):
    return sum((left * right).sum() for left, right in zip(a, b, strict=True))


def size(a, b):
    """What the rounding of an inner product is relative to: its terms may cancel."""
    return sum(np.abs(left * right).sum() for left, right in zip(a, b, strict=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_adjoint_identity_holds(cell, shape):
    layer, x, state = recurrent(cell, shape)
    at, rng = [layer.params.flat, x, *parts(state)], np.random.default_rng(2)
    twin = layer.astype(np.complex128)
    outputs, _ = forward(layer, x, state)
    for _ in range(DIRECTIONS):
        v, w = ([draw(rng, *value.shape) for value in values] for values in (at, outputs))
        flat, x_moved, *states = moved(at, v)
        jv = [out.imag / STEP for out in forward(twin.bind(flat), x_moved, like(state, states))[0]]
        jw = backward(layer, at[0], x, state, w)
        assert abs(inner(w, jv) - inner(jw, v)) <= 1e-14 * max(size(w, jv), size(jw, v))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_hessian_is_symmetric(cell, shape):
    """Of sum(w * outputs) by parameters, x and initial states together."""
    layer, x, state = recurrent(cell, shape)
    at, rng = [layer.params.flat, x, *parts(state)], np.random.default_rng(3)
    twin = layer.astype(np.complex128)
    outputs, _ = forward(layer, x, state)
    w = [draw(rng, *value.shape) for value in outputs]

    def hessian_times(v):
        flat, x_moved, *states = moved(at, v)
        return [part.imag / STEP for part in backward(twin, flat, x_moved, like(state, states), w)]

    for _ in range(DIRECTIONS):
        u, v = ([draw(rng, *value.shape) for value in at] for _ in range(2))
        hu, hv = hessian_times(u), hessian_times(v)
        assert size(u, hv) > 1e-3
        assert abs(inner(u, hv) - inner(v, hu)) <= 1e-14 * max(size(u, hv), size(v, hu))


OTHERS = {
    "bidirectional": (
        ns.Bidirectional(ns.GRU(2, 3, dtype=np.float64, rng=0), ns.LSTM(2, 2, 2, dtype=np.float64, rng=1)),
        np.random.default_rng(6).normal(size=(T, B, D)),
    ),
    "embedded ids": (ns.LSTM(3, 2, dtype=np.float64, rng=0), np.array([[0, 1], [2, 2], [1, 0]])),
    "looked-up ids": (ns.GRU(200, 2, dtype=np.float64, rng=0), np.array([[0, 199], [7, 7], [1, 0]])),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_adjoint_identity_of_two_directions_and_of_token_ids(name):
    """<w, y> is the loss of layer_problem, and its complex step along v is <w, J v>."""
    problem, rng = layer_problem(*OTHERS[name]), np.random.default_rng(7)
    v = {key: rng.normal(size=value.shape) for key, value in problem.at.items()}
    step = problem.loss({key: value + 1j * STEP * v[key] for key, value in problem.at.items()}).imag / STEP
    gradient = problem.gradient(np.float64)
    terms = [gradient[key] * v[key] for key in v]
    assert abs(sum(term.sum() for term in terms) - step) <= 1e-14 * sum(np.abs(term).sum() for term in terms)


def test_a_local_derivative_that_is_a_little_wrong_breaks_both(monkeypatch):
    """The test of the test."""
    cell = type(make("rnn tanh").cell)
    right = cell.local_derivatives

    def wrong(self, a, old, new, s):
        right(self, a, old, new, s)
        s[0] += 0.01 * new[0]

    monkeypatch.setattr(cell, "local_derivatives", wrong)
    with pytest.raises(AssertionError):
        test_the_hessian_is_symmetric("rnn tanh", "one layer")
    with pytest.raises(AssertionError):
        test_the_adjoint_identity_holds("rnn tanh", "one layer")
