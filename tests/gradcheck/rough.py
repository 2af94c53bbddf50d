"""Random functions that are hard on a checker: narrow structures, kinks, edges of domains, offsets, short types."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LINKS = {  # f and f'
    "sine": (np.sin, np.cos),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "exp": (np.exp, np.exp),
    "square": (lambda z: z * z, lambda z: 2 * z),
    "root": (lambda z: np.sqrt(2 + z * z), lambda z: z / np.sqrt(2 + z * z)),
    "bell": (lambda z: 1 / (1 + z * z), lambda z: -2 * z / (1 + z * z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
}
ROUNDINGS = {  # what it makes of a value, and its relative error
    "none": (lambda v: v, 2e-16),
    "float32": (lambda v: float(np.float32(v)), 6e-8),
    "float16": (lambda v: float(np.float16(v)), 5e-4),
    "bfloat16": (lambda v: float(np.ldexp(np.round(np.frexp(v)[0] * 256) / 256, np.frexp(v)[1])), 4e-3),
    "four digits": (lambda v: float(f"{v:.3e}"), 5e-4),
}


class Special(NamedTuple):
    """A term of one entry: f and f', the height and the width of its structure, and how far a kink is."""

    f: Callable
    df: Callable
    height: float = np.inf
    width: float = np.inf
    kink: float = np.inf


class Rough(NamedTuple):
    """f of x and its gradient; wrong ones; whether "complex" must take it."""

    f: Callable
    x: np.ndarray
    gradient: np.ndarray
    wrong: list
    analytic: bool


def relu(z):
    return np.where(z.real > 0, z, 0 * z)


def special(kind, z, rng):
    """A term that is hard at z."""
    near = max(abs(z), 1e-3)
    if kind == "bump":
        width, height = near * 10 ** rng.uniform(-6, 0), 10 ** rng.uniform(-2, 1)
        c = z + width * rng.uniform(-1, 1)
        bump = lambda z: height * np.exp(-(((z - c) / width) ** 2))  # noqa: E731
        return Special(bump, lambda z: -2 * (z - c) / width**2 * bump(z), height, width)
    if kind == "wave":
        q = 10 ** rng.uniform(0, 6)
        return Special(lambda z: np.sin(q * z), lambda z: q * np.cos(q * z), 1.0, 1 / q)
    if kind == "logarithm":
        width = near * 10 ** rng.uniform(-9, 0)
        edge = z - width
        return Special(lambda z: np.log(z - edge), lambda z: 1 / (z - edge), 1.0, width)
    if kind in ("relu", "relu squared"):
        power = 1 if kind == "relu" else 2
        kink = near * rng.choice([0.0, 10 ** rng.uniform(-15, 0), -(10 ** rng.uniform(-15, 0))])
        at = z + kink
        slope = lambda z: power * relu(z - at) ** (power - 1) * (z > at)  # noqa: E731
        return Special(
            lambda z: 3 * relu(z - at) ** power, lambda z: 3 * slope(z), kink=abs(kink) if power == 1 else np.inf
        )
    return Special(lambda z: 0 * z, lambda z: 0 * z)


def rough(seed):
    """A problem, or None if rounding hides its structure from everybody."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    x = rng.standard_normal(n) * (rng.random(n) < 0.8)
    x[0] = x[0] or 0.7
    x *= 2.0 ** (rng.integers(-8, 9) if rng.random() < 0.8 else rng.integers(-300, 300))
    k, stretch = int(rng.integers(n)), 2.0 ** rng.integers(-2, 2) / np.sqrt(np.mean(x**2))
    z, weights = x * stretch, rng.uniform(0.5, 1.5, n) * rng.choice([-1, 1], n)
    link, dlink = LINKS[str(rng.choice(list(LINKS)))]
    term = special(str(rng.choice(["none", "none", "bump", "wave", "logarithm", "relu", "relu squared"])), z[k], rng)
    name = str(rng.choice(["none", "none", *ROUNDINGS]))
    round_, error = ROUNDINGS[name]
    offset = 10.0 ** rng.uniform(0, 8) * rng.choice([0, 0, -1, 1])
    scale = 2.0 ** rng.integers(-500, 400) if rng.random() < 0.3 else 1.0

    def f(x):
        z = x * stretch
        return scale * round_(offset + (weights * link(z)).sum() + term.f(z[k]))

    gradient = scale * stretch * weights * dlink(z)
    gradient[k] += scale * stretch * term.df(z[k])
    error *= abs(f(x))
    hidden = np.abs(gradient * x).max() < 1e3 * error
    if scale * term.height < 1e3 * error or term.width < 1e4 * 2e-16 * abs(z[k]) or hidden:
        return None
    bent = term.kink < 1e-5 * max(abs(z[k]), 1e-3)
    others = np.delete(np.abs(gradient), k).max(initial=0.0) > 0.1 * np.abs(gradient).max()
    wrong = [-gradient, 3 * gradient] if others or not bent else []
    if not bent:
        entry = 0.01 * np.abs(gradient).max() * (np.arange(n) == rng.integers(n))
        wrong += [1.01 * gradient, 0 * gradient, gradient + entry]
    return Rough(f, x, gradient, wrong, name == "none")
