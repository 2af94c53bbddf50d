"""Long short-term memory: its equations, every derivative of a step, and published numbers of CS231n."""

from math import exp, tanh

import numpy as np
import pytest
from layers.one_step import B, H, P, assert_derivatives, assert_in_place, draw, forward
from layers.ramps import filled, printed, ramp

from npseq.layers.lstm import LSTM, LSTMCell

every_option = pytest.mark.parametrize(
    ("peepholes", "projected"), [(False, False), (True, False), (False, True), (True, True)]
)


def step_of(peepholes, projected, seed=0):
    """Blocks o, i, f, g; vectors p_o, p_i, p_f."""
    state = P if projected else H
    return draw(4, state=state, has_c=True, vectors=3 * peepholes, projected=projected, seed=seed)


def sigmoid(x):
    return 1 / (1 + exp(-x))


@pytest.mark.parametrize("b", range(B))
@every_option
def test_a_step_is_its_equations(peepholes, projected, b):
    """Gers et al. 2002 for the peepholes: i and f see the old cell state, o the new one. Sak et al. 2014."""
    step = step_of(peepholes, projected)
    _, (h_new, c_new), _ = forward(LSTMCell(peepholes, projected), step)
    (a_o, a_i, a_f, a_g), c = step.a[..., b].tolist(), step.c[:, b].tolist()
    p_o, p_i, p_f = step.p[..., 0].tolist() if peepholes else [[0.0] * H] * 3
    units = range(H)
    i = [sigmoid(a_i[j] + p_i[j] * c[j]) for j in units]
    f = [sigmoid(a_f[j] + p_f[j] * c[j]) for j in units]
    expected_c = [f[j] * c[j] + i[j] * tanh(a_g[j]) for j in units]
    m = [sigmoid(a_o[j] + p_o[j] * expected_c[j]) * tanh(expected_c[j]) for j in units]
    expected_h = [sum(m[i] * step.U[i, k] for i in units) for k in range(P)] if projected else m
    np.testing.assert_allclose(c_new[:, b], expected_c, rtol=0, atol=1e-15)
    np.testing.assert_allclose(h_new[:, b], expected_h, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", [0, 1])
@every_option
def test_every_derivative_of_a_step_is_that_of_central_differences(peepholes, projected, seed):
    assert_derivatives(LSTMCell(peepholes, projected), step_of(peepholes, projected, seed))


@every_option
def test_the_new_state_may_lie_in_the_old_ones_memory(peepholes, projected):
    assert_in_place(LSTMCell(peepholes, projected), step_of(peepholes, projected))


def test_a_forget_gate_of_one_and_an_input_gate_of_zero_keep_the_cell_state():
    """The constant error carousel, forward and back."""
    step = step_of(False, False)
    step.a[1], step.a[2] = -1e3, 1e3
    cell = LSTMCell()
    with np.errstate(over="ignore"):  # as the loop over time does
        a, (h_new, c_new), _ = forward(cell, step)
    np.testing.assert_array_equal(c_new, step.c)
    s, da = np.empty((5, 1, H, B)), np.empty_like(a)
    cell.local_derivatives(a[:, None], (step.h[None], step.c[None]), (h_new[None], c_new[None]), s)
    dh, dc = cell.backward((0 * step.dh, step.dc), a, s[:, 0], da, None, None)
    assert dh is None
    np.testing.assert_array_equal(dc, step.dc)
    np.testing.assert_array_equal(da, 0)


def test_options_go_by_keyword_and_make_equal_cells():
    assert LSTM(3, 4).cell == LSTMCell() == LSTM(3, 4, bias=False).cell
    assert LSTM(3, 4, peepholes=True, proj_size=2).cell == LSTMCell(True, True)
    assert (LSTM(3, 4).state_size, LSTM(3, 4, proj_size=2).state_size) == (4, 2)
    assert (LSTMCell().projection, LSTMCell(projected=True).projection) == (None, "W_hp")
    assert (LSTMCell().vectors, LSTMCell(peepholes=True).vectors) == ((), ("p_o", "p_i", "p_f"))
    with pytest.raises(TypeError, match="positional"):
        LSTM(3, 4, 1, True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"peepholes": 2}, TypeError, "peepholes must be True or False, got 2"),
        ({"proj_size": 1.0}, ValueError, r"proj_size must be an integer in \[0, 4\), got 1.0"),
        ({"proj_size": True}, ValueError, r"proj_size must be an integer in \[0, 4\), got True"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        LSTM(3, 4, **options)


def test_one_step_gives_the_published_numbers():
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


def test_three_steps_give_the_published_numbers():
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
