"""Two layers side by side, one of them reversed."""

import numpy as np
import pytest

import npseq as ns
from npseq.layers.bidirectional import recurrent_layers, state_pair
from npseq.layers.reversed import Reversed

T, B, D = 5, 4, 3
F64 = {"dtype": np.float64}
LENGTHS = np.array([3, 5, 0, 1])


def pair():
    return ns.GRU(D, 2, rng=0, **F64), ns.LSTM(D, 3, 2, rng=1, **F64)


def inputs():
    return np.random.default_rng(2).normal(size=(T, B, D))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_its_outputs_are_those_of_the_two_layers(lengths):
    forward, backward = pair()
    y, (last, (h, c)), _ = ns.Bidirectional(forward, backward).forward(inputs(), None, lengths)
    y_f, last_f, _ = forward.forward(inputs(), None, lengths)
    y_b, (h_b, c_b), _ = Reversed(backward).forward(inputs(), None, lengths)
    np.testing.assert_array_equal(y, np.concatenate([y_f, y_b], axis=2))
    for found, expected in ((last, last_f), (h, h_b), (c, c_b)):
        np.testing.assert_array_equal(found, expected)


def test_two_equal_layers_are_one_of_two_directions():
    both = ns.GRU(D, 2, bidirectional=True, rng=0, **F64)
    halves = [ns.GRU(D, 2, **F64) for _ in "12"]
    for d, half in enumerate(halves):
        for name in half.params:
            half.params[name] = both.params[f"{name}{'_reverse' if d else ''}"]
    layer, dy = ns.Bidirectional(*halves), np.random.default_rng(3).normal(size=(T, B, 4))
    (y, _, tape), (expected, _, other) = (one.forward(inputs(), None, LENGTHS) for one in (layer, both))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-15)
    (dx, (dfirst, dlast), grads), (dx_both, dstate, grads_both) = layer.backward(dy, tape), both.backward(dy, other)
    np.testing.assert_allclose(dx, dx_both, rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.concatenate([dfirst, dlast]), dstate, rtol=0, atol=1e-14)
    np.testing.assert_allclose(grads.flat, grads_both.flat, rtol=0, atol=1e-14)


@pytest.mark.parametrize("truncation", [None, ns.Truncated(2)])
def test_its_gradients_are_those_of_differences(truncation):
    layer = ns.Bidirectional(ns.RNN(D, 2, rng=0, **F64), ns.LSTM(D, 3, rng=1, **F64))
    report = ns.gradcheck_layer(layer, inputs(), lengths=LENGTHS, truncation=truncation)
    assert report.passed
    assert {"forward.h0", "backward.h0", "backward.c0"} <= {row.name for row in report.tensors}


def test_a_tape_may_be_written_over():
    layer = ns.Bidirectional(*pair())
    _, _, tape = layer.forward(2 * inputs())
    np.testing.assert_array_equal(layer.forward(inputs(), tape=tape)[0], layer.forward(inputs())[0])


def test_the_layers_it_is_made_of_have_the_names_of_its_parameters():
    forward, backward = pair()
    layer = ns.Bidirectional(forward, backward)
    assert {prefix: type(one) for prefix, one in recurrent_layers(layer).items()} == {
        "forward.": ns.GRU, "backward.": ns.LSTM,
    }  # fmt: skip
    assert recurrent_layers(forward) == {"": forward}
    assert recurrent_layers(Reversed(backward)) == {"": backward}


def test_a_state_is_a_pair():
    assert state_pair("state", None) == (None, None)
    assert state_pair("state", [1, 2]) == (1, 2)
    with pytest.raises(TypeError, match=r"dstate of Bidirectional must be a pair \(forward layer's, .*got ndarray"):
        state_pair("dstate", np.zeros(3))


def test_what_does_not_fit_is_refused():
    forward, backward = pair()
    layer = ns.Bidirectional(forward, backward)
    y, _, tape = layer.forward(inputs())
    with pytest.raises(TypeError, match="backward must be an RNN, GRU or LSTM layer, got Linear"):
        ns.Bidirectional(forward, ns.Linear(D, 2))
    with pytest.raises(ValueError, match="both layers must read the same inputs, got 3 features in float64 and 4 in"):
        ns.Bidirectional(forward, ns.GRU(4, 2, **F64))
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 4, 5\), got \(5, 4, 4\)"):
        layer.backward(y[..., :4], tape)
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got Tape"):
        layer.backward(y, tape.forward)
    with pytest.raises(ValueError, match="HDetach needs a cell that has c"):
        layer.backward(y, tape, truncation=ns.HDetach(0.5, 0))
