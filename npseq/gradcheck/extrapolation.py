"""Central differences are extrapolated to step zero, to the error asked for or the least that rounding allows.

The entry of Richardson's table with the least error (disagreement with its neighbours plus rounding) is the derivative:
Ridders 1982, Numerical Recipes 5.7. The jump of the one-sided slopes is extrapolated beside it; if it does not vanish,
f has a kink in the stencil.
"""

from math import isfinite

from npseq.gradcheck.differences import Derivative, Difference, Kink, difference
from npseq.gradcheck.function import Line
from npseq.gradcheck.kinks import CLOSER, Jump, at_kink, kink_beside, slope_jump

REACH = 64  # the extrapolation starts this far above the best step of a plain difference
LEVELS = 32  # halvings of the step, at most
COLUMNS = 6  # of the table; further ones only gain rounding


def derivative(line: Line, h: float, target: float) -> Derivative:
    """Returns f' along a line to an error of `target`, or as well as rounding allows.

    h is the best step of a plain difference; the steps are halved from REACH times h on. If rounding spoils them all,
    they start further out, up to the typical value of the tensor or 1.
    """
    longest = max(h, line.typical, 1.0)
    start = min(REACH * h, longest)
    found = _from(line, start, target)
    while found.error > target and found.kink is None and start < longest:
        start = min(REACH * start, longest)
        further = _from(line, start, target)
        if not further.error < found.error:
            break
        found = further
    return found


def _from(line: Line, start: float, target: float) -> Derivative:
    """Returns f' from steps start, start/2, start/4, ..., down to where only rounding is left."""
    best, error = float("nan"), float("inf")
    steps: list[Difference] = []
    row: list[float] = []
    jump: Jump | None = None
    h = start
    for _ in range(LEVELS):
        step = difference(line, h)
        if isfinite(step.central):
            steps.append(step)
            previous, row = row, _extrapolated(step.central, row)
            best, error = _least_error(row, previous, 2 * step.noise, best, error)
            jump = jump or slope_jump(steps, target)
        else:
            steps, row = [], []
        if len(steps) >= 3 and (error <= target or step.noise > error):
            break
        h /= 2
        if h < line.shortest:
            break
    if row and steps[-1].noise > error:  # the finest step must confirm what longer ones, perhaps too long, agreed on
        error = max(error, min(abs(best - value) for value in row) + steps[-1].noise)
    beside = kink_beside(steps, best, target)
    if beside is not None and error > 2**CLOSER * target:  # too close to step between it and the point
        jump = jump or Jump(beside.asymmetry, beside)
    smooth = Derivative(best, error, best, best, beside and Kink(beside.left, beside.right))
    return smooth if jump is None else at_kink(line, target, jump, smooth, start / 2)


def _extrapolated(value: float, previous: list[float]) -> list[float]:
    """Returns the next row of the table, in even powers of h, from the row at twice the step."""
    row = [value]
    for column, older in enumerate(previous[:COLUMNS]):
        row.append(row[column] + (row[column] - older) / (4 ** (column + 1) - 1))
    return row


def _least_error(
    row: list[float], previous: list[float], rounding: float, best: float, error: float
) -> tuple[float, float]:
    """Returns the better of the best so far and this row's entries, each judged by its two neighbours in the table."""
    for column in range(1, len(row)):
        neighbours = row[column - 1], previous[column - 1]
        estimate = max(abs(row[column] - neighbour) for neighbour in neighbours) + rounding
        if estimate < error:
            best, error = row[column], estimate
    return best, error
