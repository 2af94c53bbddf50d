"""Forecasters are their formulas, and their gradients those of a complex step."""

import numpy as np
import pytest

import npseq as ns
from npseq.models.forecaster import Forecaster, LatentForecaster

RNG = np.random.default_rng(0)
WINDOWS, TARGETS = RNG.normal(size=(7, 3)), RNG.normal(size=7)
SERIES = RNG.normal(size=(6, 2, 2))


def by_complex_step(model, *batch):
    """The gradient of model.loss(*batch), entry by entry."""
    twin = model.astype(np.complex128)
    batch = [part.astype(np.complex128) if hasattr(part, "astype") else part for part in batch]
    gradient = np.zeros(twin.params.flat.size)
    for k in range(gradient.size):
        twin.params.flat[k] += 1e-20j
        gradient[k] = twin.loss(*batch)[0].imag / 1e-20
        twin.params.flat[k] -= 1e-20j
    return gradient


def test_a_forecaster_is_its_formula():
    model = Forecaster(3, 5, dtype=np.float64, rng=1)
    w = model.params
    expected = [
        sum(max(row @ w["hidden.W"][:, k] + w["hidden.b"][k], 0) * w["output.W"][k, 0] for k in range(5))
        + w["output.b"][0]
        for row in WINDOWS
    ]
    np.testing.assert_allclose(model.predict(WINDOWS), expected, rtol=1e-13)
    loss = model.loss(WINDOWS, TARGETS)[0]
    assert loss == pytest.approx(np.mean((np.array(expected) - TARGETS) ** 2), rel=1e-13)


def test_first_values_are_d2ls():
    model = Forecaster(200, 100, rng=0)
    assert model.params.flat.dtype == np.float32
    for weight, bias, fans in (("hidden.W", "hidden.b", (200, 100)), ("output.W", "output.b", (100, 1))):
        xavier, uniform = np.sqrt(6 / sum(fans)), 1 / np.sqrt(fans[0])
        assert 0.9 * xavier < abs(model.params[weight]).max() <= xavier
        assert abs(model.params[bias]).max() <= uniform
    assert abs(model.params["hidden.b"]).max() > 0.9 / np.sqrt(200)
    np.testing.assert_array_equal(model.params.flat, Forecaster(200, 100, rng=0).params.flat)


def test_gradients_of_a_forecaster():
    model = Forecaster(3, 4, dtype=np.float64, rng=2)
    grads = model.loss(WINDOWS, TARGETS)[1]
    assert list(grads) == list(model.params)
    np.testing.assert_allclose(grads.flat, by_complex_step(model, WINDOWS, TARGETS), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("warm_up", [0, 3])
def test_gradients_of_a_latent_forecaster(cell, warm_up):
    model = LatentForecaster(2, cell, 3, dtype=np.float64, rng=0)
    grads = model.loss(SERIES, warm_up)[1]
    np.testing.assert_allclose(grads.flat, by_complex_step(model, SERIES, warm_up), rtol=1e-11, atol=1e-15)


def test_the_loss_of_a_latent_forecaster_is_of_its_predictions():
    model = LatentForecaster(2, "gru", 3, dtype=np.float64, rng=0)
    error = (model.predict(SERIES)[0][:-1] - SERIES[1:]) ** 2
    assert model.loss(SERIES)[0] == pytest.approx(error.mean(), rel=1e-13)
    assert model.loss(SERIES, warm_up=2)[0] == pytest.approx(error[2:].mean(), rel=1e-13)


def test_a_latent_forecast_feeds_itself():
    model = LatentForecaster(2, "lstm", 3, dtype=np.float64, rng=0)
    known = SERIES
    for _ in range(4):
        known = np.concatenate([known, model.predict(known)[0][-1:]])
    np.testing.assert_allclose(model.forecast(SERIES, 4), known[6:], rtol=1e-12)


def test_fitting_is_adam_on_shuffled_minibatches():
    model, twin = (Forecaster(3, 4, dtype=np.float64, rng=0) for _ in range(2))
    losses = model.fit(WINDOWS, TARGETS, ns.Adam(0.1), epochs=2, batch_size=4, rng=5)
    adam, rng = ns.Adam(0.1), np.random.default_rng(5)
    for expected in losses:
        order = rng.permutation(7)
        for rows in (order[:4], order[4:]):
            adam.step(twin.params, twin.loss(WINDOWS[rows], TARGETS[rows])[1])
        assert expected == twin.loss(WINDOWS, TARGETS)[0]
    np.testing.assert_array_equal(model.params.flat, twin.params.flat)


def test_both_models_learn():
    x = np.sin(np.arange(40) * 0.3).astype(np.float32)
    latent, adam = LatentForecaster(1, "rnn", 8, rng=0), ns.Adam(0.01)
    before = latent.loss(x[:, None, None])[0]
    for _ in range(60):
        loss, _, _ = latent.step(x[:, None, None], optimizer=adam, clip=1)
    assert loss < before / 10
    assert loss.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Forecaster(0), ValueError, "lags must be a positive integer, got 0"),
        (lambda: Forecaster(3).predict(np.zeros((2, 4), "f")), ValueError, r"x must have shape \(2, 3\), got \(2, 4\)"),
        (lambda: Forecaster(3).predict(WINDOWS), TypeError, "float64"),
        (
            lambda: Forecaster(3, dtype=float).loss(WINDOWS, TARGETS[:, None]),
            ValueError,
            r"targets must have shape \(7,",
        ),
        (
            lambda: Forecaster(3, dtype=float).fit(WINDOWS, TARGETS, ns.SGD(1), epochs=0),
            ValueError,
            "epochs must be a positive",
        ),
        (lambda: LatentForecaster(cell="mlp"), ValueError, "cell must be one of 'rnn', 'gru', 'lstm', got 'mlp'"),
        (
            lambda: LatentForecaster(2, dtype=float).loss(SERIES, 5),
            ValueError,
            r"at least warm_up \+ 2 = 7 steps, got 6",
        ),
        (lambda: LatentForecaster(2, dtype=float).forecast(SERIES, 0), ValueError, "steps must be a positive integer"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def spoiled(array, bad=np.nan):
    out = array.copy()
    out[tuple(k // 2 for k in out.shape)] = bad
    return out


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda m, bad: m.fit(spoiled(WINDOWS, bad), TARGETS, ns.SGD(0.1)),
            r"windows must be finite, got .* at \[3, 1\]",
        ),
        (lambda m, bad: m.fit(WINDOWS, spoiled(TARGETS, bad), ns.SGD(0.1)), r"targets must be finite, got .* at \[3\]"),
        (lambda m, bad: m.step(spoiled(WINDOWS, bad), TARGETS, optimizer=ns.SGD(0.1)), "windows must be finite"),
        (lambda m, bad: m.loss(WINDOWS, spoiled(TARGETS, bad)), "targets must be finite, got"),
        (
            lambda m, bad: m.predict(spoiled(WINDOWS, bad)),
            r"windows must be finite, got .* at \[3, 1\]; fill in what is",
        ),
    ],
)
def test_a_series_with_a_gap_is_refused_before_anything_is_learnt(call, text, bad):
    model = Forecaster(3, 5, dtype=np.float64, rng=1)
    before = model.params.flat.copy()
    with pytest.raises(ValueError, match=text):
        call(model, bad)
    assert (model.params.flat == before).all()


@pytest.mark.parametrize("name", ["predict", "loss", "step", "forecast"])
def test_so_is_one_to_a_latent_forecaster_and_one_of_integers(name):
    model = LatentForecaster(2, "gru", 4, rng=1)
    series = SERIES.astype(np.float32)
    options = {"forecast": {"steps": 2}, "step": {"optimizer": ns.SGD(0.1)}}.get(name, {})
    call, of = getattr(model, name), "history" if name == "forecast" else "x"
    with pytest.raises(ValueError, match=rf"{of} must be finite, got nan at \[3, 1, 1\]"):
        call(spoiled(series), **options)
    ids = (10 * series).astype(int)
    with pytest.raises(TypeError, match=rf"{of} must be floating, got int64; pass {of}.astype\('float32'\)") as raised:
        call(ids, **options)
    remedy = str(raised.value).partition("; pass ")[2]
    call(eval(remedy, {of: ids}), **options)
    with pytest.raises(ValueError, match=rf"{of} must have shape \(T, B, 2\), got \(6, 2\)"):
        call(series[..., 0], **options)
