"""Somebody's gradient of one tensor, and what is equal to it."""

from typing import NamedTuple

import numpy as np

RTOL = {8: 1e-9, 4: 1e-5}  # by bytes of a number: as far apart as rounding brings two ways to write a sum
DIGITS = {8: 1e-14, 4: 1e-6}  # how far a sum whose terms cancel is off, relative to the sum of their sizes


class Given(NamedTuple):
    """A gradient and how closely another one has to come, relative to its largest entry."""

    value: np.ndarray
    rtol: float
    label: str = "the gradient"  # what errors call it
    digits: float = DIGITS[8]
    floor: float = 0.0  # an error that rounding alone may have left, where the terms of a sum cancel

    @property
    def scale(self) -> float:
        """The largest entry that is finite."""
        return float(np.max(np.abs(self.value), initial=0.0, where=np.isfinite(self.value)))

    def fits(self, found: np.ndarray) -> np.ndarray:
        """(K,): whether each of the gradients (K, *shape) is this one; nan equals nan."""
        with np.errstate(all="ignore"):
            apart = np.where(np.isnan(found) & np.isnan(self.value), 0.0, np.abs(found - self.value))
        apart[(found == self.value) & np.isinf(found)] = 0.0
        fitting: np.ndarray = np.all(apart <= self.rtol * self.scale + self.floor, axis=_axes(found))
        return fitting

    def factor(self, found: np.ndarray) -> np.ndarray:
        """(K,): by what each gradient is multiplied where it is this one but for a factor; nan where it is not."""
        with np.errstate(all="ignore"):
            c = (found * self.value).sum(axis=_axes(found)) / (found * found).sum(axis=_axes(found))
            return np.where(self.fits(found * c.reshape(-1, *(1 for _ in _axes(found)))), c, np.nan)


def _axes(found: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, found.ndim))
