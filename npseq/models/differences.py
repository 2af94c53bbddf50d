"""The changes of a series over a step or a season, and what is expected without a model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npseq.arguments import array_or_lists
from npseq.backend import to_host
from npseq.data import Series, read_series


def values_of(data: Any) -> np.ndarray:
    """Returns the values (T,) of a Series, also of pandas, or an array, float64, nan where one is missing."""
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
    if np.isinf(values).any():
        at = int(np.isinf(values).argmax())
        raise ValueError(f"a series must be finite, or nan where a value is missing, got infinity at {at}")
    return values


def lags_for(values: np.ndarray, lags: list[int], horizon: int) -> list[int]:
    """Returns the lags [1, season] or [1] of the differences to take, without the 1 where that is better.

    With it, a value is expected to be off by as much as the last one; without it, to return to the mean. Which of these
    misses by less, 1 to `horizon` steps ahead, is taken.
    """
    level = changes_of(values, lags[1:])
    ahead = [
        known.var() for k in range(1, min(horizon + 1, len(level))) if len(known := _finite(level[k:] - level[:-k]))
    ]
    return lags if np.mean(ahead) < _finite(level).var() else lags[1:]


def _finite(values: np.ndarray) -> np.ndarray:
    known: np.ndarray = values[np.isfinite(values)]
    return known


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
    values, length = filled(values), season or 1
    return values[len(values) - length + np.arange(steps) % length]


def filled(values: np.ndarray) -> np.ndarray:
    """Returns the values, each missing one as the last before it, from which a forecast begins."""
    known = np.isfinite(values)
    at = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(at >= 0, values[np.maximum(at, 0)], values[known.argmax()])
