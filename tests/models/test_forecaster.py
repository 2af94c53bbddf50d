"""A forecaster is its formula, and its gradient that of a complex step."""

import numpy as np
import pytest
from models.gradients import check_loss

import npseq as ns
from npseq.models import Forecaster

RNG = np.random.default_rng(0)
WINDOWS, TARGETS = RNG.normal(size=(7, 3)), RNG.normal(size=7)


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
    check_loss(Forecaster(3, 4, dtype=np.float64, rng=2), WINDOWS, TARGETS)


def test_fitting_is_adam_on_shuffled_minibatches():
    model, twin = (Forecaster(3, 4, dtype=np.float64, rng=0) for _ in range(2))
    model.fit(WINDOWS, TARGETS, epochs=2, batch_size=4, valid=0, optimizer=ns.Adam(0.1), clip=None, rng=5)
    adam, rng = ns.Adam(0.1), np.random.default_rng(5)
    for _ in range(2):
        order = rng.permutation(7)
        for rows in (order[:4], order[4:]):
            adam.step(twin.params, twin.loss(WINDOWS[rows], TARGETS[rows])[1])
    np.testing.assert_array_equal(model.params.flat, twin.params.flat)
    assert model.evaluate((WINDOWS, TARGETS)) == twin.loss(WINDOWS, TARGETS)[0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Forecaster(0), ValueError, "lags must be a positive integer, got 0"),
        (lambda: Forecaster(3).predict(np.zeros((2, 4), "f")), ValueError, r"x must have shape \(2, 3\), got \(2, 4\)"),
        (lambda: Forecaster(3).loss(WINDOWS, TARGETS), TypeError, "x is float64 but the layer is float32"),
        (
            lambda: Forecaster(3, dtype=float).loss(WINDOWS, TARGETS[:, None]),
            ValueError,
            r"targets must have shape \(7,",
        ),
        (lambda: Forecaster(3).fit(WINDOWS), TypeError, "targets must be given, the value after each window; ns.data"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def spoiled(array, bad):
    out = array.copy()
    out[tuple(k // 2 for k in out.shape)] = bad
    return out


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m, bad: m.fit(spoiled(WINDOWS, bad), TARGETS), r"windows must be finite, got .* at \[3, 1\]"),
        (lambda m, bad: m.fit(WINDOWS, spoiled(TARGETS, bad)), r"targets must be finite, got .* at \[3\]"),
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
