"""Mistakes in time, of any cell."""

import numpy as np
import pytest
from diagnosis.cases import CASES, D, H, make

import npseq as ns
from npseq.diagnosis.passes import gradients_of
from npseq.diagnosis.timing import mistakes_in_time


def found(name, id):
    right = CASES[name]()
    cell, T, B = right.layer.cell, right.problem.T, right.problem.B
    (mistake,) = (one for one, _ in mistakes_in_time(T, B, cell.gates, cell.h_blocks) if one.id == id)
    return right, {key: value[0] for key, value in gradients_of(right.problem, [(mistake,)]).items()}


@pytest.mark.parametrize(("name", "parameter"), [("rnn", "W_hh"), ("gru after", "W_hn"), ("lstm, ragged", "W_hf")])
@pytest.mark.parametrize("k", [1, 3])
def test_truncated(name, parameter, k):
    right, wrong = found(name, f"truncated to {k}")
    tape = right.layer.forward(right.x, None, right.lengths)[2]
    _, _, truncated = right.layer.backward(right.dy, tape, truncation=ns.Truncated(k))
    np.testing.assert_array_equal(wrong[parameter], truncated[parameter])


def test_cut_into_chunks():
    """Nothing passed back at every second step is what chunks of two steps have, each from the state before it."""
    right, wrong = found("lstm, ragged", "nothing passed back at t % 2 = 0")
    state, total = None, 0
    for start in (0, 2, 4):
        steps = slice(start, start + 2)
        lengths = (right.lengths - start).clip(0, len(right.x[steps]))
        _, state, tape = right.layer.forward(right.x[steps], state, lengths)
        total = total + right.layer.backward(right.dy[steps], tape)[2]["W_hf"]
    np.testing.assert_allclose(wrong["W_hf"], total, rtol=1e-12)


def test_gates_in_another_order():
    """With one step nothing is passed back: r's sums have n's adjoint, of which h's has the reset gate's factor."""
    layer = make(ns.GRU)
    rng = np.random.default_rng(2)
    x, dy, h0 = rng.normal(size=(1, 3, D)), rng.normal(size=(1, 3, H)), rng.normal(size=(1, 3, H))
    grads = layer.backward(dy, layer.forward(x, h0)[2])[2]
    wrong = {"W_xr": grads["W_xn"], "b_r": grads["b_n"], "W_hr": grads["W_hn"]}
    wrong |= {"W_xn": grads["W_xr"], "b_n": grads["b_r"], "W_hn": grads["W_hr"]}
    assert ns.diagnose(layer, x, dy, wrong, h0).text.endswith("in another order than forward's: n for r, r for n.")


def test_they_are_made_once_for_all_cells_with_the_same_gates():
    assert mistakes_in_time(5, 3, ("h",), ("h",)) is mistakes_in_time(5, 3, ("h",), ("h",))
    ids = [mistake.id for mistake, _ in mistakes_in_time(5, 3, ("o", "i", "f", "g"), ("o", "i", "f", "g"))]
    assert len(set(ids)) == len(ids)
