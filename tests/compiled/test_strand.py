"""Compiled loops give what the plain ones give, to rounding, for every cell; and every gradient is right by itself."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns

LAYERS = {
    "rnn": lambda: ns.RNN(3, 5, rng=0, dtype=np.float64),
    "relu": lambda: ns.RNN(3, 5, rng=0, nonlinearity="relu", dtype=np.float64),
    "gru": lambda: ns.GRU(3, 5, rng=0, dtype=np.float64),
    "before": lambda: ns.GRU(3, 5, reset="before", rng=0, dtype=np.float64),
    "lstm": lambda: ns.LSTM(3, 5, rng=0, dtype=np.float64),
    "peepholes": lambda: ns.LSTM(3, 5, peepholes=True, proj_size=2, rng=0, dtype=np.float64),
    "lru": lambda: ns.Recurrent(ns.gallery.LRUCell(), 3, 5, rng=0, dtype=np.float64),
    "stack": lambda: ns.LSTM(3, 5, 2, bidirectional=True, rng=0, dtype=np.float64),
}
QUICK = ("rnn", "gru", "lstm", "stack")


def run(layer, x, lengths=None):
    """Everything that the layer returns, forward and back, by one dy and one dstate."""
    rng = np.random.default_rng(1)
    y, state, tape = layer.forward(x, lengths=lengths)
    draw = lambda like: rng.normal(size=like.shape)  # noqa: E731
    dstate = tuple(map(draw, state)) if isinstance(state, tuple) else draw(state)
    dx, dstate, grads = layer.backward(draw(y), tape, dstate)
    return [np.concatenate([np.ravel(part) for part in parts]) for parts in ((y, *state), (dx, *dstate), (grads.flat,))]


@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in LAYERS])
def test_compiled_loops_give_what_plain_ones_give(compiled, name, batch):
    layer, x = LAYERS[name](), np.random.default_rng(0).normal(size=(7, batch, 3))
    found = run(layer, x)
    again = run(layer, x)
    with ns.settings(compiled=False):
        expected = run(layer, x)
    for one, same, other in zip(found, again, expected, strict=True):
        np.testing.assert_array_equal(one, same)
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


MASKS = {
    "lengths": np.array([7, 1, 0, 3, 7, 5]),
    "gaps": np.random.default_rng(2).random((7, 6)) < 0.6,
    "one": np.array([4]),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in LAYERS])
def test_padded_batches_give_what_plain_loops_give(compiled, name, mask):
    layer, has = LAYERS[name](), MASKS[mask]
    x = np.random.default_rng(0).normal(size=(7, 1 if mask == "one" else 6, 3))
    running = has if has.dtype == bool else np.arange(7)[:, None] < has
    x[~running] = np.inf  # which nobody may read
    found = run(layer, x, has)
    with ns.settings(compiled=False):
        expected = run(layer, x, has)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


class Delays(ns.Cell):
    """c is the h before; so the adjoint of either state is the other's, and nothing else."""

    gates, state = ("g",), ("h", "c")

    def forward(self, a, old, new, p, project):
        (h, c), (h_new, c_new) = old, new
        a[0] = np.tanh(a[0])
        h_new[...], c_new[...] = a[0] + c, 1 * h

    def backward(self, dnew, a, s, da, p, project):
        dh, dc = dnew
        da[0] = dh * (1 - a[0] ** 2)
        return dc, dh


@pytest.mark.parametrize("lengths", [None, [2], [4, 6, 1]])
def test_a_state_may_be_the_adjoint_of_another(compiled, lengths):
    layer = ns.Recurrent(Delays(), 2, 3, rng=0, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(6, 3 if lengths is None else len(lengths), 2))
    assert ns.gradcheck_layer(layer, x, lengths=None if lengths is None else np.array(lengths), method="central")


@pytest.mark.parametrize("lengths", [None, [4], [6, 2, 5]])
@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_every_gradient_is_the_central_difference(compiled, name, lengths):
    layer, x = LAYERS[name](), np.random.default_rng(0).normal(size=(6, 3 if lengths is None else len(lengths), 3))
    assert ns.gradcheck_layer(layer, x, lengths=None if lengths is None else np.array(lengths), method="central")


@pytest.mark.parametrize("lengths", [None, np.array([5, 1, 0, 3, 4, 5, 2, 1, 5, 3, 4])])
@pytest.mark.parametrize("batch", [1, 11])
@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in ("before", "peepholes", "lru"))]
)
def test_three_threads_give_the_bits_of_one(compiled, name, batch, lengths, monkeypatch):
    monkeypatch.setattr("npseq.compiled.sharing.SMALL", 0)
    monkeypatch.setattr("npseq.compiled.sharing.SHORT", 0)
    monkeypatch.setattr("npseq.threads._processors", lambda: 3)
    monkeypatch.setattr("npseq.compiled.strand.rows_of", lambda dtype: 1)  # as many parts as units may be asked for
    layer, x = LAYERS[name](), np.random.default_rng(0).normal(size=(5, batch, 3))
    lengths = None if lengths is None else lengths[:batch]
    alone = run(layer, x, lengths)
    monkeypatch.setattr("npseq.threads._own", 3)
    for one, other in zip(alone, run(layer, x, lengths), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_old_tape_of_the_plain_path_is_replaced(compiled):
    layer, x = LAYERS["rnn"](), np.ones((3, 1, 3))
    with ns.settings(compiled=False):
        tape = layer.forward(x)[2]
    y, _, tape = layer.forward(x, tape=tape)
    assert tape.strands[0][0].x_first
    np.testing.assert_allclose(y, LAYERS["rnn"]().forward(x)[0], rtol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ns.gallery.__all__)))
def test_every_cell_of_the_gallery_is_compiled_or_takes_the_plain_path(compiled, name):
    layer = ns.Recurrent(getattr(ns.gallery, name)(), 3, 5, rng=0, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(6, 5, 3))
    found = run(layer, x)
    with ns.settings(compiled=False):
        expected = run(layer, x)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)
