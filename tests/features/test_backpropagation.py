"""Backpropagation, truncation and clipping do what lectures say of them."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from notes_equations import F64, B, D, H, T, close, drop_in

import npseq as ns
from npseq.bptt.truncation import Plan
from npseq.data import sequential_windows
from npseq.training import Epoch, NonFiniteLoss, train_epoch


def test_local_derivatives_of_a_step(rnn, x, h0, dy):
    """da_t/dW_ax, da_t/dW_aa, da_t/db, da_t/dx_t, da_t/da_{t-1}, each against one complex step a number."""
    p = {"x": x[0], "h": h0[0], **{name: rnn.params[name] for name in ("W_xh", "W_hh", "b_h")}}

    def out(values):
        return np.tanh(values["x"] @ values["W_xh"] + values["h"] @ values["W_hh"] + values["b_h"])

    da = dy[0] * (1 - out(p) ** 2)  # the derivative of tanh
    analytic = {"W_xh": x[0].T @ da, "W_hh": h0[0].T @ da, "b_h": da.sum(axis=0),
                "x": da @ rnn.params["W_xh"].T, "h": da @ rnn.params["W_hh"].T}  # fmt: skip
    _, _, tape = rnn.forward(x[:1], h0)
    dx, dh0, grads = rnn.backward(dy[:1], tape)
    engine = {**grads, "x": dx[0], "h": dh0[0]}
    for name, value in p.items():
        for index in np.ndindex(value.shape):
            shifted = value.astype(complex)
            shifted[index] += 1e-20j
            number = (dy[0] * out({**p, name: shifted})).sum().imag / 1e-20
            assert analytic[name][index] == pytest.approx(number, rel=1e-11, abs=1e-13)
        close(engine[name], analytic[name])


@pytest.mark.parametrize("make", [ns.RNN, ns.GRU, ns.LSTM])
def test_gradcheck_through_time(make, x):
    assert ns.gradcheck_layer(make(D, H, rng=0, **F64), x[:4], rng=1).passed


def recursion(rnn, x, h0, dy):
    """dh_t/dw by d2l's recursion, for all weights of one sequence; sum over t of dL/dh_t dh_t/dw."""
    h, dh, total = h0, np.zeros((H, (D + H + 1) * H)), 0.0
    W = np.vstack([rnn.params["W_xh"], rnn.params["W_hh"], rnn.params["b_h"]])
    history = []
    for step, upstream in zip(x, dy, strict=True):
        operand = np.concatenate([step, h, [1.0]])
        h = np.tanh(operand @ W)
        slope = np.diag(1 - h**2)
        history.append((slope @ np.kron(operand, np.eye(H)), slope @ rnn.params["W_hh"].T))
        dh = history[-1][0] + history[-1][1] @ dh
        total = total + upstream @ dh
    return total, dh, history


def test_d2ls_recursion_is_the_engines_gradient(rnn, x, h0, dy):
    _, _, tape = rnn.forward(x, h0)
    grads = rnn.backward(dy, tape)[2]
    engine = np.concatenate([grads[name].ravel() for name in ("W_xh", "W_hh", "b_h")])
    total = sum(recursion(rnn, x[:, b], h0[0, b], dy[:, b])[0] for b in range(B))
    close(total, engine)


def test_the_recursion_unrolled_is_a_sum_of_products(rnn, x, h0, dy):
    _, dh, history = recursion(rnn, x[:, 0], h0[0, 0], dy[:, 0])
    unrolled = 0.0
    for i in range(T):  # df_i/dw, carried over by the products of df_j/dh, j = i+1 .. T
        carried = history[i][0]
        for j in range(i + 1, T):
            carried = history[j][1] @ carried
        unrolled = unrolled + carried
    close(unrolled, dh)


def test_closed_form_of_the_linear_network(rng):
    layer = ns.RNN(D, H, nonlinearity="relu", bias=False, rng=0, **F64)
    np.abs(layer.params.flat, out=layer.params.flat)  # nothing negative: ReLU is linear
    x, W_qh, do = rng.random((T, 1, D)), rng.normal(size=(2, H)), rng.normal(size=(T, 2))
    h, _, tape = layer.forward(x)
    grads = layer.backward((do @ W_qh)[:, None], tape)[2]
    W_hh = layer.params["W_hh"].T
    dL_dh = np.array([
        sum(np.linalg.matrix_power(W_hh.T, T - i) @ W_qh.T @ do[T + t - i - 1] for i in range(t, T + 1))
        for t in range(1, T + 1)
    ])  # fmt: skip
    before = np.concatenate([np.zeros((1, H)), h[:-1, 0]])
    close(sum(map(np.outer, dL_dh, x[:, 0])), grads["W_xh"].T, 1e-14)
    close(sum(map(np.outer, dL_dh, before)), grads["W_hh"].T, 1e-14)
    head = ns.Linear(H, 2, bias=False, rng=0, **F64)
    head.params["W"][...] = W_qh.T
    close(sum(map(np.outer, do, h[:, 0])), head.backward(do[:, None], head.forward(h)[1])[1]["W"].T, 1e-14)


def gradient(layer, x, h0, dy, truncation=None):
    return layer.backward(dy, layer.forward(x, h0)[2], truncation=truncation)[2].flat


def test_full_backpropagation_is_what_no_truncation_means(rnn, x, h0, dy):
    whole = gradient(rnn, x, h0, dy)
    book = ns.inspect.ledger(rnn, dy, rnn.forward(x, h0)[2])
    close(np.concatenate([book.per_lag[name].sum(axis=0).ravel() for name in rnn.params]),
          np.concatenate([rnn.params.like(whole)[name].ravel() for name in rnn.params]))  # fmt: skip


@pytest.mark.parametrize("tau", [T, T + 1, 10 * T])
def test_a_truncation_no_shorter_than_the_sequence_is_none(tau, rnn, x, h0, dy):
    close(gradient(rnn, x, h0, dy, ns.Truncated(tau)), gradient(rnn, x, h0, dy), 1e-14)


def test_truncated_is_the_sum_of_windows_from_states_held_fixed(rnn, x, h0, dy):
    tau, states = 3, np.concatenate([h0, rnn.forward(x, h0)[0]])
    total = 0.0
    for t in range(T):
        first = max(t + 1 - tau, 0)
        last = np.zeros((t + 1 - first, B, H))
        last[-1] = dy[t]
        total = total + gradient(rnn, x[first : t + 1], states[first : first + 1], last)
    close(gradient(rnn, x, h0, dy, ns.Truncated(tau)), total)


def test_a_detached_state_between_minibatches(rnn, x, h0, dy):
    """Two chunks with the state carried and its gradient dropped, against the same two with the gradient carried."""
    _, state, tape_1 = rnn.forward(x[:3], h0)
    _, _, tape_2 = rnn.forward(x[3:], state)
    _, dstate, second = rnn.backward(dy[3:], tape_2)
    whole = gradient(rnn, x, h0, dy)
    close(rnn.backward(dy[:3], tape_1, dstate)[2].flat + second.flat, whole)
    detached = rnn.backward(dy[:3], tape_1)[2].flat + second.flat
    assert np.linalg.norm(detached - whole) > 0.01 * np.linalg.norm(whole)


@pytest.mark.parametrize("keep", [0.5, np.array([0.9, 0.2, 0.5, 1.0, 0.7, 0.3])])
def test_the_mean_over_all_xi_is_the_whole_gradient(keep, rnn, x, h0, dy):
    keep = np.broadcast_to(keep, T)
    mean, mean_xi = 0.0, 0.0
    for kept in product((0, 1), repeat=T):
        xi, probability = np.array(kept) / keep, np.prod(np.where(kept, keep, 1 - keep))
        given = SimpleNamespace(plan=lambda *sizes, xi=xi: Plan(None, xi[None]))
        mean = mean + probability * gradient(rnn, x, h0, dy, given)
        mean_xi = mean_xi + probability * xi
    np.testing.assert_allclose(mean_xi, 1)
    close(mean, gradient(rnn, x, h0, dy), 1e-14)


def test_the_draws_have_their_probabilities():
    keep = np.array([0.2, 0.5, 0.9])
    truncation = ns.RandomTruncation(keep, rng=0)
    xi = np.array([truncation.plan(1, 3, 3).factors[0] for _ in range(4000)])
    for t in range(3):
        assert set(np.unique(xi[:, t])) == {0.0, 1 / keep[t]}
        assert abs((xi[:, t] > 0).mean() - keep[t]) < 4 * np.sqrt(keep[t] * (1 - keep[t]) / 4000)


def test_a_random_tau_weighs_long_sequences_more(rnn, x, h0, dy):
    """The notes' words: tau is random, longer ones rare but weighed more; the mean over tau is the whole gradient."""
    survival = [0.5**k for k in range(T + 1)]
    book = ns.inspect.ledger(rnn, dy, rnn.forward(x, h0)[2])
    for name in rnn.params:
        mean = 0.0
        for tau in range(1, T + 1):
            chance = survival[tau - 1] - (survival[tau] if tau < T else 0)
            mean = mean + chance * sum(book.per_lag[name][k] / survival[k] for k in range(tau))
        close(mean, book.gradient[name])
    draws = ns.RouletteTruncation(lambda k: 0.5**k, rng=0)
    weights = [draws.plan(1, T, T).lag_weights for _ in range(50)]
    longest = max(weights, key=len)
    np.testing.assert_array_equal(longest, 2.0 ** np.arange(len(longest)))


def test_randomised_truncation_is_no_better_than_regular_at_equal_mean_length():
    """Of a network that has learnt something: the bias of Truncated(tau) against the deviation of the random ones."""
    ids, size = drop_in()
    model, opt = ns.LanguageModel(size, "rnn", 8, rng=0, **F64), ns.Adam(0.02)
    for k in range(5):
        train_epoch(model, ids, opt, Epoch(batch_size=4, steps=20, clip=1), rng=k)
    x, targets = next(sequential_windows(ids, 4, 20, rng=0))
    y, _, tape = model.recurrent.forward(x)
    logits, head_tape = model.output.forward(y)
    dy, _ = model.output.backward(ns.softmax_cross_entropy(logits, targets)[1], head_tape)
    book = ns.inspect.ledger(model.recurrent, dy, tape)
    for tau in (3, 5, 8):
        bias, p = ns.inspect.truncation_bias(book).norm[tau - 1], 1 - 1 / tau
        assert np.sqrt(ns.inspect.random_truncation_variance(book, p)) > bias
        assert np.sqrt(ns.inspect.roulette_variance(book, lambda k, p=p: p**k)) > bias


@pytest.mark.parametrize(("gain", "vanishes"), [(0.8, True), (1.3, False)])
def test_products_of_jacobians_vanish_or_explode(gain, vanishes):
    steps = 60
    layer = ns.RNN(D, H, nonlinearity="relu", bias=False, rng=0, **F64)
    np.abs(layer.params.flat, out=layer.params.flat)
    layer.params["W_hh"][...] *= gain / abs(np.linalg.eigvals(layer.params["W_hh"])).max()
    _, _, tape = layer.forward(np.random.default_rng(0).random((steps, 1, D)))
    found = ns.inspect.jacobian_spectrum(layer, tape)
    largest = found.singular_values[:, 0, 0]
    assert np.all(largest <= found.bound * (1 + 1e-12))
    assert (largest[-1] < 1e-4) == vanishes
    assert (largest[-1] > 1e4) != vanishes
    assert largest[-1] / largest[-2] == pytest.approx(gain, rel=1e-6)
    power = np.linalg.svd(np.linalg.matrix_power(layer.params["W_hh"].T, steps), compute_uv=False)
    close(found.singular_values[-1, 0, 0], power[0], 1e-11)


def test_what_is_not_a_number_is_noticed():
    ids, size = drop_in()
    model = ns.LanguageModel(size, "rnn", 8, nonlinearity="relu", rng=0)
    model.params.flat[:] *= 1e8
    with pytest.raises(NonFiniteLoss, match="take a smaller lr, or a smaller clip"):
        train_epoch(model, ids, ns.SGD(1e4), Epoch(batch_size=4, steps=20), rng=0)


@pytest.mark.parametrize("size", [1e-8, 0.05, 1, 30, 1e8])
def test_clipping(size, rng):
    grads = {"W": size * rng.normal(size=(4, 5)), "b": size * rng.normal(size=5)}
    before = np.concatenate([value.ravel() for value in grads.values()])
    norm = ns.clip_grad_norm(grads, 1)
    after = np.concatenate([value.ravel() for value in grads.values()])
    assert norm == pytest.approx(np.sqrt((before**2).sum()), rel=1e-13)
    close(after, min(1, 1 / norm) * before)
    assert np.linalg.norm(after) <= 1 + 1e-12
    assert before @ after == pytest.approx(np.linalg.norm(before) * np.linalg.norm(after), rel=1e-12)
