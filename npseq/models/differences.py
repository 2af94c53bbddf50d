"""The changes of a series over a step or a season, and what is expected without a model."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from npseq.arguments import array_or_lists
from npseq.backend import to_host
from npseq.data import Series, read_series

LEAST = 12  # changes that are learnt
LEAST_SIZE, MOST_SIZE = 1e-140, 1e140  # of the largest value


def values_of(data: Any) -> np.ndarray:
    """Returns the values (T,) of a Series, also of pandas, or an array, float64, nan where one is missing."""
    if isinstance(data, str | PathLike):
        raise TypeError(f"data must be a series, got the path {str(data)!r}; pass ns.data.read_series(path)")
    data = read_series(data, missing="mask") if hasattr(data, "to_frame") else data  # a Series of pandas
    given = data.values if isinstance(data, Series) else data
    given = to_host(array_or_lists("data", given))
    if given.ndim != 1 or given.dtype.kind not in "iuf":
        raise ValueError(
            f"a series must be values (T,), got {given.dtype} of shape {given.shape}; see data.read_series"
        )
    if not len(given):
        raise ValueError("a series must hold at least one value, got none")
    values = given.astype(np.float64)
    known = np.abs(values[np.isfinite(values) & (values != 0)])
    if known.size and not LEAST_SIZE < known.max() < MOST_SIZE:
        raise ValueError(
            f"a series must be of a size whose squares float64 can hold, got {known.max():.3g}; give it in other units"
        )
    if np.isinf(values).any():
        at = int(np.isinf(values).argmax())
        raise ValueError(f"a series must be finite, or nan where a value is missing, got infinity at {at}")
    return values


class Scaling(NamedTuple):
    """The differences that are taken of a series, and the units of its changes."""

    lags: list[int]
    mean: float
    scale: float


def scaling_of(learnt: np.ndarray, season: int | None, horizon: int) -> Scaling:
    """Returns the differences by which least is left to learn of values (T,), and the changes' mean and deviation.

    Of the differences over a step, or none, and with a season over a step, a season, or both, those are taken by which
    forecasts 1 to `horizon` steps ahead err least, if all changes to come are the mean of those before. Raises
    ValueError where too few are left.
    """
    options = [[], [1]] if season is None else [[1], [season], [1, season]]
    longest = sum(options[-1])
    if (count := int(np.isfinite(changes_of(learnt, options[-1])).sum())) < LEAST:
        raise ValueError(
            f"a series must leave {LEAST} changes to learn after {longest} are lost to differences, got {count}; give "
            "a longer one, a smaller valid, or no season"
        )
    wanted = ahead_of(learnt, horizon)
    errors = [np.nanmean(np.square(wanted - _steady(learnt, lags, horizon))[longest:]) for lags in options]
    lags = options[int(np.argmin(errors))]
    changes = changes_of(learnt, lags)
    return Scaling(lags, float(np.nanmean(changes)), float(np.nanstd(changes)) or 1.0)


def scaled(values: np.ndarray, scaling: Scaling, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scaled changes, 0 where one is missing, and 1 where there is one, else 0."""
    changes = (changes_of(values, scaling.lags) - scaling.mean) / scaling.scale
    known = np.isfinite(changes)
    return np.where(known, changes, 0).astype(dtype), known.astype(dtype)


def check_changes(known: np.ndarray, lags: list[int]) -> None:
    """Raises ValueError where no change of known (T, ...), 1 or 0, follows another, so that none can be predicted."""
    if known[1:].sum() == 0:
        raise ValueError(
            f"a series must hold a change after the first one, got {len(known)} changes after {sum(lags)} values are "
            "lost to differences; give a longer one"
        )


def _steady(values: np.ndarray, lags: list[int], horizon: int) -> np.ndarray:
    """The forecasts (T, horizon) after each value, if all changes to come are the mean of those before."""
    changes = np.concatenate([np.full(sum(lags), np.nan), changes_of(values, lags)])
    known = np.isfinite(changes)
    mean = np.cumsum(np.where(known, changes, 0)) / np.maximum(np.cumsum(known), 1)
    values, found = filled(values), np.empty((len(values), horizon))
    for k in range(horizon):
        found[:, k] = mean
        for lag, sign in terms_of(lags):
            found[:, k] += sign * (found[:, k - lag] if lag <= k else _moved(values, lag - 1 - k))
    return found


def _moved(values: np.ndarray, steps: int) -> np.ndarray:
    """Each value in the place so many steps after its own."""
    return np.concatenate([np.full(min(steps, len(values)), np.nan), values[: max(len(values) - steps, 0)]])


def ahead_of(values: np.ndarray, steps: int) -> np.ndarray:
    """Returns the values (T, steps) that follow each; nan past the end."""
    return sliding_window_view(np.concatenate([values[1:], np.full(steps, np.nan)]), steps)[: len(values)]


def changes_of(values: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """Returns the differences (T - sum of lags,) over each lag in turn, nan where a value that enters is missing."""
    for lag in lags:
        values = values[lag:] - values[:-lag]
    return values


def terms_of(lags: Sequence[int]) -> list[tuple[int, int]]:
    """Returns the (lag, sign) of each earlier value in a difference's base: what a value is if its change is 0."""
    terms = [(0, -1)]
    for lag in lags:
        terms += [(before + lag, -sign) for before, sign in terms]
    return terms[1:]


def base_of(values: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """Returns the value (T,) at each step if its change were 0; nan at the first."""
    base = np.zeros(len(values))
    for lag, sign in terms_of(lags):
        base[lag:] += sign * values[:-lag]
    base[: sum(lags)] = np.nan
    return base


def naive_of(values: np.ndarray, steps: int, season: int | None) -> np.ndarray:
    """Returns the last value, or the last season, again and again; a missing one is the last before it."""
    found: np.ndarray = naive_from(values, np.array([len(values)]), steps, season or 1)[0]
    return found


def naive_from(values: np.ndarray, origins: np.ndarray, steps: int, season: int) -> np.ndarray:
    """Returns the last season (origins, steps), again and again, after each number of values."""
    found: np.ndarray = filled(values)[origins[:, None] - season + np.arange(steps) % season]
    return found


def filled(values: np.ndarray) -> np.ndarray:
    """Returns the values, each missing one as the last before it, from which a forecast begins."""
    known = np.isfinite(values)
    at = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(at >= 0, values[np.maximum(at, 0)], values[known.argmax()])
