"""Backward through time along the graph of a cell, for many hypotheses at once: an axis of them stands first.

A hypothesis has other expressions in the place of some nodes. Every node is computed once for all hypotheses; where
some of them differ, their rows are written over. So two mistakes in one hypothesis act on each other, as in code.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from npseq.backend import erfc
from npseq.diagnosis.equations import Equations

Changes = dict[int, list[tuple[np.ndarray, int]]]  # {node: [(rows of hypotheses, the node in its place)]}

WHEN: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {  # of (steps, how many, k): where a term counts
    "t != k": lambda t, T, k: t != k % T,
    "t == k": lambda t, T, k: t == k % T,
    "t % k != 0": lambda t, T, k: t % k != 0,
    "t % k == 0": lambda t, T, k: t % k == 0,
    "(T - t) % k != 0": lambda t, T, k: (T - t) % k != 0,
    "t > k": lambda t, T, k: t > k,
    "t < k": lambda t, T, k: t < k % T,
}
VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of a leaf (T, F, B)
    "before": lambda a: a[np.maximum(np.arange(len(a)) - 1, 0)],
    "after": lambda a: a[np.minimum(np.arange(len(a)) + 1, len(a) - 1)],
    "zero_before": lambda a: np.concatenate([0 * a[:1], a[:-1]]),
    "zero_after": lambda a: np.concatenate([a[1:], 0 * a[:1]]),
    "wrapped_before": lambda a: np.roll(a, 1, axis=0),
    "wrapped_after": lambda a: np.roll(a, -1, axis=0),
    "first": lambda a: np.broadcast_to(a[:1], a.shape),
    "last": lambda a: np.broadcast_to(a[-1:], a.shape),
    "from_zero": lambda a: np.concatenate([0 * a[:1], a[1:]]),
    "turned": lambda a: a[::-1],
}


def logit(y: np.ndarray) -> np.ndarray:
    x: np.ndarray = np.log(y / (1 - y))
    return x


def steep(y: np.ndarray) -> np.ndarray:
    """The derivative of a sigmoid as exp / (1 + exp)^2, which is inf / inf where the sigmoid is 1."""
    e = np.exp(logit(y))
    slope: np.ndarray = e / (1 + e) ** 2
    return slope


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "tanh": np.tanh,
    "erfc": erfc,
    "arctanh": np.arctanh,
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "logit": logit,
    "dtanh": lambda y: 1 - y * y,
    "dsigmoid": lambda y: y - y * y,
    "drelu": lambda y: (y > 0) * 1.0,
    "steep": steep,
    "same": lambda x: x,
    "number": lambda x: x * 1.0,
}


class Leaves:
    """What a strand's tape holds, and its matrices, by the names of the graph.

    Args:
        arrays: {leaf: (T, F, B), or (1, F, 1) of a vector}.
        matrices: {name: matrix}, to multiply adjoints with.
        mask: (T, 1, B) bool, or None.
    """

    def __init__(self, arrays: dict[str, np.ndarray], matrices: dict[str, np.ndarray], mask: np.ndarray | None):
        self.arrays, self.matrices, self.mask = arrays, matrices, mask
        self.steps = len(arrays["h"])
        self._variants: dict[tuple[str, str], np.ndarray] = {}

    def at(self, name: str, variant: str = "") -> np.ndarray:
        """(T, F, B) of a leaf, or of one of its variants in time."""
        if name not in self.arrays:
            raise LookupError(f"a tape has no {name!r}")
        key = (name, variant)
        if key not in self._variants:
            array = self.arrays[name]
            if len(array) != self.steps:
                array = np.broadcast_to(array, (self.steps, *array.shape[1:]))
            self._variants[key] = VARIANTS[variant](array) if variant else array
        return self._variants[key]

    def matrix(self, name: str) -> np.ndarray:
        """The matrix to multiply adjoints with; that of "W_T" is the transpose."""
        return self.matrices[name[:-2]].T if name.endswith("_T") else self.matrices[name]


class Backward:
    """One strand's pass from the last step to the first.

    Args:
        equations: the cell's.
        leaves: the strand's.
        hypotheses: how many rows there are.
        changes: where they differ from the right equations.
        roots: {name: node} of what is kept.
    """

    def __init__(self, equations: Equations, leaves: Leaves, hypotheses: int, changes: Changes, roots: dict[str, int]):
        self.graph, self.leaves, self.K, self.changes = equations.graph, leaves, hypotheses, changes
        self.nodes = self.graph.nodes
        names = self.graph.names
        self.roots = roots
        self.given, self.ends = equations.given, [names[f"d{part}_out"] for part in equations.state]
        self.order = self.graph.reached([*self.ends, *self.roots.values()])
        self.now: dict[str, np.ndarray] = {}
        self.dy = np.empty(0)
        self.t = 0

    def run(
        self, dy: np.ndarray, ends: list[np.ndarray], forward_in_time: bool = False
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
        """Returns {root: (T, K, F, B)} and the adjoints of the first state, each (K, F, B).

        Args:
            dy: (T, K or 1, F, B).
            ends: the adjoints of the last state, (K or 1, F, B) each.
            forward_in_time: whether the steps are taken from the first to the last.
        """
        T, kept = self.leaves.steps, {}
        self.dy = dy
        steps = range(T) if forward_in_time else reversed(range(T))
        for self.t in steps:
            values = self.step(self.dy[self.t], *ends)
            ends = [values[end] for end in self.ends]
            for name, node in self.roots.items():
                value = values[node]
                if name not in kept:
                    kept[name] = np.zeros((T, self.K, *value.shape[1:]))
                kept[name][self.t] = value
        return kept, [np.broadcast_to(end, (self.K, *end.shape[1:])) for end in ends]

    def step(self, *given: np.ndarray) -> dict[int, np.ndarray]:
        """{node: (K or 1, F, B)} of one step; given: dy and what the next step has passed back to each part."""
        self.now = dict(zip(self.given, given, strict=True))
        values: dict[int, np.ndarray] = {}
        for node in self.order:
            value = self.value(node, values.__getitem__)
            changes = self.changes.get(node)
            if changes:
                shape = (self.K, *np.broadcast_shapes(value.shape, self.shape)[1:])
                value = values[node] = np.array(np.broadcast_to(value, shape))
                for rows, other in changes:  # leaves that take each other's place are read as the tape has them
                    of = self.anew if self.nodes[other].op == "leaf" else self.of
                    value[rows] = of(other, rows, values)
            values[node] = value
        return values

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, 1, self.now["p"].shape[-1])

    def of(self, node: int, rows: np.ndarray, values: dict[int, np.ndarray]) -> np.ndarray:
        """The value of a node in some rows; it is computed if the right equations have no such node."""
        if node not in values:
            return self.anew(node, rows, values)
        return values[node] if len(values[node]) == 1 else values[node][rows]

    def anew(self, node: int, rows: np.ndarray, values: dict[int, np.ndarray]) -> np.ndarray:
        """The same, from the nodes below it, whatever the node itself is in these rows."""
        value = self.value(node, lambda part: self.of(part, rows, values))
        return value[rows] if self.nodes[node].op == "leaf" and len(value) > 1 else value

    def value(self, node: int, of: Callable[[int], np.ndarray]) -> np.ndarray:
        """(K or 1, F, B): the operation of a node on the values of those below it."""
        op, args = self.nodes[node]
        match op:
            case "leaf":
                return self.leaf(*args)
            case "product":
                return reduce(np.multiply, map(of, args))
            case "sum":
                return reduce(np.add, (of(part) if weight == 1 else weight * of(part) for weight, part in args))
            case "times":
                product: np.ndarray = self.leaves.matrix(args[0]) @ of(args[1])
                return product
            case "constant":
                return np.full((1, 1, 1), args[0])
            case "running" | "or":
                running, mine = self.running(), of(args[0])
                return mine if running is None else np.where(running, mine, 0.0 if op == "running" else of(args[1]))
            case "when":
                kind, k = args[0]
                return of(args[1]) * float(WHEN[kind](np.array(self.t), self.leaves.steps, k))
            case "clip":
                clipped: np.ndarray = np.clip(of(args[1]), -args[0], args[0])
                return clipped
        function: Any = FUNCTIONS.get(op) or getattr(np, op)
        computed: np.ndarray = function(*map(of, args))
        return computed

    def leaf(self, name: str, variant: str) -> np.ndarray:
        if name not in self.now:
            leaf: np.ndarray = self.leaves.at(name, variant)[self.t][None]
            return leaf
        return VARIANTS[variant](self.dy)[self.t] if variant else self.now[name]

    def running(self) -> np.ndarray | None:
        return None if self.leaves.mask is None else self.leaves.mask[self.t][None]
