"""Layers of every kind with right gradients, for the tests of diagnose."""

from typing import Any, NamedTuple

import numpy as np

import npseq as ns
from npseq.cell import Cell
from npseq.diagnosis.problem import Problem
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import state_arrays

T, B, D, H = 5, 3, 2, 4
LENGTHS = np.array([5, 2, 0])
ONES = np.ones((1, B, H)), np.ones((1, B, 2 * H))


class Leaky(Cell):
    """h' = h + k (u - h): a cell of one's own, whose squares are written as powers."""

    gates = ("k", "u")

    def forward(self, a, old, new, p, project):
        a[0] = 1 / (1 + np.exp(-a[0]))
        np.tanh(a[1], out=a[1])
        new[0][...] = old[0] + a[0] * (a[1] - old[0])

    def local_derivatives(self, a, old, new, s):
        s[0] = (a[1] - old[0]) * a[0] * (1 - a[0])
        s[1] = a[0] * (1 - a[1] ** 2)

    def backward(self, dnew, a, s, da, p, project):
        da[0] = dnew[0] * s[0]
        da[1] = dnew[0] * s[1]
        return (dnew[0] * (1 - a[0]),)


class Counted(Cell):
    """h' = c' / k', with c' = c + i u, k' = k + i: two parts beside h, a saved block, no local derivatives."""

    gates, state, saved = ("i", "u"), ("h", "c", "k"), ("q",)

    def forward(self, a, old, new, p, project):
        a[0] = 1 / (1 + np.exp(-a[0]))
        np.tanh(a[1], out=a[1])
        new[1][...] = old[1] + a[0] * a[1]
        new[2][...] = old[2] + a[0]
        a[2] = 1 / new[2]
        new[0][...] = new[1] * a[2]

    def backward(self, dnew, a, s, da, p, project):
        (i, u, q), (dh, dc, dk), (_, new) = a, dnew, s
        dc = dc + dh * q
        dk = dk - dh * q * new[0]
        da[0] = (dc * u + dk) * (i - i * i)
        da[1] = dc * i * (1 - u * u)
        return None, dc, dk


class Case(NamedTuple):
    """A layer at a point, with its gradients: those of the parameters, of x and of the initial states."""

    layer: Any
    x: np.ndarray
    dy: np.ndarray
    lengths: np.ndarray | None
    grads: dict[str, np.ndarray]
    problem: Problem
    state: Any = None

    def diagnosed(self, **wrong):
        """What diagnose says if some gradients are others."""
        return ns.diagnose(self.layer, self.x, self.dy, self.grads | wrong, self.state, self.lengths)


def case(layer, lengths=None, ids=False, state=None):
    rng = np.random.default_rng(0)
    x = rng.integers(0, layer.input_size, (T, B)) if ids else rng.normal(size=(T, B, layer.input_size))
    y, _, tape = layer.forward(x, state, lengths)
    dy = rng.normal(size=y.shape)
    dx, dfirst, found = layer.backward(dy, tape)
    grads = dict(found) | ({} if dx is None else {"x": dx})
    pairs = isinstance(layer, ns.Bidirectional)
    for prefix, part in zip(("forward.", "backward."), dfirst, strict=True) if pairs else (("", dfirst),):
        grads |= {f"{prefix}{name}": part for name, part in zip(("h0", "c0"), state_arrays(part), strict=False)}
    return Case(layer, x, dy, lengths, grads, Problem(layer, tape, dy), state)


def make(kind, **options):
    return kind(D, H, **({"dtype": np.float64, "rng": 1} | options))


def own(cell):
    return make(lambda *sizes, **options: Recurrent(cell, *sizes, **options))


CASES = {
    "rnn": lambda: case(make(ns.RNN)),
    "rnn relu": lambda: case(make(ns.RNN, nonlinearity="relu")),
    "rnn, two layers, both directions, ragged": lambda: case(make(ns.RNN, num_layers=2, bidirectional=True), LENGTHS),
    "gru after": lambda: case(make(ns.GRU)),
    "gru before, ragged": lambda: case(make(ns.GRU, reset="before"), LENGTHS),
    "gru without bias, of ids": lambda: case(make(ns.GRU, bias=False), ids=True),
    "lstm, ragged": lambda: case(make(ns.LSTM), LENGTHS),
    "lstm, peepholes and projection": lambda: case(make(ns.LSTM, peepholes=True, proj_size=3)),
    "two kinds": lambda: case(ns.Bidirectional(make(ns.GRU), ns.LSTM(D, 2, dtype=np.float64, rng=2)), LENGTHS),
    "a cell of one's own": lambda: case(own(Leaky())),
    "a gate and a state of one name": lambda: case(own(ns.gallery.LeakyRNNCell(0.3))),
    "sums that cancel": lambda: case(own(ns.gallery.MinLSTMCell())),
    "a cell with three states": lambda: case(
        own(Counted()), LENGTHS, state=(np.zeros((1, B, H)), np.ones((1, B, 2 * H)))
    ),
}
