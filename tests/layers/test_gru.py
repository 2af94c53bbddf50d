"""The gated recurrent unit: its equations, every derivative of a step, and printed numbers."""

from math import exp, tanh

import numpy as np
import pytest
from layers.one_step import B, H, assert_derivatives, assert_in_place, draw, forward
from layers.ramps import filled, printed, ramp

from npseq.layers.gru import GRU, GRUCell

every_option = pytest.mark.parametrize("reset", ["after", "before"])


def step_of(reset, seed=0):
    """Blocks r, z, n, and with reset "after" v = h W_hn + b_hn between z and n."""
    return draw(4, seed=seed) if reset == "after" else draw(3, projected=True, seed=seed)


def sigmoid(x):
    return 1 / (1 + exp(-x))


@pytest.mark.parametrize("b", range(B))
@every_option
def test_a_step_is_its_equations(reset, b):
    """Cho et al. 2014, equations 5 to 8, and torch.nn.GRU's; z keeps the old state."""
    step = step_of(reset)
    _, (h_new,), handed = forward(GRUCell(reset), step)
    a, h = step.a[..., b].tolist(), step.h[:, b].tolist()
    r, z = ([sigmoid(number) for number in block] for block in a[:2])
    if reset == "after":
        n = [tanh(a[3][j] + r[j] * a[2][j]) for j in range(H)]
        assert not handed
    else:
        n = [tanh(a[2][j] + sum(r[i] * h[i] * step.U[i, j] for i in range(H))) for j in range(H)]
        np.testing.assert_allclose(handed[0][:, b], [r[i] * h[i] for i in range(H)], rtol=1e-15)
    expected = [z[j] * h[j] + (1 - z[j]) * n[j] for j in range(H)]
    np.testing.assert_allclose(h_new[:, b], expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", [0, 1])
@every_option
def test_every_derivative_of_a_step_is_that_of_central_differences(reset, seed):
    assert_derivatives(GRUCell(reset), step_of(reset, seed))


@every_option
def test_the_new_state_may_lie_in_the_old_ones_memory(reset):
    assert_in_place(GRUCell(reset), step_of(reset))


@every_option
def test_an_update_gate_of_one_keeps_the_state_and_one_of_zero_takes_the_candidate(reset):
    step = step_of(reset)
    step.a[1, :, 0], step.a[1, :, 1] = 1e3, -1e3
    with np.errstate(over="ignore"):  # as the loop over time does
        a, (h_new,), _ = forward(GRUCell(reset), step)
    np.testing.assert_allclose(h_new[:, 0], step.h[:, 0], rtol=0, atol=2e-16)  # h rounds once in n + z (h - n)
    np.testing.assert_array_equal(h_new[:, 1], a[-1, :, 1])


def test_only_the_reset_gate_after_the_product_has_a_bias_of_its_own():
    assert GRU(3, 4).params["b_hn"].shape == (4,)
    assert "b_hn" not in GRU(3, 4, reset="before").params
    assert "b_hn" not in GRU(3, 4, bias=False).params


def test_options_go_by_keyword_and_make_equal_cells():
    assert GRU(3, 4).cell == GRUCell("after") == GRU(3, 4, num_layers=2).cell
    assert GRU(3, 4, reset="before").cell == GRUCell("before") != GRUCell("after")
    assert (GRUCell("after").projection, GRUCell("before").projection) == (None, "W_hn")
    with pytest.raises(TypeError, match="positional"):
        GRU(3, 4, 1, "before")


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
def test_three_steps_give_the_printed_numbers(reset, first, last):
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
