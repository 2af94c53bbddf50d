"""The angle between an approximate gradient and the true one."""

from collections.abc import Mapping
from math import atan2, degrees, inf, nan, sqrt

import numpy as np

from npseq.arguments import array, mapping
from npseq.backend import Array, array_module


def alignment(approximate: Mapping[str, Array], true: Mapping[str, Array]) -> dict[str, float]:
    """Returns the angle between two gradients in degrees: 0 the same direction, below 90 still downhill, 180 opposite.

    It is {"all": of all parameters as one vector, and each parameter's under its name}; nan where one of them is zero
    or not finite.
    Marschall, Cho & Savin 2020 (JMLR 21:135) compare online gradients so. The angle is computed by the tangent of its
    half (Kahan), which is accurate for small angles too.

    Args:
        approximate: {name: real array}.
        true: {name: real array} of the same names and shapes.

    Raises:
        TypeError: if one of them is not a mapping of arrays.
        ValueError: if names or shapes differ, or an array is not real.

    Example:
        >>> ns.inspect.alignment({"w": np.array([1.0, 0.0])}, {"w": np.array([0.0, 2.0])})
        {'all': 90.0, 'w': 90.0}
    """
    mapping("approximate", approximate)
    if set(approximate) != set(mapping("true", true)):
        names = [", ".join(one)[:400] for one in (approximate, true)]
        raise ValueError(f"both gradients must have the same names, got {names[0]} and {names[1]}")
    for name in true:
        a, b = (array(f"{of}[{name!r}]", one[name]) for of, one in (("approximate", approximate), ("true", true)))
        if a.shape != b.shape or a.dtype.kind != "f" or b.dtype.kind != "f":
            raise ValueError(
                f"{name} must be real and of one shape in both, got {a.shape} {a.dtype} and {b.shape} {b.dtype}"
            )
        array_module(a, b)
    return {"all": _angle(approximate, true, list(true)), **{name: _angle(approximate, true, [name]) for name in true}}


def _angle(approximate: Mapping[str, Array], true: Mapping[str, Array], names: list[str]) -> float:
    """Both at norm 1, their difference over their sum is the tangent of half the angle."""
    a, b = (_unit([grads[name].astype(np.float64) for name in names]) for grads in (approximate, true))
    if a is None or b is None:
        return nan
    apart = sum(float(((p - q) ** 2).sum()) for p, q in zip(a, b, strict=True))
    along = sum(float(((p + q) ** 2).sum()) for p, q in zip(a, b, strict=True))
    return degrees(2 * atan2(sqrt(apart), sqrt(along)))


def _unit(arrays: list[Array]) -> list[Array] | None:
    """The arrays at joint norm 1, None if all are zero or one is inf; by the largest first: no square overflows."""
    largest = max((float(abs(one).max()) for one in arrays if one.size), default=0.0)
    if not 0 < largest < inf:
        return None
    arrays = [one / largest for one in arrays]
    norm = sqrt(sum(float((one**2).sum()) for one in arrays))
    return [one / norm for one in arrays]
