"""The errors of a layer's gradients say where in its backward pass to look for the mistake.

Backward goes from a sequence's last step to its first, so an error travels to earlier steps: it starts at the latest
step whose dx is wrong. In the reverse direction it starts at the earliest.
"""

import re
from typing import Any

import numpy as np

from npseq.gradcheck import Report, TensorReport
from npseq.layercheck.over_time import is_state
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.lengths import has_step, last_steps
from npseq.layers.recurrent import Recurrent


def fault(layer: Any, report: Report, lengths: Any, vanished: bool = False) -> str:
    """Returns a sentence on the mistake in a recurrent layer's gradients, "" if there is none or for other layers.

    vanished: what is wrong is too small to be seen in a parameter.
    """
    rows = {row.name: row for row in report.tensors}
    wrong = [name for name, row in rows.items() if row.status == "fail"]
    if not wrong or not isinstance(layer, (Recurrent, Bidirectional)):
        return ""
    if "x" not in rows:
        return "x is token ids and has no gradient, so no time step can be named; check with one-hot vectors for x"
    if rows["x"].errors is None:
        return f"method {report.method!r} looks along directions, so no time step can be named; 'complex' names it"
    if "x" not in wrong:
        return _sums(wrong)
    steps = _wrong_steps(rows["x"])
    there = has_step(lengths, *steps.shape)
    past = np.argwhere(steps & ~there)
    if len(past):
        return f"dx is not zero past the length of sequence {past[0][1]}, at step {past[0][0]}: look at the mask"
    return _start(layer, steps, there, wrong, vanished)


def _wrong_steps(row: TensorReport) -> np.ndarray:
    """(T, B) bool: where dx is wrong."""
    wrong: np.ndarray = np.any(np.asarray(row.errors) > row.tolerance, axis=2)
    return wrong


def _sums(wrong: list[str]) -> str:
    """The sentence for a right dx, with which the adjoint of every step is right."""
    states = [name for name in wrong if is_state(name)]
    sums = [name for name in wrong if not is_state(name)]
    advice = []
    if sums:
        advice.append(f"look at the sums over time (weight gradients) of {', '.join(sums)}")
    if states:
        advice.append(f"look at what the first step passes to the initial state ({', '.join(states)})")
    return f"dx is right at every step: {'; '.join(advice)}"


def _start(layer: Any, steps: np.ndarray, there: np.ndarray, wrong: list[str], vanished: bool) -> str:
    """The sentence with the step at which the error starts, in the direction of the wrong parameters."""
    level, directions = _topmost(layer, wrong)
    deep = bool(directions) and isinstance(layer, Recurrent) and layer.num_layers > 1
    if vanished and not directions:
        directions = {"forward", "reverse"} if _two_ways(layer) else {"forward"}
    elif not directions:
        return f"dx is wrong at {_listed(steps)}, every parameter is right: look at the product that makes dx, W_x da"
    where = f" of layer {level}, the topmost with a wrong parameter" if deep else ""
    if _two_ways(layer) and (deep or len(directions) > 1):
        return (
            f"dx is wrong at {_listed(steps)}{', starting in the backward loop' + where if deep else ''}; "
            "errors of two directions travel both ways, so no time step can be named; check each direction alone"
        )
    reverse = directions == {"reverse"}
    t, b = _first_met(steps, last_steps(there), reverse)
    name = "reverse direction's backward loop" if reverse else "backward loop"
    last = int(np.flatnonzero(there[:, b])[0 if reverse else -1])
    look = f"look at step {t} of the {name}{where}"
    if t == last:
        return f"dx is wrong from the first step that backward takes, step {t} of sequence {b}: {look}"
    order, other = ("before", t - 1) if reverse else ("after", t + 1)
    return (
        f"dx is right {order} step {t} and wrong at it, in sequence {b}: {look}, or at what step {other} passes to it"
    )


def _first_met(steps: np.ndarray, last: np.ndarray, reverse: bool) -> tuple[int, int]:
    """(t, b) of the wrong step that backward meets first; of several, that with the most right steps before it."""
    wrong = {b: np.flatnonzero(steps[:, b]) for b in range(steps.shape[1])}
    found = [(int(t[0] if reverse else t[-1]), b) for b, t in wrong.items() if t.size]
    if reverse:
        return min(found)
    return max(found, key=lambda step: (step[0], last[step[1]]))


def _topmost(layer: Any, wrong: list[str]) -> tuple[int, set[str]]:
    """The highest layer of a stack with a wrong parameter, and the directions in which one is."""
    found = [_position(name) for name in wrong if name != "x" and not is_state(name)]
    top = max((level for level, _ in found), default=0)
    return top, {direction for level, direction in found if level == top}


def _position(name: str) -> tuple[int, str]:
    """Layer and direction of a parameter, by its name."""
    match = re.search(r"_l(\d+)(?:_reverse)?$", name)
    reverse = name.endswith("_reverse") or name.startswith("backward.")
    return int(match.group(1)) if match else 0, "reverse" if reverse else "forward"


def _two_ways(layer: Any) -> bool:
    return isinstance(layer, Bidirectional) or layer.directions == 2


def _listed(steps: np.ndarray) -> str:
    wrong = np.flatnonzero(steps.any(axis=1)).tolist()
    return f"step{'s' if len(wrong) > 1 else ''} {', '.join(map(str, wrong))}"
