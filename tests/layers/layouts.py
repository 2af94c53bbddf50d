"""The same numbers in other places of memory, and few examples of hypothesis."""

import numpy as np
from hypothesis import HealthCheck, settings


def few(examples):
    """Drawn alike on every machine."""
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


def fortran(array):
    return np.asfortranarray(array)


def strided(array):
    """Every other number of a larger array."""
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), 99, array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def backwards(array):
    return array[::-1].copy()[::-1]


def swapped(array):
    return array.swapaxes(0, -1).copy().swapaxes(0, -1)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = [fortran, strided, backwards, swapped, read_only]
