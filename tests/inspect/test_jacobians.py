"""Jacobians against a complex step, their products against backward and theory."""

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, every_cell, given, make, parts

from npseq import LSTM, RNN
from npseq.inspect import jacobian_spectrum, lyapunov_exponents, state_jacobians

T, B = 4, 3
LENGTHS = np.array([2, 0, 4])
ragged = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])


def flat(state):
    """(B, n): h of every layer, then c of every layer."""
    return np.concatenate([row for part in parts(state) for row in part], axis=1)


def unflat(layer, s):
    P, L = layer.state_size, layer.num_layers
    h = np.stack([s[:, l * P : (l + 1) * P] for l in range(L)])
    rest = s[:, L * P :]
    return (h, np.stack(np.split(rest, L, axis=1))) if rest.size else h


def scaled_orthogonal(size, gain):
    """A ReLU RNN whose units are all on: its state's Jacobian is gain times a permutation, at every step."""
    layer = RNN(1, size, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params["W_hh"] = gain * np.roll(np.eye(size), 1, axis=0)
    layer.params["W_xh"] = np.ones((1, size))
    layer.params["b_h"] = np.ones(size)
    return layer


@ragged
@pytest.mark.parametrize("layers", [1, 2])
@every_cell
def test_jacobians_are_the_steps_derivatives(cell, layers, lengths):
    layer = make(cell, size=2, hidden=3, num_layers=layers)
    data = given(layer, T, B)
    J = state_jacobians(layer, layer.forward(data.x, data.state, lengths)[2])
    copy, state = layer.astype(np.complex128), data.state
    for t in range(T):
        running = None if lengths is None else (lengths > t).astype(int)
        s = flat(state)
        for j in range(s.shape[1]):
            moved = s.astype(complex)
            moved[:, j] += 1e-30j
            column = flat(copy.forward(data.x[t : t + 1], unflat(layer, moved), running)[1]).imag / 1e-30
            np.testing.assert_allclose(J[t, :, :, j], column, rtol=0, atol=1e-14 * np.abs(J[t]).max())
        state = layer.forward(data.x[t : t + 1], state, running)[1]


def test_jacobians_of_looked_up_ids():
    layer = LSTM(200, 3, dtype=np.float64, rng=0)
    ids = np.random.default_rng(0).integers(0, 200, (T, B))
    by_id = state_jacobians(layer, layer.forward(ids)[2])
    np.testing.assert_allclose(by_id, state_jacobians(layer, layer.forward(np.eye(200)[ids])[2]), rtol=1e-12)


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_scaled_orthogonal_weights_grow_as_theory_says(gain):
    layer = scaled_orthogonal(4, gain)
    tape = layer.forward(np.ones((10, 2, 1)))[2]
    spectrum = jacobian_spectrum(layer, tape)
    expected = gain ** np.arange(1, 11)
    np.testing.assert_allclose(spectrum.singular_values / expected[:, None, None], np.ones((10, 2, 4)), rtol=1e-13)
    np.testing.assert_allclose(spectrum.norm_product / expected[:, None], np.ones((10, 2)), rtol=1e-13)
    np.testing.assert_allclose(spectrum.bound, expected, rtol=1e-13)
    np.testing.assert_allclose(lyapunov_exponents(layer, tape), np.log(gain) * np.ones((2, 4)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", CELLS)
def test_singular_values_of_products_written_out(cell):
    layer = make(cell, size=2, hidden=3, num_layers=1)
    data = given(layer, T, B)
    tape = layer.forward(data.x, data.state, LENGTHS)[2]
    J, spectrum = state_jacobians(layer, tape), jacobian_spectrum(layer, tape)
    for b, own in enumerate(LENGTHS):
        for k in range(1, T + 1):
            found = spectrum.singular_values[k - 1, b]
            if k > own:
                assert np.isnan(found).all()
                assert np.isnan(spectrum.norm_product[k - 1, b])
                continue
            product = np.linalg.multi_dot([*(J[own - 1 - i, b] for i in range(k)), np.eye(J.shape[-1])])
            np.testing.assert_allclose(found, np.linalg.svd(product)[1], rtol=0, atol=1e-14 * found[0])
            assert found[0] <= spectrum.norm_product[k - 1, b] * (1 + 1e-12)
    if cell.startswith("rnn"):
        live = ~np.isnan(spectrum.norm_product)
        assert (spectrum.norm_product <= np.broadcast_to(spectrum.bound[:, None], live.shape) * (1 + 1e-12))[live].all()
    else:
        assert spectrum.bound is None
    np.testing.assert_array_equal(jacobian_spectrum(layer, tape, max_lag=2).norm_product, spectrum.norm_product[:2])


@ragged
@pytest.mark.parametrize("cell", [cell for cell in CELLS if "proj_size" not in CELLS[cell][1]])  # whose J has full rank
def test_exponents_add_up_to_the_growth_of_volume(cell, lengths):
    """Sum of exponents = mean of log |det J|, whatever the first directions; of one alone, the growth of a vector."""
    layer = scaled_orthogonal(3, 0.9) if "relu" in cell else make(cell, size=2, hidden=3, num_layers=1)
    rng = np.random.default_rng(0)
    tape = layer.forward(np.abs(rng.normal(size=(T, B, layer.input_size))), None, lengths)[2]
    J, own = state_jacobians(layer, tape), np.full(B, T) if lengths is None else lengths
    found, one = lyapunov_exponents(layer, tape), lyapunov_exponents(layer, tape, count=1, warmup=1, rng=5)
    for b in range(B):
        if own[b] < 2:
            assert np.isnan(found[b]).all() == (own[b] == 0)
            continue
        volume = np.mean([np.log(abs(np.linalg.det(J[t, b]))) for t in range(own[b])])
        assert found[b].sum() == pytest.approx(volume, rel=1e-10)
        first = np.random.default_rng(5).standard_normal((B, J.shape[-1], 1))[b, :, 0]
        before = J[0, b] @ first
        after = np.linalg.multi_dot([*J[1 : own[b], b][::-1], before]) if own[b] > 2 else J[1, b] @ before
        growth = np.log(np.linalg.norm(after) / np.linalg.norm(before)) / (own[b] - 1)
        assert one[b, 0] == pytest.approx(growth, rel=1e-10)


def test_a_direction_that_dies():
    layer = RNN(1, 3, nonlinearity="relu", dtype=np.float64, rng=0)
    layer.params.flat[:] = -1.0
    assert (lyapunov_exponents(layer, layer.forward(np.ones((3, 1, 1)))[2]) == -np.inf).all()


def test_two_directions_too_little_memory_and_counts_that_do_not_fit_are_refused():
    both, gru = make("lstm", bidirectional=True), make("gru after", num_layers=1)
    data = given(gru, T, B)
    tape = gru.forward(data.x)[2]
    with pytest.raises(ValueError, match="a state's Jacobian needs a layer of one direction, got LSTM"):
        state_jacobians(both, both.forward(data.x)[2])
    with pytest.raises(MemoryError, match=r"4 Jacobians of 4 x 4 would need about .*; give fewer sequences or fewer"):
        jacobian_spectrum(gru, tape, max_bytes=100)
    for count in (0, 5, 1.5, True):
        with pytest.raises(ValueError, match=rf"count must be an integer in \[1, 5\), got {count}"):
            lyapunov_exponents(gru, tape, count)
    with pytest.raises(ValueError, match=r"warmup must be an integer in \[0, 4\), got -1"):
        lyapunov_exponents(gru, tape, warmup=-1)
    with pytest.raises(ValueError, match="max_lag must be a positive integer, got 0"):
        jacobian_spectrum(gru, tape, max_lag=0)
