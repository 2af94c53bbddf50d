"""How far an approximate gradient points away from the true one."""

from __future__ import annotations

from collections.abc import Mapping
from math import atan2, degrees, nan, sqrt

import numpy as np

from npseq.arguments import array, mapping
from npseq.backend import Array, array_module


def alignment(found: Mapping[str, Array], true: Mapping[str, Array]) -> dict[str, float]:
    """The angle between two gradients in degrees: 0 the same direction, below 90 still downhill, 180 opposite.

    {"all": of all parameters as one vector, and each parameter's under its name}; nan where one of them is zero. As
    Marschall, Cho & Savin 2020 (JMLR 21:135) compare online gradients. found, true: mappings of real arrays, of the
    same names and shapes. By the half angle's tangent (Kahan), which keeps its digits where the angle is small.
    Raises ValueError where names or shapes differ, TypeError for anything but mappings of real arrays.
    """
    mapping("found", found)
    if set(found) != set(mapping("true", true)):
        raise ValueError(f"both gradients must have the same names, got {', '.join(found)} and {', '.join(true)}")
    for name in true:
        a, b = array(name, found[name]), array(name, true[name])
        if a.shape != b.shape or a.dtype.kind != "f" or b.dtype.kind != "f":
            raise ValueError(
                f"{name} must be real and of one shape in both, got {a.shape} {a.dtype} and {b.shape} {b.dtype}"
            )
        array_module(a, b)
    return {"all": _angle(found, true, list(true)), **{name: _angle(found, true, [name]) for name in true}}


def _angle(found: Mapping[str, Array], true: Mapping[str, Array], names: list[str]) -> float:
    """Of those parameters as one vector: both at norm 1, the difference over the sum is the half angle's tangent."""
    a, b = (_unit([part[name].astype(np.float64) for name in names]) for part in (found, true))
    if a is None or b is None:
        return nan
    apart = sum(float(((p - q) ** 2).sum()) for p, q in zip(a, b, strict=True))
    along = sum(float(((p + q) ** 2).sum()) for p, q in zip(a, b, strict=True))
    return degrees(2 * atan2(sqrt(apart), sqrt(along)))


def _unit(parts: list[Array]) -> list[Array] | None:
    """At norm 1, by way of the largest entry, so that no square under- or overflows; None where all are zero."""
    largest = max((float(abs(part).max()) for part in parts if part.size), default=0.0)
    if largest == 0:
        return None
    parts = [part / largest for part in parts]
    norm = sqrt(sum(float((part**2).sum()) for part in parts))
    return [part / norm for part in parts]
