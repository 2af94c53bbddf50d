"""Forecasts of a series by any model that predicts one value from those before it, and naive ones to compare with.

Everything keeps the dtype and the device of the series.
"""

from collections.abc import Callable

import numpy as np

from npseq.arguments import amount, array, finite, finite_number, function, integer
from npseq.backend import Array, array_module
from npseq.data.series import lagged_windows
from npseq.magnitude import norm

Predictor = Callable[[Array], Array]


def one_step(predict: Predictor, series: Array, lags: int) -> Array:
    """Returns a forecast of each value from the true ones before it: (T - lags,), those of series[lags:].

    Args:
        predict: the model, windows (N, lags) -> (N,).
        series: (T,).
        lags: how many values the model sees.

    Example:
        >>> ns.models.counting.one_step(lambda w: w[:, -1] + 1, np.array([1.0, 2.0, 3.0, 4.0]), 2)
        array([3., 4.])
    """
    return _predicted(function("predict", predict), lagged_windows(finite("series", series), lags)[0])


def multi_step(predict: Predictor, history: Array, lags: int, steps: int) -> Array:
    """Returns forecasts of the values after history, (steps,): from the second on, each also from those before it.

    Args:
        predict: the model, windows (N, lags) -> (N,).
        history: (T,).
        lags: how many values the model sees.
        steps: how many values to predict.

    Raises:
        ValueError: if history has fewer than `lags` values.

    Example:
        >>> ns.models.counting.multi_step(lambda w: w[:, -1] + 1, np.array([1.0, 2.0]), 2, 3)
        array([3., 4., 5.])
    """
    lags = integer("lags", lags)
    steps = amount("steps", steps)
    _check_series("history", history, lags, "lags", "fc")
    function("predict", predict)
    known = array_module(history).zeros(lags + steps, history.dtype)
    known[:lags] = history[-lags:]
    for k in range(steps):
        known[lags + k] = _predicted(predict, known[None, k : k + lags])[0]
    found: Array = known[lags:]
    return found


def k_step(predict: Predictor, series: Array, lags: int, steps: int) -> Array:
    """Returns forecasts 1 to `steps` ahead from everywhere: (T - lags - steps + 1, lags + steps), d2l's `features`.

    Row i begins with the true values series[i : i + lags], followed by 1, ..., steps forecasts made of them; so column
    lags + k - 1 holds the k-step forecasts of series[lags + k - 1 : T - steps + k].

    Args:
        predict: the model, windows (N, lags) -> (N,).
        series: (T,).
        lags: how many values the model sees.
        steps: how many values to predict.

    Raises:
        ValueError: if series has fewer than lags + steps values.

    Example:
        >>> ns.models.counting.k_step(lambda w: w[:, -1] + 1, np.array([1.0, 2.0, 5.0]), 1, 2)
        array([[1., 2., 3.]])
    """
    lags = integer("lags", lags)
    steps = amount("steps", steps)
    _check_series("series", series, lags + steps, "lags + steps", "fc")
    function("predict", predict)
    rows, xp = len(series) - lags - steps + 1, array_module(series)
    columns: Array = xp.zeros((rows, lags + steps), series.dtype)
    columns[:, :lags] = series[xp.arange(rows)[:, None] + xp.arange(lags)]
    for k in range(lags, lags + steps):
        columns[:, k] = _predicted(predict, columns[:, k - lags : k])
    return columns


def naive(history: Array, steps: int, period: int = 1) -> Array:
    """Returns the last `period` values of history over and over, (steps,): what every forecast should be better than.

    Args:
        history: (T,).
        steps: how many values to predict.
        period: 1 is persistence, a season's length the seasonal naive forecast.

    Raises:
        ValueError: if history has fewer than `period` values.

    Example:
        >>> ns.models.counting.naive(np.array([1, 2, 3]), 4, period=2)
        array([2, 3, 2, 3])
    """
    steps = amount("steps", steps)
    period = integer("period", period)
    _check_series("history", history, period, "period")
    repeated: Array = history[len(history) - period + array_module(history).arange(steps) % period]
    return repeated


def error_growth(step_error: float, gain: float, steps: int, *, start: float = 0.0) -> np.ndarray:
    """Returns eps_k = e + c eps_{k-1} for k = 1 to `steps`: (steps,).

    d2l's error of k steps ahead: each step adds its own, and passes on a share of the one that it was fed with.

    Args:
        step_error: e.
        gain: c.
        steps: how many.
        start: eps_0.

    Example:
        >>> ns.models.counting.error_growth(0.5, 0.5, 3)
        array([0.5  , 0.75 , 0.875])
    """
    e, c = finite_number("step_error", step_error), finite_number("gain", gain)
    steps = amount("steps", steps)
    errors = np.full(steps + 1, finite_number("start", start))
    for k in range(1, steps + 1):
        errors[k] = e + c * errors[k - 1]
    return errors[1:]


def root_mean_square(prediction: Array, truth: Array) -> float:
    """Returns sqrt of the mean of (prediction - truth)^2.

    Args:
        prediction, truth: two arrays of one shape.

    Example:
        >>> ns.models.counting.root_mean_square(np.array([1.0, 2.0]), np.array([4.0, 5.0]))
        3.0
    """
    array_module(array("prediction", prediction), array("truth", truth))
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction must have the shape of truth, {truth.shape}, got {prediction.shape}")
    if "c" in (prediction.dtype.kind, truth.dtype.kind):
        raise TypeError(f"prediction and truth must be real, got {prediction.dtype} and {truth.dtype}")
    if not truth.size:
        raise ValueError("prediction and truth must hold at least one number, got none")
    error: float = float(norm(prediction.astype(np.float64) - truth)) / truth.size**0.5
    return error


def _predicted(predict: Predictor, windows: Array) -> Array:
    """Returns the forecasts (N,) that `predict` makes. Raises TypeError or ValueError for anything else."""
    found = array("predict(windows)", predict(windows))
    if found.shape != windows.shape[:1] or not np.can_cast(found.dtype, windows.dtype, "same_kind"):
        raise ValueError(
            f"predict must return a number for each window, {windows.shape[:1]} {windows.dtype}, got {found.shape} "
            f"{found.dtype}"
        )
    return found


def _check_series(name: str, series: Array, least: int, meaning: str, kinds: str = "iufcb") -> None:
    shape = finite(name, series).shape
    if series.dtype.kind not in kinds:
        raise TypeError(f"{name} must be floating, as forecasts are, got {series.dtype}; convert it with astype(float)")
    if len(shape) != 1 or shape[0] < least:
        raise ValueError(f"{name} must be an array (T,) with T at least {meaning} = {least}, got shape {shape}")
