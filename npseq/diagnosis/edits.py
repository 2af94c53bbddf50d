"""Single edits of the right backward, from any cell's graph: of one equation, or of what several of them read."""

from collections.abc import Iterator
from itertools import combinations

from npseq.diagnosis.alternatives import LIKELY, ODD, USUAL, Alternatives, Edit
from npseq.diagnosis.mistake import Mistake, Rewrites
from npseq.diagnosis.problem import Strand
from npseq.diagnosis.words import written


class Editor(Alternatives):
    """Makes the edits of one cell's step.

    Args:
        strand: one that the cell runs in.
    """

    def __init__(self, strand: Strand):
        super().__init__(strand)
        names = self.graph.names
        self.regions = {name: self._region(names[name]) for name in self.equations.named()}
        self.in_regions: dict[int, list[str]] = {}
        for name, nodes in self.regions.items():
            for node in nodes:
                self.in_regions.setdefault(node, []).append(name)

    def _region(self, node: int) -> list[int]:
        """The nodes of one equation: down to what has a name of its own."""
        return self.graph.reached([node], into_named=False)

    def mistakes(self) -> Iterator[tuple[Mistake, float]]:
        """Every edit as a mistake, with its price: of each equation, and of what several equations read, everywhere."""
        yield from self.of_sums()
        for name in self.regions:
            for edit in self.of_equation(name):
                rewrites = self.lowest(name, edit)
                yield self._mistake(name, rewrites, edit), edit.price
        for node, regions in self.in_regions.items():
            if len(regions) > 1 and node not in self.graph.names.values():
                for edit in self.of_node(node):
                    yield self._everywhere(edit), edit.price + 0.05

    def of_equation(self, name: str) -> Iterator[Edit]:
        """The edits of one equation, also of what it reads."""
        top = self.graph.names[name]
        for node in self.regions[name]:
            named = node != top and node in self.graph.names.values()
            for edit in self.of_node(node):
                if not named:
                    yield edit
                elif edit.price < ODD:
                    yield edit._replace(price=LIKELY)  # an equation that another one reads, as if it were written out
            if node in self.adjoints and node != top and (named or self.graph.nodes[node].op == "leaf"):
                yield from self.other_adjoints(top, node)
        if name in ("dh", "dc"):
            yield from self.more_terms(top)
        if name in ("dh", "dx"):
            yield from self.swapped_matrices(top)

    def more_terms(self, node: int) -> Iterator[Edit]:
        """What else might be passed back."""
        graph = self.graph
        leaves, taped = [graph.leaf(name) for name in self.equations.given], [graph.leaf(name) for name in self.taped]
        carried = [part for _, part in self._as_sum(node) if graph.nodes[part].op == "product"]
        factors = [factor for part in carried for factor in graph.nodes[part].args if factor in self.adjoints]
        through = [graph.product(factor, leaf) for factor in factors for leaf in taped if self._same_size(leaf, node)]
        new = [graph.names.get(f"d{part}_new", node) for part in self.equations.state]
        for other in dict.fromkeys((*leaves, *new, *through)):
            if other in (*self.adjoints, *through) and other not in (node, *carried) and self._same_size(other, node):
                more = graph.sum((1, node), (1, other))
                yield Edit(node, more, f"there is a term {graph.text(other)} too many", LIKELY)
        for leaf in taped if len(carried) != len(self._as_sum(node)) else ():
            for other in (leaf, graph.add("dtanh", leaf), graph.add("dsigmoid", leaf)):
                if self._same_size(leaf, node):
                    words = f"there is a factor {graph.text(other)} too many"
                    yield Edit(node, graph.product(graph.add("same", node), other), words, ODD - 0.1)

    def swapped_matrices(self, top: int) -> Iterator[Edit]:
        """Two products with each other's matrix."""
        nodes = self.graph.nodes
        products = [part for _, part in self._as_sum(top) if nodes[part].op == "times"]
        for a, b in combinations(products, 2):
            if self.shapes[nodes[a].args[0]] == self.shapes[nodes[b].args[0]]:
                (A, x), (B, y) = nodes[a].args, nodes[b].args
                rest = [(w, part) for w, part in self._as_sum(top) if part not in (a, b)]
                other = self.graph.sum(*rest, (1, self.graph.add("times", B, x)), (1, self.graph.add("times", A, y)))
                yield Edit(top, other, f"{A} and {B} are exchanged", LIKELY)

    def of_sums(self) -> Iterator[tuple[Mistake, float]]:
        """An adjoint that is right where it is passed back, and wrong in the sums and dx."""
        for name, node in self.graph.names.items():
            kept = self.graph.names.get(f"kept_{name[3:]}", -1) if name.startswith("da_") else -1
            for edit in self.of_node(node) if kept >= 0 else ():
                if edit.price == USUAL:
                    wrong = self._mistake(name, {kept: edit.other}, edit)
                    words = f"{wrong.what}, but not where it is passed back"
                    yield wrong._replace(id=f"{wrong.id} in the sums", what=words), LIKELY

    def side_adjoints(self) -> dict[str, dict[str, int]]:
        """{da: {text: node}} of what a sum may be made of in place of an adjoint: its edits."""
        found: dict[str, dict[str, int]] = {}
        for name in self.regions:
            if name.startswith("da_"):
                top, found[name] = self.graph.names[name], {}
                for edit in self.of_equation(name):
                    node = edit.other if edit.node == top else self.graph.replaced(top, edit.node, edit.other)
                    if edit.price < ODD and self.equations.is_adjoint(node):
                        found[name][self.graph.text(node, node)] = node
        return found

    def other_adjoints(self, top: int, node: int) -> Iterator[Edit]:
        """Another adjoint of the same size that does not depend on this equation."""
        named = [n for name, n in self.graph.names.items() if not name.startswith("kept_") and n in self.adjoints]
        leaves = [self.graph.leaf(name) for name in self.equations.given if self.graph.leaf(name) in self.adjoints]
        for other in dict.fromkeys([*named, *leaves]):
            if other != node and self.size(other) == self.size(node) and top not in self.graph.reached([other]):
                yield self._instead(node, other, LIKELY)

    def lowest(self, name: str, edit: Edit) -> Rewrites:
        """The rewrites that make an edit in one equation alone, as far down as no other equation reads."""

        def down(node: int) -> Rewrites:
            if node == edit.node and (node == self.graph.names[name] or self._own(node, name)):
                return {node: edit.other}
            found: Rewrites = {}
            for part in self.graph.below(node):
                if part == edit.node and not self._own(part, name):
                    return {node: self.graph.replaced(node, edit.node, edit.other)}
                if part in self.regions[name] and part not in self.graph.names.values():
                    if not self._own(part, name) and edit.node in self.graph.reached([part]):
                        return {node: self.graph.replaced(node, edit.node, edit.other)}
                    found |= down(part)
            return found

        return down(self.graph.names[name])

    def _own(self, node: int, name: str) -> bool:
        return self.in_regions[node] == [name] and (
            node not in self.graph.names.values() or node == self.graph.names[name]
        )

    def _right(self, name: str) -> str:
        node = self.graph.names[name]
        return f"{name} = {self.graph.text(node, node)}"

    def _mistake(self, name: str, rewrites: Rewrites, edit: Edit) -> Mistake:
        graph, top = self.graph, self.graph.names[name]
        wrong = edit.other if edit.node == top else graph.replaced(top, edit.node, edit.other)
        text = f"{name} = {graph.text(wrong, top)}"
        return Mistake(
            text,
            f"{written(edit.words)}: {written(text)}",
            written(self._right(name)),
            self.equations.label(name),
            rewrites=lambda equations: rewrites if equations is self.equations else {},
        )

    def _everywhere(self, edit: Edit) -> Mistake:
        old, new = self.graph.text(edit.node), self.graph.text(edit.other)
        read = self.in_regions[edit.node]
        return Mistake(
            f"{old} -> {new}",
            f"{written(edit.words)}, in {' and '.join(map(written, read))}",
            written("; ".join(map(self._right, read))),
            ", ".join(dict.fromkeys(filter(None, map(self.equations.label, read)))),
            rewrites=lambda equations: {edit.node: edit.other} if equations is self.equations else {},
        )
