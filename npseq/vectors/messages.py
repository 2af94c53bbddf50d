"""What a program is asked and what it answers, as plain text or as a line of JSON.

Text is words with white space between them: for each array its name, the number of its axes, the axes, the numbers, so
that `scanf` can read it; a number alone has no axes. An answer ends with the word "end"; "skip" and a reason before it
say that the program cannot have the case.
"""

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from npseq.vectors.cases import Problem, computed
from npseq.vectors.layouts import LAYOUTS, layouts_of

INPUTS = ("x", "h0", "c0")  # the inputs that have a derivative
OUTPUTS = ("y", "h", "c")


class Skipped(Exception):
    """The program says that it cannot have the case, and why."""


def options(given: Problem) -> dict[str, int]:
    """Returns what the layer is, as numbers."""
    layer, case = given.layer, given.case
    return {
        "T": case.steps,
        "B": case.batch,
        "layers": layer.num_layers,
        "directions": layer.directions,
        "input_size": layer.input_size,
        "hidden_size": layer.hidden_size,
        "state_size": layer.state_size,
        "bias": int(layer.bias),
        "relu": int(case.options.get("nonlinearity") == "relu"),
        "reset_after": int(case.cell == "gru" and case.options.get("reset") != "before"),
        "peepholes": int(bool(case.options.get("peepholes"))),
        "truncated": case.truncated,
    }


def question(given: Problem, layout: str) -> dict[str, Any]:
    """Returns what a program is asked: options, inputs, weights. Raises Skipped where the layout lacks the layer."""
    lay = layouts_of(given.layer).get(layout)
    if lay is None:
        raise Skipped(f"the layout {layout} has no such layer")
    case = {"case": given.case.name, "cell": given.case.cell, "layout": layout}
    return {**case, "options": options(given), "inputs": given.inputs, "weights": lay(None)}


def expected(given: Problem, layout: str) -> dict[str, np.ndarray]:
    """Returns the right answer: outputs under their names, derivatives under d and the name of what they are by."""
    return named(given, computed(given), layout)


def named(given: Problem, answer: Mapping[str, Any], layout: str) -> dict[str, np.ndarray]:
    """Returns an answer in which the parameters are laid out."""
    grads = {name: answer[name] for name in given.layer.params}
    plain = {name: value for name, value in answer.items() if name not in grads}
    return plain | {f"d{name}": value for name, value in LAYOUTS[layout](given.layer, grads).items()}


def as_json(asked: Mapping[str, Any]) -> str:
    """Returns a question, or an answer, as one line."""
    return json.dumps(asked, default=lambda array: array.tolist()) + "\n"


def as_text(asked: Mapping[str, Any]) -> str:
    """Returns a question as words: "case", its name, the cell; then every option, input and weight; then "end"."""
    arrays = {**asked["options"], **asked["inputs"], **asked["weights"]}
    lines = [f"case {asked['case']} {asked['cell']}"]
    for name, value in arrays.items():
        array = np.asarray(value)
        lines.append(" ".join(map(str, (name, array.ndim, *array.shape, *array.ravel().tolist()))))
    return "\n".join([*lines, "end\n"])


def from_json(text: str) -> dict[str, np.ndarray]:
    """Reads an answer. Raises Skipped, and ValueError for what is none."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the answer must be one line of JSON, got {text[:60]!r}") from error
    if not isinstance(found, dict):
        raise ValueError(f"the answer must be an object of arrays, got {text[:60]!r}")
    if "skip" in found:
        raise Skipped(str(found["skip"]))
    try:
        return {name: np.array(value, np.float64) for name, value in found.items()}
    except (ValueError, TypeError) as error:
        raise ValueError(f"the answer must hold arrays of numbers: {error}") from error


def from_text(text: str) -> dict[str, np.ndarray]:
    """Reads an answer. Raises Skipped, and ValueError for what is none."""
    words = iter(text.split())
    found: dict[str, np.ndarray] = {}
    for name in words:
        if name == "end":
            return found
        if name == "skip":
            raise Skipped(" ".join(words).removesuffix(" end"))
        try:
            found[name] = _array(words)
        except (ValueError, StopIteration) as error:
            raise ValueError(
                f"the answer must hold, behind the name {name!r}, the number of axes, the axes and as many numbers: "
                f"{str(error) or 'it ends before'}"
            ) from error
    raise ValueError(f"the answer must end with the word 'end', its last words are {text[-60:]!r}")


def _array(words: Iterator[str]) -> np.ndarray:
    shape = [int(next(words)) for _ in range(int(next(words)))]
    if min(shape, default=0) < 0:
        raise ValueError(f"an axis must not be negative, got {min(shape)}")
    return np.array([float(next(words)) for _ in range(prod(shape))]).reshape(shape)
