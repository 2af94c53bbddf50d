"""An equation of a graph in the letters of docs/derivations, as plain text or as LaTeX."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from npseq.diagnosis.graph import Graph

IN_LATEX = {"sigmoid": r"\sigma", **{name: rf"\{name}" for name in ("tanh", "exp", "cos", "sin", "max", "min")}}
IN_TEXT = {"maximum": "max", "minimum": "min", "total": "sum"}
GREEK = ("alpha", "beta", "gamma", "nu", "theta")
COMPARED = {"greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=", "equal": "=="}
INFIX = {"divide": "/"} | COMPARED
SIGNS = {">=": r"\ge", "<=": r"\le", "==": "="}


class Words:
    """Writes the expressions of a graph.

    Args:
        graph: whose.
        latex: whether as LaTeX.
        letters: {name: how it is written} of names that a page has in other letters.
    """

    def __init__(self, graph: Graph, latex: bool = False, letters: Mapping[str, str] | None = None):
        self.graph, self.latex, self.letters = graph, latex, letters or {}
        self.space = r" \, " if latex else " "
        self.called = {node: name for name, node in reversed(graph.names.items()) if not name.startswith("kept_")}

    def equation(self, name: str) -> str:
        """One line, "da_f = dc_all c f (1 - f)"."""
        return f"{self.name(name)} = {self.text(self.graph.names[name], top=True)}"

    def name(self, name: str) -> str:
        """A name: c_new is c', W_hf is W with two letters below in LaTeX."""
        name = self.letters.get(name, name).replace("_next", "_after")
        if name == "p":
            name = "dh_after"
        new, name = name.endswith("_new"), name.removesuffix("_new")
        prime = "'" if new else ""
        if not self.latex:
            return f"{name}{prime}".replace("_after", "[t+1]")
        each, name = name.endswith("[t]"), name.removesuffix("[t]")
        stem, _, below = name.partition("_")
        stem = re.sub(f"^(d?)({'|'.join(GREEK)})$", r"\1\\\2 ", stem).rstrip()
        below = {"after": "t+1", "all": r"\mathrm{all}"}.get(below, below)
        below = ",".join(filter(None, (below, "t" if each else "")))
        return f"{stem}{prime}_{{{below}}}" if below else f"{stem}{prime}"

    def text(self, node: int, top: bool = False) -> str:
        """An expression; what has a name is that, but for the top."""
        if node in self.called and not top:
            return self.name(self.called[node])
        op, args = self.graph.nodes[node]
        match op:
            case "leaf":
                return self.name(args[0])
            case "constant":
                return f"{Decimal(repr(args[0])).normalize():f}"
            case "same" | "number":
                return self._closed(args[0])
            case "sum":
                return self._sum(args)
            case "product":
                return self._product(args)
            case "times":
                return f"{self._closed(args[1])}{self.space}{self.name(args[0])}{'^{T}' if self.latex else '^T'}"
            case "product_of":
                return f"{self._closed(args[1])}{self.space}{self.name(args[0])}"
            case "dtanh":
                return f"(1 - {self.text(args[0])}^2)"
            case "dsigmoid":
                y = self.text(args[0])
                return f"{y}{self.space}(1 - {y})"
            case "drelu":
                return f"[{self.text(args[0])} > 0]"
            case _ if op in INFIX:
                return self._infix(op, *args)
        return self._function(IN_TEXT.get(op, op), self.graph.below(node))

    def _function(self, name: str, below: Iterable[int]) -> str:
        inside = ", ".join(self.text(part) for part in below)
        return f"{self._called(name)}({inside})"

    def _called(self, function: str) -> str:
        return IN_LATEX.get(function, rf"\mathrm{{{function}}}") if self.latex else function

    def _infix(self, op: str, left: int, right: int) -> str:
        sign = SIGNS.get(INFIX[op], INFIX[op]) if self.latex else INFIX[op]
        several = self.graph.nodes[right].op in ("product", "dsigmoid") and len({*self.graph.below(right)}) > 1
        inside = f"({self.text(right)})" if several and right not in self.called else self._closed(right)
        return f"{self._closed(left)} {sign} {inside}"

    def _sum(self, terms: tuple[tuple[float, int], ...]) -> str:
        """Those with a plus first; a number at their end, but "1 - y" as it is."""
        ordered = sorted(terms, key=lambda term: (term[0] < 0, self.graph.nodes[term[1]].op == "constant", term[1]))
        text = ""
        for weight, part in ordered:
            sign = "-" if weight < 0 else "+" if text else ""
            times = "" if abs(weight) == 1 else f"{abs(weight):g} "
            bare = weight > 0 and not times and self.graph.nodes[part].op not in COMPARED
            inner = self.text(part) if bare else self._closed(part)
            text += f" {sign} {times}{inner}" if text else f"{sign}{times}{inner}"
        return text

    def _product(self, parts: tuple[int, ...]) -> str:
        """Numbers and adjoints first, a factor that comes twice as a square, a minus before all."""
        minus, factors = "", Counter[int]()
        for part in parts:
            op, args = self.graph.nodes[part]
            if op == "sum" and len(args) == 1 and args[0][0] == -1 and part not in self.called:
                minus, part = "" if minus else "-", args[0][1]
            factors[part] += 1
        first = {part: self.graph.nodes[part].op == "constant" for part in factors}
        ordered = sorted(factors, key=lambda part: (not first[part], not self.text(part).startswith("d"), part))
        texts = [self._closed(part) + ("^2" if factors[part] == 2 else "") for part in ordered]
        return minus + self.space.join(texts)

    def _closed(self, node: int) -> str:
        text, op = self.text(node), self.graph.nodes[node].op
        return f"({text})" if op in ("sum", *INFIX) and node not in self.called else text
