"""What may stand in a node's place, by a slip: a factor left out, a sign, a stale state, another derivative."""

from collections.abc import Iterator
from typing import NamedTuple

from npseq.diagnosis.problem import Strand

USUAL, LIKELY, ODD = 1.1, 1.3, 1.6  # the price of an edit; one of the catalogue costs 1


class Edit(NamedTuple):
    """A node, what stands in its place, and in which words."""

    node: int
    other: int
    words: str
    price: float


class Alternatives:
    """Makes the edits of one node.

    Args:
        strand: one that the cell runs in: only what has the same size can be confused.
    """

    def __init__(self, strand: Strand):
        self.equations = strand.equations
        self.graph, self.size, self.shapes = self.equations.graph, strand.size, strand.shapes
        self.taped = {name: strand.sizes[name] for name in self.equations.taped}
        reached = self.graph.reached(self.graph.names.values())
        self.tanhs = [node for node in reached if self.graph.nodes[node].op == "tanh"]
        self.slopes = [node for node in reached if self.graph.nodes[node].op in ("dtanh", "dsigmoid", "drelu")]
        self.adjoints = set(filter(self.equations.is_adjoint, self.equations.adjoints.values()))

    def of_node(self, node: int) -> Iterator[Edit]:
        """What may stand in the place of a node."""
        match self.graph.nodes[node].op:
            case "product":
                yield from self.product(node)
            case "sum":
                yield from self.sum(node)
            case "leaf":
                yield from self.leaf(node)
            case "times":
                yield from self.times(node)
            case op:
                yield from self.function(node, op)

    def product(self, node: int) -> Iterator[Edit]:
        factors, text = self.graph.nodes[node].args, self.graph.text
        for k, factor in enumerate(factors):
            if factor in factors[:k]:
                continue
            rest = factors[:k] + factors[k + 1 :]
            yield Edit(node, self.graph.product(*rest), f"the factor {text(factors[k])} is missing", USUAL)
            if factor in self.adjoints:
                continue
            twice = self.graph.product(*factors, factors[k])
            yield Edit(node, twice, f"the factor {text(factors[k])} comes twice", LIKELY)
        yield from self.brackets(node, factors)
        yield Edit(node, self.graph.sum((-1, node)), "the sign is wrong", USUAL)
        for weight in (2, 0.5):
            yield Edit(node, self.graph.sum((weight, node)), f"it is {weight:g} times too large", LIKELY)
        for leaf in self._confused(factors):
            more = self.graph.product(*factors, leaf)
            yield Edit(node, more, f"there is a factor {text(leaf)} too many", ODD)

    def brackets(self, node: int, factors: tuple[int, ...]) -> Iterator[Edit]:
        """A bracket left out: a factor meets one term alone, or all factors do."""
        graph = self.graph
        for total in factors:
            terms, left = self._opened(total), [part for part in factors if part != total]
            for weight, term in terms if left and len(terms) > 1 else ():
                rest = graph.sum(*(pair for pair in terms if pair[1] != term))
                text = f"as without the bracket around {graph.text(total)}"
                alone = graph.sum((weight, graph.product(*left, term)), (1, rest))
                yield Edit(node, alone, f"the other factors meet {graph.text(term)} alone, {text}", LIKELY)
                for factor in left if total in self.adjoints else ():
                    others = [part for part in left if part != factor]
                    bare = graph.product(graph.sum((weight, term)), *others)
                    words = f"the factor {graph.text(factor)} is missing at the term {graph.text(term)} alone, {text}"
                    yield Edit(node, graph.sum((1, bare), (1, graph.product(rest, *left))), words, LIKELY)

    def _opened(self, node: int) -> tuple[tuple[float, int], ...]:
        """The terms of a sum; those of 1 - y^2 and y (1 - y), as they are written."""
        op, args = self.graph.nodes[node]
        if op == "dtanh":
            return (1, self.graph.constant(1)), (-1, self.graph.product(args[0], args[0]))
        return ((1, args[0]), (-1, self.graph.product(args[0], args[0]))) if op == "dsigmoid" else self._as_sum(node)

    def sum(self, node: int) -> Iterator[Edit]:
        terms, graph = self.graph.nodes[node].args, self.graph
        for k, (weight, part) in enumerate(terms):
            rest, text = terms[:k] + terms[k + 1 :], graph.text(part)
            yield Edit(node, graph.sum(*rest), f"the term {text} is missing", USUAL)
            yield Edit(node, graph.sum(*rest, (-weight, part)), f"the term {text} has the wrong sign", USUAL)
            for times, words in ((2, "comes twice"), (0.5, "is halved")):
                yield Edit(node, graph.sum(*rest, (times * weight, part)), f"the term {text} {words}", LIKELY)
            slopes = [slope for slope in self.slopes if self.size(slope) == self.size(part)]
            for factor in (*self._confused((part,)), *slopes) if part in self.adjoints else ():
                more = graph.sum(*rest, (weight, graph.product(part, factor)))
                yield Edit(node, more, f"there is a factor {graph.text(factor)} too many at the term {text}", ODD)
            if len(terms) > 2:
                yield Edit(node, graph.sum((weight, part)), f"of all terms there is {text} alone", LIKELY)
        yield Edit(node, graph.sum(*((-weight, part) for weight, part in terms)), "the sign is wrong", USUAL)

    def leaf(self, node: int) -> Iterator[Edit]:
        name, graph = self.graph.nodes[node].args[0], self.graph
        if name in self.equations.given:
            return
        for leaf in self.taped:
            if self.taped[leaf] == self.taped[name] and leaf != name:
                state = leaf.removesuffix("_new") == name.removesuffix("_new")
                yield self._instead(node, graph.leaf(leaf), USUAL if state else LIKELY)
        for other in self.tanhs:
            if self.size(other) == self.taped[name]:
                yield self._instead(node, other, LIKELY)
        for variant in ("before", "after", "first", "last", "from_zero"):
            yield self._instead(node, graph.leaf(name, variant), LIKELY)
        if f"{name}_new" in self.taped:
            last = graph.leaf(f"{name}_new", "wrapped_before")
            words = f"at the first step the last {name}, which an index of -1 reads, in place of the given one"
            yield Edit(node, last, words, LIKELY)
        else:
            yield self._instead(node, graph.leaf(name, "wrapped_before"), LIKELY)
        for again in ("tanh", "sigmoid"):
            yield self._instead(node, graph.add(again, node), ODD)
        for slope in ("dsigmoid", "dtanh"):
            yield self._instead(node, graph.add(slope, node), LIKELY)
        yield self._instead(node, graph.sum((1, graph.constant(1)), (-1, node)), LIKELY)

    def times(self, node: int) -> Iterator[Edit]:
        name, operand = self.graph.nodes[node].args
        graph, shape = self.graph, self.shapes[name]
        if shape[0] == shape[1]:
            yield Edit(node, graph.add("times", f"{name}_T", operand), f"{name} is not transposed back", USUAL)
            inside = [operand, *(graph.nodes[operand].args if graph.nodes[operand].op == "product" else ())]
            for factor in inside[1:]:
                rest = graph.product(*(part for part in inside[1:] if part != factor))
                moved = graph.product(factor, graph.add("times", name, rest))
                yield Edit(node, moved, f"the factor {graph.text(factor)} after the product, not before it", LIKELY)
        for other in self.shapes:
            if other != name and self.shapes[other] == shape and "@" not in other:
                yield Edit(node, graph.add("times", other, operand), f"{other} in place of {name}", LIKELY)

    def function(self, node: int, op: str) -> Iterator[Edit]:
        if op not in ("dtanh", "dsigmoid", "drelu", "tanh"):
            return
        (y,) = self.graph.nodes[node].args
        graph, one = self.graph, self.graph.constant(1)
        others: list[int] = {
            "dtanh": [
                graph.sum((1, one), (-1, y)),
                graph.sum((1, one), (1, graph.product(y, y))),
                graph.add("dsigmoid", y),
                graph.add("dtanh", graph.add("tanh", y)),
                graph.add("dtanh", graph.add("arctanh", y)),
                graph.product(y, y),
                y,
                graph.product(*2 * [graph.sum((1, one), (-1, y))]),
            ],
            "dsigmoid": [
                graph.sum((1, one), (-1, y)),
                y,
                graph.sum((1, y), (1, graph.product(y, y))),
                graph.add("dtanh", y),
                graph.add("dsigmoid", graph.add("sigmoid", y)),
                graph.add("dsigmoid", graph.add("logit", y)),
                graph.product(*2 * [graph.sum((1, one), (-1, y))]),
            ],
            "drelu": [graph.add("drelu", graph.leaf("p")), y, graph.add("dtanh", y)],
            "tanh": [y, graph.add("tanh", node), graph.add("sigmoid", y)],
        }[op]
        if op == "tanh":
            others += [
                leaf for leaf in map(self.graph.leaf, self.taped) if self.size(leaf) == self.size(y) and leaf != y
            ]
        if op == "dsigmoid":
            for other in map(self.graph.leaf, self.taped):
                if other != y and self.size(other) == self.size(y):
                    others += [graph.product(a, graph.sum((1, one), (-1, b))) for a, b in ((y, other), (other, y))]
        yield from (self._instead(node, other, USUAL if k < 3 else LIKELY) for k, other in enumerate(others))

    def _same_size(self, node: int, other: int) -> bool:
        return self.size(node) == self.size(other) != 0

    def _as_sum(self, node: int) -> tuple[tuple[float, int], ...]:
        return self.graph.nodes[node].args if self.graph.nodes[node].op == "sum" else ((1, node),)

    def _instead(self, node: int, other: int, price: float) -> Edit:
        return Edit(node, other, f"{self.graph.text(other)} in place of {self.graph.text(node)}", price)

    def _confused(self, factors: tuple[int, ...]) -> list[int]:
        """The leaves of a product's size that are not in it."""
        size = self.size(factors[0])
        return [n for n in map(self.graph.leaf, self.taped) if self.size(n) == size and n not in factors]
