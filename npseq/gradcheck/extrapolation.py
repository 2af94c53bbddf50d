"""Central differences are extrapolated to step zero, to the error asked for or the least that rounding allows.

With e a bound on the rounding of f, D(h) = (f(x + h) - f(x - h)) / (2 h) is off by h^2 f^(3) / 6 + ... and by e / h at
most (Higham, Accuracy and Stability of Numerical Algorithms, 2002). Richardson's table eliminates the first part power
by power; of its entries, the one with the least error (disagreement with its neighbours plus rounding) is the
derivative: Ridders 1982, Numerical Recipes 5.7. Steps that agree may all be too long, so agreement proves nothing.

- A structure of height a at the point, however narrow, changes D(h) by a / h at most: a step of e / target shows it
  unless a is below e. Three steps as short must confirm the derivative (`_confirmed`).
- Where f is smooth, 2 A(h/2) - A(h) is O(h^3), with A = right - left slope; constant at a kink; and it grows as h falls
  if the value at the point is off the curve of its neighbours. Then longer steps count no more (`kinks`).
- D(h) must come closer to the derivative as h falls (`Table.refuted_by`).
- What is no higher than e is never seen. It is taken to be no narrower than the values themselves, so no step is longer
  (`Line.longest`), and the error is never below e / longest.
"""

from itertools import pairwise
from math import isfinite
from statistics import median

from npseq.gradcheck.differences import Derivative, Difference, Kink, difference
from npseq.gradcheck.function import Line
from npseq.gradcheck.kinks import DOUBT, ROUNDED_POINT, at_kink, is_spike, shortest_step, slope_jump, step_beside

REACH = 64  # the extrapolation starts this far above the best step of a plain difference
LEVELS = 48  # halvings of the step, at most
COLUMNS = 6  # of the table; further ones only gain rounding
GAINS = {4: 2.0, 2: 8.3}  # base: the product of (base^k + 1) / (base^k - 1) over all k, by which rounding may grow
UNSEEN = 4.0  # the rest of a series whose convergence has not been seen yet, that of h^(1/3)
CLOSEST = 2.0**-30
CONFIRMING = (1.0, 1.27, 1.61)  # of the shortest step: a wave may be zero at one by chance


class Table:
    """Holds Richardson's table for steps that halve: the value with the least error, and its last row for each base.

    The error of a central difference is a series in h^2 where f is smooth, eliminated by base 4, and in h where the
    second derivative of f jumps, as that of relu(x)^2 does, eliminated by base 2. Each entry is judged by its two
    neighbours in the table and by rounding. If the error is another power of h, the table gains nothing: differences
    of successive steps then shrink by some q > 1/2 only, and the rest of their geometric series is q / (1 - q) of one.
    """

    def __init__(self) -> None:
        self.value, self.error = float("nan"), float("inf")
        self.rows: dict[int, list[float]] = {base: [] for base in GAINS}
        self.truncation = 0.0  # that of the step which gave the value
        self.change = float("inf")  # the last difference of successive steps

    def add(self, step: Difference) -> None:
        """Adds a row."""
        rest = self._rest(step)
        for base, gain in GAINS.items():
            previous = self.rows[base]
            row = self.rows[base] = _extrapolated(step.central, previous, base)
            for column in range(1, len(row)):
                neighbours = row[column - 1], previous[column - 1]
                error = rest * max(abs(row[column] - neighbour) for neighbour in neighbours) + gain * step.noise
                if error < self.error:
                    self.value, self.error, self.truncation = row[column], error, abs(row[0] - row[column])

    def _rest(self, step: Difference) -> float:
        """Returns how many times the disagreement of two steps the error can be, 1 where they converge fast enough."""
        if not self.rows[2]:
            return 1.0
        before, self.change = self.change, abs(step.central - self.rows[2][0])
        if self.change <= DOUBT * step.noise:
            return 1.0
        if before == float("inf"):
            return UNSEEN
        return max(self.change / (before - self.change), 1.0) if self.change < before else float("inf")

    def refuted_by(self, step: Difference) -> bool:
        """Returns whether a shorter step is further from the value than its own: that was too long."""
        return abs(step.central - self.value) > self.truncation + self.error + 2 * step.noise


def _extrapolated(value: float, previous: list[float], base: int) -> list[float]:
    """Returns the next row of the table, in powers of base, from the row at twice the step."""
    row = [value]
    for column, older in enumerate(previous[:COLUMNS]):
        row.append(row[column] + (row[column] - older) / (base ** (column + 1) - 1))
    return row


def derivative(line: Line, h: float, target: float) -> Derivative:
    """Returns f' along a line to an error of `target`, or as well as rounding allows.

    h is the best step of a plain difference; the steps are halved from REACH times h on. If rounding spoils them all,
    they start further out, up to the longest, as long as that agrees: of two results the one from shorter steps counts.
    """
    start = min(REACH * h, line.longest)
    found = _from(line, start, target)
    while found.error > target and found.kink is None and start < line.longest:
        start = min(REACH * start, line.longest)
        further = _from(line, start, target)
        agree = not abs(further.value - found.value) > found.error + further.error
        if not further.error < found.error or not agree:
            break
        found = further
    return found


def _from(line: Line, start: float, target: float) -> Derivative:
    """Returns f' from steps start, start/2, start/4, ..., down to where only rounding is left.

    Where a step shows that longer ones were too long, or reached as far as a kink, all begins anew with shorter ones.
    """
    table, kink, h = Table(), None, start
    steps: list[Difference] = []
    for _ in range(LEVELS):
        step = difference(line, h)
        if not isfinite(step.central) or (steps and (is_spike([*steps, step]) or table.refuted_by(step))):
            table, steps = Table(), []
        if isfinite(step.central):
            steps.append(step)
            table.add(step)
        jump = slope_jump(line, steps, target)
        if jump is not None:
            shortest = shortest_step(line, jump, target)
            beside = step_beside(line, jump, shortest)
            if beside is None:
                return at_kink(line, shortest)
            table, steps, h, kink = Table(), [], 2 * beside, Kink(jump.step.left, jump.step.right)
        elif len(steps) >= 3 and table.error <= target:
            if _confirmed(line, table, step, h, target):
                break
            table, steps = Table(), []
        elif len(steps) >= 3 and step.noise > table.error:
            break
        h /= 2
        if h < line.shortest:
            break
    value, error = table.value, table.error
    if h < line.shortest and error > target:  # shorter steps, if there were any, could say something else
        error = float("inf")
    if steps:
        if steps[-1].noise > error:  # the finest step must confirm what longer ones, perhaps too long, agreed on
            error = max(error, abs(value - steps[-1].central) + steps[-1].noise)
        if table.error > target:
            error = max(error, _hidden_kink(steps, error))
        error += ROUNDED_POINT * line.rounded * median(abs(step.asymmetry) / step.h for step in steps)
    value = steps[0].central if steps and not isfinite(value) else value
    return Derivative(value, error, value, value, kink)


def _hidden_kink(steps: list[Difference], error: float) -> float:
    """Returns the most by which a kink in the stencil, too small for `slope_jump`, can change a central difference.

    That is half of the jump, the limit of 2 A(h/2) - A(h), in which rounding hides 6 bounds of it.
    """
    jumps = [abs(2 * near.asymmetry - far.asymmetry) + 6 * near.noise for far, near in pairwise(steps)]
    sharp = [jump for jump, step in zip(jumps, steps[1:], strict=True) if step.noise <= error]
    return max((sharp or jumps)[-2:], default=float("inf")) / 2


def _confirmed(line: Line, table: Table, step: Difference, h: float, target: float) -> bool:
    """Returns whether the shortest steps that rounding leaves as sharp as the target find the same slope.

    A structure of height a and any width changes the slope at step h by a / h at most, which a long step does not see.
    At the step noise / target it is seen unless a is below the noise.
    """
    closest = max(line.rounding(line.origin) / target, line.shortest, CLOSEST * h) if target > 0 else h
    return closest >= h / 2 or all(
        _agrees(difference(line, share * closest), table, step, h, target) for share in CONFIRMING
    )


def _agrees(near: Difference, table: Table, step: Difference, h: float, target: float) -> bool:
    """Returns whether a shorter step finds the slope and the bend of the longer ones."""
    bend = abs(step.asymmetry) * near.h / h
    sharp = abs(near.central - table.value) <= table.error + target + 2 * near.noise
    return sharp and abs(near.asymmetry) <= 2 * bend + 4 * target + DOUBT * near.noise
