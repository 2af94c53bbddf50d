"""e-prop is its definition, by the paper's equations weight by weight, and the carousel's gradient."""

import numpy as np
import pytest

import npseq as ns
from npseq.online import eprop

T, B, D, H = 6, 3, 2, 3
LENGTHS = np.array([6, 0, 4])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_definition(layer, x, dy):
    """Bellec et al. 2020, eq. 1, 13 and 14, for an LSTM: of each weight a trace eps of c_j, and e = dh/dc eps + dh/dw.

    One sequence, one weight at a time. The derivatives of a unit's step are taken by a complex step of its equations.
    """
    p = layer.params
    grads = {name: np.zeros(value.shape) for name, value in p.items()}
    h, c = np.zeros(H), np.zeros(H)

    def unit(j, weights, c_j, x_t, h_t):
        """c and h of unit j, from its own weights, its own c, the inputs and the h that it reads."""
        a = {g: x_t @ weights[f"W_x{g}"] + h_t @ weights[f"W_h{g}"] + weights[f"b_{g}"] for g in "ifog"}
        new = sigmoid(a["f"]) * c_j + sigmoid(a["i"]) * np.tanh(a["g"])
        return new, sigmoid(a["o"]) * np.tanh(new)

    traces = {name: np.zeros(value.shape) for name, value in p.items()}
    for t in range(len(x)):
        new_c, new_h = np.empty(H), np.empty(H)
        for j in range(H):
            own = {name: np.array(value)[..., j] for name, value in p.items()}
            by_c = [part.imag / 1e-30 for part in unit(j, own, c[j] + 1e-30j, x[t], h)]
            for name, value in own.items():
                for at in np.ndindex(value.shape):
                    moved = {key: array.astype(complex) for key, array in own.items()}
                    moved[name][at] += 1e-30j
                    dc, dh = (part.imag / 1e-30 for part in unit(j, moved, c[j], x[t], h))
                    before = traces[name][(*at, j)]
                    grads[name][(*at, j)] += dy[t, j] * (by_c[1] * before + dh)
                    traces[name][(*at, j)] = by_c[0] * before + dc
            new_c[j], new_h[j] = unit(j, own, c[j], x[t], h)
        h, c = new_h, new_c
    return grads


def test_it_is_the_definition():
    layer, rng = ns.LSTM(D, H, dtype=np.float64, rng=0), np.random.default_rng(0)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.size)
    x, dy = rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H))
    found = eprop(layer, x, dy).grads
    for name, value in by_definition(layer, x[:, 0], dy[:, 0]).items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12 * abs(value).max(), err_msg=name)
    exact = layer.backward(dy, layer.forward(x)[2])[2]
    assert abs(found.flat - exact.flat).max() > 0.01 * abs(exact.flat).max()  # what it leaves out


@pytest.mark.parametrize("options", [{}, {"peepholes": True, "proj_size": 2}])
def test_of_an_lstm_it_is_the_carousels_gradient(options):
    layer, rng = ns.LSTM(D, H, dtype=np.float64, rng=0, **options), np.random.default_rng(0)
    x, dy, dc = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, layer.output_size)), rng.normal(size=(T, B, H))
    _, last, tape = layer.forward(x, None, LENGTHS)
    dlast = tuple(rng.normal(size=part.shape) for part in last)
    expected = layer.backward(dy, tape, dlast, ns.CarouselTruncation(), dc=dc)[2]
    found = eprop(layer, x, dy, None, LENGTHS, dlast, dc=dc)
    np.testing.assert_allclose(found.grads.flat, expected.flat, rtol=1e-11, atol=1e-13)


def test_of_a_gru_it_is_what_rflo_computes_and_of_an_rnn_one_step():
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    gru, rnn = ns.GRU(D, H, dtype=np.float64, rng=0), ns.RNN(D, H, dtype=np.float64, rng=0)
    np.testing.assert_allclose(eprop(gru, x, dy).grads.flat, ns.rflo(gru, x, dy).grads.flat, rtol=1e-11, atol=1e-13)
    one = rnn.backward(dy, rnn.forward(x)[2], None, ns.Truncated(1))[2]
    found = eprop(rnn, x, dy)
    np.testing.assert_allclose(found.grads.flat, one.flat, rtol=1e-12, atol=1e-14)
    assert eprop(rnn, x, dy, found.state, influence=found.influence).influence == {}


def test_where_units_are_alone_it_is_exact():
    layer, rng = ns.Recurrent(ns.gallery.LRUCell(), D, H, dtype=np.float64, rng=0), np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    exact = layer.backward(dy, layer.forward(x)[2])[2]
    np.testing.assert_allclose(eprop(layer, x, dy).grads.flat, exact.flat, rtol=1e-11, atol=1e-13)


def test_it_continues_and_refuses():
    layer, rng = ns.LSTM(D, H, num_layers=2, dtype=np.float64, rng=0), np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    whole, first = eprop(layer, x, dy), eprop(layer, x[:2], dy[:2])
    second = eprop(layer, x[2:], dy[2:], first.state, influence=first.influence)
    np.testing.assert_allclose(first.grads.flat + second.grads.flat, whole.grads.flat, rtol=1e-11, atol=1e-13)
    with pytest.raises(ValueError, match="eprop needs a cell whose parameters act on one unit each, such as an"):
        eprop(ns.GRU(D, H, reset="before", dtype=np.float64), x, dy)
    with pytest.raises(ValueError, match="clip_adjoint must be None in eprop"):
        eprop(layer, x, dy, clip_adjoint=1.0)
