"""The plain recurrent cell: its equations, every derivative of a step, and published numbers of CS231n."""

from math import tanh

import numpy as np
import pytest
from layers.one_step import H, assert_derivatives, assert_in_place, draw, forward
from layers.ramps import filled, printed, ramp

from npseq.layers.rnn import RNN, RNNCell

every_option = pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])


@pytest.mark.parametrize(("nonlinearity", "phi"), [("tanh", tanh), ("relu", lambda a: max(a, 0.0))])
def test_a_step_is_its_equation(nonlinearity, phi):
    step = draw(1)
    _, (h_new,), handed = forward(RNNCell(nonlinearity), step)
    for index in np.ndindex(h_new.shape):
        assert h_new[index] == pytest.approx(phi(step.a[0][index]), rel=1e-15)
    assert not handed


@every_option
def test_every_derivative_of_a_step_is_that_of_central_differences(nonlinearity):
    assert_derivatives(RNNCell(nonlinearity), draw(1))


@every_option
def test_the_new_state_may_lie_in_the_old_ones_memory(nonlinearity):
    assert_in_place(RNNCell(nonlinearity), draw(1))


def test_relu_has_no_derivative_at_its_kink():
    h_new, s = np.array([[[-0.0, 0.0, 1e-300]]]), np.empty((1, 1, 1, 3))
    RNNCell("relu").local_derivatives(np.empty((1, 1, 1, 3)), (h_new,), (h_new,), s)
    np.testing.assert_array_equal(s[0, 0, 0], [0, 0, 1])


def test_backward_does_without_the_gates():
    assert not RNNCell().reads_gates
    assert len(RNN(2, H).forward(np.zeros((5, 1, 2), np.float32))[2].strands[0][0].a) == 1


def test_options_go_by_keyword_and_make_equal_cells():
    assert RNN(3, 4).cell == RNNCell("tanh") == RNN(3, 4, num_layers=2, bidirectional=True).cell
    assert RNN(3, 4, nonlinearity="relu").cell == RNNCell("relu") != RNNCell("tanh")
    with pytest.raises(TypeError, match="positional"):
        RNN(3, 4, 1, "relu")


def test_one_step_gives_the_published_numbers():
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


def test_three_steps_give_the_published_numbers():
    N, T, D, H = 2, 3, 4, 5
    layer = filled(RNN(D, H, dtype=np.float64), "h", ramp(-0.2, 0.4, D, H), ramp(-0.4, 0.1, H, H), ramp(-0.7, 0.1, H))
    y, state, _ = layer.forward(ramp(-0.1, 0.3, N, T, D).swapaxes(0, 1), ramp(-0.3, 0.1, 1, N, H))
    printed(y[0, 0], [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251])
    printed(y[-1, -1], [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043])
    np.testing.assert_array_equal(state[0], y[-1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_relu_unit_whose_pre_activation_overflows_is_off(dtype):
    """-1e60 is -inf in float32: the unit is 0, not 0 times infinity, and so are all its derivatives."""
    layer = RNN(1, 1, nonlinearity="relu", dtype=dtype, rng=0)
    layer.params["W_xh"][...] = -1e30
    y, h, tape = layer.forward(np.full((2, 1, 1), 1e30, dtype))
    dx, dh, grads = layer.backward(np.ones_like(y), tape)
    for found in (y, h, dx, dh, grads.flat):
        assert not found.any()
