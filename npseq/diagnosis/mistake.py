"""A mistake in a backward pass: what is wrong, what is right, and the changes by which its numbers are computed."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from npseq.backend import Array
from npseq.diagnosis.equations import Equations

OPTIONAL = re.compile(r" ?\[(.*?)\]")  # terms that not every variant of a cell has
Rewrites = dict[int, int]  # {node of the right graph: the node in its place}


class SumChange(NamedTuple):
    """Another sum in the place of a parameter's: other factors, other steps, or something done to the result."""

    operand: str = ""  # "h_new for h": another leaf, where the sum's operand is this one
    adjoint: str = ""  # a name of the graph
    weights: Callable[[int, int], Array] | None = None  # (T, B) -> (T, B), which columns count
    after: Callable[[Array, Any], Array] | None = None  # (K, ...) and a SumOf -> what is handed on

    def reads(self, operand: str | None) -> str | None:
        """What the sum reads in the place of its operand."""
        other, _, mine = self.operand.replace("{}", operand or "").partition(" for ")
        return other if other and mine == operand else operand

    def is_another_sum(self, operand: str | None) -> bool:
        """Whether a sum of this operand differs before it is finished."""
        return self.reads(operand) != operand or bool(self.adjoint) or self.weights is not None


class Mistake(NamedTuple):
    """One mistake. What it changes is empty for a mistake that has no numbers, such as a crash."""

    id: str  # of the catalogue, or the wrong equation itself
    what: str  # what is wrong, in plain English
    right: str = ""  # what is right
    equation: str = ""  # the label in docs/derivations
    where: str = ""  # where it was published
    step: tuple[str, ...] = ()  # wrong equations of a step: "da_f = dc_all * c_new * dsigmoid(f)"
    rewrites: Callable[[Equations], Rewrites] | None = None  # the same by nodes
    strands: Callable[[Any], bool] | None = None  # (strand) -> whether it is wrong there; None is everywhere
    sums: Mapping[str, SumChange] = {}  # "W_h*", "x", "h0" in every layer; "=W_hf_l1" is one tensor alone
    site: tuple[str, Callable[..., Any]] | None = None  # between layers: a place of `passes` and a function
    forward_in_time: bool = False  # whether the steps are taken from the first to the last
    elsewhere: Callable[[Any], Any] | None = None  # all gradients of a Problem, where they come from another pass

    @property
    def text(self) -> str:
        """What is wrong, after the id where that is one of the catalogue's."""
        return f"{self.id}: {self.what}" if re.fullmatch(r"[FGTLS]\d+[ab]?", self.id) else self.what

    def __repr__(self) -> str:
        return f"Mistake({self.id!r}, {self.what!r})"

    @property
    def has_numbers(self) -> bool:
        """Whether its gradients can be computed."""
        return any((self.step, self.rewrites, self.sums, self.site, self.forward_in_time, self.elsewhere))


NOTHING = Mistake("", "nothing")  # the right gradient


class Match(NamedTuple):
    """Mistakes that together have the numbers that were given; the price ranks them, the simplest first."""

    mistakes: tuple[Mistake, ...]
    price: float

    @property
    def id(self) -> str:
        return " + ".join(mistake.id for mistake in self.mistakes)

    @property
    def text(self) -> str:
        """In words, each mistake after the other."""
        texts = [mistake.text for mistake in self.mistakes]
        return texts[0] if len(texts) == 1 else f"{len(texts)} mistakes at once: {'; and '.join(texts)}"


def every(op: str, text: str) -> Callable[[Equations], Rewrites]:
    """The rewrites that put an expression of _ in the place of every op(_), say "1 - _" for dsigmoid."""

    def rewrites(equations: Equations) -> Rewrites:
        graph, found = equations.graph, {}
        for node in graph.reached(graph.names.values()):
            if graph.nodes[node].op == op:
                found[node] = equations.parse(text.replace("_", f"({graph.text(graph.nodes[node].args[0])})"))
        return found

    return rewrites


def rewrites_of(mistake: Mistake, equations: Equations) -> Rewrites:
    """The nodes that a mistake changes in a cell's graph; none that stay as they are.

    Raises:
        LookupError: if its equations are another cell's.
    """
    found = {} if mistake.rewrites is None else dict(mistake.rewrites(equations))
    known = equations.leaves | equations.graph.names.keys()
    for text in mistake.step:
        left, right = OPTIONAL.sub(lambda part: _if_there(part[1], equations), text).split(" = ", 1)
        for name in matching(left, known) if left.endswith("*") or left in known else []:
            node = equations.graph.names.get(name)
            found[equations.graph.leaf(name) if node is None else node] = equations.parse(right.replace(left, name))
    return {node: other for node, other in found.items() if node != other}


def _if_there(text: str, equations: Equations) -> str:
    """A term in brackets, "+ da_o * p_o", or nothing for a cell that has none."""
    try:
        equations.parse(text.lstrip("+- "))
    except LookupError:
        return ""
    return text


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern "da_*" stands for; a pattern without a star is a name, or a leaf."""
    return [n for n in names if n.startswith(pattern[:-1])] if pattern.endswith("*") else [pattern]
