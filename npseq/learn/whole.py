"""Marks of a whole backward pass: what is wrong with a loop over time, by the name that `npseq.diagnose` has for it."""

import re
from typing import Any

import numpy as np

from npseq.diagnosis import diagnose
from npseq.learn import letters as in_letters
from npseq.learn.marker import Mark, as_numbers, is_close, is_missing, missing, where
from npseq.learn.running import Ran, explained

KINDS = (  # words of a diagnosis, and the kind of mistake that they are
    ("sign", ("sign", "-1 times")),
    ("shape", ("transpos",)),
    (
        "step",
        ("step", "stale", "h_t in place", "c_t in place", "h_{t-1} in place", "c_{t-1} in place", "before", "early"),
    ),
    (
        "path",
        (
            "missing",
            "cut",
            "never",
            "dropped",
            "left out",
            "truncat",
            "lost",
            "not carried",
            "overwritten",
            "no recurrent",
            "not passed",
            "zero",
            "a term",
        ),
    ),
    ("sum", ("mean", "sum", "1/B", "divided")),
)


def kind_of(words: str) -> str:
    """The kind of a mistake that is told in these words."""
    return next((kind for kind, signs in KINDS if any(s in words for s in signs)), "factor")


def whole_marks(exercise: Any, ran: Ran) -> list[Mark]:
    """Marks every gradient of an exercise with a loop.

    Args:
        exercise: one whose task is a whole backward pass.
        ran: what came of somebody's function.
    """
    if ran.error:
        first, *others = exercise.lines
        said = Mark(first.name, False, "error", explained(ran.error, exercise.arrays), first.label)
        return [said, *(Mark(line.name, False, "error", "the same", line.label) for line in others)]
    values = {line.name: ran.values.get(line.name) for line in exercise.lines}
    numbers = {name: as_numbers(value) for name, value in values.items() if not is_missing(value)}
    shaped = {n: v for n, v in numbers.items() if v is not None and v.shape == exercise._right[n].shape}
    wrong = {name for name, value in shaped.items() if not is_close(value, exercise._right[name])}
    reasons, found = _reasons(exercise, shaped, wrong), []
    for line in exercise.lines:
        if line.name in shaped and line.name not in wrong:
            found.append(Mark(line.name, True, label=line.label))
        elif line.name in wrong:
            kind, reason = reasons[line.name]
            again = any(mark.reason == reason for mark in found)
            found.append(Mark(line.name, False, kind, "the same mistake" if again else reason, line.label))
        elif is_missing(values[line.name]):
            found.append(missing(line))
        else:
            got, wanted = np.shape(np.asarray(values[line.name])), exercise._right[line.name].shape
            found.append(Mark(line.name, False, "shape", f"its shape is {got}, {wanted} is needed", line.label))
    return found


def _reasons(exercise: Any, shaped: dict[str, np.ndarray], wrong: set[str]) -> dict[str, tuple[str, str]]:
    """The kind of what is wrong with each gradient, and words for it: one mistake in all of them, or one in each."""
    if not wrong:
        return {}
    if (of_all := _diagnosed(exercise, shaped)) is not None:
        return dict.fromkeys(wrong, of_all)
    found = {}
    for name in wrong:
        alone = {other: value for other, value in shaped.items() if other == name or other not in wrong}
        of_one = _diagnosed(exercise, alone) if len(wrong) > 1 else None
        found[name] = of_one or ("value", where(shaped[name], exercise._right[name]))
    return found


def _diagnosed(exercise: Any, written: dict[str, np.ndarray]) -> tuple[str, str] | None:
    """The kind of the mistake that all gradients together have, and its name; None if none is known."""
    layer, x, dy, state = exercise.task.whole()
    values = in_letters.back(written, exercise.task, exercise.letters)
    grads = {name: np.asarray(value, float) for name, value in values.items()}
    if not any(value.any() for value in grads.values()):
        return "path", in_letters.prose("every gradient is zero: `dy` is in none", exercise.task, exercise.letters)
    found = diagnose(layer, x, dy, grads, state)
    if not found.matches:
        return None
    match = found.matches[0]
    right = "; ".join(mistake.right for mistake in match.mistakes if mistake.right)
    said = re.sub(r"\b[FGTLS]\d+[ab]?: ", "", match.text + (f"; right: {right}" if right else ""))
    said = said.replace("p_{t+1}", "dh_{t+1}")
    return kind_of(match.text), in_letters.said(said, exercise.task, exercise.letters)
