"""A forecast, how far what is to come may lie from it, and how much a network counts in it beside a naive one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Forecast(NamedTuple):
    """The values after a series, and what to expect of them; each (steps,)."""

    mean: np.ndarray  # the forecast
    low: np.ndarray  # between it and high `interval` of what is to come should lie; nan if nothing was held out
    high: np.ndarray  # as far above the mean as low is below
    naive: np.ndarray  # the last value, again and again; with a season, the last season


def reach_of(errors: Sequence[Sequence[float]], steps: int, share: float) -> np.ndarray:
    """Returns the distances (steps,) from a forecast within which `share` of what is to come should lie.

    Of n errors k steps ahead, it is their root mean square times the quantile of Student's t with n / k degrees of
    freedom, at least 1: errors of neighbouring origins share k - 1 of their steps, so that they are worth n / k. Past
    the last errors the distance grows as the root of the steps; nan without any.

    Args:
        errors: by steps ahead.
        steps: how many distances.
        share: in [0, 1).
    """
    from scipy.special import stdtrit  # loads slowly

    known = [row for row in errors[:steps] if len(row)]
    found = np.full(steps, np.nan)
    for k, row in enumerate(known, start=1):
        found[k - 1] = stdtrit(max(len(row) / k, 1), (1 + share) / 2) * np.sqrt(np.mean(np.square(row)))
    last = len(known)
    if last:
        found[last:] = found[last - 1] * np.sqrt(np.arange(last + 1, steps + 1) / last)
    return found


def weight_of(network: np.ndarray, naive: np.ndarray, wanted: np.ndarray) -> float:
    """Returns the weight w in [0, 1] by which `weighed` has the least squared errors of values (N,)."""
    apart = network - naive
    return float(np.clip(apart @ (wanted - naive) / ((apart @ apart) or 1.0), 0, 1))


def weighed(network: np.ndarray, naive: np.ndarray, weight: float) -> np.ndarray:
    """Returns naive + weight (network - naive)."""
    return np.asarray(naive + weight * (network - naive))
