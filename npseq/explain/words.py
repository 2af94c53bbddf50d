"""An equation of a graph in the letters of docs/derivations, as plain text or as LaTeX."""

from npseq.diagnosis.graph import Graph

GREEK = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "relu": r"\mathrm{relu}"}
INFIX = {"divide": "/", "greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=", "equal": "=="}


class Words:
    """Writes the expressions of a graph.

    Args:
        graph: whose.
        latex: whether as LaTeX.
    """

    def __init__(self, graph: Graph, latex: bool = False):
        self.graph, self.latex = graph, latex
        self.space = r" \, " if latex else " "
        self.called = {node: name for name, node in reversed(graph.names.items())}

    def equation(self, name: str) -> str:
        """One line, "da_f = dc_all c f (1 - f)"."""
        return f"{self.name(name)} = {self.text(self.graph.names[name], top=True)}"

    def name(self, name: str) -> str:
        """A name: c_new is c', W_hf is W with two letters below in LaTeX."""
        name = name.replace("_next", "_after").replace("kept_", "da_")
        if name == "p":
            name = "dh_after"
        new, name = name.endswith("_new"), name.removesuffix("_new")
        prime = "'" if new else ""
        if not self.latex:
            return f"{name}{prime}".replace("_after", "[t+1]")
        stem, _, below = name.partition("_")
        after, below = below == "after", "" if below == "after" else below
        below = rf"\mathrm{{{below}}}" if below == "all" else below
        return f"{stem}{prime}_{{{below}}}" if below else f"{stem}{prime}" + ("_{t+1}" if after else "")

    def text(self, node: int, top: bool = False) -> str:
        """An expression; what has a name is that, but for the top."""
        if node in self.called and not top:
            return self.name(self.called[node])
        op, args = self.graph.nodes[node]
        match op:
            case "leaf":
                return self.name(args[0])
            case "constant":
                return f"{args[0]:g}"
            case "same" | "number":
                return self.text(args[0])
            case "sum":
                return self._sum(args)
            case "product":
                return self.space.join(self._closed(part) for part in self._adjoint_first(args))
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
                product = self.graph.nodes[args[1]].op == "product" and args[1] not in self.called
                right = f"({self.text(args[1])})" if product else self._closed(args[1])
                return f"({self._closed(args[0])} {INFIX[op]} {right})"
        inside = ", ".join(self.text(part) for part in self.graph.below(node))
        return f"{GREEK.get(op, op) if self.latex else op}({inside})"

    def _sum(self, terms: tuple[tuple[float, int], ...]) -> str:
        ordered = sorted(terms, key=lambda term: (term[0] < 0, term[1]))
        text = ""
        for weight, part in ordered:
            sign = "-" if weight < 0 else "+" if text else ""
            times = "" if abs(weight) == 1 else f"{abs(weight):g} "
            inner = self._closed(part) if weight < 0 or times else self.text(part)
            text += f" {sign} {times}{inner}" if text else f"{sign}{times}{inner}"
        return text

    def _adjoint_first(self, parts: tuple[int, ...]) -> list[int]:
        return sorted(parts, key=lambda part: (not self.text(part).startswith("d"), part))

    def _closed(self, node: int) -> str:
        text = self.text(node)
        return f"({text})" if self.graph.nodes[node].op == "sum" and node not in self.called else text
