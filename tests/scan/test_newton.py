"""Forward by Newton's method beside the loop, for every cell; and what an early stop does."""

import numpy as np
import pytest
from scan.cells import CELLS, LENGTHS, LINEAR, B, D, H, T, assert_same, given, layer_of, parts

import npseq as ns
from npseq.scan.newton import NoConvergence

every_cell = pytest.mark.parametrize("name", CELLS)


@pytest.mark.parametrize("jacobian", ["whole", "diagonal"])
@every_cell
def test_it_is_forward_in_a_stack_of_both_directions(name, jacobian):
    layer = layer_of(name)
    x, state, dy, dstate = given(layer)
    y, last, tape = layer.forward(x, state, LENGTHS)
    found = ns.scan.forward(layer, x, state, LENGTHS, jacobian=jacobian)
    assert found.converged
    assert found.iterations.shape == (3, 2)
    assert found.iterations.max() <= T
    assert_same(found.y, y)
    assert_same(found.state, last)
    for backward in (layer.backward, lambda *given: ns.scan.backward(layer, *given)):
        _, dfirst, grads = backward(dy, found.tape, dstate)
        expected = layer.backward(dy, tape, dstate)
        assert_same(grads.flat, expected[2].flat)
        assert_same(dfirst, expected[1])


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM, projection", "SLSTMCell"])
def test_resets(name):
    layer = layer_of(name)
    x, state, dy, dstate = given(layer)
    resets = np.random.default_rng(3).random((T, B)) < 0.3
    y, last, tape = layer.forward(x, state, LENGTHS, resets=resets)
    found = ns.scan.forward(layer, x, state, LENGTHS, resets=resets)
    assert_same(found.y, y)
    assert_same(found.state, last)
    expected = layer.backward(dy, tape, dstate)[2].flat
    assert_same(layer.backward(dy, found.tape, dstate)[2].flat, expected)
    early = ns.scan.forward(layer, x, state, LENGTHS, resets=resets, iterations=1)
    assert ns.scan.backward(layer, dy, early.tape, dstate)[0].shape == x.shape


def test_a_mask_with_gaps():
    layer = layer_of("LSTM")
    x, state, dy, dstate = given(layer)
    mask = np.random.default_rng(4).random((T, B)) < 0.7
    y, last, tape = layer.forward(x, state, mask)
    found = ns.scan.forward(layer, x, state, mask)
    assert_same(found.y, y)
    assert_same(found.state, last)
    dx, _, grads = ns.scan.backward(layer, dy, found.tape, dstate)
    expected = layer.backward(dy, tape, dstate)
    assert_same(dx, expected[0])
    assert_same(grads.flat, expected[2].flat)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_cell_that_is_linear_in_its_state_takes_one_scan(name, lengths):
    layer = layer_of(name)
    x, state, *_ = given(layer)
    assert (ns.scan.forward(layer, x, state, lengths).iterations == 1).all()


@pytest.mark.parametrize("jacobian", ["whole", "units", "diagonal"])
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU, before", "SLSTMCell"])
def test_after_k_iterations_k_states_are_those_of_the_loop_to_the_last_bit(name, jacobian):
    """Of weights that let the changes explode, so that no other state comes near by itself."""
    layer = layer_of(name, num_layers=1, bidirectional=False)
    layer.params.flat[:] *= 6
    x, state, *_ = given(layer)
    whole = ns.scan.forward(layer, x, state, iterations=T, jacobian=jacobian)
    assert whole.converged
    assert whole.residuals[0][0][-1] == 0
    for k in range(1, T):
        some = ns.scan.forward(layer, x, state, iterations=k, jacobian=jacobian)
        np.testing.assert_array_equal(some.y[:k], whole.y[:k])


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "MGUCell"])
def test_a_damped_iteration_ends_at_the_same_states(name):
    layer = layer_of(name)
    x, state, *_ = given(layer)
    found = ns.scan.forward(layer, x, state, LENGTHS, damping=0.1)
    assert_same(found.y, layer.forward(x, state, LENGTHS)[0])


@every_cell
def test_stopped_early_it_has_the_gradient_of_the_loop_that_is_pushed(name):
    """Entry by entry, by complex steps of that loop: each step ends at the states on the tape, the push held fixed."""
    layer = layer_of(name, num_layers=1, bidirectional=False)
    layer.params.flat[:] *= 2
    x, state, dy, dstate = given(layer)
    found = ns.scan.forward(layer, x, state, iterations=2)
    if name in LINEAR:
        assert found.converged
        return
    assert not found.converged
    step = found.tape.tape.strands[0][0]
    P, rng = layer.state_size, np.random.default_rng(5)

    def of(array, t):
        return array[:, t * B : (t + 1) * B].T[None]

    def after(t):
        """The state on the tape after step t."""
        if t == T - 1:
            return parts(found.state)
        return tuple(of(one[0], t + 1) for one in ((step.s[:, :P]), step.c) if one is not None)

    def made(t):
        return tuple(of(one[1], t) for one in ((step.s[:, :P]), step.c) if one is not None)

    def loss(at, before):
        one, s, total = layer.bind(at), before, 0
        for t in range(T):
            s = parts(one.forward(x[t : t + 1].astype(complex), s if len(s) > 1 else s[0])[1])
            s = tuple(a - b + c for a, b, c in zip(s, made(t), after(t), strict=True))
            total = total + (s[0][0] * dy[t]).sum()
        return total + sum((a * b).sum() for a, b in zip(s, parts(dstate), strict=True))

    _, dfirst, grads = ns.scan.backward(layer, dy, found.tape, dstate)
    flat, first = layer.params.flat, tuple(part.astype(complex) for part in parts(state))
    scale = abs(grads.flat).max()
    for k in rng.permutation(flat.size)[:12]:
        moved = flat.astype(complex)
        moved[k] += 1e-30j
        assert abs(loss(moved, first).imag / 1e-30 - grads.flat[k]) <= 1e-12 * scale
    first[0][0, 1, 0] += 1e-30j
    assert loss(flat.astype(complex), first).imag / 1e-30 == pytest.approx(parts(dfirst)[0][0, 1, 0], rel=1e-10)


def test_a_stack_that_is_stopped_early_and_its_tape():
    layer = layer_of("LSTM")
    x, state, dy, dstate = given(layer)
    found = ns.scan.forward(layer, x, state, LENGTHS, iterations=1)
    dx, _, grads = ns.scan.backward(layer, dy, found.tape, dstate)
    assert dx.shape == x.shape
    assert np.isfinite(grads.flat).all()
    assert not found.y[5:, 0].any()
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got StepsTape"):
        layer.backward(dy, found.tape, dstate)
    none = ns.scan.forward(layer, x, state, LENGTHS, iterations=0)
    assert not none.y.any()
    assert "converged: False" in str(found)


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (1, 1), (50, 1)])
def test_few_steps_and_few_sequences(steps, batch):
    layer = ns.GRU(D, H, num_layers=2, bidirectional=True, dtype=np.float64, rng=0)
    x = np.random.default_rng(0).normal(size=(steps, batch, D))
    found = ns.scan.forward(layer, x)
    assert found.converged
    np.testing.assert_allclose(found.y, layer.forward(x)[0], rtol=0, atol=1e-14)


def test_ids_and_single_precision():
    layer = ns.LSTM(200, H, rng=0)
    ids = np.random.default_rng(0).integers(0, 200, (30, 2))
    found = ns.scan.forward(layer, ids)
    np.testing.assert_allclose(found.y, layer.forward(ids)[0], rtol=0, atol=1e-6)
    assert found.y.dtype == np.float32


def test_states_that_leave_the_finite_numbers_come_back():
    """A relu network whose products of Jacobians overflow, while its states do not."""
    layer = ns.RNN(D, 2, nonlinearity="relu", bias=False, dtype=np.float64, rng=0)
    layer.params["W_hh"] = np.array([[0.0, 1e200], [1e-200, 0.0]])
    x = np.zeros((12, 1, D))
    found = ns.scan.forward(layer, x, np.array([[[1.0, 1e150]]]), tolerance=0)
    np.testing.assert_array_equal(found.y, layer.forward(x, np.array([[[1.0, 1e150]]]))[0])


def test_what_does_not_converge_is_said():
    layer = layer_of("GRU", num_layers=1, bidirectional=False)
    x, state, *_ = given(layer)
    with pytest.raises(NoConvergence, match="the states were not found in 900 iterations: the residual is"):
        ns.scan.forward(layer, x, state, damping=1e6)
    with np.errstate(all="ignore"), pytest.raises(NoConvergence, match="only where the loop's own states are not"):
        ns.scan.forward(ns.RNN(D, H, dtype=np.float64, rng=0), np.full((4, 1, D), np.nan))


def test_what_does_not_fit_is_refused():
    layer, x = ns.LSTM(D, H, proj_size=2, rng=0), np.ones((T, B, D), np.float32)
    with pytest.raises(ValueError, match='jacobian="units" needs an h with a feature for each of the 3 units, got 2'):
        ns.scan.forward(layer, x, jacobian="units")
    with pytest.raises(ValueError, match="jacobian must be"):
        ns.scan.forward(layer, x, jacobian="block")
    with pytest.raises(ValueError, match="damping must lie in"):
        ns.scan.forward(layer, x, damping=-1.0)
    with pytest.raises(TypeError, match="layer must be an RNN, GRU, LSTM or Recurrent"):
        ns.scan.forward(ns.Linear(2, 3), x)
    with pytest.raises(MemoryError, match="Jacobians of 5 x 5"):
        ns.scan.forward(layer, x, max_bytes=10)
