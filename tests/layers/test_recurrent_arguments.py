"""What a recurrent layer refuses: each message says what must hold and what was given, before anything is computed."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import given, make

from npseq.layers import GRU, LSTM, RNN


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: RNN(0, 4), ValueError, "input_size must be a positive integer, got 0"),
        (lambda: GRU(3, -1), ValueError, "hidden_size must be a positive integer, got -1"),
        (lambda: LSTM(3, 4.0), ValueError, "hidden_size must be a positive integer, got 4.0"),
        (lambda: LSTM(3, True), ValueError, "hidden_size must be a positive integer, got True"),
        (lambda: RNN(3, 4, num_layers=0), ValueError, "num_layers must be a positive integer, got 0"),
        (lambda: RNN(3, 4, nonlinearity="exp"), ValueError, "nonlinearity must be one of 'linear', .*, got 'exp'"),
        (lambda: GRU(3, 4, gate_activation=None), TypeError, "gate_activation must be the name of an activation, or"),
        (lambda: LSTM(3, 4, output_activation="elu(slope=1)"), ValueError, "output_activation must be an activation"),
        (lambda: GRU(3, 4, reset="inside"), ValueError, "reset must be one of 'after', 'before', got 'inside'"),
        (lambda: LSTM(3, 4, proj_size=4), ValueError, r"proj_size must be an integer in \[0, 4\), got 4"),
        (
            lambda: LSTM(3, 4, proj_size=-1),
            ValueError,
            r"proj_size must be an integer in \[0, 4\), got -1",
        ),
        (lambda: RNN(3, 4, dropout=1.0), ValueError, r"dropout must be a probability in \[0, 1\), got 1.0"),
        (lambda: RNN(3, 4, dropout=-0.1), ValueError, r"dropout must be a probability in \[0, 1\), got -0.1"),
        (lambda: RNN(3, 4, dtype=np.int64), ValueError, "dtype must be float32, float64, complex64 or .*, got int64"),
        (lambda: RNN(3, 4, dtype=np.float16), ValueError, "dtype must be float32, .* got float16"),
        (lambda: RNN(3, 4).astype(np.int32), ValueError, "dtype must be float32, .* got int32"),
    ],
)
def test_constructors_refuse_what_does_not_hold(build, error, message):
    with pytest.raises(error, match=message):
        build()


X = np.ones((2, 3, 4))
IDS = np.array([[0, 1, 2], [3, 0, 1]])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]],), TypeError, "x must be a NumPy or CuPy array of numbers, got list; pass numpy.asarray"),
        (
            (np.ones((2, 3, 5)),),
            ValueError,
            r"x must have shape \(T, B, 4\), or be integer ids \(T, B\), got \(2, 3, 5\)",
        ),
        ((np.ones((3, 4)),), ValueError, r"x must have shape \(T, B, 4\).*got \(3, 4\) float64"),
        ((np.ones((2, 3, 4), int),), ValueError, r"token ids must have shape \(T, B\), got \(2, 3, 4\)"),
        ((X * 1j,), TypeError, r"x is complex128 but the layer is float64; use layer.astype\('complex128'\)"),
        ((np.full((2, 3), 4),), ValueError, r"token ids of x \(T, B\) must be in \[0, 4\), got 4 at \(0, 0\)"),
        (
            (np.array([[0, 1, 2], [3, -1, 0]]),),
            ValueError,
            r"token ids of x \(T, B\) must be in \[0, 4\), got -1 at \(1, 1\)",
        ),
        ((X, None, np.array([1.0, 2, 2])), TypeError, "lengths must be integers, got float64"),
        ((X, None, np.array([1, 2])), ValueError, r"lengths must have shape \(3,\), one a sequence, got \(2,\)"),
        ((X, None, np.array([1, 2, 3])), ValueError, r"lengths must be in \[0, 3\), got 3 at \(2,\): x has no more"),
        ((IDS, None, np.array([-1, 2, 2])), ValueError, r"lengths must be in \[0, 3\), got -1 at \(0,\)"),
        ((X, np.zeros((2, 1, 3, 4))), TypeError, r"state of an LSTM must be a pair \(h, c\), got ndarray"),
        ((X, (np.zeros((1, 3, 4)),)), TypeError, r"state of an LSTM must be a pair \(h, c\), got tuple"),
        ((X, (np.zeros((3, 4)), None)), ValueError, r"state.*h.* must have shape \(1, 3, 4\), got \(3, 4\)"),
        ((X, (None, np.zeros((1, 2, 4)))), ValueError, r"state.*c.* must have shape \(1, 3, 4\), got \(1, 2, 4\)"),
        (
            (X, (None, [[[0.0]]])),
            TypeError,
            r"state.*c.* must be a NumPy or CuPy array of numbers of shape \(1, 3, 4\), got list",
        ),
        ((X, (None, np.zeros((1, 3, 4), complex))), TypeError, "state.*c.* is complex128 but the layer is float64"),
    ],
)
def test_forward_refuses_what_does_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        make("lstm", size=4, num_layers=1).forward(*arguments)


def test_a_tape_that_is_none_of_npseqs_is_refused():
    with pytest.raises(TypeError, match="tape must be an old one that forward returned, or None, got str"):
        make("lstm", size=4, num_layers=1).forward(X, tape="tape")


def test_float64_is_not_quietly_rounded_to_a_float32_layer():
    layer = make("gru after", dtype=np.float32)
    data, double = given(layer, 2, 3), np.ones((2, 3, 3))
    with pytest.raises(TypeError, match=r"x is float64 but the layer is float32; use x.astype\('float32'\) or layer"):
        layer.forward(double)
    with pytest.raises(TypeError, match=r"state.* is float64 but the layer is float32; use "):
        layer.forward(data.x, data.state.astype(np.float64))
    with pytest.raises(ValueError, match=r"state.* must have shape \(2, 3, 4\), got \(1, 3, 4\)"):
        layer.forward(data.x, data.state[:1])
    _, _, tape = layer.forward(data.x)
    with pytest.raises(TypeError, match=r"dy is float64 but the layer is float32; use dy.astype\('float32'\)"):
        layer.backward(data.dy.astype(np.float64), tape)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dy": np.ones((2, 3, 5))}, ValueError, r"dy must have shape \(2, 3, 4\), got \(2, 3, 5\)"),
        ({"dy": [1.0]}, TypeError, r"dy must be a NumPy or CuPy array of numbers of shape \(2, 3, 4\), got list"),
        ({"dstate": np.ones((1, 3, 4))}, TypeError, r"dstate of an LSTM must be a pair \(h, c\), got ndarray"),
        (
            {"dstate": (None, np.ones((1, 3, 5)))},
            ValueError,
            r"dstate.*c.* must have shape \(1, 3, 4\), got \(1, 3, 5\)",
        ),
        ({"tape": None}, TypeError, "tape must be the one that this layer's forward returned"),
        (
            {"truncation": 3},
            TypeError,
            "truncation must be Truncated, RandomTruncation, .*, HDetach, CarouselTruncation or None, got 3",
        ),
    ],
)
def test_backward_refuses_what_does_not_fit(change, error, message):
    layer = make("lstm", size=4, num_layers=1)
    arguments = {"dy": np.ones((2, 3, 4)), "tape": layer.forward(X)[2]} | change
    with pytest.raises(error, match=message):
        layer.backward(**arguments)


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        (make("lstm"), make("gru after")),
        (make("gru after"), make("lstm")),
        (make("gru after"), make("gru before")),
        (make("rnn tanh"), make("lstm")),
        (make("lstm"), make("lstm", num_layers=1)),
        (make("lstm"), make("lstm", bidirectional=True)),
        (make("lstm"), make("lstm", hidden=5)),
        (make("lstm"), make("lstm", dtype=np.float32)),
        (make("lstm"), make("lstm", size=2)),
        (make("lstm"), make("lstm", bias=False)),
        (make("lstm"), make("lstm projection")),
    ],
    ids=[
        "lstm-gru",
        "gru-lstm",
        "reset",
        "rnn-lstm",
        "layers",
        "directions",
        "hidden",
        "dtype",
        "input",
        "bias",
        "proj",
    ],
)
def test_backward_refuses_the_tape_of_another_layer(mine, other):
    _, _, tape = other.forward(given(other, 2, 3).x)
    with pytest.raises(TypeError, match=r"tape must (be the one that|come from) this layer's forward"):
        mine.backward(given(mine, 2, 3).dy, tape)
