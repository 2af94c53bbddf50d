"""Of 1,000 random functions, at gradient scales from 1e-8 to 1e5, every gradient passes and every wrong entry fails."""

import numpy as np
import pytest

from npseq.gradcheck import gradcheck

FUNCTIONS = 1000
CHUNK = 50

# z -> value and derivative, z about as large as 1; every one is analytic
TERMS = [
    (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    (np.exp, np.exp),
    (lambda z: np.log(2 + np.sin(z)), lambda z: np.cos(z) / (2 + np.sin(z))),
    (lambda z: z**3 - z**2 + z / 2, lambda z: 3 * z**2 - 2 * z + 0.5),
    (lambda z: np.sin(z * z) * np.exp(-z), lambda z: (2 * z * np.cos(z * z) - np.sin(z * z)) * np.exp(-z)),
    (lambda z: 1 / (1 + z * z / 20), lambda z: -z / 10 / (1 + z * z / 20) ** 2),
    (lambda z: np.sqrt(30 + z**2), lambda z: z / np.sqrt(30 + z**2)),
]
OUTER = [(lambda s: s, lambda s: 1.0), (np.sin, np.cos), (lambda s: np.exp(s / 9), lambda s: np.exp(s / 9) / 9)]


def random_problem(seed):
    """f, at, gradient: a sum or product of functions of weighted sums of terms, one for each tensor, scaled."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(rng.integers(1, 4, rng.integers(0, 3))) for _ in range(rng.integers(1, 4))]
    at = {f"t{i}": np.array(rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 3)) for i, shape in enumerate(shapes)}
    inner = {name: TERMS[rng.integers(len(TERMS))] for name in at}
    outer = {name: OUTER[rng.integers(len(OUTER))] for name in at}
    stretch = {name: rng.uniform(0.3, 1.5) / np.abs(x).max() for name, x in at.items()}
    weights = {name: rng.uniform(0.5, 1.5, x.shape) / x.size for name, x in at.items()}
    product = bool(rng.integers(2))

    def parts(p):
        sums = {name: (weights[name] * inner[name][0](stretch[name] * x)).sum() for name, x in p.items()}
        return sums, {name: outer[name][0](s) for name, s in sums.items()}

    def f(p):
        factors = list(parts(p)[1].values())
        total = factors[0] if not product else 2 + factors[0]
        for factor in factors[1:]:
            total = total * (2 + factor) if product else total + factor
        return scale * total

    def gradient(p):
        sums, factors = parts(p)
        found = {}
        for name, x in p.items():
            others = np.prod([2 + factors[other] for other in p if other != name]) if product else 1.0
            slope = outer[name][1](sums[name]) * weights[name] * stretch[name] * inner[name][1](stretch[name] * x)
            found[name] = np.array(scale * others * slope)
        return found

    scale = 1.0
    largest = max(np.abs(g).max() for g in gradient(at).values())
    scale = 10.0 ** rng.uniform(-8, 5) / largest
    return f, at, gradient(at), rng


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("start", range(0, FUNCTIONS, CHUNK))
def test_a_right_gradient_passes(start, method):
    for seed in range(start, start + CHUNK):
        f, at, gradient, _ = random_problem(seed)
        report = gradcheck(f, at, gradient, method=method)
        assert report, f"seed {seed}\n{report}"
        assert not report.kinks, f"seed {seed}\n{report}"


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("start", range(0, FUNCTIONS, CHUNK))
def test_one_entry_wrong_by_a_thousandth_of_the_scale_fails(start, method):
    for seed in range(start, start + CHUNK):
        f, at, gradient, rng = random_problem(seed)
        name = list(at)[rng.integers(len(at))]
        entry = rng.integers(at[name].size)
        gradient[name].reshape(-1)[entry] += rng.choice([-1, 1]) * 1e-3 * np.abs(gradient[name]).max()
        report = gradcheck(f, at, gradient, method=method)
        status = {row.name: row.status for row in report.tensors}
        assert status.pop(name) == "fail", f"seed {seed}\n{report}"
        assert set(status.values()) <= {"pass"}, f"seed {seed}\n{report}"
        assert report.worst.name == name
        assert report.worst.index == tuple(np.unravel_index(entry, at[name].shape))


@pytest.mark.parametrize("method", ["directional", "taylor"])
@pytest.mark.parametrize("start", range(0, 60, 10))
def test_along_directions_too(start, method):
    for seed in range(start, start + 10):
        f, at, gradient, rng = random_problem(seed)
        report = gradcheck(f, at, gradient, method=method)
        assert report, f"seed {seed}\n{report}"
        name = list(at)[rng.integers(len(at))]
        gradient[name] *= 3
        assert not gradcheck(f, at, gradient, method=method), f"seed {seed}"
