from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.models.counting.forecasting import error_growth, k_step, multi_step, naive, one_step, root_mean_square
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


def steady(window):
    """A predictor whose forecasts are easily followed: the first of the window, plus a tenth."""
    return window[:, 0] + 0.1


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
        loss, _ = latent.step(x[:, None, None], optimizer=adam, clip=1)
    assert loss < before / 10
    assert loss.dtype == np.float32


def test_one_and_multi_step():
    series = np.arange(6.0)
    assert one_step(steady, series, 2) == pytest.approx([0.1, 1.1, 2.1, 3.1])
    assert multi_step(steady, series, 2, 5) == pytest.approx([4.1, 5.1, 4.2, 5.2, 4.3])
    assert multi_step(steady, series.astype(np.float32), 2, 1).dtype == np.float32


def test_k_step_columns_are_one_and_multi_step_forecasts():
    series = RNG.normal(size=11)
    columns = k_step(steady, series, 2, 3)
    assert columns.shape == (7, 5)
    np.testing.assert_array_equal(columns[:, 2], one_step(steady, series, 2)[:7])
    for i, row in enumerate(columns):
        np.testing.assert_array_equal(row[:2], series[i : i + 2])
        np.testing.assert_array_equal(row[2:], multi_step(steady, series[: i + 2], 2, 3))


def test_naive_forecasts():
    history = np.array([1.0, 2, 3])
    assert naive(history, 3).tolist() == [3, 3, 3]
    assert naive(history, 5, period=2).tolist() == [2, 3, 2, 3, 2]


def test_error_growth():
    e, c = 0.3, 0.9
    assert error_growth(e, c, 4) == pytest.approx([e * (1 - c**k) / (1 - c) for k in (1, 2, 3, 4)], rel=1e-13)
    assert error_growth(0, 2.0, 3, start=1.0).tolist() == [2, 4, 8]


def test_root_mean_square():
    assert root_mean_square(np.array([1.0, 2]), np.array([4.0, 6])) == pytest.approx(np.sqrt(12.5), rel=1e-15)
    with pytest.raises(ValueError, match=r"prediction must have the shape of truth, \(2,\), got \(1,\)"):
        root_mean_square(np.zeros(1), np.zeros(2))


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
        (
            lambda: multi_step(steady, np.zeros(2), 3, 1),
            ValueError,
            r"history must be an array .* at least lags = 3, got",
        ),
        (lambda: multi_step(steady, [1.0], 1, 1), ValueError, r"history must be an array .* got list"),
        (lambda: k_step(steady, np.zeros(4), 2, 3), ValueError, r"T at least lags \+ steps = 5, got shape \(4,\)"),
        (lambda: naive(np.zeros(2), 1, 3), ValueError, r"T at least period = 3, got shape \(2,\)"),
        (lambda: error_growth(1, 1, 0), ValueError, "steps must be a positive integer, got 0"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
