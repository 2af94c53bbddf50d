"""One step of a cell by its own three methods, and every derivative of it by central differences.

Pre-activations, old state, vectors and the second product's matrix are inputs of their own here, so that the products
with W are nobody's business and those with U are done by hand.
"""

from typing import NamedTuple

import numpy as np

H, P, B = 3, 2, 4
STEP = 1e-5


class Step(NamedTuple):
    """What a step reads, and the derivatives of the loss by the state that it leaves."""

    a: np.ndarray  # (blocks, H, B)
    h: np.ndarray  # (P, B)
    c: np.ndarray | None  # (H, B)
    p: np.ndarray | None  # (vectors, H, 1)
    U: np.ndarray | None  # (H, P): what is handed to `project` comes back as U' m
    dh: np.ndarray
    dc: np.ndarray | None


def draw(blocks, *, state=H, has_c=False, vectors=0, projected=False, seed=0):
    """Random numbers for a step, none so near zero that a ReLU's kink were within a difference."""
    rng = np.random.default_rng(seed)

    def numbers(needed, *shape):
        return rng.uniform(0.2, 1.0, shape) * rng.choice([-1.0, 1.0], shape) if needed else None

    return Step(
        a=numbers(True, blocks, H, B),
        h=numbers(True, state, B),
        c=numbers(has_c, H, B),
        p=numbers(vectors, vectors, H, 1),
        U=numbers(projected, H, state),
        dh=numbers(True, state, B),
        dc=numbers(has_c, H, B),
    )


def pair(h, c):
    return (h,) if c is None else (h, c)


def forward(cell, step):
    """The activated gates, the new state, and what was handed to `project`."""
    a, new, handed = step.a.copy(), tuple(np.full_like(part, np.nan) for part in pair(step.h, step.c)), []

    def project(m):
        handed.append(m.copy())
        return step.U.T @ m

    cell.forward(a, pair(step.h, step.c), new, step.p, project)
    return a, new, handed


def by_cell(cell, step):
    """{input: derivative of the loss} as local_derivatives, backward and vector_gradients give it."""
    a, new, handed = forward(cell, step)
    old, s = pair(step.h, step.c), np.full((cell.local, 1, H, B), np.nan)
    cell.local_derivatives(a[:, None], tuple(part[None] for part in old), tuple(part[None] for part in new), s)
    da, dv = np.full_like(a, np.nan), []

    def project(d):
        dv.append(d.copy())
        return step.U @ d

    taped = a if cell.reads_gates else None
    passed, *rest = cell.backward(pair(step.dh, step.dc), taped, s[:, 0], da, step.p, project)
    found = {"a": da, "h": np.zeros_like(step.h) if passed is None else passed}
    if step.c is not None:
        (found["c"],) = rest
    if step.p is not None:
        states = (tuple(part[:, None] for part in state) for state in (old, new))
        found["p"] = np.stack([one.sum(axis=(1, 2)) for one in cell.vector_gradients(da[:, :, None], *states)])[
            ..., None
        ]
    if step.U is not None:
        found["U"] = handed[0] @ dv[0].T
    return found


def by_differences(cell, step):
    """The same, entry by entry, from forward alone."""

    def loss():
        _, new, _ = forward(cell, step)
        return sum((weight * part).sum() for weight, part in zip(pair(step.dh, step.dc), new, strict=True))

    found = {}
    for name in ("a", "h", "c", "p", "U"):
        array = getattr(step, name)
        if array is None:
            continue
        found[name] = np.empty_like(array)
        for index in np.ndindex(array.shape):
            value = array[index]
            array[index] = value + STEP
            above = loss()
            array[index] = value - STEP
            found[name][index] = (above - loss()) / (2 * STEP)
            array[index] = value
    return found


def assert_derivatives(cell, step):
    """Truncation leaves STEP^2 / 6 |f'''| and rounding eps / STEP: both below 1e-9 of numbers of size 1."""
    found, expected = by_cell(cell, step), by_differences(cell, step)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-9, err_msg=name)
        assert name == "h" or value.any()


def assert_in_place(cell, step):
    """The new state may be the old one's memory."""
    _, new, _ = forward(cell, step)
    state = tuple(part.copy() for part in pair(step.h, step.c))
    cell.forward(step.a.copy(), state, state, step.p, lambda m: step.U.T @ m)
    for found, expected in zip(state, new, strict=True):
        np.testing.assert_array_equal(found, expected)
