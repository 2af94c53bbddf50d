"""The whole backward pass of a layer for many hypotheses at once, and the sums that make gradients of its adjoints.

It is the engine's pass written another way: slower, node by node, so that anything in it can be wrong in some rows.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from npseq.diagnosis.mistake import Mistake, SumChange, matching
from npseq.diagnosis.problem import Part, Problem, Strand
from npseq.diagnosis.steps import Backward, Changes

Hypothesis = Sequence[Mistake]
Gradients = dict[str, np.ndarray]  # {tensor: (K, *its shape)}


class Kept(NamedTuple):
    """What one strand's pass leaves: adjoints in its own order of time, and those of its first state."""

    strand: Strand
    roots: dict[str, np.ndarray]  # (T, K, F, B)
    first: list[np.ndarray]  # (K, F, B)


class SumOf(NamedTuple):
    """What a change of a sum may look at, besides the gradient itself."""

    problem: Problem
    name: str  # of the tensor, with prefix and ending
    gradients: Gradients  # those that are right, and done
    rows: Any  # which of them are changed
    operand: np.ndarray | None = None  # (T, F, B)
    adjoint: np.ndarray | None = None  # (T, rows, G, B)

    def gradient(self, name: str, missing: np.ndarray) -> np.ndarray:
        """That of another tensor; `missing` where there is none."""
        return self.gradients[name][self.rows] if name in self.gradients else missing


def total(operand: np.ndarray | None, adjoint: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The sum over time and batch of operand (T, F, B) x adjoint (T, K, G, B): (K, F, G), or (K, G) without operand."""
    if weights is not None:
        adjoint = adjoint * weights[:, None, None]
    if operand is None:
        summed: np.ndarray = adjoint.sum(axis=0) @ np.ones(adjoint.shape[3])
        return summed
    return np.tensordot(operand, adjoint, axes=([0, 2], [0, 3])).swapaxes(0, 1)


SAME = SumChange()


def parameter(kept: Kept, name: str, change: SumChange = SAME, rows: Any = slice(None)) -> np.ndarray:
    """The gradient of a strand's parameter, (K, *shape), or another sum in its place, for some rows."""
    operand, adjoint = kept.strand.equations.sums[name]
    values = kept.roots[change.adjoint or adjoint][:, rows]
    weights = None if change.weights is None else change.weights(len(values), values.shape[-1])
    return total(kept.strand.leaf(change.reads(operand)), values, weights)


class Pass:
    """One pass over a problem, a row for each hypothesis.

    Args:
        problem: whose gradients.
        hypotheses: of each row its mistakes; none is the right gradient.
        more: of a strand, {name: node} of more adjoints that are kept.
        forward_in_time: whether the steps are taken from the first to the last.
    """

    def __init__(
        self,
        problem: Problem,
        hypotheses: Sequence[Hypothesis],
        more: Callable[[Strand], dict[str, int]] | None = None,
        forward_in_time: bool = False,
    ):
        self.problem, self.hypotheses, self.K = problem, hypotheses, len(hypotheses)
        self.more, self.forward_in_time = more, forward_in_time
        self.kept: list[Kept] = []
        self.dx: np.ndarray | None = None
        rows: dict[int, tuple[Mistake, list[int]]] = {}
        for k, mistakes in enumerate(hypotheses):
            for mistake in mistakes:
                rows.setdefault(id(mistake), (mistake, []))[1].append(k)
        self._rows = [(mistake, np.array(where)) for mistake, where in rows.values()]
        for part in problem.parts:
            self._stack(part)
        self.kept.sort(key=lambda kept: kept.strand.number)

    def _stack(self, part: Part) -> None:
        dy = self._at("part dy", part.dy, part)
        from_above = part.split(self._at("masked dy", part.masked(dy), dy))
        for l in reversed(range(part.layers)):
            done: list[Kept] = []
            for strand in part.strands[l]:
                above = from_above[strand.d]
                above = self._at("dy", above[::-1] if strand.d else above, strand, done)
                done.append(self._strand(strand, above))
            self.kept += done
            if l or part.wants_dx:
                joined = self._joined(done)
                if l:
                    from_above = part.split(self._at("below", part.dropped(joined, l), part, l, joined))
                else:
                    turned = part.turned_back(joined)
                    self.dx = turned if self.dx is None else self.dx + turned

    def _joined(self, done: list[Kept]) -> np.ndarray:
        """dx (T, K, D, B) of a layer, the sum over its directions, in the order of the layer's steps."""
        parts = [kept.roots["dx"][::-1] if kept.strand.d else kept.roots["dx"] for kept in done]
        return self._at("dx", sum(parts[1:], parts[0]), done)

    def _strand(self, strand: Strand, dy: np.ndarray) -> Kept:
        changes = self._changes(strand)
        roots = strand.roots | ({} if self.more is None else self.more(strand))
        for adjoint in {change.adjoint for mistake, _ in self._rows for change in mistake.sums.values()} - {""}:
            if adjoint not in roots and (node := strand.adjoint(adjoint)) is not None:
                roots[adjoint] = node
        backward = Backward(strand.equations, strand.leaves, self.K, changes, roots)
        return Kept(strand, *backward.run(dy, strand.ends, self.forward_in_time))

    def _changes(self, strand: Strand) -> Changes:
        changes: Changes = {}
        for mistake, rows in self._rows:
            if mistake.strands is None or mistake.strands(strand):
                for node, other in strand.rewrites(mistake).items():
                    changes.setdefault(node, []).append((rows, other))
        for node, there in changes.items():  # what is done to a value comes after what else it is
            there.sort(key=partial(_is_around, strand, node))
        return changes

    def _at(self, place: str, value: np.ndarray, *context: Any) -> np.ndarray:
        """(T, K or 1, F, B) at a place between layers and directions, with the rows that are wrong there."""
        for mistake, rows in self._rows:
            if mistake.site is not None and mistake.site[0] == place:
                value = np.repeat(value, self.K // value.shape[1], axis=1)
                wrong = mistake.site[1](value, *context)
                value[:, rows] = wrong[:, rows] if wrong.shape[1] == self.K else wrong
        return value

    def gradients(self, names: Sequence[str] | None = None) -> Gradients:
        """Every gradient that is asked for, (K, *shape); names None are all."""
        found: Gradients = {}
        wanted = self.problem.names if names is None else names
        for kept in self.kept:
            for name, own in kept.strand.parameters.items():
                if own in wanted:
                    found[own] = parameter(kept, name)
        found.update({name: value for name, value in self._inputs().items() if name in wanted})
        return self._changed_sums(found)

    def _inputs(self) -> Gradients:
        found = {} if self.dx is None else {"x": self.dx.transpose(1, 0, 3, 2)}
        for part in self.problem.parts:
            own = [kept for kept in self.kept if kept.strand.part is part]
            for k, name in enumerate(part.state_names):
                beside_h = [np.concatenate(kept.first[k : None if k else 1], axis=1) for kept in own]
                found[name] = np.stack([first.swapaxes(1, 2) for first in beside_h], axis=1)
        return found

    def _changed_sums(self, right: Gradients) -> Gradients:
        found = dict(right)
        places = {own: (kept, name) for kept in self.kept for name, own in kept.strand.parameters.items()}
        for mistake, rows in self._rows:
            for pattern, change in mistake.sums.items():
                for own in right:
                    place = places.get(own)
                    short = place[1] if place else own.split(".")[-1]
                    if pattern != f"={own}" and matching(pattern, [short]) != [short]:
                        continue
                    value = self._changed(own, place, change, rows, right)
                    if value is not None:
                        if found[own] is right[own]:
                            found[own] = right[own].copy()
                        found[own][rows] = value
        return found

    def _changed(
        self, own: str, place: tuple[Kept, str] | None, change: SumChange, rows: np.ndarray, right: Gradients
    ) -> np.ndarray | None:
        """Some rows of a tensor by another sum; None where that is the same one."""
        value, of = None, SumOf(self.problem, own, right, rows)
        if place is not None:
            kept, name = place
            operand, adjoint = kept.strand.equations.sums[name]
            of = of._replace(operand=kept.strand.leaf(operand), adjoint=kept.roots[adjoint][:, rows])
            if (
                change.is_another_sum(operand)
                and change.adjoint in ("", *kept.roots)
                and kept.strand.has(change.reads(operand))
            ):
                value = parameter(kept, name, change, rows)
        return value if change.after is None else change.after(right[own][rows] if value is None else value, of)


def _is_around(strand: Strand, node: int, change: tuple[np.ndarray, int]) -> bool:
    return strand.holds(change[1], node)


def sizes_of_sums(problem: Problem) -> dict[str, float]:
    """The largest entry of each parameter's sum, had all its terms one sign: what rounding is relative to."""
    found = {}
    for kept in Pass(problem, [()]).kept:
        for name, own in kept.strand.parameters.items():
            operand, adjoint = kept.strand.equations.sums[name]
            leaf = kept.strand.leaf(operand)
            absolute = total(None if leaf is None else np.abs(leaf), np.abs(kept.roots[adjoint]))
            found[own] = float(np.max(absolute, initial=0.0))
    return found


def gradients_of(problem: Problem, hypotheses: Sequence[Hypothesis], names: Sequence[str] | None = None) -> Gradients:
    """The gradients of every hypothesis, (K, *shape); nan of one from elsewhere that has none."""
    names = problem.names if names is None else names
    found = {name: np.full((len(hypotheses), *problem.like(name)), np.nan) for name in names}
    ways: dict[bool | None, list[int]] = {}
    for k, mistakes in enumerate(hypotheses):
        alone = any(mistake.elsewhere for mistake in mistakes)
        ways.setdefault(None if alone else any(m.forward_in_time for m in mistakes), []).append(k)
    for way, rows in ways.items():
        if way is None:
            for k in rows:
                for name, value in _elsewhere(problem, hypotheses[k]).items():
                    if name in found:
                        found[name][k] = value
            continue
        with np.errstate(all="ignore"):
            passed = Pass(problem, [hypotheses[k] for k in rows], forward_in_time=way).gradients(names)
        for name in names:
            found[name][rows] = passed[name]
    return found


def _elsewhere(problem: Problem, mistakes: Hypothesis) -> Gradients:
    (mistake,) = mistakes
    assert mistake.elsewhere is not None
    found = mistake.elsewhere(problem)
    return {} if found is None else {name: value[0] for name, value in found.items()}
