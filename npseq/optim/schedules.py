"""Learning rates as functions of the step, counted from 1; an optimizer takes one in the place of a number.

Source: Dive into Deep Learning, 12.11. Any function from the step to a number is one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from npseq.arguments import integer, within

Schedule = Callable[[int], float]


def rate(lr: float | Schedule, step: int) -> float:
    """Returns the learning rate of a step: a number, or what the function gives. Raises TypeError or ValueError."""
    return within("lr", lr(step) if callable(lr) else lr)


@dataclass(frozen=True)
class Warmup:
    """The rate rises in equal parts to lr; it is not the warm-up of a state, which reads a prefix.

    Args:
        lr: a number, or a schedule, which begins after the warm-up.
        steps: how many steps the rate rises.

    Example:
        >>> rates = ns.optim.Warmup(0.1, 4)
        >>> [round(rates(step), 3) for step in (1, 2, 4, 9)]
        [0.025, 0.05, 0.1, 0.1]
    """

    lr: float | Schedule
    steps: int

    def __post_init__(self) -> None:
        rate(self.lr, 1)
        object.__setattr__(self, "steps", integer("steps", self.steps))

    def __call__(self, step: int) -> float:
        """Returns the learning rate.

        Args:
            step: counts from 1.
        """
        return rate(self.lr, max(step - self.steps, 1)) * min(step / self.steps, 1)


@dataclass(frozen=True)
class Exponential:
    """The rate begins at lr and is multiplied by a factor every so many steps.

    Args:
        lr: the first rate.
        factor: of the rate, every so many steps.
        every: how many steps have one rate.
        least: the smallest rate.

    Example:
        >>> rates = ns.optim.Exponential(0.8, 0.5, every=10)
        >>> [rates(step) for step in (1, 10, 11, 21)]
        [0.8, 0.8, 0.4, 0.2]
    """

    lr: float
    factor: float
    every: int = 1
    least: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lr", "factor", "least"):
            within(name, getattr(self, name))
        object.__setattr__(self, "every", integer("every", self.every))

    def __call__(self, step: int) -> float:
        """Returns the learning rate.

        Args:
            step: counts from 1.
        """
        return max(self.lr * self.factor ** ((step - 1) // self.every), self.least)


@dataclass(frozen=True)
class Cosine:
    """The rate falls from lr to `last` along half a cosine, and stays there (Loshchilov & Hutter 2017, 1608.03983).

    Args:
        lr: the first rate.
        steps: how long it falls.
        last: the rate from then on.

    Example:
        >>> rates = ns.optim.Cosine(1.0, 4)
        >>> [round(rates(step), 3) for step in (1, 3, 5, 9)]
        [1.0, 0.5, 0.0, 0.0]
    """

    lr: float
    steps: int
    last: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lr", "last"):
            within(name, getattr(self, name))
        object.__setattr__(self, "steps", integer("steps", self.steps))

    def __call__(self, step: int) -> float:
        """Returns the learning rate.

        Args:
            step: counts from 1.
        """
        done = min((step - 1) / self.steps, 1)
        return self.last + (self.lr - self.last) * (1 + cos(pi * done)) / 2
