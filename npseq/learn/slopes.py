"""Slips at a derivative: of a tanh, a sigmoid, and what stands in their place."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from npseq.learn.expressions import Lines


class Slip(NamedTuple):
    """A wrong expression: of which kind, in which words, and how unlikely."""

    node: int
    kind: str  # "shape", "sign", "factor", "path", "step", "sum"
    words: str
    price: float = 1.0


class Slopes:
    """Makes the slips of tanh, of its derivative, and of a sigmoid's.

    Args:
        lines: the graph.
        arrays: {name: array} of all names that a line may read.
    """

    def __init__(self, lines: Lines, arrays: Mapping[str, np.ndarray]):
        self.lines, self.arrays = lines, arrays

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
            lines.add("drelu", y): "that is the derivative of a ReLU; this is a tanh",
            lines.product(y, node): f"there is a factor {y_text} too many",
            lines.product(*2 * [lines.sum((1, one), (-1, y))]): f"{y_text} alone is squared, not 1 - {y_text}",
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
