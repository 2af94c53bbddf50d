"""Models of series and chains give the host's numbers on a device."""

from __future__ import annotations

import numpy as np
import pytest

from npseq.data.series import lagged_windows
from npseq.models import Forecaster, LatentForecaster, SeriesForecaster
from npseq.models.counting import forecasting, forward_backward, markov, viterbi

SERIES = np.sin(np.arange(40.0) / 3)


def mean(windows):
    return windows.mean(axis=1)


@pytest.mark.parametrize(
    "forecast",
    [
        lambda x: forecasting.one_step(mean, x, 4),
        lambda x: forecasting.multi_step(mean, x, 4, 5),
        lambda x: forecasting.k_step(mean, x, 4, 3),
        lambda x: forecasting.naive(x, 5, 3),
    ],
)
def test_forecasts_are_the_hosts(device, forecast):
    device.assert_same(forecast(device.put(SERIES)), forecast(SERIES))
    found, expected = device.put(forecast(SERIES)), forecast(SERIES)
    assert forecasting.root_mean_square(found, 2 * found) == pytest.approx(np.sqrt((expected**2).mean()), rel=1e-12)


def test_a_forecaster_learns_as_on_the_host(device):
    windows, targets = lagged_windows(SERIES, 4)
    there, here = (Forecaster(4, 5, dtype=np.float64, rng=0) for _ in "12")
    there.to("gpu")
    there.fit(*device.put((windows, targets)), epochs=2)
    here.fit(windows, targets, epochs=2)
    assert [row["loss"] for row in there.history_] == pytest.approx([row["loss"] for row in here.history_], rel=1e-11)
    device.assert_same(there.params.flat, here.params.flat)
    device.assert_same(there.predict(device.put(windows)), here.predict(windows))


def test_a_latent_forecaster_learns_as_on_the_host(device):
    there, here = (LatentForecaster(1, "gru", 5, dtype=np.float64, rng=0) for _ in "12")
    there.to("gpu")
    x = SERIES[:, None, None]
    (loss, grads), (expected, host) = (model.loss(given)[:2] for model, given in ((there, device.put(x)), (here, x)))
    device.assert_same((loss, grads.flat), (expected, host.flat))
    there.fit(device.put(x), epochs=2, batch_size=3)
    here.fit(x, epochs=2, batch_size=3)
    device.assert_same(there.params.flat, here.params.flat)


@pytest.mark.parametrize("season", [None, 5])
def test_a_series_in_its_own_units_is_forecast_as_on_the_host(device, season):
    there, here = (SeriesForecaster("gru", 3, season=season, horizon=2, dtype=np.float64, rng=0) for _ in "12")
    there.to("gpu")
    for model in (there, here):
        model.fit(SERIES + 0.1 * np.arange(40), epochs=2, batch_size=3)
    assert isinstance(there.params.flat, device.xp.ndarray)
    np.testing.assert_allclose(there.forecast(3), here.forecast(3), rtol=1e-10)
    np.testing.assert_allclose(there.predict(device.put(SERIES)), here.predict(SERIES), rtol=1e-10)
    assert there.compare() == pytest.approx(here.compare(), rel=1e-10)
    assert there.score() == pytest.approx(here.score(), rel=1e-10)
    z, weights = np.random.default_rng(0).normal(size=(6, 2)), np.eye(6)[:, :2]
    with device.no_sync():
        loss, grads = there.loss(*device.put((z, weights)), 1)
    expected, host_grads = here.loss(z, weights, 1)
    device.assert_same((loss, grads.flat), (expected, host_grads.flat))


def test_markov_chains_are_the_hosts(device):
    states = np.arange(30) * 7 % 5
    P, start = markov.transition_matrix(states, 5, smoothing=1.0), np.full(5, 0.2)
    ours, theirs = device.put((states, start, P)), (states, start, P)
    device.assert_same(markov.transition_matrix(ours[0], 5, smoothing=1.0), P)
    device.assert_same(markov.propagate(*ours[1:], 3), markov.propagate(*theirs[1:], 3))
    device.assert_same(markov.stationary(ours[2]), markov.stationary(P))
    assert markov.log_prob(*ours) == pytest.approx(markov.log_prob(*theirs), rel=1e-12)


@pytest.mark.parametrize("impossible", [False, True])
def test_hidden_markov_models_are_the_hosts(device, impossible):
    rng = np.random.default_rng(0)
    scores = [rng.normal(size=shape) for shape in ((3,), (3, 3), (6, 3))]
    if impossible:
        scores[1][0, 1] = scores[2][2, 2] = -np.inf
    found, expected = forward_backward(*device.put(tuple(scores))), forward_backward(*scores)
    assert found.log_prob == pytest.approx(expected.log_prob, rel=1e-12)
    device.assert_same(found[1:], expected[1:])
    (path, log_prob), (expected_path, expected_log_prob) = viterbi(*device.put(tuple(scores))), viterbi(*scores)
    device.assert_same(path, expected_path)
    assert log_prob == pytest.approx(expected_log_prob, rel=1e-12)
