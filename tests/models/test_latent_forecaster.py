"""A latent forecaster is its formula, its gradient that of a complex step; it learns windows of series."""

import numpy as np
import pytest
from models.gradients import check

import npseq as ns
from npseq.models import LatentForecaster

SERIES = np.random.default_rng(0).normal(size=(6, 2, 2))
WAVES = np.sin(np.arange(200)[:, None, None] * [[[0.3], [0.4]]]).astype(np.float32)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("warm_up", [0, 3])
def test_gradients_of_a_latent_forecaster(cell, warm_up):
    check(
        LatentForecaster(2, cell, 3, dtype=np.float64, rng=0),
        lambda model: model.loss(SERIES.astype(model.dtype), warm_up)[0],
        lambda model: model.loss(SERIES, warm_up)[1],
    )


def test_backward_is_that_of_both_layers():
    dy, state = np.random.default_rng(1).normal(size=(6, 2, 2)), np.random.default_rng(2).normal(size=(1, 2, 3))

    def gradients(model, x):
        dx, grads = model.backward(dy, model.forward(x, state)[2])
        return {**grads, "x": dx}

    check(
        LatentForecaster(2, "gru", 3, dtype=np.float64, rng=0),
        lambda model, x: (dy * model.forward(x, state.astype(model.dtype))[0]).sum(),
        gradients,
        x=SERIES,
    )


def test_the_loss_of_a_latent_forecaster_is_of_its_predictions():
    model = LatentForecaster(2, "gru", 3, dtype=np.float64, rng=0)
    error = (model.predict(SERIES)[:-1] - SERIES[1:]) ** 2
    assert model.loss(SERIES)[0] == pytest.approx(error.mean(), rel=1e-13)
    assert model.loss(SERIES, warm_up=2)[0] == pytest.approx(error[2:].mean(), rel=1e-13)


def test_a_latent_forecast_feeds_itself():
    model = LatentForecaster(2, "lstm", 3, dtype=np.float64, rng=0)
    known = SERIES
    for _ in range(4):
        known = np.concatenate([known, model.predict(known)[-1:]])
    np.testing.assert_allclose(model.forecast(SERIES, 4), known[6:], rtol=1e-12)


def test_fitting_is_the_loop_by_hand():
    one, two = (LatentForecaster(1, "gru", 4, rng=0) for _ in "12")
    one.fit(WAVES, epochs=2, batch_size=3, valid=0, optimizer=ns.Adam(0.01), clip=0.5, rng=7)
    rng, optimizer = np.random.default_rng(7), ns.Adam(0.01)
    for _ in range(2 * 5):  # each epoch has as many windows as would cover the series twice
        starts, columns = rng.integers(0, 200 - 64, 3, endpoint=True), rng.integers(0, 2, 3)
        windows = np.stack([WAVES[at : at + 64, k] for at, k in zip(starts, columns, strict=True)], axis=1)
        two.step(windows, 8, optimizer=optimizer, clip=0.5)
    np.testing.assert_array_equal(one.params.flat, two.params.flat)


def test_the_end_is_held_out_and_the_state_has_read_what_lies_before():
    model = LatentForecaster(rng=0).fit(WAVES, epochs=3, valid=0.25)
    error = (model.predict(WAVES)[149:-1] - WAVES[150:]) ** 2
    assert min(row["held_out_loss"] for row in model.history_) == pytest.approx(error.mean(), rel=1e-5)
    other = LatentForecaster(rng=0).fit(WAVES[:150, 0, 0], epochs=2, valid=WAVES[150:])
    least = min(row["held_out_loss"] for row in other.history_)
    assert other.evaluate(WAVES[150:]) == pytest.approx(least, rel=1e-6)


def test_it_learns():
    model = LatentForecaster(rng=0)
    before = model.evaluate(WAVES)
    assert model.fit(WAVES, epochs=60).evaluate(WAVES) < before / 20


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: LatentForecaster(cell="mlp"), ValueError, "cell must be one of 'rnn', 'gru', 'lstm', got 'mlp'"),
        (
            lambda: LatentForecaster(2, dtype=float).loss(SERIES, 5),
            ValueError,
            r"at least warm_up \+ 2 = 7 steps, got 6",
        ),
        (lambda: LatentForecaster(2, dtype=float).forecast(SERIES, 0), ValueError, "steps must be a positive integer"),
        (lambda: LatentForecaster(2).fit(SERIES, SERIES), TypeError, "targets must be None: a forecaster learns"),
        (lambda: LatentForecaster(2).fit(SERIES[:2], valid=0.5), ValueError, "must leave 2 steps to learn, got 2 less"),
        (lambda: LatentForecaster(3).fit(SERIES), ValueError, r"x must have shape \(T, B, 3\), or be integer ids"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["predict", "loss", "step", "forecast", "fit"])
def test_a_series_with_a_gap_is_refused_and_integers_are_no_numbers_to_compute_with(name):
    model = LatentForecaster(2, "gru", 4, rng=1)
    series = SERIES.astype(np.float32)
    options = {"forecast": {"steps": 2}, "step": {"optimizer": ns.SGD(0.1)}}.get(name, {})
    call, of = getattr(model, name), "history" if name == "forecast" else "x"
    spoiled = series.copy()
    spoiled[3, 1, 1] = np.nan
    with pytest.raises(ValueError, match=rf"{of} must be finite, got nan at \[3, 1, 1\]"):
        call(spoiled, **options)
    integers = (10 * series).astype(int)
    if name in ("loss", "step"):  # which compute with arrays as they are; the others read data as people have them
        with pytest.raises(TypeError, match=r"x must be floating, got int64; pass x.astype\('float32'\)") as raised:
            call(integers, **options)
        integers = eval(str(raised.value).partition("; pass ")[2], {"x": integers})
    call(integers, **options)
    with pytest.raises(ValueError, match=rf"{of} must have shape \(T, B, 2\), got \(6, 2\)"):
        call(series[..., 0], **options)
