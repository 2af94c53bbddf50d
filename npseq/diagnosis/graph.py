"""The equations of one step backward as a graph: every expression is one node, which can be changed by itself.

Products and sums are flat, so that leaving out a factor or a term is one change. Expressions are written and printed in
the letters of docs/derivations: h and h_new are the states before and after the step, dh_new the adjoint of the latter.
"""

import ast
from collections.abc import Iterable
from typing import Any, NamedTuple

ONE_ARGUMENT = ("tanh", "sigmoid", "arctanh", "logit", "dtanh", "dsigmoid", "drelu", "steep", "same")


class Node(NamedTuple):
    """An operation and what it is of: ids of nodes, a leaf's name and variant, a sum's pairs (weight, id)."""

    op: str
    args: tuple[Any, ...]


ZERO = Node("constant", (0.0,))


class Graph:
    """Holds nodes, each expression once, and the names of some: `names["da_f"]` is the equation of da_f.

    Example:
        >>> from npseq.diagnosis.graph import Graph
        >>> graph = Graph()
        >>> graph.text(graph.parse("dc_new * c * (f - f * f)", {"dc_new", "c", "f"}))
        'dc_new * dsigmoid(f) * c'
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.names: dict[str, int] = {}
        self._ids: dict[Node, int] = {}
        self._called: dict[int, str] = {}

    def add(self, op: str, *args: object) -> int:
        """Returns the id of a node, a new one if there is none like it."""
        node = Node(op, args)
        if node not in self._ids:
            self._ids[node] = len(self.nodes)
            self.nodes.append(node)
        return self._ids[node]

    def name(self, name: str, node: int) -> int:
        """Names a node. What has a name is not taken apart where it stands in a product or in a sum."""
        self.names[name] = node
        self._called.setdefault(node, name)
        return node

    def leaf(self, name: str, variant: str = "") -> int:
        return self.add("leaf", name, variant)

    def constant(self, value: float) -> int:
        return self.add("constant", float(value))

    def product(self, *factors: int) -> int:
        """The product; y (1 - y) is dsigmoid(y)."""
        flat = sorted(part for factor in factors for part in self._parts("product", factor))
        flat = [part for part in flat if self.nodes[part] != Node("constant", (1.0,))]
        for y in flat:
            other = self.sum((1, self.constant(1)), (-1, y))
            if other in flat and other != y:
                flat.remove(y)
                flat.remove(other)
                return self.product(*flat, self.add("dsigmoid", y))
        if any(self.nodes[part] == Node("constant", (0.0,)) for part in flat):
            return self.constant(0)
        return flat[0] if len(flat) == 1 else self.add("product", *flat) if flat else self.constant(1)

    def sum(self, *terms: tuple[float, int]) -> int:
        """The sum of weight times node; 1 - y y is dtanh(y) and y - y y is dsigmoid(y)."""
        flat: dict[int, float] = {}
        for weight, node in terms:
            for w, part in self._terms(node):
                flat[part] = flat.get(part, 0) + weight * w
        pairs = tuple((w, part) for part, w in sorted(flat.items()) if w and self.nodes[part] != ZERO)
        for w, part in pairs:
            op, args = self.nodes[part]
            if w == -1 and op == "product" and len(args) == 2 and args[0] == args[1]:
                if set(pairs) == {(1, self.constant(1)), (-1, part)}:
                    return self.add("dtanh", args[0])
                if set(pairs) == {(1, args[0]), (-1, part)}:
                    return self.add("dsigmoid", args[0])
        if not pairs:
            return self.constant(0)
        return pairs[0][1] if len(pairs) == 1 and pairs[0][0] == 1 else self.add("sum", *pairs)

    def _parts(self, op: str, node: int) -> tuple[int, ...]:
        return self.nodes[node].args if self.nodes[node].op == op and node not in self._called else (node,)

    def _terms(self, node: int) -> tuple[tuple[float, int], ...]:
        return self.nodes[node].args if self.nodes[node].op == "sum" and node not in self._called else ((1, node),)

    def below(self, node: int) -> tuple[int, ...]:
        """The nodes that one is made of."""
        op, args = self.nodes[node]
        if op == "sum":
            return tuple(part for _, part in args)
        if op in ("leaf", "constant"):
            return ()
        return args[1:] if op in ("times", "when", "clip") else args

    def with_below(self, node: int, below: Iterable[int]) -> int:
        """The same operation of other nodes."""
        op, args = self.nodes[node]
        below = tuple(below)
        if op == "sum":
            return self.sum(*((weight, part) for (weight, _), part in zip(args, below, strict=True)))
        if op == "product":
            return self.product(*below)
        return self.add(op, args[0], *below) if op in ("times", "when", "clip") else self.add(op, *below)

    def reached(self, roots: Iterable[int], into_named: bool = True) -> list[int]:
        """All nodes that these are made of, themselves too, each after those that it is made of.

        Args:
            roots: where to begin.
            into_named: whether to look into what has a name, below the roots.
        """
        found: dict[int, None] = {}

        def visit(node: int, top: bool) -> None:
            if node in found:
                return
            if top or into_named or node not in self._called:
                for part in self.below(node):
                    visit(part, False)
            found[node] = None

        for root in roots:
            visit(root, True)
        return list(found)

    def replaced(self, node: int, old: int, new: int, top: bool = True) -> int:
        """The expression with another node wherever `old` stands in it, but not inside what has a name."""
        if node == old:
            return new
        if not top and node in self._called:
            return node
        below = self.below(node)
        after = [self.replaced(part, old, new, False) for part in below]
        return node if tuple(after) == below else self.with_below(node, after)

    def parse(self, text: str, leaves: Iterable[str]) -> int:
        """The node of an expression: names, numbers, + - *, functions of one argument, and `W_hf(x)` for a product.

        Args:
            text: say "dc_all * c_new * dsigmoid(f)".
            leaves: the names of leaves; "c.first" is the variant "first" of c.

        Raises:
            LookupError: if the graph has no such name.
        """
        return _Reader(self, set(leaves)).node(ast.parse(text.strip(), mode="eval").body)

    def text(self, node: int, but: int = -1) -> str:
        """The expression as it would be parsed; what has a name is printed as that, `but` one that is written out."""
        if node in self._called and node != but:
            return self._called[node]
        op, args = self.nodes[node]
        if op == "leaf":
            leaf: str = args[0] + (f".{args[1]}" if args[1] else "")
            return leaf
        if op == "constant":
            return f"{args[0]:g}"
        if op == "sum":
            in_order = sorted(args, key=lambda term: (term[0] < 0, term[1]))
            return "".join(self._term(weight, part, k, but) for k, (weight, part) in enumerate(in_order))
        if op == "product":
            adjoint_first = sorted(args, key=lambda part: (not self.text(part, but).startswith("d"), part))
            return " * ".join(self._factor(part, but) for part in adjoint_first)
        inside = ", ".join(self.text(part, but) for part in self.below(node))
        return f"{args[0]}({inside})" if op == "times" else f"{op}({inside})"

    def _term(self, weight: float, node: int, k: int, but: int) -> str:
        sign = ("-" if weight < 0 else "") if k == 0 else (" - " if weight < 0 else " + ")
        return f"{sign}{'' if abs(weight) == 1 else f'{abs(weight):g} * '}{self._factor(node, but, weight < 0)}"

    def _factor(self, node: int, but: int, negative: bool = True) -> str:
        text = self.text(node, but)
        whole = node in self._called and node != but
        return f"({text})" if negative and self.nodes[node].op == "sum" and not whole else text


class _Reader:
    """Reads Python's own syntax of an expression."""

    def __init__(self, graph: Graph, leaves: set[str]):
        self.graph, self.leaves = graph, leaves

    def node(self, tree: ast.AST) -> int:
        graph = self.graph
        match tree:
            case ast.BinOp(left, ast.Mult(), right):
                return graph.product(self.node(left), self.node(right))
            case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
                return graph.sum((1, self.node(left)), (1 if isinstance(op, ast.Add) else -1, self.node(right)))
            case ast.UnaryOp(ast.USub(), operand):
                return graph.sum((-1, self.node(operand)))
            case ast.Constant(float() | int() as value):
                return graph.constant(value)
            case ast.Call(ast.Name(function), [argument]):
                return self.call(function, self.node(argument))
            case ast.Call(ast.Name("clip"), [limit, argument]):
                return graph.add("clip", ast.literal_eval(limit), self.node(argument))
            case ast.Call(ast.Name("when"), [kind, k, argument]):
                return graph.add("when", (ast.literal_eval(kind), ast.literal_eval(k)), self.node(argument))
            case ast.Name(name):
                return self.named(name, "")
            case ast.Attribute(ast.Name(name), variant):
                return self.named(name, variant)
        raise LookupError(f"an equation cannot hold {ast.unparse(tree)!r}")

    def call(self, function: str, argument: int) -> int:
        if function in ONE_ARGUMENT:
            return self.graph.add(function, argument)
        if function.removesuffix("_T") not in self.leaves:
            raise LookupError(f"there is no function or matrix {function!r}")
        return self.graph.add("times", function, argument)

    def named(self, name: str, variant: str) -> int:
        if not variant and name in self.graph.names:
            return self.graph.names[name]
        if name not in self.leaves:
            raise LookupError(f"there is no {name!r}")
        return self.graph.leaf(name, variant)
