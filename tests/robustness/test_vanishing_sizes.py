"""What is said of a gradient does not depend on its size: the upstream gradient times a power of two."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns

T, B, D, H = 6, 2, 3, 4
SIZES = [(np.float32, 2.0**-100), (np.float32, 2.0**80), (np.float64, 2.0**-700), (np.float64, 2.0**600)]


def data(dtype):
    rng = np.random.default_rng(0)
    return rng.normal(size=(T, B, D)).astype(dtype), rng.normal(size=(T, B, H)).astype(dtype)


def arrays(dtype, size):
    """(name, found, the power of the size by which it grows)."""
    (x, dy), layer = data(dtype), ns.LSTM(D, H, dtype=dtype, rng=0)
    tape, dy = layer.forward(x)[2], dy * dtype(size)
    ledger = ns.inspect.ledger(layer, dy, tape)
    bias = ns.inspect.truncation_bias(ledger)
    ghosts = ns.inspect.ghost_norms(layer, dy, tape)
    certificate = ns.inspect.truncation_certificate(ledger)
    penalty = ns.inspect.vanishing_penalty(layer, dy, tape)
    survival = ns.inspect.best_survival(ledger, 3) if dtype is np.float32 else (lambda k: 1.0)
    stale = ns.inspect.stale_state_bias(
        layer, lambda state: layer.backward(dy, layer.forward(x, state)[2])[2], layer.forward(x)[1], x[::-1].copy()
    )
    return {
        "lags": (ns.inspect.lag_norms(ledger), 1),
        "adjoints": (ns.inspect.adjoint_norms(ledger, "c"), 1),
        "tails": (ns.inspect.tail_norms(ledger), 1),
        "pairs": (ledger.pair_norms, 1),
        "crossings": (ledger.crossing_norms, 1),
        "examples": (np.stack([ghosts[name] for name in ("W_xi", "b_f")]), 1),
        "bias": (bias.norm, 1),
        "relative bias": (bias.relative, 0),
        "cosine": (bias.cosine, 0),
        "certified": (certificate.relative, 0),
        "penalty": (np.array(penalty.value), 0),
        "ratios": (penalty.ratios[1:], 0),
        "survival": (np.array([survival(k) for k in range(T)]), 0),
        "stale": (np.array([stale.norm]), 1),
        "stale, relative": (np.array([stale.relative, stale.cosine]), 0),
    }


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_what_is_said_of_a_gradient_does_not_depend_on_its_size(dtype, size):
    plain, grown = arrays(dtype, 1.0), arrays(dtype, size)
    for name, (found, power) in grown.items():
        expected = plain[name][0]
        assert not np.isnan(expected).any(), name
        np.testing.assert_allclose(found, expected * dtype(size) ** power, rtol=1e4 * np.finfo(dtype).eps, err_msg=name)
        assert np.any(np.asarray(found) != 0), name


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_paths_and_online_gradients_scale_too(dtype, size):
    (x, dy), layer = data(dtype), ns.GRU(D, H, dtype=dtype, rng=0)
    plain, grown = (ns.uoro(layer, x, dy * dtype(s), rng=0).grads.flat for s in (1, size))
    np.testing.assert_array_equal(grown, plain * dtype(size))


def test_root_mean_square_at_every_size():
    root_mean_square = ns.models.counting.root_mean_square
    for size in (1e-30, 1e30):
        far = np.array([3, 3], np.float32) * np.float32(size)
        assert root_mean_square(far, 0 * far) == pytest.approx(3 * size, rel=1e-6)
    assert root_mean_square(np.full(70_000, 300, np.float16), np.zeros(70_000, np.float16)) == 300
    assert root_mean_square(np.array([1, 2], np.uint8), np.array([4, 5], np.uint8)) == 3
    with pytest.raises(ValueError, match="at least one number, got none"):
        root_mean_square(np.ones(0), np.ones(0))


@pytest.mark.parametrize("temperature", [1e-300, 1e-320, 1e300])
def test_every_temperature_draws(temperature):
    model = ns.LanguageModel(4, "rnn", 3, rng=0)
    greedy, drawn = model.generate([0], 6), model.generate([0], 6, temperature=temperature, rng=0)
    if temperature < 1:
        np.testing.assert_array_equal(drawn, greedy)
