"""Published numbers of CS231n (assignment 3, RNN_Captioning and LSTM_Captioning), and our own GRU's, to all digits."""

from __future__ import annotations

import numpy as np
import pytest

from npseq.layers import GRU, LSTM, RNN


def ramp(start, stop, *shape):
    return np.linspace(start, stop, np.prod(shape)).reshape(shape)


def filled(layer, gates, Wx, Wh, b):
    """The layer with its gates cut out of side-by-side weights, in the order in which the fixture has them."""
    for name, block in (("W_x", Wx), ("W_h", Wh), ("b_", b)):
        for gate, part in zip(gates, np.split(block, len(gates), axis=-1), strict=True):
            layer.params[name + gate] = part
    return layer


def printed(values, expected):
    """Equal to the printed digits: within half a unit of the eighth decimal."""
    np.testing.assert_allclose(values, expected, rtol=0, atol=0.5001e-8)


def test_rnn_step_forward():
    N, D, H = 3, 10, 4
    layer = filled(RNN(D, H, dtype=np.float64), "h", ramp(-0.1, 0.9, D, H), ramp(-0.3, 0.7, H, H), ramp(-0.2, 0.4, H))
    y, _, _ = layer.forward(ramp(-0.4, 0.7, 1, N, D), ramp(-0.2, 0.5, 1, N, H))
    printed(
        y[0],
        [
            [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
            [0.66854692, 0.79562378, 0.87755553, 0.92795967],
            [0.97934501, 0.99144213, 0.99646691, 0.99854353],
        ],
    )


def test_rnn_forward():
    N, T, D, H = 2, 3, 4, 5
    layer = filled(RNN(D, H, dtype=np.float64), "h", ramp(-0.2, 0.4, D, H), ramp(-0.4, 0.1, H, H), ramp(-0.7, 0.1, H))
    y, state, _ = layer.forward(ramp(-0.1, 0.3, N, T, D).swapaxes(0, 1), ramp(-0.3, 0.1, 1, N, H))
    printed(y[0, 0], [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251])
    printed(y[-1, -1], [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043])
    np.testing.assert_array_equal(state[0], y[-1])


def test_lstm_step_forward():
    N, D, H = 3, 4, 5
    layer = filled(
        LSTM(D, H, dtype=np.float64),
        "ifog",
        ramp(-2.1, 1.3, D, 4 * H),
        ramp(-0.7, 2.2, H, 4 * H),
        ramp(0.3, 0.7, 4 * H),
    )
    state = ramp(-0.3, 0.7, 1, N, H), ramp(-0.4, 0.9, 1, N, H)
    _, (h, c), _ = layer.forward(ramp(-0.4, 1.2, 1, N, D), state)
    printed(h[0, 0], [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904])
    printed(c[0, 0], [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407])


def test_lstm_forward():
    N, D, H, T = 2, 5, 4, 3
    layer = filled(
        LSTM(D, H, dtype=np.float64),
        "ifog",
        ramp(-0.2, 0.9, D, 4 * H),
        ramp(-0.3, 0.6, H, 4 * H),
        ramp(0.2, 0.7, 4 * H),
    )
    y, _, _ = layer.forward(ramp(-0.4, 0.6, N, T, D).swapaxes(0, 1), (ramp(-0.4, 0.8, 1, N, H), np.zeros((1, N, H))))
    printed(y[0, 0], [0.01764008, 0.01823233, 0.01882671, 0.0194232])
    printed(y[2, 1], [0.81733511, 0.83677871, 0.85403753, 0.86935314])


@pytest.mark.parametrize(
    ("reset", "first", "last"),
    [
        (
            "before",
            [-0.19212251, -0.09996954, -0.00752297, 0.08521647],
            [0.58927256, 0.66797642, 0.7582844, 0.85975619],
        ),
        (
            "after",
            [-0.19218079, -0.09999538, -0.00752619, 0.08522611],
            [0.58717821, 0.66694665, 0.75796556, 0.85988475],
        ),
    ],
)
def test_gru_forward(reset, first, last):
    N, D, H, T = 2, 5, 4, 3
    layer = filled(
        GRU(D, H, reset=reset, dtype=np.float64),
        "rzn",
        ramp(-0.2, 0.9, D, 3 * H),
        ramp(-0.3, 0.6, H, 3 * H),
        ramp(0.2, 0.7, 3 * H),
    )
    if reset == "after":
        layer.params["b_hn"][...] = 0
    y, _, _ = layer.forward(ramp(-0.4, 0.6, N, T, D).swapaxes(0, 1), ramp(-0.4, 0.8, 1, N, H))
    printed(y[0, 0], first)
    printed(y[2, 1], last)
