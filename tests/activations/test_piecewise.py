"""At a kink the checker sees a kink, and a cell whose unit lies exactly there passes."""

import numpy as np
import pytest

import npseq as ns
from npseq.activations.piecewise import clipped, within

KINKS = [  # a text, a kink, and a place beside it
    ("relu", 0.0, 1.0), ("leaky_relu", 0.0, 1.0), ("selu", 0.0, 1.0), ("relu6", 6.0, 1.0), ("hard_tanh", -1.0, 0.1),
    ("hard_sigmoid", 2.5, 0.0), ("sparse_sigmoid", 1.0, 0.1), ("hard_silu", 3.0, 1.0), ("soft_shrink", 0.5, 1.0),
    ("tanh(clip=0.5)", 0.5, 0.1),
]  # fmt: skip


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize(("text", "kink", "beside"), KINKS)
def test_the_derivative_at_a_kink_passes_as_a_kink(text, kink, beside, method):
    layer = ns.RNN(1, 2, nonlinearity=text, dtype=np.float64, rng=0)
    layer.params.flat[:] = 0
    layer.params["b_h"][:] = kink, beside
    layer.params["W_xh"][:] = 1
    report = ns.gradcheck_layer(layer, np.zeros((1, 1, 1)), method=method)
    assert report.passed, report
    if method == "central":
        assert report.kinks


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "selu", "elu"])
def test_a_cell_state_that_is_0_while_its_unit_is_off_passes(name):
    """It is the kink of (L6), where a product of two complex steps must not count."""
    x = np.random.default_rng(0).normal(size=(4, 2, 2))
    for seed in range(3):
        layer = ns.LSTM(2, 3, activation=name, proj_size=2, dtype=np.float64, rng=seed)
        assert ns.gradcheck_layer(layer, x, lengths=np.array([4, 3]))


def test_what_is_outside_has_no_derivative():
    x = np.array([-2.0, -1.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(clipped(x, -1.0, 1.0), [-1, -1, 0.5, 1, 1])
    np.testing.assert_array_equal(within(x, -1.0, 1.0, 3.0), [0, 0, 3, 0, 0])
