"""Derivatives of an exercise's printed forward lines by a complex step, an entry at a time, without the marker."""

from collections.abc import Callable

import numpy as np

STEP = 1e-30
NAMES = {"sigmoid": lambda a: 1 / (1 + np.exp(-a)), "tanh": np.tanh, "exp": np.exp, "log": np.log}


def ran(lines, arrays, target, change, frozen=()):
    """The arrays after the lines, with a change added to one of them as soon as it is there.

    frozen: {number of a line: names that it reads as constants}.
    """
    found = dict(arrays)
    if target in found and not any(line.startswith(f"{target} = ") for line in lines):
        found[target] = found[target] + change
    for k, line in enumerate(lines):
        name, _, right = line.partition(" = ")
        read = {key: np.real(value) if key in dict(frozen).get(k, ()) else value for key, value in found.items()}
        found[name] = eval(right, {**NAMES, **read})
        if name == target:
            found[name] = found[name] + change
    return found


def derivative(lines, arrays, target: str, loss: Callable[[dict], complex], shape=None, frozen=()) -> np.ndarray:
    """d loss / d target, with everything that the lines make of it; shape: of a bias of each sequence's own."""
    shape = shape or np.shape(ran(lines, arrays, "", 0)[target])
    found = np.empty(shape)
    for index in np.ndindex(*shape):
        change = np.zeros(shape, complex)
        change[index] = 1j * STEP
        found[index] = np.imag(loss(ran(lines, arrays, target, change, frozen))) / STEP
    return found


def right_values(task):
    """{line: its right value} of an exercise, by running its solution."""
    from npseq.learn.exercise import Exercise
    from npseq.learn.letters import names

    exercise = Exercise(task, "d2l")
    space = {"np": np}
    exec(exercise.solution(), space)
    values = space[exercise.name](*exercise.arrays.values())
    values = values if isinstance(values, tuple) else (values,)
    other = names(task, "d2l")
    assert [line.name for line in exercise.lines] == [other.get(line.name, line.name) for line in task.lines]
    return {line.name: value for line, value in zip(task.lines, values, strict=True)}


def same(found, wanted):
    assert np.shape(found) == np.shape(wanted)
    assert np.abs(found - wanted).max() <= 1e-13 * np.abs(wanted).max()
