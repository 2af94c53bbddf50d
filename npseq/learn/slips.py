"""What a line may be by a slip: a sign, a factor, a path, a step, a transpose, a sum, each in words."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from npseq.learn.expressions import Lines
from npseq.learn.slopes import Slip, Slopes

STEPS = {"h": "h_new", "c": "c_new", "a_prev": "a_next", "c_prev": "c_next", "H_prev": "H", "C_prev": "C"}


DEAREST = Slip(-1, "", "", np.inf)


class Slips(Slopes):
    """Makes the slips of an expression.

    Args:
        lines: the graph.
        arrays: {name: array} of all names that a line may read.
        adjoints: those of them that carry a gradient: what is multiplied by one of these is a path.
        counts: {words: number}, whose factors are confused, such as the number of sequences.
    """

    def __init__(self, lines: Lines, arrays: Mapping[str, np.ndarray], adjoints: set[str], counts: Mapping[str, int]):
        super().__init__(lines, arrays)
        self.adjoints, self.counts = adjoints, counts

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
        if not top and op == "matmul":
            yield from self.too_many(node, f" at {self.lines.text(node)}")
        if (method := getattr(self, f"_of_{op}", None)) is not None:
            yield from method(node)

    def negative(self, node: int) -> int:
        return self.lines.sum((-1, node))

    def _of_product(self, node: int) -> Iterator[Slip]:
        lines, factors = self.lines, self.lines.nodes[node].args
        added = lines.sum(*((1, factor) for factor in factors))
        yield Slip(added, "factor", f"a product belongs here, {lines.text(node)}, not a sum", 1.1)
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
        yield from self._product_of_sums(terms)
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
            if lines.nodes[part].op == "matmul":
                inner, matrix = lines.nodes[part].args
                wide = lines.add("matmul", lines.sum((weight, inner), *rest), matrix)
                words = f"{lines.text(matrix)} belongs to {lines.text(inner)} alone: the bracket is too wide"
                yield Slip(wide, "factor", words, 1.2)
            twice = f"{'the path' if path else 'the term'} {text} comes twice"
            yield Slip(lines.sum(*rest, (2 * weight, part)), "factor", twice, 1.3)

    def _product_of_sums(self, terms: tuple[tuple[float, int], ...]) -> Iterator[Slip]:
        """Matrix products of each step, added up before they are multiplied; one side of theirs in all of them."""
        lines, several = self.lines, [term for term in terms if self.lines.nodes[term[1]].op == "matmul"]
        if len(several) < 2:
            return
        sides = [lines.nodes[part].args for _, part in several]
        left, right = (lines.sum(*((1, pair[side]) for pair in sides)) for side in (0, 1))
        if len(several) == len(terms):
            words = "each step has a product of its own; a product of the sums has all crossed terms too"
            yield Slip(lines.add("matmul", left, right), "path", words, 1.2)
        rest = [term for term in terms if term not in several]
        for one, other in sides if len(several) > 2 else ():
            for part, pair in ((one, (one, right)), (other, (left, other))):
                words = f"{lines.text(part)} stands in every path; each of them has its own"
                yield Slip(lines.sum((1, lines.add("matmul", *pair)), *rest), "factor", words, 1.2)

    def carries(self, node: int) -> bool:
        """Whether an adjoint is in it."""
        leaves = [self.lines.nodes[part] for part in self.lines.reached([node])]
        return any(leaf.op == "leaf" and leaf.args[0] in self.adjoints for leaf in leaves)

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
        text = self.lines.text(inner)
        yield Slip(inner, "shape", f"{text} must be transposed", 1)
        for other in (
            (self.lines.add("inverse", inner), self.lines.add("inverse", node)) if text.startswith("W") else ()
        ):
            yield Slip(other, "shape", f"the transpose of {text} belongs here, not its inverse", 1.2)

    def _of_matmul(self, node: int) -> Iterator[Slip]:
        lines, (left, right) = self.lines, self.lines.nodes[node].args
        yield Slip(lines.add("matmul", right, left), "shape", f"the order is {lines.text(node)}", 1.1)
        for side, other in ((left, right), (right, left)):
            turned = self._turned(side)
            pair = (turned, other) if side == left else (other, turned)
            if self.lines.nodes[side].op != "T":
                words = f"{lines.text(side)} must not be transposed"
                yield Slip(lines.add("matmul", *pair), "shape", words, 1.1)
        sizes = [np.shape(self.arrays.get(lines.text(side), ())) for side in (left, right)]
        many = max(sizes[0][1] if len(sizes[0]) > 1 else 0, sizes[1][0] if sizes[1] else 0, 1)
        for k in {0, many - 1}:
            words = f"of the sum in {lines.text(node)} one term alone is left, as when = stands in the place of +="
            yield Slip(lines.add("term", left, right, k), "sum", words, 1.2)
        words = f"a matrix product belongs here, {lines.text(node)}, not one entry by entry"
        for other in (right, lines.add("total", right, 0, False)):
            yield Slip(lines.product(left, other), "shape", words, 1.2)
        crossed = lines.add("crossed", left, right)
        words = f"in {lines.text(node)} a product is summed; a product of the sums has all crossed terms too"
        for count in (1, many, many**2):
            number = lines.add("invert", lines.constant(count))
            yield Slip(crossed if count == 1 else lines.product(crossed, number), "sum", words, 1.2)
        yield from self._placed(left, right)
        yield Slip(left, "path", f"the matrix {lines.text(right)} is missing", 1.2)
        yield Slip(right, "path", f"the matrix {lines.text(left)} is missing", 1.2)

    def _placed(self, left: int, right: int) -> Iterator[Slip]:
        """A factor of what is multiplied by a matrix, after the product."""
        lines = self.lines
        factors = lines.nodes[left].args if lines.nodes[left].op == "product" else ()
        for k, factor in enumerate(factors):
            inner = lines.add("matmul", lines.product(*factors[:k], *factors[k + 1 :]), right)
            words = f"{lines.text(factor)} multiplies before the matrix product, not after it"
            yield Slip(lines.product(inner, factor), "factor", words, 1.1)
        factors = lines.nodes[right].args if lines.nodes[right].op == "product" and lines.nodes[left].op == "T" else ()
        for k, factor in enumerate(factors):
            operand, rest = lines.nodes[left].args[0], lines.product(*factors[:k], *factors[k + 1 :])
            words = f"{lines.text(factor)} multiplies {lines.text(rest)}, not {lines.text(operand)}"
            moved = lines.add("matmul", lines.add("T", lines.product(operand, factor)), rest)
            yield Slip(moved, "factor", words, 1.1)

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
        words = f"the shape is that of the parameter, with {'' if keep else 'no '}keepdims=True"
        yield Slip(lines.add("total", inner, axis, not keep), "shape", words, 1)
        for k in range(count):
            words = f"the sum is over all of {over}, not number {k} alone"
            yield Slip(lines.add("one", inner, k, axis, keep), "sum", words, 1)
        mean = lines.product(node, lines.add("invert", lines.constant(count)))
        yield Slip(mean, "sum", f"it is a sum over {over}, not a mean", 1)

    def whole(self, node: int) -> Iterator[Slip]:
        """A slip of the whole line."""
        lines = self.lines
        yield Slip(self.negative(node), "sign", "the sign is wrong", 1)
        yield Slip(lines.add("T", node), "shape", "it is transposed", 1)
        for number in (2.0, 0.5):
            yield Slip(lines.sum((number, node)), "factor", f"it is {number:g} times as large as it should be", 1.1)
        for words, number in self.counts.items():
            count = lines.constant(number)
            divided = lines.product(node, lines.add("invert", count))
            yield Slip(divided, "sum", f"it must not be divided by {words}", 1.05)
            yield Slip(lines.product(node, count), "sum", f"it must not be multiplied by {words}", 1.05)
        yield from self.too_many(node, "")
        for name in self.arrays:
            leaf = lines.leaf(name)
            more = f"there is a {'path' if name in self.adjoints else 'term'} {name} too many"
            yield Slip(lines.sum((1, node), (1, leaf)), "path", more, 1.5)
            yield Slip(leaf, "factor", f"it is {name} alone", 1.3)

    def too_many(self, node: int, where: str) -> Iterator[Slip]:
        """A factor that does not belong there: a name, 1 less a name, a slope, a tanh."""
        lines, one = self.lines, self.lines.constant(1)
        for name in self.arrays:
            leaf = lines.leaf(name)
            factors = {leaf: name, lines.sum((1, one), (-1, leaf)): f"(1 - {name})"}
            factors |= {lines.add(slope, leaf): lines.text(lines.add(slope, leaf)) for slope in ("dsigmoid", "dtanh")}
            factors |= {lines.add("tanh", leaf): f"tanh({name})"}
            for factor, text in factors.items():
                yield Slip(lines.product(node, factor), "factor", f"there is a factor {text} too many{where}", 1.5)


def is_step(name: str, other: str) -> bool:
    """Whether two names are one state at different steps: h and h_new, dy_1 and dy_2."""
    if STEPS.get(name) == other or STEPS.get(other) == name:
        return True
    a, b = name.rstrip("0123456789"), other.rstrip("0123456789")
    return a == b and a != name
