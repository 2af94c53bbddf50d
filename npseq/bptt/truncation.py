"""Truncation: what reaches back in time.

A path's lag is how many times it was carried from one time step to the next, over all layers and directions; lag 0 is
the step's own. A truncation weighs paths: either by their lag, or each carry by a factor of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer, is_array, number, shape_of
from npseq.backend import Array, generator


class Plan(NamedTuple):
    """One draw of a truncation: one of these."""

    lag_weights: np.ndarray | None  # (K,): what a path of each lag counts
    factors: np.ndarray | None  # (strands, T): what every carry is multiplied with
    h_factors: np.ndarray | None = None  # (strands, T): the same for h alone


class Truncated:
    """The paths of lag 0 to steps - 1, exactly: each loss reaches `steps` steps back, itself counted.

    The gradient of sum_t l_t with the state `steps` steps before each loss held fixed (Williams & Peng 1990, BPTT(h)).
    """

    def __init__(self, steps: int):
        self.steps = integer("steps", steps)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        return Plan(np.ones(min(self.steps, longest + 1)), None)

    def __repr__(self) -> str:
        return f"Truncated({self.steps})"


class RandomTruncation:
    """d2l's xi_t: every step's carry kept with probability `keep` and weighed 1/keep, else cut. Unbiased.

    keep: one probability in (0, 1], or one for each step (T,). Every layer and direction draws its own, since a path
    may cross the same step once in each. Tallec & Ollivier 2017 (arXiv 1705.08209); Dive into Deep Learning, 9.7.
    """

    def __init__(self, keep: float | np.ndarray, rng: int | np.random.Generator | None = None):
        if not is_array(keep):
            shape_of("keep", keep)
        if (given := np.asarray(keep)).dtype.kind == "c":
            raise TypeError(f"keep must be real, got {given.dtype}")
        self.keep = given.astype(np.float64)
        if self.keep.ndim > 1 or not np.all((self.keep > 0) & (self.keep <= 1)):
            raise ValueError(f"keep must be a probability in (0, 1], or one a step (T,), got {keep!r}")
        self.rng = generator(rng)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        if self.keep.ndim and len(self.keep) != steps:
            raise ValueError(f"keep has a probability for {len(self.keep)} steps, but there are {steps}")
        kept = self.rng.random((strands, steps)) < self.keep
        return Plan(None, kept / self.keep)

    def __repr__(self) -> str:
        return f"RandomTruncation(keep={self.keep})"


class RouletteTruncation:
    """A random lag N with P(N > k) = survival(k), each lag k < N weighed 1/survival(k). Unbiased.

    survival: a function of k, non-increasing, with survival(0) = 1 and positive at every lag that can occur.
    Kahn 1955; Beatson & Adams 2019 (arXiv 1905.07006).
    """

    def __init__(self, survival: Callable[[int], float], rng: int | np.random.Generator | None = None):
        if not callable(survival):
            raise TypeError(f"survival must be a function of the lag, got {survival!r}")
        self.survival = survival
        self.rng = generator(rng)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        tail = np.array([self.survival(k) for k in range(longest + 1)], dtype=np.float64)
        if tail[0] != 1 or not np.all(tail > 0) or np.any(np.diff(tail) > 0):
            raise ValueError(
                f"survival must start at 1, never rise, and stay above 0 up to lag {longest}; "
                f"got {tail[:4]} ... {tail[-1]}; at 0 the longer paths could never be made up for"
            )
        count = int(np.count_nonzero(self.rng.random() < tail))
        return Plan(1 / tail[:count], None)

    def __repr__(self) -> str:
        return f"RouletteTruncation({self.survival})"


class HDetach:
    """An LSTM's paths from h to the next step's gates, each blocked with a probability; those through c stay.

    What is left at probability 1 is the carousel alone, as in the original LSTM's truncated gradient: that is
    CarouselTruncation(). Nothing is weighed up, so it is biased, and meant to be (Kanuparthi, Arpit et al. 2018, arXiv
    1810.03023). A layer without c refuses it: backward raises ValueError before anything is computed.
    """

    def __init__(self, probability: float, rng: int | np.random.Generator | None = None):
        if not 0 <= number("probability", probability) <= 1:
            raise ValueError(f"probability must be in [0, 1], got {probability!r}")
        self.probability = float(probability)
        self.rng = generator(rng)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        return Plan(None, None, (self.rng.random((strands, steps)) >= self.probability).astype(np.float64))

    def __repr__(self) -> str:
        return f"HDetach({self.probability})"


class CarouselTruncation(HDetach):
    """The gradient with which the LSTM was trained at first: nothing goes back from h to the step before, all along c.

    Hochreiter & Schmidhuber 1997 truncate an error that has reached a gate's input: it moves that gate's weights and
    goes no further in time. What lasts is the constant error carousel, which the forget gate (Gers et al. 2000) scales.
    Since Graves & Schmidhuber 2005 the whole gradient is taken instead, which is truncation=None. It is the exact
    gradient of the same losses with the h that the gates read held fixed: (K15) to (K18) of
    docs/derivations/truncation.md. It equals HDetach(1), without its random numbers.

    The paths from c to a gate through a peephole stay (Gers et al. 2002 cut those as well), and those within a step: to
    the layer below, and to x. A layer without c refuses it, as it does HDetach.
    """

    def __init__(self) -> None:
        super().__init__(1.0, 0)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        return Plan(None, None, np.zeros((strands, steps)))

    def __repr__(self) -> str:
        return "CarouselTruncation()"


def check_truncation(truncation: Any, layer: Any) -> None:
    """Raises TypeError for what is no truncation, ValueError for one that tells h from c where the cell has no c."""
    if truncation is None:
        return
    if isinstance(truncation, type) or not hasattr(truncation, "plan"):
        raise TypeError(
            "truncation must be Truncated, RandomTruncation, RouletteTruncation, HDetach, CarouselTruncation or None, "
            f"got {truncation!r}"
        )
    if isinstance(truncation, HDetach) and "c" not in layer.cell.state:
        raise ValueError(
            f"{type(truncation).__name__} needs a cell that has c beside h, an LSTM, got {layer}: with its h blocked "
            "nothing would go back at all; take an LSTM, or Truncated(1)"
        )


def edge_of(plan: Plan | None, strand: int) -> Callable | None:
    """Returns the function that the loop applies to the adjoint from step t to step t - 1; None leaves it whole."""
    if plan is None:
        return None
    if plan.factors is not None:
        factors = plan.factors[strand].tolist()
        return lambda dh, dc, t: (dh * factors[t], None if dc is None else dc * factors[t])
    if plan.h_factors is not None:
        factors = plan.h_factors[strand].tolist()
        return lambda dh, dc, t: (dh * factors[t], dc)
    return lambda dh, dc, t: (shifted(dh), None if dc is None else shifted(dc))


def shifted(adjoint: Array) -> Array:
    """(..., lags, B) one lag on; what passes the largest lag is dropped."""
    later = np.zeros_like(adjoint)
    later[..., 1:, :] = adjoint[..., :-1, :]
    return later
