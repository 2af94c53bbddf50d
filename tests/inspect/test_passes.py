"""Views, and passes with an axis of lags or of losses, against backward."""

import numpy as np
import pytest
from layers.recurrent_cases import both_directions, every_cell
from ledger_cases import LENGTHS, B, T, case, either

from npseq import Linear
from npseq.bptt.factors import contract
from npseq.inspect.passes import (
    adjoints,
    adjoints_by_lag,
    adjoints_by_loss,
    check_names,
    in_natural_time,
    masked_dy,
    named_factors,
    views_of,
)


def test_a_layer_has_one_view_and_a_bidirectional_of_two_layers_has_two():
    layer, data, tape = case("lstm", 2, lengths=LENGTHS)
    (view,) = views_of(layer, tape, data.dy, data.dstate)
    assert (view.steps, view.batch, view.prefix, view.time) == (T, B, "", None)
    assert view.name("b_f", 1, 1) == "b_f_l1_reverse"
    both, x, dy, dstate = either()
    forward, backward = views_of(both, both.forward(x, None, LENGTHS)[2], dy, dstate)
    assert (forward.prefix, backward.prefix) == ("forward.", "backward.")
    np.testing.assert_array_equal(forward.dy, dy[..., :3])
    assert backward.time[:, 0].tolist() == [2, 1, 0, 3, 4]  # of 3 steps
    np.testing.assert_array_equal(backward.dy[0, 0], dy[2, 0, 3:])


def test_dy_is_masked_past_each_length_also_where_it_is_nan():
    layer, data, tape = case("gru after", lengths=LENGTHS)
    dy = data.dy.copy()
    dy[np.arange(T)[:, None] >= LENGTHS] = np.nan
    (view,) = views_of(layer, tape, dy)
    live = (np.arange(T)[:, None] < LENGTHS)[..., None]
    np.testing.assert_array_equal(masked_dy(view).swapaxes(1, 2), np.where(live, dy, 0))
    assert masked_dy(view._replace(dy=None)) is None


@both_directions
@every_cell
def test_the_factors_of_every_pass_are_those_of_the_gradient(cell, bidirectional):
    """Summed over lags, or over losses, the gradient is backward's."""
    layer, data, tape = case(cell, 2, bidirectional, LENGTHS)
    (view,) = views_of(layer, tape, data.dy, data.dstate)
    gradient = layer.backward(data.dy, tape, data.dstate)[2]
    scale = np.abs(gradient.flat).max()
    for rows, axis in ((adjoints(view), ""), (adjoints_by_lag(view, 4 * T), "k"), (adjoints_by_loss(view, 0, T), "k")):
        for name, factors in named_factors(view, rows, None).items():
            part = contract(factors, axis or "t").sum(axis=0)
            np.testing.assert_allclose(part, gradient[name], rtol=0, atol=1e-12 * scale, err_msg=name)


def test_a_window_of_losses_is_the_gradient_of_those_losses():
    layer, data, tape = case("lstm", lengths=LENGTHS)
    (view,) = views_of(layer, tape, data.dy)
    some = named_factors(view, adjoints_by_loss(view, 1, 3), ("W_hf",))["W_hf"]
    only = data.dy * ((np.arange(T) >= 1) & (np.arange(T) < 3))[:, None, None]
    np.testing.assert_allclose(contract(some, "k").sum(axis=0), layer.backward(only, tape)[2]["W_hf"], atol=1e-12)


def test_natural_time_is_that_of_x():
    both, x, dy, dstate = either()
    forward, backward = views_of(both, both.forward(x, None, LENGTHS)[2], dy, dstate)
    own = np.arange(T)[:, None] * np.ones((1, B), int)
    assert in_natural_time(forward, 0, own, axis=0)[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert in_natural_time(forward, 1, own, axis=0)[:, 0].tolist() == [4, 3, 2, 1, 0]
    assert in_natural_time(backward, 0, own, axis=0).T.tolist() == [[2, 1, 0, 3, 4], [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]


def test_names_are_a_tuple_of_parameters():
    layer, _, tape = case("rnn tanh")
    assert check_names(layer, None) is None
    assert check_names(layer, "b_h") == ("b_h",)
    assert check_names(layer, ["W_hh", "b_h"]) == ("W_hh", "b_h")
    for names, given in ((["W_xi"], r"\['W_xi'\]"), ([], "none")):
        with pytest.raises(ValueError, match=f"names must be of .*, got {given}"):
            check_names(layer, names)
    with pytest.raises(TypeError, match="layer must be an RNN, GRU, LSTM or Bidirectional layer, got Linear"):
        views_of(Linear(2, 3), tape)
