"""The marker says of each line that somebody wrote whether it is right, or why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from npseq.learn.content import Arrays, Line
from npseq.learn.expressions import Lines, Values
from npseq.learn.slips import Slips
from npseq.learn.slopes import Slip

RTOL = 1e-9  # of the line's largest entry; float64 keeps 1e-15 of such short sums
SINGLE = 1e-4  # of float32
PAIRS = 120  # slips of which two are tried together, the likelier ones
PLAIN = 1.3  # the price below which a slip is likely


@dataclass(frozen=True)
class Mark:
    """The answer to one line.

    Args:
        name: of the line.
        right: whether its value is right, where an earlier line is wrong for what that one had.
        kind: "" of a right line, else "shape", "sign", "factor", "path", "step", "sum", "value", "error" or "missing".
        reason: in words.
        label: of the equation in docs/derivations.

    Example:
        >>> mark = ns.learn.exercise("rnn", 1).check(lambda H, dH: -dH * (1 - H**2)).lines[0]
        >>> mark.kind, mark.reason
        ('sign', 'the derivative is (1 - H**2): it has the wrong sign')
    """

    name: str
    right: bool
    kind: str = ""
    reason: str = ""
    label: str = ""

    def __str__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        said = f", {self.reason}" if self.reason and self.right else ""
        return (
            f"{self.name}: right{said}{label}" if self.right else f"{self.name}: not right, {self.kind}: {self.reason}"
        )


def missing(line: Line) -> Mark:
    return Mark(line.name, False, "missing", "not written yet", line.label)


def is_missing(value: Any) -> bool:
    return value is None or value is Ellipsis


def as_numbers(value: Any) -> np.ndarray | None:
    """An array of real numbers, or None."""
    try:
        found = np.asarray(value)
    except (ValueError, TypeError):
        return None
    return found if found.dtype.kind in "fiu" else None


def is_close(value: np.ndarray, wanted: Any, rtol: float = 0.0) -> bool:
    """Whether every entry is right, relative to the largest one."""
    if wanted is None or np.shape(wanted) != value.shape or not (np.isfinite(value) & np.isfinite(wanted)).all():
        return False
    rtol = rtol or (SINGLE if value.dtype.itemsize < 8 and value.dtype.kind == "f" else RTOL)
    scale = np.abs(wanted).max(initial=0.0)
    return bool(np.abs(value - wanted).max(initial=0.0) <= rtol * scale) if scale else not value.any()


class Marker:
    """Marks the lines of one exercise.

    Args:
        lines: in an order in which each reads those before it alone.
        given: {name: array} of all that they may read.
        counts: {words: number} whose factors are confused.
    """

    def __init__(self, lines: tuple[Line, ...], given: Arrays, counts: Mapping[str, int]):
        self.lines, self.given, self.counts = lines, given, counts
        self.graph = Lines()
        self.nodes = {line.name: self.graph.read(line.right) for line in lines}
        self.right: Arrays = {}
        for line in lines:
            self.right[line.name] = Values(self.graph, {**given, **self.right}).of(self.nodes[line.name])

    def mark(self, line: Line, value: Any, written: Mapping[str, Any]) -> Mark:
        """The mark of one line.

        Args:
            line: one of the lines.
            value: what somebody's line gave.
            written: what the lines before it gave, by name.
        """
        if is_missing(value):
            return missing(line)
        found = as_numbers(value)
        if found is None:
            return Mark(line.name, False, "shape", f"an array of numbers belongs here, not {value!r:.60}", line.label)
        own = {n: v for n, v in ((n, as_numbers(v)) for n, v in written.items()) if v is not None}
        own = {n: v for n, v in own.items() if v.shape == np.shape(self.right[n])}
        node, wanted = self.nodes[line.name], self.right[line.name]
        on_own = Values(self.graph, {**self.given, **self.right, **own})
        if is_close(found, wanted):
            return Mark(line.name, True, label=line.label)
        if is_close(found, on_own.of(node)):
            read = {self.graph.text(part) for part in self.graph.reached([node])}
            wrong = [n for n in own if n in read and not is_close(own[n], self.right[n])]
            return Mark(line.name, True, reason=f"with your {' and '.join(wrong)}", label=line.label)
        before = [earlier.name for earlier in self.lines[: self.lines.index(line)]]
        env = {**self.given, **{n: own.get(n, self.right[n]) for n in before}}
        right_before = {name for name in before if name not in own or is_close(own[name], self.right[name])}
        return Search(self, env, found, np.asarray(wanted), right_before).mark(line)


class Search:
    """Looks for the slip that has exactly the numbers of a wrong line.

    Args:
        marker: of the exercise.
        env: what the line may have read.
        found: what it gave.
        wanted: what is right.
        right_before: the lines before it that are right.
    """

    def __init__(self, marker: Marker, env: Arrays, found: np.ndarray, wanted: np.ndarray, right_before: set[str]):
        self.right_before, self.known = right_before, list[Slip]()
        self.graph, self.env, self.found, self.wanted = marker.graph, env, found, wanted
        self.nodes, self.line = marker.nodes, -1
        self.values = Values(self.graph, env)
        adjoints = {name for name in env if name.startswith("d") or name.startswith("e_") or name == "passed"}
        self.slips = Slips(self.graph, env, adjoints, marker.counts)

    def mark(self, line: Line) -> Mark:
        self.line = self.nodes[line.name]
        self.known = [Slip(self.graph.read(text), "factor", words) for text, words in line.slips]
        kind, reason = self.reason(self.line)
        return Mark(line.name, False, kind, reason, line.label)

    def reason(self, node: int) -> tuple[str, str]:
        """The kind of mistake, and words for it."""
        found, wanted = self.found, self.wanted
        if not np.isfinite(found).all():
            return "value", "it holds numbers that are not finite"
        if found.shape == wanted.shape and not found.any():
            return "path", "it is zero: nothing was computed"
        singles = sorted((*self.known, *self.slips.of(node)), key=lambda slip: slip.price)
        if (inlined := self.inlined(node)) != node:
            singles += [slip for slip in self.slips.of(inlined) if slip.price < PLAIN]
        if (slip := self.first(singles)) is not None:
            note = "" if found.shape == wanted.shape else f"; its shape is {found.shape}, {wanted.shape} is needed"
            return slip.kind, slip.words + note
        if found.shape != wanted.shape:
            return "shape", self.shape()
        return (
            self.terms(node)
            or self.too_much()
            or self.pair(node, singles)
            or self.factor()
            or self.alike()
            or ("value", where(found, wanted))
        )

    def inlined(self, node: int) -> int:
        """The line with what it reads of lines before it written out, where these are right."""
        for name, other in self.nodes.items():
            if other != self.line and name in self.right_before:
                node = self.graph.replaced(node, self.graph.leaf(name), other)
        return node

    def first(self, slips: Any) -> Slip | None:
        """The first slip with these numbers."""
        return next((slip for slip in slips if is_close(self.found, self.values.of(slip.node), 10 * RTOL)), None)

    def shape(self) -> str:
        found, wanted = self.found, self.wanted
        if found.shape == wanted.shape[::-1] and is_close(found.T, wanted):
            return f"it is transposed: its shape is {found.shape}, {wanted.shape} is needed"
        if found.size == wanted.size and is_close(found.reshape(wanted.shape), wanted):
            return f"the numbers are right; their shape is {found.shape}, {wanted.shape} is needed"
        return f"its shape is {found.shape}, {wanted.shape} is needed"

    def terms(self, node: int) -> tuple[str, str] | None:
        """Every term with a weight of its own: paths that are missing, doubled, or have the wrong sign."""
        op, args = self.graph.nodes[node]
        if op != "sum" or len(args) < 2:
            return None
        columns = [np.broadcast_to(weight * self.values.of(part), self.found.shape).ravel() for weight, part in args]
        weights = np.linalg.lstsq(np.array(columns).T, self.found.ravel(), rcond=None)[0]
        fitted = (np.array(columns).T @ weights).reshape(self.found.shape)
        if not is_close(self.found, fitted, 100 * RTOL):
            return None
        words: list[str] = []
        kinds: list[str] = []
        for k, (_, part) in enumerate(args):
            weight = round(float(weights[k]), 6)
            text = self.graph.text(part)
            if abs(weight) < RTOL:
                kinds, words = [*kinds, "path"], [*words, f"the path {text} is missing"]
            elif abs(weight + 1) < RTOL:
                kinds, words = [*kinds, "sign"], [*words, f"{text} has the wrong sign"]
            elif abs(weight - 1) > RTOL:
                kinds, words = [*kinds, "factor"], [*words, f"{text} {self.times(weights[k])}"]
        return (kinds[0], "; ".join(words)) if kinds else None

    def too_much(self) -> tuple[str, str] | None:
        """A path that does not belong there: the difference is something that other lines are made of."""
        extra = self.found - self.values.of(self.line)  # what the line has on what it has read
        for part in self.paths():
            value = self.values.of(part)
            if value is not None and np.shape(value) == extra.shape:
                if is_close(extra, value, 100 * RTOL):
                    return "path", f"there is a path too many: {self.graph.text(part)}"
                if is_close(extra, -value, 100 * RTOL):
                    return "path", f"{self.graph.text(part)} is subtracted, and must not be"
        return None

    def paths(self) -> list[int]:
        """What may be added by mistake: what other lines are made of, adjoints through any matrix, and factors."""
        graph = self.graph
        found = graph.reached(self.nodes.values())
        turned = [node for node in found if graph.nodes[node].op == "T"]
        leaves = [graph.leaf(name) for name in self.env]
        carried = [leaf for leaf in leaves if self.slips.carries(leaf)]
        once = [graph.add("matmul", *pair) for a in carried for W in turned for pair in ((a, W), (W, a))]
        matrices = [W for W in turned if graph.text(W).startswith("W")]
        found += once + [graph.add("matmul", a, W) for a in once for W in matrices]
        found += [graph.add("matmul", graph.add("T", leaf), a) for leaf in leaves for a in carried]
        more = [graph.product(node, leaf) for node in found for leaf in leaves if self.slips.carries(node)]
        own = [part for part in graph.reached([self.line]) if part in carried]
        more += [graph.replaced(self.line, part, other) for part in own for other in carried if other != part]
        return list(dict.fromkeys([*found, *more]))

    def pair(self, node: int, singles: list[Slip]) -> tuple[str, str] | None:
        """Two slips at once, the likelier first."""
        likely = [slip for slip in singles if slip.price < PLAIN]
        for slip in islice(likely, PAIRS):
            again = (Slip(*other) for other in self.slips.inside(slip.node) if other.price < PLAIN)
            for other in (*again, *self.slips.whole(slip.node)):
                if is_close(self.found, self.values.of(other.node), 10 * RTOL):
                    return slip.kind, f"two things: {slip.words}; and {other.words}"
        return None

    def factor(self) -> tuple[str, str] | None:
        """One number that all entries are off by."""
        ratio = self.found.ravel() @ self.wanted.ravel() / (self.wanted.ravel() @ self.wanted.ravel())
        if ratio and is_close(self.found, ratio * self.wanted, 10 * RTOL):
            return "factor", f"it {self.times(ratio)}"
        return None

    def times(self, ratio: float) -> str:
        """Words for a factor too many, by the name of a number that is given."""
        for name, value in self.env.items():
            for word, number in (("divided", 1 / value), ("multiplied", value)) if not np.ndim(value) else ():
                if abs(ratio - number) < 100 * RTOL * abs(number):
                    return f"must not be {word} by {name}"
        return f"is {ratio:.6g} times as large as it should be"

    def alike(self) -> tuple[str, str] | None:
        """The same number everywhere, which no gradient is."""
        same = self.found.size > 1 and self.found.min() == self.found.max()
        return ("path", f"every entry is {self.found.flat[0]:g}; no gradient is in it") if same else None


def where(found: np.ndarray, wanted: np.ndarray) -> str:
    """What can be said of numbers that no known slip has."""
    wrong = ~np.isclose(found, wanted, rtol=1e-7, atol=RTOL * np.abs(wanted).max())
    count, first = int(wrong.sum()), tuple(int(k) for k in np.argwhere(wrong)[0])
    if count < wrong.size:
        return f"{count} of {wrong.size} entries are wrong, the first at {first}"
    numbers = f"at {first} it has {found[first]:.4g}, and {wanted[first]:.4g} is right"
    return f"the shape is right, the numbers are not, and no slip is known that has them; {numbers}"
