"""The changes of a series from step to step, less those a season before, and what is expected without a model."""

from typing import Any

import numpy as np

from npseq.arguments import array_or_lists
from npseq.backend import to_host
from npseq.data import Series


def values_of(data: Any) -> np.ndarray:
    """Returns the values (T,) of a Series or an array, float64, nan where one is missing."""
    given = data.values if isinstance(data, Series) else data
    given = to_host(array_or_lists("data", given))
    if given.ndim != 1 or given.dtype.kind not in "iuf":
        raise ValueError(
            f"a series must be values (T,), got {given.dtype} of shape {given.shape}; see data.read_series"
        )
    values = given.astype(np.float64)
    if np.isinf(values).any():
        at = int(np.isinf(values).argmax())
        raise ValueError(f"a series must be finite, or nan where a value is missing, got infinity at {at}")
    return values


def changes_of(values: np.ndarray, season: int | None) -> np.ndarray:
    """Returns the changes (T - 1 - season,), nan where a value that enters is missing."""
    changes = np.diff(values)
    return changes if season is None else changes[season:] - changes[:-season]


def base_of(values: np.ndarray, season: int | None) -> np.ndarray:
    """Returns the value (T,) at each step if its change were 0; nan at the first."""
    base = np.full(len(values), np.nan)
    base[1:] = values[:-1]
    if season is not None:
        base[: season + 1] = np.nan
        base[season + 1 :] += np.diff(values)[:-season]
    return base


def naive_of(values: np.ndarray, steps: int, season: int | None) -> np.ndarray:
    """Returns the last value, or the last season, again and again."""
    length = season or 1
    return values[len(values) - length + np.arange(steps) % length]


def filled(values: np.ndarray) -> np.ndarray:
    """Returns the values, each missing one as the last before it, from which a forecast begins."""
    known = np.isfinite(values)
    at = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(at >= 0, values[np.maximum(at, 0)], values[known.argmax()])
