"""exp and tanh for compiled loops, without a branch, so that a loop over them runs many entries at once.

    (A1)  exp(x)  = 2^k (1 + q),  q = expm1(r),  k = round(x / ln 2),  r = x - k ln 2, |r| <= ln(2)/2
    (A2)  tanh(x) = sign(x) e / (2 + e),  e = -expm1(-2|x|),  expm1(z) = 2^k q + (2^k - 1)

q is Taylor's polynomial, whose rest is below a quarter of the type's precision. The rounding to k is an addition of
1.5 * 2^mantissa, whose low bits are k then; ln 2 is subtracted in two parts, of which the first is exact.
"""

import math
from functools import cache
from typing import Any

import numba
import numpy as np

from npseq.compiled.products import APART


class Format:
    """The numbers of a floating type that the formulas need."""

    def __init__(self, dtype: np.dtype):
        self.T, single = dtype.type, dtype == np.float32
        self.I = np.int32 if single else np.int64
        self.mantissa, self.bias = self.I(23 if single else 52), self.I(127 if single else 1023)
        self.top, self.low = self.T(89 if single else 710), self.T(-104 if single else -746)
        self.magic = self.T(1.5 * 2.0**self.mantissa)
        ln2 = 0.693359375 if single else 6.93147180369123816490e-01
        self.ln2_high, self.ln2_low = self.T(ln2), self.T(-2.12194440e-4 if single else 1.90821492927058770002e-10)
        self.terms = tuple(self.T(1 / math.factorial(k)) for k in range(7 if single else 13, 1, -1))


@cache
def functions(dtype: np.dtype) -> dict[str, Any]:
    """{"exp": ..., "tanh": ...} of one number, compiled into what calls them."""
    f = Format(np.dtype(dtype))
    T, I, mantissa, bias, top, low, magic = f.T, f.I, f.mantissa, f.bias, f.top, f.low, f.magic
    ln2_high, ln2_low, log2_e = f.ln2_high, f.ln2_low, T(1 / math.log(2))
    zero, half, one, two, least = magic.view(I), I(1), T(1), T(2), T(-50)
    polynomial = _polynomial(f)

    @numba.njit(**APART)
    def power(k):
        return I((k + bias) << mantissa).view(T)  # 2^k

    @numba.njit(**APART)
    def reduced(x):
        shifted = x * log2_e + magic
        k = shifted - magic
        return I(T(shifted).view(I) - zero), polynomial((x - k * ln2_high) - k * ln2_low)

    @numba.njit(**APART)
    def exp(x):  # (A1)
        x = x if not x > top else top  # so written, nan stays nan
        x = x if not x < low else low
        k, q = reduced(x)
        first = I(k >> half)  # in two factors, since 2^k may be beyond the type where exp(x) is not
        return (q + one) * power(first) * power(I(k - first))

    @numba.njit(**APART)
    def tanh(x):  # (A2)
        z = -two * abs(x)
        z = z if not z < least else least
        k, q = reduced(z)
        scale = power(k)
        e = scale * q + (scale - one)
        return math.copysign(e / (two + e), x)

    return {"exp": exp, "tanh": tanh}


def _polynomial(f: Format) -> Any:
    """expm1(r) by Horner's rule, written out, since a loop over a tuple would stay a loop."""
    lines = ["def polynomial(r):", "    p = c0", *(f"    p = p * r + c{k}" for k in range(1, len(f.terms)))]
    names: dict[str, Any] = {"__name__": __name__} | {f"c{k}": term for k, term in enumerate(f.terms)}
    exec("\n".join([*lines, "    return (p * r) * r + r"]), names)
    return numba.njit(**APART)(names["polynomial"])
