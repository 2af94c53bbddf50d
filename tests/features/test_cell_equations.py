"""The cells compute the equations of d2l and Ng."""

from __future__ import annotations

import numpy as np
import pytest
from notes_equations import F64, B, D, H, T, close, sigmoid, softmax

import npseq as ns


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_vanilla_rnn(nonlinearity, x, h0):
    layer, head = ns.RNN(D, H, nonlinearity=nonlinearity, rng=0, **F64), ns.Linear(H, 7, rng=1, **F64)
    phi = np.tanh if nonlinearity == "tanh" else lambda a: np.maximum(a, 0)
    assert [layer.params[name].shape for name in ("W_xh", "W_hh", "b_h")] == [(D, H), (H, H), (H,)]
    assert head.params["W"].shape == (H, 7)
    h, p = h0[0], layer.params
    outputs = []
    for step in x:
        h = phi(step @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])
        outputs.append(h @ head.params["W"] + head.params["b"])
    y, state, _ = layer.forward(x, h0)
    close(head.forward(y)[0], outputs)
    close(state[0], h)


def test_shapes_of_d2ls_check():
    model = ns.LanguageModel(28, "rnn", 512, rng=0)
    logits, state = model.logits(np.arange(10).reshape(2, 5).T)
    assert logits.reshape(-1, 28).shape == (10, 28)
    assert len(state) == 1
    assert state[0].shape == (2, 512)


def test_ngs_form_in_columns(rnn, x, h0):
    W_aa, W_ax, b_a = rnn.params["W_hh"].T, rnn.params["W_xh"].T, rnn.params["b_h"][:, None]
    W_a, W_ya, b_y = np.hstack([W_aa, W_ax]), np.arange(2.0 * H).reshape(2, H) / 10, np.array([[0.1], [-0.2]])
    a, found = h0[0].T, []
    for step in x:
        a = np.tanh(W_a @ np.vstack([a, step.T]) + b_a)
        found.append(a)
    y, _, _ = rnn.forward(x, h0)
    close(np.array(found).transpose(0, 2, 1), y)
    scores = W_ya @ a + b_y  # g2, a sigmoid or a softmax over the rows
    close(sigmoid(scores).T, sigmoid(y[-1] @ W_ya.T + b_y.T))
    close(softmax(scores.T), softmax(y[-1] @ W_ya.T + b_y.T))


def test_concatenation(rng):
    X, W_xh, H_, W_hh = (rng.normal(size=shape) for shape in ((3, 1), (1, 4), (3, 4), (4, 4)))
    joined = np.hstack([X, H_]) @ np.vstack([W_xh, W_hh])
    assert joined.shape == (3, 4)
    close(joined, X @ W_xh + H_ @ W_hh, 1e-15)
    layer = ns.RNN(1, 4, bias=False, rng=0, **F64)
    layer.params["W_xh"][...], layer.params["W_hh"][...] = W_xh, W_hh
    close(layer.forward(X[None], H_[None])[0][0], np.tanh(joined), 1e-14)


def test_the_first_state_is_zero_or_given_and_has_a_gradient(rnn, x, h0, dy):
    np.testing.assert_array_equal(rnn.forward(x)[0], rnn.forward(x, np.zeros_like(h0))[0])
    _, _, tape = rnn.forward(x, h0)
    gradient = rnn.backward(dy, tape)[1]
    assert gradient.shape == h0.shape
    report = ns.gradcheck(
        lambda h: (rnn.astype(h["h"].dtype).forward(x.astype(h["h"].dtype), h["h"])[0] * dy).sum(),
        {"h": h0},
        {"h": gradient},
        method="complex",
    )
    assert report.passed, str(report)


def test_a_first_state_can_be_learnt(rnn, x, rng):
    target, opt, state = rng.uniform(-0.5, 0.5, size=(1, B, H)), ns.SGD(0.5), {"h": np.zeros((1, B, H))}
    losses = []
    for _ in range(50):
        y, _, tape = rnn.forward(x[:1], state["h"])
        loss, dy = ns.mean_squared_error(y, target)
        losses.append(loss)
        opt.step(state, {"h": rnn.backward(dy, tape)[1]})
    assert losses[-1] < 0.7 * losses[0]


def gru_step(x, h, p):
    R = sigmoid(x @ p["W_xr"] + h @ p["W_hr"] + p["b_r"])
    Z = sigmoid(x @ p["W_xz"] + h @ p["W_hz"] + p["b_z"])
    candidate = np.tanh(x @ p["W_xn"] + (R * h) @ p["W_hn"] + p["b_n"])
    return Z * h + (1 - Z) * candidate


def test_the_gru_of_d2l(x, h0):
    layer = ns.GRU(D, H, reset="before", rng=0, **F64)
    h, found = h0[0], []
    for step in x:
        h = gru_step(step, h, layer.params)
        found.append(h)
    close(layer.forward(x, h0)[0], found)
    layer.params["b_z"][...] = 50  # Z near 1 keeps the old state
    close(layer.forward(x, h0)[0], np.broadcast_to(h0, (T, B, H)))


def test_the_gru_of_ng(x, h0):
    layer = ns.GRU(D, H, reset="before", rng=0, **F64)
    p = layer.params
    c, found = h0[0], []
    for step in x:
        G_r = sigmoid(step @ p["W_xr"] + c @ p["W_hr"] + p["b_r"])
        G_u = sigmoid(-(step @ p["W_xz"] + c @ p["W_hz"] + p["b_z"]))  # G_u = 1 - Z
        c = (1 - G_u) * c + G_u * np.tanh(step @ p["W_xn"] + (G_r * c) @ p["W_hn"] + p["b_n"])
        found.append(c)
    close(layer.forward(x, h0)[0], found)


def lstm(x, h, c, p, peepholes=False):
    p_i, p_f, p_o = (p[name] if peepholes else 0.0 for name in ("p_i", "p_f", "p_o"))
    found = []
    for step in x:
        i = sigmoid(step @ p["W_xi"] + h @ p["W_hi"] + p["b_i"] + p_i * c)
        f = sigmoid(step @ p["W_xf"] + h @ p["W_hf"] + p["b_f"] + p_f * c)
        c = f * c + i * np.tanh(step @ p["W_xg"] + h @ p["W_hg"] + p["b_g"])
        o = sigmoid(step @ p["W_xo"] + h @ p["W_ho"] + p["b_o"] + p_o * c)
        h = o * np.tanh(c)
        found.append(h)
    return np.array(found), c


def test_the_lstm(x, h0, rng):
    layer, c0 = ns.LSTM(D, H, rng=0, **F64), rng.normal(size=(1, B, H))
    assert layer.params.flat.size == 4 * H * (H + D + 1)
    h, c = lstm(x, h0[0], c0[0], layer.params)
    y, (last_h, last_c), _ = layer.forward(x, (h0, c0))
    close(y, h)
    close(last_h[0], h[-1])
    close(last_c[0], c)
    layer.params.flat[:] *= 1000
    assert abs(layer.forward(x, (h0, 1e6 * c0))[0]).max() <= 1
    assert layer.cell.gates == ("o", "i", "f", "g")  # the order in storage, which W_xi, W_xf, ... name


def test_update_and_forget_of_ngs_lstm_are_independent(x, h0):
    """G_u = 1 and G_f = 1 at once: c only adds up, which 1 - G_u in place of G_f could not do."""
    layer = ns.LSTM(D, H, rng=0, **F64)
    for gate in "if":
        layer.params[f"W_x{gate}"][...], layer.params[f"W_h{gate}"][...], layer.params[f"b_{gate}"][...] = 0, 0, 50
    candidates, h = [], h0[0]
    _, (_, c), _ = layer.forward(x, (h0, np.zeros((1, B, H))))
    for t, step in enumerate(x):
        candidates.append(np.tanh(step @ layer.params["W_xg"] + h @ layer.params["W_hg"] + layer.params["b_g"]))
        h = layer.forward(x[: t + 1], (h0, np.zeros((1, B, H))))[0][t]
    close(c[0], sum(candidates))


def test_peepholes_see_each_units_own_cell(x, h0, rng):
    layer, c0 = ns.LSTM(D, H, peepholes=True, rng=0, **F64), rng.normal(size=(1, B, H))
    assert [layer.params[name].shape for name in ("p_i", "p_f", "p_o")] == [(H,)] * 3
    y, (_, c), _ = layer.forward(x, (h0, c0))
    expected, last = lstm(x, h0[0], c0[0], layer.params, peepholes=True)
    close(y, expected)
    close(c[0], last)


def test_a_deep_network_layer_by_layer(x, rng):
    layer = ns.RNN(D, H, num_layers=3, rng=0, **F64)
    h0, below, p = rng.normal(size=(3, B, H)), x, layer.params
    assert [p[f"W_xh{suffix}"].shape for suffix in ("", "_l1", "_l2")] == [(D, H), (H, H), (H, H)]
    y, state, _ = layer.forward(x, h0)
    for k, suffix in enumerate(("", "_l1", "_l2")):
        h, above = h0[k], []
        for step in below:
            h = np.tanh(step @ p[f"W_xh{suffix}"] + h @ p[f"W_hh{suffix}"] + p[f"b_h{suffix}"])
            above.append(h)
        close(state[k], h)
        below = np.array(above)
    close(y, below)
