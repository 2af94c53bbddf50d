"""A ledger of a gradient with dc and a clamp: every cut of it adds up to what backward returns."""

import numpy as np
import pytest

import npseq as ns

T, B, D, H = 5, 3, 2, 3
LENGTHS = np.array([5, 2, 4])
LAYERS = {
    "both ways": lambda: ns.LSTM(D, H, bidirectional=True, peepholes=True, dtype=np.float64, rng=0),
    "stack": lambda: ns.LSTM(D, H, num_layers=2, proj_size=2, dtype=np.float64, rng=0),
    "pair": lambda: ns.Bidirectional(ns.LSTM(D, H, dtype=np.float64, rng=0), ns.LSTM(D, H, dtype=np.float64, rng=1)),
}


def made(kind, clip):
    layer, rng = LAYERS[kind](), np.random.default_rng(0)
    x = rng.normal(size=(T, B, D))
    y, _, tape = layer.forward(x, None, LENGTHS)
    dc = rng.normal(size=(T, B, 2 * H if kind == "both ways" else H))
    options = {"dc": (dc, dc[::-1]) if kind == "pair" else dc, "clip_adjoint": clip}
    return layer, rng.normal(size=y.shape), tape, options


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("kind", LAYERS)
def test_steps_lags_and_examples_add_up_to_the_gradient(kind, clip):
    layer, dy, tape, options = made(kind, clip)
    ledger, grads = ns.inspect.ledger(layer, dy, tape, **options), layer.backward(dy, tape, **options)[2]
    for name, value in grads.items():
        for parts in (ledger.per_step, ledger.per_lag, ledger.per_example):
            np.testing.assert_allclose(parts[name].sum(axis=0), value, rtol=1e-12, atol=1e-13, err_msg=name)
    short = ns.inspect.ledger(layer, dy, tape, max_lag=2, pairs=False, **options)
    for name, value in grads.items():
        np.testing.assert_allclose(short.per_lag[name], ledger.per_lag[name][:2], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(short.per_lag[name].sum(axis=0) + short.longer[name], value, rtol=1e-12, atol=1e-13)


def test_the_adjoints_of_c_are_the_derivatives_by_a_shift_of_it():
    """By a complex step: c_t is moved where a step ends, by running the rest from there."""
    layer, dy, tape, options = made("both ways", None)
    layer = ns.LSTM(D, H, peepholes=True, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    x, dy, dc = rng.normal(size=(T, B, D)), dy[..., :H], options["dc"][..., :H]
    tape, copy = layer.forward(x)[2], layer.astype(complex)
    found = ns.inspect.ledger(layer, dy, tape, dc=dc, pairs=False).adjoints["c"]
    t = 2
    h, c = (part.astype(complex) for part in copy.forward(x[: t + 1])[1])
    o = tape.strands[0][0].a[t, 0].T
    before_o = np.log(o / (1 - o)) - layer.params["p_o"] * c[0].real
    for b in range(B):
        for unit in range(H):
            moved = c.copy()
            moved[0, b, unit] += 1e-30j
            o_moved = 1 / (1 + np.exp(-(before_o + layer.params["p_o"] * moved[0])))
            h = (o_moved * np.tanh(moved[0]))[None]  # h of the same step looks at c
            loss = (dy[t] * h[0]).sum() + (dc[t] * moved[0]).sum()
            y, _, rest = copy.forward(x[t + 1 :], (h, moved))
            loss += (y * dy[t + 1 :]).sum() + (rest.strands[0][0].c[1:].swapaxes(1, 2) * dc[t + 1 :]).sum()
            assert loss.imag / 1e-30 == pytest.approx(found[t, b, unit], rel=1e-11)


@pytest.mark.parametrize("clip", [None, 0.05])
def test_pairs_and_crossings_of_one_loss_are_its_steps(clip):
    """With the loss at one step alone, both tables follow from the parts by step."""
    layer, rng, last = ns.LSTM(D, H, peepholes=True, dtype=np.float64, rng=0), np.random.default_rng(0), T - 2
    tape = layer.forward(rng.normal(size=(T, B, D)))[2]
    dy, dc = (np.where((np.arange(T) == last)[:, None, None], rng.normal(size=(T, B, H)), 0) for _ in range(2))
    ledger = ns.inspect.ledger(layer, dy, tape, dc=dc, clip_adjoint=clip)
    steps = np.concatenate([part.reshape(T, -1) for part in ledger.per_step.values()], axis=1)
    pairs, crossings = np.zeros((T, T)), np.zeros((T, T))
    pairs[last] = np.sqrt((steps**2).sum(axis=1))
    for i in range(1, last + 1):
        crossings[i, i : last + 1] = np.sqrt((steps[:i].sum(axis=0) ** 2).sum())
    np.testing.assert_allclose(ledger.pair_norms, pairs, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(ledger.crossing_norms[0], crossings, rtol=1e-11, atol=1e-14)


def test_what_holds_for_the_plain_gradient_alone_refuses_such_a_ledger():
    layer, dy, tape, options = made("stack", 0.05)
    ledger = ns.inspect.ledger(layer, dy, tape, pairs=False, **options)
    with pytest.raises(ValueError, match="makes it without dc and clip_adjoint"):
        ns.inspect.random_truncation_variance(ledger, 0.5)
