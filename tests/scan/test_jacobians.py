"""Jacobians of all steps at once beside those of single steps, and the structure that is read off them."""

import numpy as np
import pytest
from scan.cells import CELLS, B, H, T, given, layer_of

import npseq as ns
from npseq.scan.jacobians import Steps, jacobians, of_blocks
from npseq.scan.steps import steps_of

UNITS = {"IndRNNCell": (1, 0), "MinGRUCell": (1, 0), "MinLSTMCell": (1, 0), "LRUCell": (2, H)}  # m, first row


def found_of(layer, tape):
    own = steps_of(tape)
    return jacobians(Steps(layer.cell, layer.weights(0, 0), own.tape.strands[0][0], own.steps, 0), None)


def whole(J):
    """(T, B, n, n) from blocks (T, B, U, m, m)."""
    steps, batch, U, m, _ = J.shape
    out = np.zeros((steps, batch, m, U, m, U))
    for u in range(U):
        out[:, :, :, u, :, u] = J[:, :, u]
    return out.reshape(steps, batch, m * U, m * U)


@pytest.mark.parametrize("name", CELLS)
def test_each_is_that_of_its_step(name):
    layer = layer_of(name, num_layers=1, bidirectional=False)
    x, state, *_ = given(layer)
    tape = layer.forward(x, state)[2]
    J, first = found_of(layer, tape)
    m, row = UNITS.get(name, (J.shape[-1], 0))
    assert (J.shape[-1], first) == (m, row)
    expected = ns.inspect.state_jacobians(layer, tape)
    np.testing.assert_allclose(whole(J), expected[..., first:, first:], rtol=0, atol=1e-13 * abs(expected).max())
    assert not expected[..., :first].any()


def test_units_that_read_each_other_are_not_taken_apart():
    class Mean(ns.Cell):
        gates, h_blocks = ("u",), ()

        def forward(self, a, old, new, p, project):
            new[0][...] = a[0] + 0.5 * old[0] + 0.5 * old[0].mean(axis=0)

        def backward(self, dnew, a, s, da, p, project):
            da[0] = dnew[0]
            return (0.5 * dnew[0] + 0.5 * dnew[0].mean(axis=0),)

    layer = ns.Recurrent(Mean(), 2, H, dtype=np.float64, rng=0)
    J, _ = found_of(layer, layer.forward(np.ones((T, B, 2)))[2])
    assert J.shape == (T, B, 1, H, H)
    np.testing.assert_allclose(J[0, 0, 0], 0.5 * np.eye(H) + 0.5 / H, atol=1e-15)


def test_blocks_are_cut_out_of_the_whole():
    """Of an LSTM's (h, c) each unit's two rows; and the diagonal, in order of the rows."""
    J = np.arange(36.0).reshape(1, 1, 1, 6, 6)
    pairs = of_blocks(J, 2)
    assert pairs.shape == (1, 1, 3, 2, 2)
    for u in range(3):
        np.testing.assert_array_equal(pairs[0, 0, u], J[0, 0, 0][np.ix_([u, 3 + u], [u, 3 + u])])
    np.testing.assert_array_equal(of_blocks(J, 1)[0, 0, :, 0, 0], np.diag(J[0, 0, 0]))
    np.testing.assert_array_equal(of_blocks(pairs, 1), of_blocks(J, 1))
