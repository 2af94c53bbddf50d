"""A series is scaled, learnt and forecast in its own units; the gradient is that of a complex step."""

import numpy as np
import pytest

from npseq.data import read_series
from npseq.models import SeriesForecaster

T = np.arange(240)
WAVE = 300 + 0.5 * T + 20 * np.sin(2 * np.pi * T / 12) + np.random.default_rng(0).normal(size=240)


def test_the_gradient_is_that_of_a_complex_step():
    model = SeriesForecaster("gru", 3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    model.params.flat = rng.normal(size=model.params.flat.size)
    z, weights = rng.normal(size=(7, 2)), (rng.random((7, 2)) > 0.3).astype(float)
    loss, grads = model.loss(z, weights, 2)
    prediction = model.forward(np.stack([z[:-1], 1 - weights[:-1]], axis=-1))[0][..., 0]
    counted = weights[1:].copy()
    counted[:2] = 0
    assert loss == pytest.approx((counted * (prediction - z[1:]) ** 2).sum() / counted.sum())
    twin = model.astype(np.complex128)
    for k in range(twin.params.flat.size):
        twin.params.flat[k] += 1e-20j
        found = twin.loss(z.astype(complex), weights.astype(complex), 2)[0].imag / 1e-20
        assert grads.flat[k] == pytest.approx(found, rel=1e-10, abs=1e-14)
        twin.params.flat[k] -= 1e-20j


def test_an_untrained_forecaster_is_the_mean_change():
    model = SeriesForecaster("rnn", 3, rng=0).fit(WAVE, epochs=1, optimizer=None)
    model.params.flat[...] = 0
    drift, w = WAVE[-1] + np.diff(WAVE[:204]).mean() * np.arange(1, 4), model.weight_
    assert (model.lags_, model.naive_) == ([1], 1)
    np.testing.assert_allclose(model.forecast(3).mean, WAVE[-1] + w * (drift - WAVE[-1]), rtol=1e-10)


def test_a_season_with_a_trend_is_learnt_better_than_by_naive_forecasts():
    model = SeriesForecaster("gru", 16, season=12, rng=0).fit(WAVE, epochs=40)
    found = model.compare()
    assert found["model"] < 0.5 * found["seasonal naive"] < found["naive"]
    assert model.score() == pytest.approx(1 - (found["model"] / found["seasonal naive"]) ** 2)
    ahead = model.forecast(24)
    t = np.arange(240, 264)
    assert np.abs(ahead.mean - (300 + 0.5 * t + 20 * np.sin(2 * np.pi * t / 12))).max() < 8
    assert (ahead.low <= ahead.high).all()
    assert ahead.naive.tolist() == [*WAVE[-12:], *WAVE[-12:]]
    wide, narrow = model.forecast(5, interval=0.95), model.forecast(5, interval=0.5)
    assert (wide.high - wide.low >= narrow.high - narrow.low).all()


def test_one_step_ahead_is_the_first_step_of_a_forecast():
    model = SeriesForecaster("lstm", 8, season=12, rng=0).fit(WAVE, epochs=2)
    predicted = model.predict(WAVE)
    assert model.lags_ == [12]
    assert np.isnan(predicted[:13]).all()
    assert predicted[100] == pytest.approx(model.forecast(1, WAVE[:100]).mean[0], rel=1e-5)


def test_without_a_held_out_end_nothing_is_said_of_errors():
    model = SeriesForecaster("rnn", 3, rng=0).fit(WAVE, epochs=1, valid=0)
    ahead = model.forecast(3)
    assert np.isfinite(ahead.mean).all()
    assert np.isnan([ahead.low, ahead.high]).all()
    with pytest.raises(ValueError, match="after the 240 that were learnt, got none among 240 in all; take a larger"):
        model.compare()


def test_missing_values_are_left_out_of_the_loss():
    gaps = WAVE.copy()
    gaps[[50, 51, 200]] = np.nan
    series = read_series([[str(k), "" if np.isnan(x) else repr(float(x))] for k, x in enumerate(gaps)], missing="mask")
    model = SeriesForecaster("gru", 8, season=12, rng=0).fit(series, epochs=20)
    assert np.isfinite(model.forecast(5).mean).all()
    assert model.compare()["model"] < model.compare()["naive"]


def test_a_day_that_is_closed_each_week_does_not_spoil_the_others():
    t = np.arange(280)
    sales = 50 + 10 * np.sin(2 * np.pi * t / 7) + 20 * (t // 7 % 2) + np.random.default_rng(0).normal(size=280)
    sales[6::7] = np.nan
    model = SeriesForecaster("gru", 16, season=7, rng=0).fit(sales, epochs=80)
    found = model.compare()
    assert found["model"] < 0.5 * min(found["naive"], found["seasonal naive"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SeriesForecaster("gru", rng=0).forecast(3),
            r"must have learnt a series before it forecasts; call fit",
        ),
        (lambda: SeriesForecaster("gru", rng=0).fit(WAVE[:9]), "must leave 12 changes to learn after 1 are lost"),
        (lambda: SeriesForecaster("gru", rng=0, season=1), "season must be"),
        (lambda: SeriesForecaster("gpu"), "cell must be one of"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_constant_series_and_one_shorter_than_the_horizon():
    model = SeriesForecaster("gru", 4, rng=0).fit(np.full(40, 5.0), epochs=2)
    assert (model.compare(), model.score()) == ({"model": 0.0, "naive": 0.0}, 0.0)
    np.testing.assert_array_equal(np.stack(model.forecast(2)), 5.0)
    ahead = SeriesForecaster("gru", 4, rng=0).fit(WAVE[:20], epochs=2).forecast(12)
    assert np.isfinite(np.stack(ahead)).all()
    assert (ahead.high > ahead.mean).all()
    held = SeriesForecaster("gru", 4, rng=0).fit(np.r_[WAVE[:40], np.full(7, np.nan)], epochs=2)
    with pytest.raises(ValueError, match="after the 40 that were learnt, got none among 47 in all"):
        held.compare()


@pytest.mark.parametrize("call", ["forecast", "predict"])
def test_a_series_too_short_to_be_continued_is_refused(call):
    model = SeriesForecaster("gru", 4, season=12, rng=0).fit(WAVE, epochs=1)
    arguments = (3, WAVE[:12]) if call == "forecast" else (WAVE[:12],)
    with pytest.raises(ValueError, match=r"must have 13 values to be continued, .* got 12, of which 0 are missing"):
        getattr(model, call)(*arguments)
