"""Functions of one array that are hard to differentiate, each with its gradient by hand and wrong ones beside it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

F32, F16 = np.float32, np.float16
METHODS = ("central", "complex", "directional", "taylor")
REAL = ("central", "directional", "taylor")


class Hard(NamedTuple):
    """f of one array, the point, the gradient.

    sure: the methods that must decide, and not call it inconclusive; analytic: whether "complex" must take f; wrong:
    other gradients that must not pass; hidden: f does not change beyond its rounding, so a gradient of zero may pass;
    kinked: any slope between two sides is right.
    """

    f: Callable
    x: list
    gradient: Callable
    sure: tuple[str, ...] = METHODS
    analytic: bool = True
    wrong: tuple[Callable, ...] = ()
    hidden: bool = False
    kinked: bool = False

    @property
    def point(self):
        return np.array(self.x, dtype=float)

    def wrongs(self):
        """Gradients that are wrong by 1% of their scale or more, or not finite."""
        right = self.gradient(self.point)
        entry = np.arange(right.size).reshape(right.shape) == right.size // 2
        found = [np.where(entry, bad, right) for bad in (np.nan, np.inf)]
        if np.any(right):
            found += [-right, 3 * right]
            found += [] if self.hidden or self.kinked else [0 * right]
            found += [] if self.kinked else [1.01 * right, right + 0.01 * np.abs(right).max() * entry]
        return found + [wrong(self.point) for wrong in self.wrong]


def relu(x):
    return np.where(x.real > 0, x, 0)


def step(x):
    return (x.real > 0) * 1.0


def digits(value, count):
    """The value with `count` binary digits, as a short float type has."""
    mantissa, exponent = np.frexp(value)
    return np.ldexp(np.round(np.ldexp(mantissa, count)), exponent - count)


def dtanh(x):
    e = np.exp(-2 * np.abs(x))
    return 4 * e / (1 + e) ** 2


def bump(x, width):
    return np.exp(-(((x - 1) / width) ** 2))


def softplus(x):
    return np.log1p(np.exp(x))


def rnn(w):
    """Three steps of a network of relu units with two weights, after which the state is summed."""
    h = np.zeros(2, w.dtype)
    for x in (0.3, -0.7, 0.9):
        h = relu(w[0] * x + w[1] * h + np.array([0.0, 0.5]) * w[0])
    return h.sum()


def half_then_smooth(x):
    return np.tanh(x.astype(F16).astype(float)).sum()


NEAR, FAR = [0.3, -0.5], [0.3, -0.5, 1.2, 2.0]
NONE = ()

HARD = {
    # smooth, of many sizes and lengths
    "sine": Hard(lambda x: np.sin(x).sum(), FAR, np.cos),
    "sine of a scalar": Hard(np.sin, 0.7, np.cos),
    "sine of a matrix": Hard(lambda x: np.sin(x).sum(), [FAR, FAR[::-1]], np.cos),
    "1e-300 sine": Hard(lambda x: 1e-300 * np.sin(x).sum(), FAR, lambda x: 1e-300 * np.cos(x)),
    "1e200 sine": Hard(lambda x: 1e200 * np.sin(x).sum(), FAR, lambda x: 1e200 * np.cos(x)),
    "linear": Hard(lambda x: x @ np.arange(1.0, 5), FAR, lambda x: np.arange(1.0, 5)),
    "steep": Hard(lambda x: np.exp(50 * x).sum(), NEAR, lambda x: 50 * np.exp(50 * x)),
    "power 200": Hard(lambda x: (x**200).sum(), [1.1, 0.9], lambda x: 200 * x**199),
    "power 2.5": Hard(lambda x: (x**2.5).sum(), [1e-3, 2.0], lambda x: 2.5 * x**1.5),
    "fast": Hard(lambda x: np.sin(1e6 * x).sum(), [0.3, 0.4], lambda x: 1e6 * np.cos(1e6 * x)),
    "faster": Hard(lambda x: np.sin(1e9 * x).sum(), [0.3, 0.4], lambda x: 1e9 * np.cos(1e9 * x), NONE),
    "bump": Hard(lambda x: bump(x, 1e-6).sum(), [1 + 2e-7], lambda x: -2 * (x - 1) * 1e12 * bump(x, 1e-6), NONE),
    "bump among others": Hard(
        lambda x: bump(x, 1e-6).sum() + np.sin(x).sum(),
        [0.5, 1 + 2e-7],
        lambda x: np.cos(x) - 2 * (x - 1) * 1e12 * bump(x, 1e-6),
        NONE,
    ),
    "two bumps": Hard(
        lambda x: bump(x, 1e-6).sum(),
        [1 + 2e-7, 1 - 6e-7],
        lambda x: -2 * (x - 1) * 1e12 * bump(x, 1e-6),
        NONE,
        wrong=(lambda x: -2 * (x - 1) * 1e12 * bump(x, 1e-6) * [1, 0], lambda x: -2 * (x - 1) * 1e12 * [0, 1]),
    ),
    "ripple of 1e-11": Hard(
        lambda x: np.sin(x).sum() + 1e-11 * np.sin(1e9 * x).sum(),
        FAR,
        lambda x: np.cos(x) + 0.01 * np.cos(1e9 * x),
        NONE,
    ),
    "low bump": Hard(
        lambda x: x.sum() + 1e-9 * np.tanh((x - 1) * 1e9).sum(), [1.0, 0.3], lambda x: 1 + dtanh((x - 1) * 1e9), NONE
    ),
    "lowest bump": Hard(
        lambda x: x.sum() + 1e-12 * np.tanh((x - 1) * 1e12).sum(), [1.0, 0.3], lambda x: 1 + dtanh((x - 1) * 1e12), NONE
    ),
    "ripple": Hard(lambda x: np.sin(x).sum() + 1e-9 * np.sin(1e9 * x).sum(), [0.0, 0.0], lambda x: x + 2, NONE),
    "lengths apart": Hard(
        lambda x: np.sin(x * [1e8, 1.0, 1e-8]).sum(),
        [1e-8, 1.2, 1e8],
        lambda x: np.cos(x * [1e8, 1.0, 1e-8]) * [1e8, 1.0, 1e-8],
        ("central", "complex"),
    ),
    "many": Hard(
        lambda x: (np.sin(x) * np.arange(1, 201)).sum(),
        np.linspace(-1, 1, 200),
        lambda x: np.cos(x) * np.arange(1, 201),
    ),
    "determinant": Hard(
        lambda x: np.linalg.det(x),
        [[2.0, 1.0], [0.5, 3.0]],
        lambda x: np.array([[x[1, 1], -x[1, 0]], [-x[0, 1], x[0, 0]]]),
    ),
    # at the edge of a domain
    "log near 0 and not": Hard(lambda x: np.log(x).sum(), [1e-12, 3.0], lambda x: 1 / x, ("central", "complex")),
    "log near 0": Hard(lambda x: np.log(x).sum(), [1e-12, 1e-12], lambda x: 1 / x),
    "log at 1e-100 and 3": Hard(lambda x: np.log(x).sum(), [1e-100, 3.0], lambda x: 1 / x, ("complex",)),
    "log of 1e300": Hard(lambda x: np.log(x).sum(), [1e300, 2e300], lambda x: 1 / x),
    "root near 0": Hard(lambda x: np.sqrt(x).sum(), [1e-18, 1.0], lambda x: 0.5 / np.sqrt(x), ("complex",)),
    "arcsine near 1": Hard(
        lambda x: np.arcsin(x).sum(), [1 - 1e-10, 0.5], lambda x: 1 / np.sqrt((1 - x) * (1 + x)), NONE
    ),
    "reciprocal": Hard(lambda x: (1 / x).sum(), [1e-8, -1e8], lambda x: -1 / x**2, ("central", "complex")),
    "x log x near 0": Hard(lambda x: (x * np.log(x)).sum(), [1e-300, 0.5], lambda x: np.log(x) + 1, ("complex",)),
    "finite only at the point": Hard(
        lambda x: x.sum() if np.all(x == 1) else x.sum() * np.nan, [1.0, 1.0], lambda x: np.ones(2), NONE
    ),
    "finite only above": Hard(lambda x: np.where(x.real >= 1, x, np.nan).sum(), [1.0, 1.0], lambda x: np.ones(2), NONE),
    # where the arguments are zero, or tiny
    "sine at 0": Hard(lambda x: np.sin(x).sum(), [0.0, 0.0], np.cos),
    "exp at 0 and -0": Hard(lambda x: np.exp(x).sum(), [0.0, -0.0], np.exp),
    "cosine near 0": Hard(lambda x: np.cos(x).sum(), [1e-9], lambda x: -np.sin(x), ("complex",), hidden=True),
    "denormal argument": Hard(lambda x: np.sin(x).sum(), [1e-310, 0.4], np.cos, ("central", "complex")),
    "tiny argument": Hard(
        lambda x: (0.3 * np.sin(x)).sum(), [1e-300, 0.4], lambda x: 0.3 * np.cos(x), ("central", "complex")
    ),
    # a gradient of zero, or nearly
    "constant": Hard(lambda x: 0.3 + 0 * x.sum(), FAR, np.zeros_like, ("complex",), True, (lambda x: 1e-7 + 0 * x,)),
    "nothing": Hard(lambda x: 0 * x.sum(), FAR, np.zeros_like, METHODS, True, (lambda x: 1e-7 + 0 * x,)),
    "cube at 0": Hard(lambda x: (x**3).sum(), [0.0, 0.0], np.zeros_like, METHODS, True, (lambda x: x + 1e-5,)),
    "cube at 0 and 1": Hard(lambda x: (x**3).sum(), [0.0, 1.0], lambda x: 3 * x**2),
    "sine less its argument": Hard(
        lambda x: (np.sin(x) - x).sum(), [0.0, 0.0], np.zeros_like, METHODS, True, (lambda x: x + 1e-5,)
    ),
    "minimum": Hard(
        lambda x: ((x - 1) ** 2 * (2 + x)).sum(), [1.0] * 4, np.zeros_like, METHODS, True, (lambda x: x * 1e-5,)
    ),
    "minimum over 1e3": Hard(
        lambda x: 1e3 + ((x - 1) ** 2 * (2 + x)).sum(), [1.0] * 4, np.zeros_like, METHODS, True, (lambda x: x * 1e-3,)
    ),
    "flat minimum": Hard(
        lambda x: ((x - 1) ** 4).sum(), [1.0] * 4, np.zeros_like, METHODS, True, (lambda x: x * 1e-5,)
    ),
    "slope beside a parabola": Hard(lambda x: 1e-7 * np.tanh(x).sum() + (x**2).sum(), [0.0, 0.0], lambda x: x + 1e-7),
    "saddle": Hard(lambda x: x[0] * x[1], [0.0, 0.0], np.zeros_like, METHODS, True, (lambda x: x + 1e-5,)),
    "sum of a softmax": Hard(
        lambda x: (np.exp(x) / np.exp(x).sum()).sum(), FAR, np.zeros_like, METHODS, True, (lambda x: x * 1e-6,)
    ),
    "saturated": Hard(lambda x: np.tanh(x).sum(), [18.0, 19.0], dtanh, NONE, hidden=True),
    "sigmoid far below": Hard(lambda x: (1 / (1 + np.exp(-x))).sum(), [-30.0, -31.0], lambda x: np.exp(x)),
    "log of a sum of exps": Hard(
        lambda x: 1000 + np.log(np.exp(x - 1000).sum()),
        [1000.0, 1001.0],
        lambda x: np.exp(x - 1000) / np.exp(x - 1000).sum(),
    ),
    # rounding
    "over 1e8": Hard(lambda x: 1e8 + np.sin(x).sum(), NEAR, np.cos, ("complex",)),
    "over 1e16": Hard(lambda x: 1e16 + np.sin(x).sum(), NEAR, np.cos, ("complex",), hidden=True),
    "1e8 added and taken away": Hard(lambda x: (1e8 + np.sin(x).sum()) - 1e8, NEAR, np.cos, ("complex",)),
    "1e-8 over 1e3": Hard(lambda x: 1e3 + 1e-8 * np.sin(x).sum(), NEAR, lambda x: 1e-8 * np.cos(x), ("complex",)),
    "1e-13 over 1e3": Hard(
        lambda x: 1e3 + 1e-13 * np.sin(x).sum(), NEAR, lambda x: 1e-13 * np.cos(x), ("complex",), hidden=True
    ),
    "cancelled cosine": Hard(
        lambda x: ((1 - np.cos(x)) / x**2).sum(), [1e-4, 2e-4], lambda x: -x / 12 + x**3 / 180, NONE
    ),
    "float32 inside": Hard(lambda x: float(np.tanh(x.astype(F32)).sum()), NEAR, dtanh, REAL, False),
    "float32 outside": Hard(lambda x: F32(np.tanh(x).sum()), NEAR, dtanh, REAL, False),
    "float32 inside, scaled": Hard(
        lambda x: 0.1 + 0.3 * float(np.tanh(x.astype(F32)).sum()), NEAR, lambda x: 0.3 * dtanh(x), NONE, False
    ),
    "float32 over 10": Hard(lambda x: float(F32(10) + np.tanh(x.astype(F32)).sum()), NEAR, dtanh, NONE, False),
    "float32 over 1e6": Hard(lambda x: float(F32(1e6) + np.tanh(x.astype(F32)).sum()), NEAR, dtanh, NONE, False),
    "float32 over 1e7": Hard(
        lambda x: float(F32(1e7) + np.tanh(x.astype(F32)).sum()), NEAR, dtanh, NONE, False, hidden=True
    ),
    "float32 of a sum of many": Hard(
        lambda x: float(np.tanh(x.astype(F32)).sum()), np.linspace(-1, 2, 60), dtanh, NONE, False
    ),
    "complex64 where complex": Hard(
        lambda x: np.tanh(x.astype(np.complex64 if np.iscomplexobj(x) else F32)).sum(),
        NEAR,
        dtanh,
        ("central", "complex"),
    ),
    "complex64 and linear": Hard(
        lambda x: (x.astype(np.complex64 if np.iscomplexobj(x) else F32) * F32(0.1)).sum() * 3.0,
        NEAR,
        lambda x: 0.3 + 0 * x,
        ("central", "complex"),
    ),
    "float16 inside": Hard(half_then_smooth, NEAR, dtanh, NONE, False),
    "float16 outside": Hard(lambda x: F16(np.tanh(x).sum()), NEAR, dtanh, NONE, False),
    "float16 over 1000": Hard(
        lambda x: float(F16(1000) + F16(np.tanh(x).sum())), NEAR, dtanh, NONE, False, hidden=True
    ),
    "bfloat16": Hard(lambda x: digits(np.tanh(x).sum(), 8), NEAR, dtanh, NONE, False),
    "six digits": Hard(lambda x: np.round(np.tanh(x).sum(), 6), NEAR, dtanh, NONE, False),
    "two digits": Hard(lambda x: np.round(np.tanh(x).sum(), 2), NEAR, dtanh, NONE, False),
    "one digit": Hard(lambda x: np.round(np.tanh(x).sum(), 1), NEAR, dtanh, NONE, False, hidden=True),
    "arguments of three digits": Hard(lambda x: np.tanh(np.round(x, 3)).sum(), NEAR, dtanh, NONE, False),
    "minimum in float32": Hard(
        lambda x: float(((x.astype(F32) - 1) ** 2).sum() + 1),
        [1.0, 1.0],
        np.zeros_like,
        NONE,
        False,
        (lambda x: x * 0.1,),
    ),
    # kinks
    "relu": Hard(lambda x: relu(x).sum(), FAR, step),
    "relu at 0": Hard(
        lambda x: relu(x).sum() + np.sin(x).sum(), [0.0, 0.7], lambda x: step(x) + np.cos(x), ("central", "complex")
    ),
    "abs at 0": Hard(
        lambda x: np.abs(x).sum(),
        [0.0, -0.7],
        np.sign,
        ("central",),
        False,
        (lambda x: np.sign(x) + np.array([1.5, 0.0]),),
        kinked=True,
    ),
    "x |x| at 0": Hard(lambda x: (x * np.abs(x)).sum(), [0.0, 0.0], np.zeros_like, REAL, False, (lambda x: x + 1e-4,)),
    "relu squared at 0": Hard(
        lambda x: (relu(x) ** 2).sum(), [0.0, 0.0], np.zeros_like, METHODS, True, (lambda x: x + 1e-4,)
    ),
    "relu squared at 0 and 1": Hard(lambda x: (relu(x) ** 2).sum(), [0.0, 1.0], lambda x: 2 * relu(x)),
    "relu cubed at 0 and 1": Hard(lambda x: (relu(x) ** 3).sum(), [0.0, 1.0], lambda x: 3 * relu(x) ** 2),
    "relu to 1.5 at 0 and 1": Hard(
        lambda x: (relu(x) ** 1.5).sum(), [0.0, 1.0], lambda x: 1.5 * np.sqrt(relu(x)), NONE
    ),
    "dead relu": Hard(lambda x: relu(x - 1).sum(), NEAR, np.zeros_like, METHODS, True, (lambda x: x,)),
    "dead relu over 1e6": Hard(
        lambda x: 1e6 + relu(x - 1).sum(), NEAR, np.zeros_like, ("complex",), True, (lambda x: x,)
    ),
    "dead relu in float32": Hard(
        lambda x: float(F32(10) + relu(x.astype(F32) - 1).sum()), NEAR, np.zeros_like, NONE, False, (lambda x: x,)
    ),
    "leaky relu beside 0": Hard(
        lambda x: np.where(x.real > 0, x, 0.01 * x).sum(), [1e-9, 0.7], lambda x: np.where(x > 0, 1, 0.01), NONE
    ),
    "largest": Hard(lambda x: np.max(x), [0.3, 0.9, 0.9 - 1e-7], lambda x: (x == x.max()) * 1.0),
    "two largest": Hard(
        lambda x: np.max(x), [0.3, 0.9, 0.9], lambda x: (x == x.max()) * 0.5, ("central", "complex"), kinked=True
    ),
    "relu network without weights": Hard(rnn, [0.0, 0.0], np.zeros_like, NONE, True, (lambda x: x - 2.0,)),
    "relu network": Hard(
        rnn, [0.7, 0.4], lambda w: np.array([2.3 - 0.2 * w[1] + 0.8 * w[1] ** 2, w[0] * (1.6 * w[1] - 0.2)])
    ),
    "floor": Hard(lambda x: np.floor(x).sum(), [1.5, 2.5], np.zeros_like, NONE, False, (np.ones_like,)),
}
