"""RTRL in linear memory is backward for one layer, and for the last one of a stack; below, paths are cut as it says."""

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.truncation import Plan, Truncation
from npseq.online import diagonal_rtrl

T, B, D, H = 7, 4, 2, 3
MASK = np.array(
    [[0, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]], bool
)
CELLS = {
    "ind rnn": lambda: ns.gallery.IndRNNCell(),
    "ind rnn tanh": lambda: ns.gallery.IndRNNCell("tanh"),
    "lru": lambda: ns.gallery.LRUCell(),
    "min gru": lambda: ns.gallery.MinGRUCell(),
    "min lstm": lambda: ns.gallery.MinLSTMCell(),
}


def made(kind, layers=1, lengths=None):
    layer, rng = ns.Recurrent(CELLS[kind](), D, H, num_layers=layers, dtype=np.float64, rng=0), np.random.default_rng(0)
    x = rng.normal(size=(T, B, D))
    start = layer.forward(x)[1]
    state = tuple(rng.normal(size=p.shape) for p in start) if layer.c_size else rng.normal(size=start.shape)
    y, last, tape = layer.forward(x, state, lengths)
    dlast = tuple(rng.normal(size=p.shape) for p in last) if layer.c_size else rng.normal(size=last.shape)
    dc = rng.normal(size=(T, B, layer.c_size)) if layer.c_size else None
    return layer, x, rng.normal(size=y.shape), state, dlast, dc, tape


@pytest.mark.parametrize("lengths", [None, np.array([7, 0, 3, 5]), MASK], ids=["full", "ragged", "mask"])
@pytest.mark.parametrize("kind", CELLS)
def test_it_is_backward(kind, lengths):
    layer, x, dy, state, dlast, dc, tape = made(kind, lengths=lengths)
    found = diagonal_rtrl(layer, x, dy, state, lengths, dlast, dc=dc)
    expected = layer.backward(dy, tape, dlast, dc=dc)[2]
    for name, value in expected.items():
        np.testing.assert_allclose(found.grads[name], value, rtol=0, atol=1e-12 * max(abs(value).max(), 1e-3))
    np.testing.assert_array_equal(found.y, layer.forward(x, state, lengths)[0])


class CutAbove(Truncation):
    """Nothing goes back in time in the layers above one."""

    def __init__(self, layer):
        self.layer = layer

    def plan(self, strands, steps, longest):
        return Plan(factors=np.repeat(np.arange(strands)[:, None] <= self.layer, steps, axis=1) * 1.0)


@pytest.mark.parametrize("kind", CELLS)
def test_a_stack_learns_as_it_says(kind):
    layer, x, dy, state, dlast, _, tape = made(kind, layers=3)
    dlast = tuple(0 * part for part in dlast) if layer.c_size else 0 * dlast
    found = diagonal_rtrl(layer, x, dy, state)
    for l, ending in enumerate(("", "_l1", "_l2")):
        expected = layer.backward(dy, tape, dlast, CutAbove(l))[2]
        for name, value in expected.items():
            if name.endswith(ending) and (ending or "_l" not in name):
                np.testing.assert_allclose(found.grads[name], value, rtol=1e-11, atol=1e-13, err_msg=name)


def test_a_sequence_continues_where_it_ended():
    layer, x, dy, state, dlast, dc, _ = made("lru")
    whole = diagonal_rtrl(layer, x, dy, state, None, dlast, dc=dc)
    first = diagonal_rtrl(layer, x[:3], dy[:3], state, dc=dc[:3])
    second = diagonal_rtrl(
        layer, x[3:], lambda t, y: dy[3 + t], first.state, None, dlast, influence=first.influence, dc=dc[3:]
    )
    np.testing.assert_allclose(first.grads.flat + second.grads.flat, whole.grads.flat, rtol=1e-12, atol=1e-13)


def test_ids_and_no_step():
    layer, rng = ns.Recurrent(ns.gallery.MinGRUCell(), 200, H, dtype=np.float64, rng=0), np.random.default_rng(0)
    ids, dy = rng.integers(0, 200, (T, B)), rng.normal(size=(T, B, H))
    expected = layer.backward(dy, layer.forward(ids)[2])[2]
    np.testing.assert_allclose(diagonal_rtrl(layer, ids, dy).grads.flat, expected.flat, rtol=1e-11, atol=1e-14)
    assert not diagonal_rtrl(layer, ids[:0], dy[:0]).grads.flat.any()


def test_what_it_is_not_for():
    layer, x, dy, state, dlast, _, _ = made("lru")
    with pytest.raises(ValueError, match="diagonal_rtrl needs a cell whose units do not read each other"):
        diagonal_rtrl(ns.GRU(D, H, dtype=np.float64), x, dy)
    with pytest.raises(ValueError, match="needs a layer of one direction"):
        diagonal_rtrl(ns.Recurrent(CELLS["lru"](), D, H, bidirectional=True), x, dy)
    with pytest.raises(ValueError, match="clip_adjoint must be None in diagonal_rtrl"):
        diagonal_rtrl(layer, x, dy, clip_adjoint=1.0)
    with pytest.raises(ValueError, match="influence must have the names W_xr, b_r"):
        diagonal_rtrl(layer, x, dy, influence={})
    before = diagonal_rtrl(layer, x, dy, state).influence
    with pytest.raises(ValueError, match="dstate of h must be 0 for a sequence without a step"):
        diagonal_rtrl(layer, x, dy, state, np.zeros(B, int), dlast, influence=before)
