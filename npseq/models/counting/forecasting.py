"""Forecasts of a series by any model that predicts one value from those before it, and the naive ones beside them.

series (T,), lags the number of values that the model sees, `predict` the model: windows (N, lags) -> (N,). Everything
stays in the dtype and in the place of the series.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npseq.arguments import integer
from npseq.backend import Array, array_module
from npseq.data.series import lagged_windows

Predictor = Callable[[Array], Array]


def one_step(predict: Predictor, series: Array, lags: int) -> Array:
    """Each value from the true ones before it: (T - lags,), the forecasts of series[lags:] (A03)."""
    return predict(lagged_windows(series, lags)[0])


def multi_step(predict: Predictor, history: Array, lags: int, steps: int) -> Array:
    """The values after history (T,), (steps,): from the second on, each also from the forecasts before it (A04, A40).

    Raises ValueError for a history of less than `lags` values.
    """
    integer("lags", lags)
    integer("steps", steps)
    _check_series("history", history, lags, "lags")
    known = array_module(history).zeros(lags + steps, history.dtype)
    known[:lags] = history[-lags:]
    for k in range(steps):
        known[lags + k] = predict(known[None, k : k + lags])[0]
    return known[lags:]


def k_step(predict: Predictor, series: Array, lags: int, steps: int) -> Array:
    """Forecasts 1 to `steps` ahead from everywhere: (T - lags - steps + 1, lags + steps), d2l's `features` (A04).

    Row i begins with the true values series[i : i + lags], followed by 1, ..., steps forecasts made of them; so column
    lags + k - 1 holds the k-step forecasts of series[lags + k - 1 : T - steps + k].
    Raises ValueError for a series of less than lags + steps values.
    """
    integer("lags", lags)
    integer("steps", steps)
    _check_series("series", series, lags + steps, "lags + steps")
    rows, xp = len(series) - lags - steps + 1, array_module(series)
    columns = xp.zeros((rows, lags + steps), series.dtype)
    columns[:, :lags] = series[xp.arange(rows)[:, None] + xp.arange(lags)]
    for k in range(lags, lags + steps):
        columns[:, k] = predict(columns[:, k - lags : k])
    return columns


def naive(history: Array, steps: int, period: int = 1) -> Array:
    """The last `period` values of history over and over, (steps,): what every forecast should be better than.

    period 1 is persistence, a season's length the seasonal naive forecast. Raises ValueError for a shorter history.
    """
    integer("steps", steps)
    _check_series("history", history, integer("period", period), "period")
    return history[len(history) - period + array_module(history).arange(steps) % period]


def error_growth(step_error: float, gain: float, steps: int, start: float = 0.0) -> np.ndarray:
    """eps_k = e + c eps_{k-1} for k = 1 to `steps`: (steps,), e the step_error, c the gain, eps_0 the start (A04).

    d2l's error of k steps ahead: each step adds its own, and passes on a share of the one that it was fed with.
    """
    errors = np.full(integer("steps", steps) + 1, float(start))
    for k in range(1, steps + 1):
        errors[k] = step_error + gain * errors[k - 1]
    return errors[1:]


def root_mean_square(prediction: Array, truth: Array) -> float:
    """sqrt of the mean of (prediction - truth)^2, two arrays of one shape."""
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction must have the shape of truth, {truth.shape}, got {prediction.shape}")
    return float(array_module(prediction, truth).sqrt(((prediction - truth) ** 2).mean()))


def _check_series(name: str, series: Array, least: int, meaning: str) -> None:
    shape = getattr(series, "shape", None)
    if shape is None or len(shape) != 1 or shape[0] < least:
        given = type(series).__name__ if shape is None else f"shape {shape}"
        raise ValueError(f"{name} must be an array (T,) with T at least {meaning} = {least}, got {given}")
