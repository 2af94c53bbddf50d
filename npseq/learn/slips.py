"""What a line may be by a slip: a sign, a factor, a path, a step, a transpose, a sum, each in words."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from npseq.learn.expressions import Lines

STEPS = {"h": "h_new", "c": "c_new", "a_prev": "a_next", "c_prev": "c_next", "H_prev": "H", "C_prev": "C"}


class Slip(NamedTuple):
    """A wrong expression: of which kind, in which words, and how unlikely."""

    node: int
    kind: str  # "shape", "sign", "factor", "path", "step", "sum"
    words: str
    price: float = 1.0


DEAREST = Slip(-1, "", "", np.inf)


class Slips:
    """Makes the slips of an expression.

    Args:
        lines: the graph.
        arrays: {name: array} of all names that a line may read.
        adjoints: those of them that carry a gradient: what is multiplied by one of these is a path.
        counts: {words: number}, whose factors are confused, such as the number of sequences.
    """

    def __init__(self, lines: Lines, arrays: Mapping[str, np.ndarray], adjoints: set[str], counts: Mapping[str, int]):
        self.lines, self.arrays, self.adjoints, self.counts = lines, arrays, adjoints, counts

    def of(self, node: int) -> Iterator[Slip]:
        """Every single slip of an expression, of all its parts."""
        best: dict[int, Slip] = {}
        for slip in (*self.inside(node), *self.exchanged(node), *self.whole(node)):
            if slip.node != node and slip.price < best.get(slip.node, DEAREST).price:
                best[slip.node] = slip
        yield from best.values()

    def inside(self, node: int) -> Iterator[Slip]:
        """A slip at any part."""
        for part in self.lines.reached([node]):
            for slip in self.at(part, part == node):
                yield slip._replace(node=self.lines.replaced(node, part, slip.node))

    def exchanged(self, node: int) -> Iterator[Slip]:
        """Two names of the same shape in each other's place."""
        lines = self.lines
        leaves = [part for part in lines.reached([node]) if lines.nodes[part].op == "leaf"]
        for a, b in combinations(leaves, 2):
            one, other = lines.text(a), lines.text(b)
            if other in self._alike(a):
                kind = "step" if is_step(one, other) else "path" if self.adjoints & {one, other} else "factor"
                waiting = lines.replaced(lines.replaced(node, a, lines.leaf("_")), b, a)
                yield Slip(lines.replaced(waiting, lines.leaf("_"), b), kind, f"{one} and {other} are exchanged", 1.1)

    def at(self, node: int, top: bool) -> Iterator[Slip]:
        """A slip at this part."""
        op = self.lines.nodes[node].op
        if not top and op in ("product", "matmul", "sum"):
            yield Slip(self.negative(node), "sign", f"{self.lines.text(node)} has the wrong sign", 1.1)
        if (method := getattr(self, f"_of_{op}", None)) is not None:
            yield from method(node)

    def negative(self, node: int) -> int:
        return self.lines.sum((-1, node))

    def _of_product(self, node: int) -> Iterator[Slip]:
        lines, factors = self.lines, self.lines.nodes[node].args
        for k, factor in enumerate(factors):
            if factor in factors[:k]:
                continue
            rest, text = factors[:k] + factors[k + 1 :], lines.text(factor)
            one = f"({text})" if lines.nodes[factor].op == "sum" else text
            yield Slip(lines.product(*rest), "factor", f"the factor {one} is missing", 1)
            yield Slip(lines.product(*factors, factor), "factor", f"the factor {one} comes twice", 1.2)
            divided = lines.product(*rest, lines.add("invert", factor))
            yield Slip(divided, "factor", f"multiply by {one}, do not divide by it", 1.2)
            yield from self._without_bracket(node, factor, rest)

    def _without_bracket(self, node: int, factor: int, rest: tuple[int, ...]) -> Iterator[Slip]:
        """The other factors meet one term of a sum alone."""
        lines = self.lines
        terms = self._terms(factor)
        for weight, term in terms if len(terms) > 1 else ():
            others = lines.sum(*(pair for pair in terms if pair[1] != term))
            alone = lines.sum((weight, lines.product(*rest, term)), (1, others))
            words = f"a bracket is missing around {lines.text(factor).strip('()')}"
            yield Slip(alone, "factor", words, 1.2)

    def _terms(self, node: int) -> tuple[tuple[float, int], ...]:
        op, args = self.lines.nodes[node]
        if op == "dtanh":
            return (1, self.lines.constant(1)), (-1, self.lines.product(args[0], args[0]))
        return args if op == "sum" else ((1, node),)

    def _of_sum(self, node: int) -> Iterator[Slip]:
        lines, terms = self.lines, self.lines.nodes[node].args
        for k, (weight, part) in enumerate(terms):
            rest, text = terms[:k] + terms[k + 1 :], lines.text(part)
            path = self.carries(part)
            what = f"the path {text} is missing" if path else f"the term {text} is missing"
            yield Slip(lines.sum(*rest), "path" if path else "factor", what, 1)
            yield Slip(lines.sum(*rest, (-weight, part)), "sign", f"{text} has the wrong sign", 1)
            if len(terms) > 2:
                alone = f"only the path {text} is there; the others are missing"
                yield Slip(lines.sum((weight, part)), "path" if path else "factor", alone, 1.3)
            factors = lines.nodes[part].args if lines.nodes[part].op == "product" else ()
            for one in (factor for factor in factors if self.carries(factor)):
                others = [factor for factor in factors if factor != one]
                wide = lines.product(lines.sum((weight, one), *rest), *others)
                words = (
                    f"{lines.text(lines.product(*others))} belongs to {lines.text(one)} alone: the bracket is too wide"
                )
                yield Slip(wide, "factor", words, 1.2)
            twice = f"{'the path' if path else 'the term'} {text} comes twice"
            yield Slip(lines.sum(*rest, (2 * weight, part)), "factor", twice, 1.3)

    def carries(self, node: int) -> bool:
        """Whether an adjoint is in it."""
        leaves = [self.lines.nodes[part] for part in self.lines.reached([node])]
        return any(leaf.op == "leaf" and leaf.args[0] in self.adjoints for leaf in leaves)

    def _of_dtanh(self, node: int) -> Iterator[Slip]:
        lines, (y,) = self.lines, self.lines.nodes[node].args
        one, text = lines.constant(1), lines.text(node)
        y_text = lines.text(y)
        others = {
            lines.product(y, y): "the 1 in it is missing",
            y: f"it is not {y_text} itself",
            lines.sum((1, one), (-1, y)): f"{y_text} is not squared",
            lines.sum((1, one), (1, lines.product(y, y))): "there is a minus in it",
            lines.sum((1, lines.product(y, y)), (-1, one)): "it has the wrong sign",
            lines.add("dsigmoid", y): "that is the derivative of a sigmoid; this is a tanh",
            lines.add("dtanh", lines.add("tanh", y)): f"{y_text} is a tanh already, and tanh was taken once more",
            lines.product(node, node): "it comes twice",
            lines.add("tanh", y): "the derivative is needed here, not the tanh",
            lines.product(lines.constant(2), y): "that is the derivative of a square",
            lines.product(y, node): f"there is a factor {y_text} too many",
            lines.product(
                y, lines.add("dtanh", lines.add("tanh", y))
            ): f"{y_text} is a tanh already, and no factor of it",
        }
        if lines.nodes[y].op == "tanh":
            inner = lines.nodes[y].args[0]
            others[lines.add("dtanh", inner)] = f"the tanh of {lines.text(inner)} is missing"
            others[lines.sum((1, one), (-1, lines.product(inner, y)))] = f"the tanh of {lines.text(inner)} is missing"
        for other, words in others.items():
            kind = "sign" if "minus" in words or "sign" in words else "factor"
            yield Slip(other, kind, f"the derivative is {text}: {words}", 1.0)

    def _of_dsigmoid(self, node: int) -> Iterator[Slip]:
        lines, (y,) = self.lines, self.lines.nodes[node].args
        one, y_text = lines.constant(1), lines.text(y)
        others = {
            y: f"the factor (1 - {y_text}) is missing",
            lines.sum((1, one), (-1, y)): f"the factor {y_text} is missing",
            lines.sum((1, y), (1, lines.product(y, y))): "there is a minus in it",
            lines.product(y, lines.sum((1, y), (-1, one))): "it has the wrong sign",
            lines.add("dtanh", y): "that is the derivative of a tanh; this is a sigmoid",
            lines.add(
                "dsigmoid", lines.add("sigmoid", y)
            ): f"{y_text} is a sigmoid already, and it was taken once more",
            lines.constant(1): "it is missing",
            lines.product(node, node): "it comes twice",
            lines.add("sigmoid", y): "the derivative is needed here, not the sigmoid",
            lines.product(*2 * [lines.sum((1, one), (-1, y))]): f"one factor is {y_text} itself",
            lines.product(y, y): f"one factor is 1 - {y_text}",
        }
        for other, words in others.items():
            kind = "sign" if "minus" in words or "sign" in words else "factor"
            yield Slip(other, kind, f"the derivative is {lines.text(node)}: {words}", 1.0)
        for name in self._alike(y):
            other = lines.leaf(name)
            words = f"the derivative is {lines.text(node)}, of one and the same gate"
            yield Slip(lines.product(y, lines.sum((1, one), (-1, other))), "factor", words, 1.4)
            yield Slip(lines.product(other, lines.sum((1, one), (-1, y))), "factor", words, 1.4)

    def _of_tanh(self, node: int) -> Iterator[Slip]:
        (inner,) = self.lines.nodes[node].args
        inside = self.lines.text(inner)
        yield Slip(inner, "factor", f"the tanh of {inside} is missing", 1)
        yield Slip(self.lines.add("dtanh", node), "factor", f"{self.lines.text(node)} itself belongs here", 1.1)
        sigmoid = f"the function of {inside} is tanh, not a sigmoid"
        yield Slip(self.lines.add("sigmoid", inner), "factor", sigmoid, 1.2)

    def _alike(self, node: int) -> list[str]:
        """The other names whose arrays have the shape of this one's."""
        name = self.lines.nodes[node].args[0] if self.lines.nodes[node].op == "leaf" else ""
        shape = np.shape(self.arrays[name]) if name in self.arrays else None
        return [n for n, value in self.arrays.items() if n != name and np.shape(value) == shape]

    def _of_leaf(self, node: int) -> Iterator[Slip]:
        lines, name = self.lines, self.lines.nodes[node].args[0]
        for other in self._alike(node):
            kind, what = ("step", "the wrong step") if is_step(name, other) else ("factor", "the wrong one")
            if name in self.adjoints or other in self.adjoints:
                kind = "step" if kind == "step" else "path"
            price = 1.0 if kind == "step" else 1.2
            yield Slip(lines.leaf(other), kind, f"{other} is {what}: {name} belongs here", price)
        for other in self.arrays if name.startswith("W") else ():
            if other.startswith("W") and other not in (name, *self._alike(node)):
                yield Slip(lines.leaf(other), "shape", f"{other} is the wrong one: {name} belongs here", 1.0)
        for other in self._alike(node) if name in self.adjoints else ():
            if other not in self.adjoints:
                more = lines.product(node, lines.leaf(other))
                yield Slip(more, "factor", f"there is a factor {other} too many at {name}", 1.4)
        if name not in self.adjoints and name in self.arrays:
            less = lines.sum((1, lines.constant(1)), (-1, node))
            yield Slip(less, "factor", f"{name} belongs here, not 1 - {name}", 1.1)
            for function, words in (("tanh", "a tanh"), ("sigmoid", "a sigmoid")):
                yield Slip(lines.add(function, node), "factor", f"{name} belongs here, without {words} of it", 1.4)
            for slope in ("dsigmoid", "dtanh"):
                words = f"{name} itself belongs here, not a derivative"
                yield Slip(lines.add(slope, node), "factor", words, 1.3)

    def _of_T(self, node: int) -> Iterator[Slip]:
        (inner,) = self.lines.nodes[node].args
        yield Slip(inner, "shape", f"{self.lines.text(inner)} must be transposed", 1)

    def _of_matmul(self, node: int) -> Iterator[Slip]:
        lines, (left, right) = self.lines, self.lines.nodes[node].args
        yield Slip(lines.add("matmul", right, left), "shape", f"the order is {lines.text(node)}", 1.1)
        for side, other in ((left, right), (right, left)):
            turned = self._turned(side)
            pair = (turned, other) if side == left else (other, turned)
            if self.lines.nodes[side].op != "T":
                words = f"{lines.text(side)} must not be transposed"
                yield Slip(lines.add("matmul", *pair), "shape", words, 1.1)
        words = f"a matrix product belongs here, {lines.text(node)}, not one entry by entry"
        yield Slip(lines.product(left, right), "shape", words, 1.2)
        yield Slip(left, "path", f"the matrix {lines.text(right)} is missing", 1.2)
        yield Slip(right, "path", f"the matrix {lines.text(left)} is missing", 1.2)

    def _turned(self, node: int) -> int:
        op, args = self.lines.nodes[node]
        return args[0] if op == "T" else self.lines.add("T", node)

    def _of_total(self, node: int) -> Iterator[Slip]:
        lines, (inner, axis, keep) = self.lines, self.lines.nodes[node].args
        if axis is None:
            return
        over = f"axis {axis}, the sequences"
        count = np.shape(next(iter(self.arrays.values())))[axis] if self.arrays else 1
        yield Slip(inner, "sum", f"the sum over {over}, is missing", 1)
        yield Slip(lines.add("total", inner, 1 - axis, keep), "sum", f"the sum is over {over}", 1)
        yield Slip(lines.add("total", inner, None, False), "sum", f"the sum is over {over}, alone", 1)
        yield Slip(lines.add("total", inner, axis, not keep), "shape", "the shape is that of the parameter", 1)
        for k in range(count):
            words = f"the sum is over all of {over}, not number {k} alone"
            yield Slip(lines.add("one", inner, k, axis, keep), "sum", words, 1)
        mean = lines.product(node, lines.add("invert", lines.constant(count)))
        yield Slip(mean, "sum", f"it is a sum over {over}, not a mean", 1)

    def whole(self, node: int) -> Iterator[Slip]:
        """A slip of the whole line."""
        lines, one = self.lines, self.lines.constant(1)
        yield Slip(self.negative(node), "sign", "the sign is wrong", 1)
        yield Slip(lines.add("T", node), "shape", "it is transposed", 1)
        yield Slip(lines.constant(0), "path", "it is zero: nothing was computed", 1)
        for number in (2.0, 0.5):
            yield Slip(lines.sum((number, node)), "factor", f"it is {number:g} times as large as it should be", 1.1)
        for words, number in self.counts.items():
            count = lines.constant(number)
            divided = lines.product(node, lines.add("invert", count))
            yield Slip(divided, "sum", f"it must not be divided by {words}", 1.05)
            yield Slip(lines.product(node, count), "sum", f"it must not be multiplied by {words}", 1.05)
        for name in self.arrays:
            leaf = lines.leaf(name)
            factors = {leaf: name, lines.sum((1, one), (-1, leaf)): f"(1 - {name})"}
            factors |= {lines.add(slope, leaf): lines.text(lines.add(slope, leaf)) for slope in ("dsigmoid", "dtanh")}
            factors |= {lines.add("tanh", leaf): f"tanh({name})"}
            for factor, text in factors.items():
                yield Slip(lines.product(node, factor), "factor", f"there is a factor {text} too many", 1.5)
            more = f"there is a {'path' if name in self.adjoints else 'term'} {name} too many"
            yield Slip(lines.sum((1, node), (1, leaf)), "path", more, 1.5)
            yield Slip(leaf, "factor", f"it is {name} alone", 1.3)


def is_step(name: str, other: str) -> bool:
    """Whether two names are one state at different steps: h and h_new, dy_1 and dy_2."""
    if STEPS.get(name) == other or STEPS.get(other) == name:
        return True
    a, b = name.rstrip("0123456789"), other.rstrip("0123456789")
    return a == b and a != name
