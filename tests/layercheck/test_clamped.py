"""The clamped gradient of every cell is that of its surrogate; a wrong clamp is seen."""

import numpy as np
import pytest

import npseq as ns
from npseq.bptt import around
from npseq.layercheck.clamped import surrogate, watched

T, B, D, H, LIMIT = 3, 2, 2, 3, 0.05
LENGTHS = np.array([3, 2])
OWN = {
    "rnn": lambda **o: ns.RNN(D, H, **o),
    "gru after": lambda **o: ns.GRU(D, H, **o),
    "gru before": lambda **o: ns.GRU(D, H, reset="before", **o),
    "lstm": lambda **o: ns.LSTM(D, H, peepholes=True, proj_size=1, **o),
}
GALLERY = {
    name: lambda cell=name, **o: ns.Recurrent(getattr(ns.gallery, cell)(), D, H, **o) for name in ns.gallery.__all__
}
CELLS = {**OWN, **{name: make for name, make in GALLERY.items() if name.endswith("Cell")}}
X = np.random.default_rng(0).normal(size=(T, B, D))


@pytest.mark.parametrize("kind", CELLS)
def test_every_entry_is_that_of_a_complex_step(kind):
    layer = CELLS[kind](num_layers=1 + (kind in OWN), bidirectional=True, dtype=np.float64, rng=0)
    report = ns.gradcheck_layer(layer, X, None, LENGTHS, clip_adjoint=LIMIT)
    assert report.passed, str(report)
    assert report.max_error < 1e-12
    tape = layer.forward(X, None, LENGTHS)[2]
    free, clamped = (
        layer.backward(np.ones((T, B, 2 * layer.state_size)), tape, clip_adjoint=c)[2] for c in (None, LIMIT)
    )
    assert abs(free.flat - clamped.flat).max() > 0.1 * abs(free.flat).max()  # the clamp acts


@pytest.mark.parametrize("slip", ["not clamped at all", "a tighter limit", "clamped after the sums"])
def test_a_wrong_clamp_fails(slip, monkeypatch):
    layer, right = ns.LSTM(D, H, dtype=np.float64, rng=0), around.clip
    wrong = {
        "not clamped at all": lambda x, limit: x,
        "a tighter limit": lambda x, limit: right(x, 0.9 * limit),
        "clamped after the sums": lambda x, limit: right(x.sum(axis=0, keepdims=True), limit) + 0 * x,
    }[slip]
    monkeypatch.setattr("npseq.layers.upstream.bound_by", lambda limit, weights: lambda x: wrong(x, limit))
    assert not ns.gradcheck_layer(layer, X, clip_adjoint=LIMIT)


def test_the_surrogate_has_the_values_of_the_layer():
    layer = ns.GRU(D, H, reset="before", dtype=np.float64, rng=0)
    y, last, _ = layer.forward(X)
    made = surrogate(layer, X, None, None, np.ones_like(y), np.ones_like(last), LIMIT)
    np.testing.assert_allclose(made.forward(X)[0], y, rtol=1e-13)
    assert watched(layer.cell, lambda a: a).reset == "before"


def test_what_has_no_surrogate_is_refused():
    layer = ns.GRU(D, H, rng=0)
    with pytest.raises(ValueError, match="clip_adjoint can be checked in an RNN, GRU, LSTM or Recurrent, got Bi"):
        ns.gradcheck_layer(ns.Bidirectional(layer, layer), X, clip_adjoint=LIMIT)
    with pytest.raises(ValueError, match=r"check one of them at a time, got clip_adjoint and Truncated\(2\)"):
        ns.gradcheck_layer(layer, X, clip_adjoint=LIMIT, truncation=ns.Truncated(2))
    with pytest.raises(TypeError, match="Linear has no time, so it takes no clip_adjoint"):
        ns.gradcheck_layer(ns.Linear(D, H), X, clip_adjoint=LIMIT)
