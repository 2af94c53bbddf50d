"""Truncations: which paths of a gradient reach back in time, and with what weight.

A path's lag is how many times it goes from one time step to the next, over all layers and directions; lag 0 stays in
its step. A truncation weighs paths by their lag, or by a factor for each edge from step to step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array_or_lists, function, instance, integer, number, share
from npseq.backend import Array, generator, to_host
from npseq.bptt.loop import Edge


class Plan(NamedTuple):
    """One draw of a truncation: exactly one field is set."""

    lag_weights: np.ndarray | None = None  # (K,): the weight of a path of each lag
    factors: np.ndarray | None = None  # (strands, T): what the adjoint is multiplied with at every edge
    h_factors: np.ndarray | None = None  # (strands, T): the same for h alone


class Truncation:
    """The base class of the truncations."""

    def check(self, steps: int, longest: int) -> None:
        """Raises TypeError or ValueError for steps that `plan` cannot serve; nothing is drawn.

        Args:
            steps, longest: as `plan` takes them.
        """

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        """Returns which paths a backward pass weighs, and how; one that draws, draws anew.

        Args:
            strands: the number of layers times directions.
            steps: T.
            longest: the largest lag that a path can have.
        """
        raise NotImplementedError


class Truncated(Truncation):
    """Keeps the paths of lag 0 to steps - 1, exactly: each loss reaches `steps` steps back, itself counted.

    This is the gradient of sum_t l_t with the state `steps` steps before each loss held fixed (Williams & Peng 1990,
    BPTT(h)).

    Args:
        steps: the window, at least 1.

    Raises:
        ValueError: if steps is no positive integer.

    Example:
        >>> layer = ns.RNN(1, 1, dtype=float, rng=0)
        >>> y, h, tape = layer.forward(np.ones((3, 1, 1)))
        >>> layer.backward(None, tape, np.ones_like(h), ns.Truncated(2))[0][:, 0, 0] != 0
        array([False,  True,  True])
    """

    def __init__(self, steps: int):
        self.steps = integer("steps", steps)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        return Plan(lag_weights=np.ones(min(self.steps, longest + 1)))

    def __repr__(self) -> str:
        return f"Truncated({self.steps})"


class RandomTruncation(Truncation):
    """Keeps the edge at each step with probability `keep` and weighs it 1/keep, else cuts it. Unbiased.

    This is xi_t of Dive into Deep Learning, 9.7 (Tallec & Ollivier 2017, arXiv 1705.08209). Every layer and direction
    draws its own, since a path may cross the same step once in each.

    Args:
        keep: one probability in (0, 1], or one for each step (T,).
        rng: seed or Generator of the draws, one each time backward runs.

    Raises:
        TypeError, ValueError: if keep holds anything else.

    Example:
        >>> ns.RandomTruncation(0.9, rng=0)
        RandomTruncation(keep=0.9)
    """

    def __init__(self, keep: float | np.ndarray, rng: int | np.random.Generator | None = None):
        self.keep = check_keep(keep)
        self.rng = generator(rng)

    def check(self, steps: int, longest: int) -> None:
        if self.keep.ndim and len(self.keep) != steps:
            raise ValueError(f"keep must have a probability for each of {steps} steps, got {len(self.keep)}")

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        self.check(steps, longest)
        drawn = self.rng.random((strands, steps)) < self.keep
        return Plan(factors=drawn / self.keep)

    def __repr__(self) -> str:
        return f"RandomTruncation(keep={self.keep})"


class RouletteTruncation(Truncation):
    """Draws a lag N with P(N > k) = survival(k) and weighs each lag k < N by 1/survival(k). Unbiased.

    It is Russian roulette (Kahn 1955; Beatson & Adams 2019, arXiv 1905.07006).

    Args:
        survival: a function of k, non-increasing, with survival(0) = 1 and positive at every lag that can occur.
        rng: seed or Generator of the draws, one each time backward runs.

    Raises:
        TypeError: if survival is no function.
        ValueError: in backward, before anything is computed, if survival is not as above.

    Example:
        >>> layer = ns.RNN(1, 1, rng=0)
        >>> tape = layer.forward(np.ones((9, 1, 1), np.float32))[2]
        >>> dx, dstate, grads = layer.backward(None, tape, None, ns.RouletteTruncation(lambda k: 0.5**k, rng=0))
    """

    def __init__(self, survival: Callable[[int], float], rng: int | np.random.Generator | None = None):
        self.survival = function("survival", survival)
        self.rng = generator(rng)

    def check(self, steps: int, longest: int) -> None:
        survivals(self.survival, longest + 1)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        tail = survivals(self.survival, longest + 1)
        count = int(np.count_nonzero(self.rng.random() < tail))
        return Plan(lag_weights=1 / tail[:count])

    def __repr__(self) -> str:
        return f"RouletteTruncation({self.survival})"


class HDetach(Truncation):
    """Blocks an LSTM's paths from h to the next step's gates with a probability; those through c stay.

    At probability 1 the carousel alone is left, as in the original LSTM's truncated gradient: CarouselTruncation().
    No path is weighed to make up for it, so it is biased on purpose (Kanuparthi, Arpit et al. 2018, arXiv 1810.03023).

    Args:
        probability: of blocking, in [0, 1], drawn for each layer and step.
        rng: seed or Generator of the draws.

    Raises:
        ValueError: if probability is out of range; in backward, before anything is computed, if the cell has no c.

    Example:
        >>> ns.HDetach(0.25, rng=0)
        HDetach(0.25)
    """

    def __init__(self, probability: float, rng: int | np.random.Generator | None = None):
        self.probability = share("probability", probability)
        self.rng = generator(rng)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        return Plan(h_factors=(self.rng.random((strands, steps)) >= self.probability).astype(np.float64))

    def __repr__(self) -> str:
        return f"HDetach({self.probability})"


class CarouselTruncation(HDetach):
    """Blocks all paths from h to the step before and keeps those along c: the LSTM's first training gradient.

    Hochreiter & Schmidhuber 1997 truncate an error that has reached a gate's input: it changes that gate's weights and
    goes no further in time. What lasts is the constant error carousel, which the forget gate (Gers et al. 2000) scales.
    Since Graves & Schmidhuber 2005 the whole gradient is taken, which is truncation=None. This is the exact gradient of
    the same losses with the h that the gates read held fixed: (K15) to (K18) of docs/derivations/truncation.md. It
    equals HDetach(1), without its random numbers.

    The paths from c to a gate through a peephole stay (Gers et al. 2002 cut those as well), and those within a step: to
    the layer below, and to x. A layer without c refuses it, as it does HDetach.

    Example:
        >>> ns.CarouselTruncation()
        CarouselTruncation()
    """

    def __init__(self) -> None:
        super().__init__(1.0, 0)

    def plan(self, strands: int, steps: int, longest: int) -> Plan:
        return Plan(h_factors=np.zeros((strands, steps)))

    def __repr__(self) -> str:
        return "CarouselTruncation()"


def require_truncation(truncation: Any) -> None:
    """Raises TypeError for what is neither a truncation nor None."""
    if truncation is not None and (isinstance(truncation, type) or not callable(getattr(truncation, "plan", None))):
        raise TypeError(
            "truncation must be Truncated, RandomTruncation, RouletteTruncation, HDetach, CarouselTruncation or None, "
            f"got {truncation!r:.80}"
        )


def check_truncation(truncation: Any, layer: Any, steps: int) -> None:
    """Raises TypeError for what is no truncation, ValueError for one that fits neither the layer nor so many steps."""
    if truncation is None:
        return
    require_truncation(truncation)
    if isinstance(truncation, HDetach) and len(layer.cell.state) == 1:
        raise ValueError(
            f"{type(truncation).__name__} needs a cell that has c beside h, an LSTM, got {layer}: with its h blocked "
            "nothing would go back at all; take an LSTM, or Truncated(1)"
        )
    if isinstance(truncation, Truncation):
        truncation.check(steps, longest_lag(layer, steps))


def plan_of(truncation: Any, layer: Any, steps: int) -> Plan | None:
    """One draw of a truncation, None where there is none. Raises as `check_truncation` does."""
    if truncation is None:
        return None
    check_truncation(truncation, layer, steps)
    plan = truncation.plan(layer.num_layers * layer.directions, steps, longest_lag(layer, steps))
    return instance("truncation.plan(...)", plan, Plan, "a Plan of npseq.bptt.truncation")


def longest_lag(layer: Any, steps: int) -> int:
    """The largest lag of a path in a layer: up a direction and down the other in every layer, at most."""
    return steps * (layer.num_layers if layer.directions == 2 else 1)


def survivals(survival: Callable[[int], float], lags: int) -> np.ndarray:
    """Returns survival(0), ..., (lags,). Raises TypeError or ValueError if it is no survival of a roulette."""
    tail = np.array([number(f"survival({k})", survival(k)) for k in range(lags)])
    if tail[0] != 1 or not np.all(tail > 0) or np.any(np.diff(tail) > 0):
        raise ValueError(
            f"survival must start at 1, never rise, and stay above 0 up to lag {lags - 1}, "
            f"got {tail[:4]} ... {tail[-1]}; at 0 the longer paths could never be made up for"
        )
    return tail


def check_keep(keep: Any) -> np.ndarray:
    """Returns a probability in (0, 1] as an array (), or one a step (T,). Raises TypeError or ValueError for others."""
    given = np.asarray(number("keep", keep)) if isinstance(keep, int | float) else array_or_lists("keep", keep)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"keep must be real numbers, got {given.dtype}")
    found = to_host(given).astype(np.float64)
    if found.ndim > 1 or not found.size or not np.all((found > 0) & (found <= 1)):
        raise ValueError(f"keep must be a probability in (0, 1], or one a step (T,), got {keep!r:.80}")
    return found


def edge_of(plan: Plan | None, strand: int) -> Edge | None:
    """Returns the function that the loop applies to the adjoint from step t to step t - 1; None leaves it whole."""
    if plan is None:
        return None
    if plan.factors is not None:
        factors = plan.factors[strand].tolist()
        return lambda dh, dc, t: (_scaled(dh, factors[t]), None if dc is None else _scaled(dc, factors[t]))
    if plan.h_factors is not None:
        factors = plan.h_factors[strand].tolist()
        return lambda dh, dc, t: (_scaled(dh, factors[t]), dc)
    return lambda dh, dc, t: (shifted(dh), None if dc is None else shifted(dc))


def _scaled(adjoint: Array, factor: float) -> Array:
    """A cut leaves nothing of an adjoint, not even of one that has overflowed."""
    return adjoint * factor if factor else np.zeros_like(adjoint)


def shifted(adjoint: Array) -> Array:
    """(..., lags, B) one lag on; what passes the largest lag is dropped."""
    later = np.zeros_like(adjoint)
    later[..., 1:, :] = adjoint[..., :-1, :]
    return later
