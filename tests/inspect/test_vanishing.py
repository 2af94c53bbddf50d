"""The vanishing-gradient penalty against scalar loops: eps for the Jacobian, a complex step for the parameters."""

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, every_cell, given, make, parts
from oracles.dual import Dual
from oracles.recurrent import gradient, weighted
from oracles.sequences import Sequences

from npseq import GRU, LSTM, RNN, Bidirectional
from npseq.inspect import vanishing_penalty

T, B = 4, 2
LENGTHS = np.array([4, 2])


class Oracle(Sequences):
    def delta(self, b, t):
        """dL/ds after step t, the state taken as given: by what step t's own loss reads, and by all later losses."""
        length = self.lengths[b]
        width = len(self.data.dy[t][b])

        def loss(at):
            flat = list(at["s"])
            y, last = self.go_on(self.params, b, t + 1, flat, length)
            total = weighted(flat[self.top : self.top + width], self.data.dy[t][b])
            for u, step in enumerate(y, t + 1):
                total = total + weighted(step, self.data.dy[u][b])
            own = [k for part in parts(self.data.dstate) for row in part for k in row[b]]
            return total + weighted(last, own)

        return gradient(loss, {"s": self.after(b, t)})["s"]

    def passed(self, params, b, t, delta):
        """delta J, entry by entry: the slope of <delta, s_t> along each feature of the state before."""
        before, found = self.before(b, t), []
        for j in range(len(before)):
            flat = [Dual(value, 1.0 * (k == j)) for k, value in enumerate(before)]
            found.append(weighted(self.go_on(params, b, t, flat, t + 1)[1], delta).slope)
        return found

    def penalty(self, params, delta):
        total = 0.0
        for (b, t), d in delta.items():
            size = np.sqrt(sum(p * p for p in self.passed(params, b, t, d)))
            total = total + (size / np.sqrt((d * d).sum()) - 1) ** 2
        return total

    def deltas(self):
        return {(b, t): self.delta(b, t) for b, n in enumerate(self.lengths) for t in range(1, n)}


def case(cell, layers, lengths=None, dtype=np.float64):
    layer = make(cell, size=2, hidden=3, num_layers=layers, dtype=dtype)
    data = given(layer, T, B)
    return layer, data, layer.forward(data.x, data.state, lengths)[2]


@pytest.mark.parametrize(("layers", "lengths"), [(1, None), (2, LENGTHS)])
@every_cell
def test_value_and_immediate_derivative(cell, layers, lengths):
    """The surrogate: delta_t and s_{t-1} are the numbers they are, and the parameters act in step t."""
    layer, data, tape = case(cell, layers, lengths)
    found = vanishing_penalty(layer, data.dy, tape, data.dstate)
    oracle = Oracle(CELLS[cell][2], layer, data, [T, T] if lengths is None else lengths)
    deltas = oracle.deltas()
    assert found.value == pytest.approx(oracle.penalty(oracle.params, deltas), rel=1e-12)
    expected = gradient(lambda at: oracle.penalty(at, deltas), oracle.params)
    scale = max(np.abs(value).max() for value in expected.values())
    for name, value in expected.items():
        np.testing.assert_allclose(found.grads[name], value, rtol=0, atol=1e-12 * scale, err_msg=name)


def test_ratios_stand_where_there_is_a_term():
    layer, data, tape = case("gru after", 1, LENGTHS)
    found = vanishing_penalty(layer, data.dy, tape, data.dstate)
    there = np.isfinite(found.ratios)
    np.testing.assert_array_equal(there, [[False, False], [True, True], [True, False], [True, False]])
    assert found.value == pytest.approx(((found.ratios[there] - 1) ** 2).sum(), rel=1e-13)


def test_a_rotation_keeps_the_norm():
    """A linear network with an orthogonal W_hh has no penalty; twice that matrix has (2 - 1)^2 a term, slope 2 W."""
    layer = RNN(2, 3, nonlinearity="relu", dtype=np.float64, rng=0)
    W = np.eye(3)[[1, 2, 0]]
    layer.params["W_xh"], layer.params["b_h"] = np.abs(layer.params["W_xh"]), np.ones(3)
    for scale in (1.0, 2.0):
        layer.params["W_hh"] = scale * W
        dy = np.zeros((T, 1, 3))
        dy[-1, 0, 1] = 1
        tape = layer.forward(np.ones((T, 1, 2)))[2]
        found = vanishing_penalty(layer, dy, tape)
        assert found.value == pytest.approx((T - 1) * (scale - 1) ** 2, abs=1e-14)
    assert found.grads["W_hh"].sum() == pytest.approx(2 * (T - 1), rel=1e-13)
    assert not found.grads["W_xh"].any()


def test_where_nothing_arrives_there_is_no_term():
    layer, data, tape = case("lstm", 2)
    for dy in (None, 0 * data.dy):
        found = vanishing_penalty(layer, dy, tape)
        assert found.value == 0
        assert not found.grads.flat.any()
        assert np.isnan(found.ratios).all()


def test_dead_units_are_a_term_of_one_and_no_slope():
    layer = RNN(2, 3, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["b_h"] = -100 * np.ones(3)
    found = vanishing_penalty(layer, np.ones((T, 1, 3)), layer.forward(np.zeros((T, 1, 2)))[2])
    assert found.value == T - 1
    assert not found.grads.flat.any()


@pytest.mark.parametrize("size", [5, 200])
def test_token_ids(size):
    """Looked up or one-hot, as the same features."""
    layer = GRU(size, 3, dtype=np.float64, rng=0)
    ids, dy = np.arange(T * B).reshape(T, B) % size, given(layer, T, B).dy
    found = vanishing_penalty(layer, dy, layer.forward(ids)[2])
    expected = vanishing_penalty(layer, dy, layer.forward(np.eye(size)[ids])[2])
    np.testing.assert_allclose(found.grads.flat, expected.grads.flat, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", ["rnn tanh", "lstm both"])
def test_float32_stays_and_nothing_is_written_on(cell):
    layer, data, tape = case(cell, 2, LENGTHS, np.float32)
    kept = [array.copy() for array in (layer.params.flat, data.dy, *parts(data.dstate))]
    found = vanishing_penalty(layer, data.dy, tape, data.dstate)
    assert found.grads.flat.dtype == found.ratios.dtype == np.float32
    for array, before in zip((layer.params.flat, data.dy, *parts(data.dstate)), kept, strict=True):
        np.testing.assert_array_equal(array, before)
    wide, data, tape = case(cell, 2, LENGTHS)
    assert found.value == pytest.approx(vanishing_penalty(wide, data.dy, tape, data.dstate).value, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_gradients_own_size_says_nothing(scale):
    """Where squares would leave float32."""
    layer, data, tape = case("gru after", 2, None, np.float32)
    found, expected = (vanishing_penalty(layer, size * data.dy, tape) for size in (np.float32(scale), np.float32(1)))
    assert found.value == pytest.approx(expected.value, rel=1e-4)
    np.testing.assert_allclose(found.grads.flat, expected.grads.flat, atol=1e-4 * np.abs(expected.grads.flat).max())


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (1, 1)])
def test_no_steps_no_sequences_and_one_of_each_are_taken(steps, batch):
    layer = make("lstm")
    data = given(layer, steps, batch)
    found = vanishing_penalty(layer, data.dy, layer.forward(data.x)[2], data.dstate)
    assert found.value == 0
    assert found.ratios.shape == (steps, batch)


def test_what_does_not_fit_is_refused():
    x = np.zeros((3, 2, 2))
    pair = Bidirectional(LSTM(2, 3, dtype=np.float64), LSTM(2, 3, dtype=np.float64))
    for layer in (RNN(2, 3, bidirectional=True, dtype=np.float64), pair):
        with pytest.raises(ValueError, match="vanishing_penalty needs a layer of one direction"):
            vanishing_penalty(layer, None, layer.forward(x)[2])
    layer = LSTM(2, 3, num_layers=2, dropout=0.5, dtype=np.float64, rng=0)
    with pytest.raises(ValueError, match=r"tape must be of a forward without dropout, .* give training=False"):
        vanishing_penalty(layer, None, layer.forward(x, training=True)[2])
    layer = RNN(2, 3, dtype=np.complex128)
    with pytest.raises(TypeError, match="layer must be real here, got complex128"):
        vanishing_penalty(layer, None, layer.forward(x)[2])
    with pytest.raises(TypeError, match="tape must be"):
        vanishing_penalty(RNN(2, 3), None, x)
