"""The rounding of f is measured: how much its values jitter while its arguments hardly move."""

from math import comb

import numpy as np

from npseq.gradcheck.function import EPSILON, ScalarFunction

POINTS = 9
ORDERS = (5, 6, 7)
SAFETY = 4.0  # a bound on the noise, over its standard deviation
SPACINGS = (1e-6, 1e-8, 1e-10, 1e-12)  # relative to each value; shorter ones only if the first shows more than noise
SHARP_DROP = 1 / 30  # curvature and kinks fall with the spacing at least this fast, rounding does not


def rounding_noise(f: ScalarFunction, rng: np.random.Generator) -> float:
    """Returns a bound on the rounding error of f near its point, at least the spacing of float64 there.

    The standard deviation comes from high differences of f at equally spaced points, which cancel everything smooth and
    keep the rest (ECNoise: Moré and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011). So a function
    that computes in float32 shows its float32 noise.
    """
    estimate = np.inf
    magnitude = abs(f.origin)
    for spacing in SPACINGS:
        values = _samples(f, spacing, rng)
        if not np.all(np.isfinite(values)):
            continue
        magnitude = max(abs(f.origin), float(np.max(np.abs(values))))
        measured = _deviation(values)
        if np.isfinite(estimate) and (_is_staircase(values) or measured > SHARP_DROP * estimate):
            break
        estimate = measured
        if estimate <= 2 * EPSILON * magnitude:
            break
        if np.all(values == values.astype(np.float32)):
            magnitude *= float(np.finfo(np.float32).eps) / EPSILON
            break
    bound = SAFETY * estimate if np.isfinite(estimate) else 0.0
    return max(bound, EPSILON * magnitude)


def _samples(f: ScalarFunction, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Returns f at POINTS equally spaced points along one random direction over all tensors, (POINTS,)."""
    sizes = {name: np.where(x == 0, f.typical(name), np.abs(x)) for name, x in f.values.items()}  # stay in f's domain
    direction = {name: size * rng.standard_normal(size.size) for name, size in sizes.items()}
    # Not at the point itself: a kink close by would lie between it and the others, and look like noise of its size.
    return np.array([f.moved(direction, k * spacing) for k in range(1, POINTS + 1)])


def _deviation(values: np.ndarray) -> float:
    """Returns the standard deviation sigma of the noise; a k-th difference has the variance sigma^2 comb(2k, k)."""
    variances = [np.mean(np.diff(values, order) ** 2) / comb(2 * order, order) for order in ORDERS]
    return float(np.sqrt(np.mean(variances)))


def _is_staircase(values: np.ndarray) -> bool:
    """Returns whether the points lie closer than the precision of f."""
    return bool(np.count_nonzero(np.diff(values) == 0) >= 3)
