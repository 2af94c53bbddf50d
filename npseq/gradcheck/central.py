"""Method "central" compares every entry with a central difference, extrapolated if one step does not settle it."""

import numpy as np

from npseq.gradcheck.differences import Derivative, difference, step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import EPSILON, Line, ScalarFunction, unit_direction
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import Estimate, Tensor, judge
from npseq.gradcheck.zero import is_zero, slope_nearby

RTOL = 1e-6
ADVICE = "the rounding of f hides the gradient from differences; use method='complex'"
BENT = 1e-3  # one-sided slopes further apart than this, relative to the scale, may be a kink


def check_central(tensor: Tensor, f: ScalarFunction, rng: np.random.Generator) -> TensorReport:
    """Checks one tensor by one plain difference per entry; an entry that it leaves in doubt is extrapolated.

    An entry is in doubt if it differs from the analytic value, has one-sided slopes that differ, or is not finite.
    """
    name, _, analytic, *_ = tensor
    direction = unit_direction(rng, analytic.size)
    h = step_size(f.along(name, direction)) if analytic.size else 1.0
    numeric, bend = _plain(f, name, h)
    numeric.slices = tensor.slices
    _refine(f, tensor, numeric, bend, h)
    if analytic.any() and _hides_something(f, tensor, numeric, rng, h):
        _refine(f, tensor, numeric, np.full(analytic.size, np.inf), h)
    zero = analytic.size > 0 and not analytic.any()
    zero = zero and is_zero(numeric.value, numeric.error, lambda: slope_nearby(f, name, rng))
    return judge(tensor, numeric, zero=zero, advice=ADVICE)


def _plain(f: ScalarFunction, name: str, h: float) -> tuple[Estimate, np.ndarray]:
    """Takes two values of f per entry: the central difference, and how far its one-sided slopes differ beyond noise."""
    x = f.values[name]
    above, below = x + h, x - h
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    values = [(f.with_entry(name, i, up), f.with_entry(name, i, down)) for i, (up, down) in enumerate(pairs)]
    high, low = np.array(values, dtype=np.float64).reshape(-1, 2).T
    left, right = (f.origin - low) / (x - below), (high - f.origin) / (above - x)
    rounding = np.maximum(f.noise, f.unit * np.maximum(np.abs(high), np.abs(low)))
    rounding += EPSILON * np.abs(x) * (np.abs(left) + np.abs(right))
    error = 2 * rounding / (above - below)
    bend = np.abs(right - left) - 10 * error
    return Estimate((high - low) / (above - below), np.where(np.isfinite(error), error, np.inf)), bend


def _refine(f: ScalarFunction, tensor: Tensor, numeric: Estimate, bend: np.ndarray, h: float) -> None:
    """Extrapolates the entries in doubt; a corrected value may lower the scale and bring others into doubt."""
    name, _, analytic, tolerance = tensor[:4]
    done = np.zeros(analytic.size, dtype=bool)
    while True:
        scale = numeric.scale(analytic)
        doubt = ~(numeric.distance(analytic) <= tolerance.rtol * scale)
        doubt |= (numeric.error > tolerance.resolution * scale) & (scale > 0)
        doubt |= ~(bend <= BENT * scale)
        doubt &= ~done
        if not doubt.any():
            return
        for entry in np.flatnonzero(doubt).tolist():
            numeric.replace(entry, _extrapolated(f.along_entry(name, entry), h, tolerance.rtol * scale[entry] / 4))
        done |= doubt


def _hides_something(f: ScalarFunction, tensor: Tensor, numeric: Estimate, rng: np.random.Generator, h: float) -> bool:
    """Returns whether a short step in a random direction finds another slope than the numeric gradient.

    Then some entry has a structure narrower than the step h, whose plain difference looks as if there were none: a bump
    is as high on the other side of it.
    """
    name, _, analytic, (rtol, _) = tensor[:4]
    v = rng.choice([-1.0, 1.0], analytic.size) / analytic.size**0.5
    v[list(numeric.kinks)] = 0.0
    line, target = f.along(name, v), rtol * float(np.max(numeric.scale(analytic)))
    step = max(line.rounding(line.origin) / target, line.shortest) if 0 < target < np.inf else h
    off = np.where(v == 0.0, 0.0, numeric.distance(analytic) + numeric.error)
    near = difference(line, step)
    allowed = 4 * float(np.linalg.norm(off)) + target + 2 * near.noise
    return step < h / 2 and abs(near.central - v @ numeric.value) > allowed


def _extrapolated(line: Line, h: float, target: float) -> Derivative:
    """Extrapolates from the step that suits the tensor, and where that fails from the one that suits the entry."""
    found = derivative(line, h, target)
    own = abs(line.coordinate) or line.typical
    if found.error > target and found.kink is None:
        better = derivative(line, step_size(line._replace(typical=own)), target)
        found = better if better.error < found.error else found
    return found
