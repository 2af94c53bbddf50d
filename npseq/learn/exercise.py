"""An exercise in the letters that somebody reads: its text, its function with a gap, its marks, hints and solution."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from textwrap import fill, indent
from typing import Any

import numpy as np

from npseq.learn import letters as in_letters
from npseq.learn.content import Arrays, Line, Task
from npseq.learn.marker import Mark, Marker, is_missing
from npseq.learn.running import Ran, explained, run
from npseq.learn.whole import whole_marks
from npseq.learn.wholes import right as right_gradients

WIDTH = 92


@dataclass(frozen=True)
class Marks:
    """The answer to an exercise, a mark for each line; it prints itself, and is true if all lines are right.

    Args:
        title: of the exercise.
        lines: the marks, in the order of the lines.
        note: what is said of all of it.

    Example:
        >>> def rnn_1(H, dH):
        ...     dA = dH * (1 - H)
        ...     return dA
        >>> print(ns.learn.exercise("rnn", 1).check(rnn_1))
        rnn 1, Through the nonlinearity: 0 of 1 line is right
          dA: not right, factor: the derivative is (1 - H**2): H is not squared
    """

    title: str
    lines: tuple[Mark, ...]
    note: str = ""

    @property
    def points(self) -> int:
        """Returns how many lines are right."""
        return sum(mark.right for mark in self.lines)

    def __bool__(self) -> bool:
        return self.points == len(self.lines)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        many = len(self.lines)
        head = f"{self.title}: {self.points} of {many} {'lines are' if many > 1 else 'line is'} right"
        return "\n".join([head, *(f"  {mark}" for mark in self.lines), *([f"  {self.note}"] if self.note else [])])


class Exercise:
    """One exercise: a backward pass to derive, a line at a time.

    Args:
        task: its content.
        letters: "d2l", Dive into Deep Learning's, a batch in rows; "ng", Ng's, a batch in columns.

    Example:
        >>> exercise = ns.learn.exercise("lstm", 3)
        >>> exercise.check(lambda dC_all, I, F, C_tilde, C_prev, C: (
        ...     dC_all * C_tilde, dC_all * C, dC_all * I, dC_all * F)).lines[1].reason
        'C is the wrong step: C_prev belongs here'
    """

    def __init__(self, task: Task, letters: str):
        self.task, self.letters = task, letters
        self.topic, self.number = task.topic, task.number
        self.title = f"{task.topic} {task.number}, {task.title}"
        self.lines = in_letters.lines(task, letters)
        self.given = in_letters.given(task, letters)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        text = _filled(in_letters.prose(self.task.text, self.task, self.letters))
        forward = "\n".join(f"    {line}" for line in self.forward)
        given = ", ".join(f"{name} {np.shape(value) or 'a number'}" for name, value in self.arrays.items())
        write = indent(self.template, "    ").rstrip()
        return (
            f"{self.title}\n\n{text}\n\nForward:\n\n{forward}\n\n"
            f"{_filled(f'Given: {given}. {self._axes()}')}\n\nWrite:\n\n{write}"
        )

    def _axes(self) -> str:
        """What the axes of the arrays are."""
        if self.task.whole is not None:
            steps = {"d2l": "step, sequence, unit", "ng": "unit, example, step"}[self.letters]
            return f"The axes of what has three are {steps}."
        rows = {"d2l": "a row is one sequence of the batch, a column one unit", "ng": "a column is one example"}
        return f"Of states and gradients {rows[self.letters]}."

    @property
    def name(self) -> str:
        """Returns the name of its function."""
        return f"{self.topic}_{self.number}"

    @property
    def forward(self) -> tuple[str, ...]:
        """Returns the lines whose gradient is asked for."""
        return tuple(in_letters.expression(line, self.task, self.letters) for line in self.task.forward)

    @property
    def arrays(self) -> Arrays:
        """Returns {name: array} of what the function is given, small arrays that a forward pass has made."""
        return {name: self._known[name] for name in self.given}

    @cached_property
    def _known(self) -> Arrays:
        return in_letters.arrays(self.task.numbers(), self.task, self.letters)

    @cached_property
    def _right(self) -> Arrays:
        """The right gradients of a loop over time."""
        assert self.task.whole is not None
        found = {name: value for name, value in right_gradients(*self.task.whole()).items()}
        return in_letters.whole({line.name: found[line.name] for line in self.task.lines}, self.task, self.letters)

    @property
    def template(self) -> str:
        """Returns the function with a gap for each line."""
        gaps = [f"{line.name} = ..." for line in self.lines] if self.task.whole is None else ["..."]
        return self._function("\n".join(self._rows() + gaps))

    def _rows(self) -> list[str]:
        """The line that counts the units, where a solution needs it."""
        rows = "n_c" if self.topic == "gru" else "n_a"
        if not any(rows in line.right for line in self.lines):
            return []
        units = next(name for name in self.given if np.shape(self.arrays[name]) == (4, 5))
        return [f"{rows} = {units}.shape[0]"]

    def _function(self, body: str) -> str:
        names = ", ".join(line.name for line in self.lines)
        return f"def {self.name}({', '.join(self.given)}):\n{indent(body, '    ')}\n    return {names}\n"

    def hint(self, step: int) -> str:
        """Returns the first, second or third hint, each of which says more.

        Args:
            step: 1, 2 or 3.

        Raises:
            ValueError: if there is no such hint.

        Example:
            >>> ns.learn.exercise("rnn", 1).hint(1)
            'Each entry of H depends on the same entry of A alone.'
        """
        if step not in (1, 2, 3):
            raise ValueError(f"step must be 1, 2 or 3, got {step!r}")
        return in_letters.prose(self.task.hints[step - 1], self.task, self.letters)

    def solution(self) -> str:
        """Returns one way to write the function; look at it after you have tried."""
        if self.task.whole is None:
            lines = [f"{line.name} = {line.right}".replace("tanh(", "np.tanh(") for line in self.lines]
            return self._function("\n".join(self._rows() + lines))
        body = dict(self.task.solution)[self.letters]
        return self._function(
            in_letters.renamed(body, in_letters.names(self.task, "d2l") if self.letters == "d2l" else {})
        )

    def check(self, function: Callable[..., Any]) -> Marks:
        """Marks a function, line by line.

        Args:
            function: takes the arguments of the template, in their order or by their names; its lines are read off its
                local names and off what it returns, a tuple in the order of the template or a dict by name.

        Returns:
            Marks. A line after a wrong one is judged on what the wrong one gave.

        Raises:
            TypeError: if it is not a function of so many arguments.
        """
        if not callable(function):
            raise TypeError(f"function must be a function, got {type(function).__name__}; write {self.name}")
        try:
            signature = inspect.signature(function)
            signature.bind(*self.given)
        except TypeError as error:
            wanted = f"function must take {len(self.given)} arguments, {', '.join(self.given)}, in this order: {error}"
            raise TypeError(wanted) from error
        order = [*signature.parameters] if {*signature.parameters} == {*self.given} else self.given
        arrays = {name: self.arrays[name] for name in order}
        ran = run(function, arrays, tuple(line.name for line in self.lines))
        marks = self._marks(ran) if self.task.whole is None else whole_marks(self, ran)
        note = f"it has written over {', '.join(ran.changed)}; work on a copy" if ran.changed else ""
        return Marks(self.title, tuple(marks), note)

    def _marks(self, ran: Ran) -> list[Mark]:
        marker = Marker(self.lines, self._known_to_lines(), self._counts())
        found: list[Mark] = []
        written: dict[str, Any] = {}
        stopped = False
        for line in self.lines:
            value = ran.values.get(line.name)
            if is_missing(value) and ran.error:
                said = ("missing", "not reached, as the function ended before") if stopped else None
                found.append(Mark(line.name, False, *(said or _failed(line, ran.error, marker)), line.label))
                stopped = True
                continue
            mark = marker.mark(line, value, written)
            if not mark.right and ran.changed and self._read_changed(marker, line, value, ran, written):
                words = f"an earlier line has written over {', '.join(ran.changed)}, which this one reads"
                mark = Mark(line.name, False, "step", words, line.label)
            found.append(mark)
            written[line.name] = value
        return found

    def _known_to_lines(self) -> Arrays:
        """What the lines may read: the arguments, and the parts of the matrices among them."""
        return {n: v for n, v in self._known.items() if n.partition("[")[0] in self.given}

    def _read_changed(self, marker: Marker, line: Line, value: Any, ran: Ran, written: dict[str, Any]) -> bool:
        other = Marker(marker.lines, {**marker.given, **ran.arguments}, {})
        return not is_missing(value) and other.mark(line, value, written).right

    def _counts(self) -> dict[str, int]:
        numbers = self.task.numbers()
        states = next(value for name, value in numbers.items() if name in ("h", "h_0", "c_0", "h_new"))
        found = dict(zip(("the number of sequences", "the number of units"), states.shape, strict=True))
        steps = sum(name in numbers for name in ("dy_1", "dy_2", "dy_3"))
        return found | ({"the number of steps": steps} if steps else {})


def _filled(text: str) -> str:
    return fill(text, WIDTH, break_on_hyphens=False)


def _failed(line: Line, error: str, marker: Marker) -> tuple[str, str]:
    """The kind and the words of a line at which the function ended with an error."""
    if not any(word in error for word in ("matmul", "broadcast", "shapes", "dimension")):
        return "error", explained(error, marker.given)
    known = {**marker.given, **marker.right}
    read = [marker.graph.text(part) for part in marker.graph.reached([marker.nodes[line.name]])]
    shapes = [f"{name} {np.shape(known[name])}" for name in read if name in known]
    wanted = np.shape(marker.right[line.name])
    has_product = any(marker.graph.nodes[n].op == "matmul" for n in marker.graph.reached([marker.nodes[line.name]]))
    product = "; * is entry by entry, a matrix product is @" if has_product else "; all here is entry by entry, with *"
    return "shape", f"the shapes do not fit; {line.name} {wanted} is to be made of {', '.join(shapes)}{product}"
