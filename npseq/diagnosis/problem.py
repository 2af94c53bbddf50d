"""A layer's forward pass in float64 and the upstream gradients: all that a backward pass, right or wrong, is of."""

from functools import cached_property
from typing import Any

import numpy as np

from npseq.bptt.layout import suffix
from npseq.bptt.tape import Strand as Taped
from npseq.bptt.tape import Tape, Weights
from npseq.cell import parts_of
from npseq.diagnosis.equations import Equations, equations, taped_names
from npseq.diagnosis.mistake import Mistake, Rewrites, rewrites_of
from npseq.diagnosis.steps import Leaves
from npseq.layers.bidirectional import Bidirectional, recurrent_layers, state_pair
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNNCell


class Strand:
    """One layer in one direction, in its own order of time."""

    def __init__(self, part: "Part", l: int, d: int, ends: list[np.ndarray]):
        self.part, self.l, self.d, self.ends = part, l, d, ends
        layer, taped, self.ending = part.layer, part.tape.strands[l][d], suffix(l, d)
        self.number = part.first + l * layer.directions + d
        self.equations: Equations = equations(layer.cell, taped.mask is not None, layer.bias)
        self.parameters = {name: f"{part.prefix}{name}{self.ending}" for name in self.equations.sums}
        roots = {adjoint for _, adjoint in self.equations.sums.values()} | {"dx"}
        self.roots = {name: self.equations.graph.names[name] for name in sorted(roots)}
        self.leaves = Leaves(_arrays(layer, taped, l, d), self._matrices(layer), taped.mask)
        self.sizes = {name: leaf.shape[1] for name, leaf in self.leaves.arrays.items()}
        self.shapes = {name: matrix.shape for name, matrix in self.leaves.matrices.items()}
        self._rewrites: dict[int, tuple[Mistake, Rewrites]] = {}
        self._sizes: dict[int, int] = {}
        self._holds: dict[tuple[int, int], bool] = {}

    def _matrices(self, layer: Recurrent) -> dict[str, np.ndarray]:
        """By name; that of layer k is also "W_hf@k"."""
        found = {name: layer.params[f"{name}{self.ending}"] for name in self.equations.matrices}
        for k in range(layer.num_layers):
            for name in self.equations.matrices:
                found[f"{name}@{k}"] = layer.params[f"{name}{suffix(k, self.d)}"]
        return found

    def leaf(self, name: str | None) -> np.ndarray | None:
        """(T, F, B) of "h", "x", "m", of a variant "h.first", or of a product "r*h"; None of None."""
        if name is None:
            return None
        leaves = [self.leaves.at(*factor.split(".")) for factor in name.split("*")]
        return leaves[0] if len(leaves) == 1 else np.multiply(*leaves)

    def has(self, name: str | None) -> bool:
        """Whether there is such a leaf or product of leaves."""
        return name is None or all(factor.split(".")[0] in self.leaves.arrays for factor in name.split("*"))

    def adjoint(self, text: str) -> int | None:
        """The node of an adjoint by its name or its text; None where the cell has none."""
        try:
            return self.equations.parse(text)
        except LookupError:
            return None

    def rewrites(self, mistake: Mistake) -> Rewrites:
        """The nodes that a mistake changes here; none where its equations are another cell's."""
        if id(mistake) not in self._rewrites:
            try:
                found = rewrites_of(mistake, self.equations)
                sizes = [(self.size(node), self.size(other)) for node, other in found.items()]
                possible = all(0 in pair or pair[0] == pair[1] for pair in sizes)
            except LookupError:
                possible = False
            self._rewrites[id(mistake)] = mistake, found if possible else {}
        return self._rewrites[id(mistake)][1]

    def holds(self, other: int, node: int) -> bool:
        """Whether an expression is made of this node."""
        key = (other, node)
        if key not in self._holds:
            self._holds[key] = node in self.equations.graph.reached([other])
        return self._holds[key]

    def size(self, node: int) -> int:
        """How many features a node has; 0 if any number. Raises LookupError where they do not fit together."""
        if node not in self._sizes:
            self._sizes[node] = self._size(node)
        return self._sizes[node]

    def _size(self, node: int) -> int:
        op, args = self.equations.graph.nodes[node]
        if op == "leaf":
            of = dict(zip(self.equations.given, ("h", *self.equations.state), strict=True))
            size: int = self.sizes[of.get(args[0], args[0])]
            return size
        below = {self.size(part) for part in self.equations.graph.below(node)} - {0}
        if op == "times":
            shape = self.shapes[args[0].removesuffix("_T")]
            rows, columns = shape[::-1] if args[0].endswith("_T") else shape
            below -= {columns}
        if len(below) > (op != "times"):
            raise LookupError(f"sizes do not fit in {self.equations.graph.text(node)}")
        return rows if op == "times" else max(below, default=0)


class Part:
    """One recurrent layer of a problem: the problem's own, or one of two directions."""

    def __init__(self, layer: Recurrent, prefix: str, first: int, tape: Tape, order: Any, dy: np.ndarray, dstate: Any):
        self.layer, self.prefix, self.first, self.tape, self.order = layer, prefix, first, tape, order
        self.layers = layer.num_layers
        self.raw_dy = dy.swapaxes(1, 2)[:, None]  # (T, 1, R*P, B)
        self.dy = self.raw_dy if order is None else self.turned_back(self.raw_dy)
        self.wants_dx = not tape.token_ids
        self.state_names = [f"{prefix}{name}" for name, _ in zip(("h0", "c0"), layer.cell.state, strict=False)]
        h, *c = (part.swapaxes(1, 2) for part in layer.checked_state("dstate", dstate, dy.shape[1]) if part is not None)
        ends = [h, *parts_of(c[0] if c else None, len(layer.cell.state) - 1, 1)]
        self.strands = [
            [Strand(self, l, d, [end[l * layer.directions + d][None] for end in ends]) for d in range(layer.directions)]
            for l in range(layer.num_layers)
        ]

    @property
    def mask(self) -> np.ndarray | None:
        """(T, 1, 1, B) in the part's order of time."""
        mask = self.tape.strands[-1][0].mask
        return None if mask is None else mask[:, None]

    def masked(self, dy: np.ndarray) -> np.ndarray:
        return dy if self.mask is None else np.where(self.mask, dy, 0)

    def split(self, features: np.ndarray) -> list[np.ndarray]:
        """(T, K, R*P, B) by direction."""
        return np.split(features, self.layer.directions, axis=2)

    def dropped(self, dx: np.ndarray, l: int) -> np.ndarray:
        """What reaches the layer below through layer l's dropout."""
        masks = self.tape.dropout[l]
        return dx if masks is None else dx * np.concatenate(masks, axis=1)[:, None]

    def turned_back(self, features: np.ndarray) -> np.ndarray:
        """(T, K, F, B) in the order of x, or from it in the order of the layer's steps."""
        if self.order is None:
            return features
        columns = features.transpose(0, 3, 1, 2)[self.order, np.arange(features.shape[3])]
        back: np.ndarray = columns.transpose(0, 2, 3, 1)
        return back


class Problem:
    """A layer and what its backward is given.

    Args:
        layer: a recurrent layer, of one direction or two, in float64.
        tape: what its forward returned.
        dy: (T, B, R*P), None is zeros.
        dstate: as the layer's backward takes it.
    """

    def __init__(self, layer: Any, tape: Any, dy: np.ndarray | None, dstate: Any = None):
        self.layer = layer
        self.tapes = list(tape) if isinstance(layer, Bidirectional) else [tape]
        inner = [getattr(own, "inner", own) for own in self.tapes]
        self.T, self.B = inner[0].strands[0][0].steps, inner[0].strands[0][0].s.shape[2]
        dy = np.zeros((self.T, self.B, layer.output_size)) if dy is None else dy
        dstates = state_pair("dstate", dstate) if isinstance(layer, Bidirectional) else (dstate,)
        self.dy, self.dstate = dy, dstate
        self.parts: list[Part] = []
        start = first = 0
        for (prefix, own), its_tape, its_inner, its_end in zip(
            recurrent_layers(layer).items(), self.tapes, inner, dstates, strict=True
        ):
            its_dy = dy[..., start : start + own.output_size]
            order = getattr(its_tape, "order", None)
            self.parts.append(Part(own, prefix, first, its_inner, order, its_dy, its_end))
            start, first = start + own.output_size, first + own.num_layers * own.directions

    @property
    def strands(self) -> list[Strand]:
        return [strand for part in self.parts for row in part.strands for strand in row]

    @property
    def is_ids(self) -> bool:
        return not self.parts[0].wants_dx

    @cached_property
    def x(self) -> np.ndarray:
        """(T, B, D) as forward read it, one-hot for ids."""
        part = self.parts[0]
        x = part.strands[0][0].leaves.at("x")[:, None]
        return part.turned_back(x)[:, 0].swapaxes(1, 2)

    @cached_property
    def lengths(self) -> np.ndarray | None:
        mask = self.parts[0].mask
        return None if mask is None else mask.sum(axis=(0, 1, 2))

    @cached_property
    def state(self) -> Any:
        """The initial state of a single layer, as its forward takes it."""
        part, layer = self.parts[0], self.parts[0].layer
        strands = [strand for row in part.tape.strands for strand in row]
        h = np.stack([strand.s[0, : layer.state_size].T for strand in strands])
        return h if strands[0].c is None else (h, np.stack([strand.c[0].T for strand in strands]))

    def like(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        if name == "x":
            return self.x.shape
        if name in self.layer.params:
            shape: tuple[int, ...] = self.layer.params[name].shape
            return shape
        part = next(part for part in self.parts if name in part.state_names)
        rows = part.layers * part.layer.directions
        sizes = [end.shape[1] for end in part.strands[0][0].ends]
        return rows, self.B, sizes[0] if name == part.state_names[0] else sum(sizes[1:])

    @cached_property
    def names(self) -> list[str]:
        """Every tensor that has a gradient: parameters, x, initial states."""
        states = [name for part in self.parts for name in part.state_names]
        return [*self.layer.params, *(["x"] if self.parts[0].wants_dx else []), *states]


def _arrays(layer: Recurrent, taped: Taped, l: int, d: int) -> dict[str, np.ndarray]:
    """(T, F, B) of everything that the tape holds, by the names of the equations."""
    w, steps = layer.weights(l, d), taped.steps
    h = taped.s[:, : w.state]
    found = {"h": h[:-1], "h_new": h[1:]}
    for name, part in zip(layer.cell.state[1:], parts_of(taped.c, len(layer.cell.state) - 1, 1), strict=True):
        found |= {name: part[:-1], f"{name}_new": part[1:]}
    if len(taped.a) == steps and layer.cell.reads_gates:
        found |= {name: taped.a[:, k] for k, name in enumerate(taped_names(layer.cell))}
    if taped.m is not None:
        found["m"] = taped.m
    if w.vectors is not None:
        found |= {name: w.vectors[k][None] for k, name in enumerate(layer.cell.vectors)}
    if taped.ids is not None:
        found["x"] = np.moveaxis(np.eye(layer.input_size)[taped.ids], 2, 1)
    else:
        found["x"] = taped.s[:steps, w.state + w.bias :]
    if type(layer.cell) is RNNCell:
        found["h_early"] = _early(layer.cell, w, found)
    return found


def _early(cell: RNNCell, w: Weights, leaves: dict[str, np.ndarray]) -> np.ndarray:
    """The states after each step, had it read the input of the step before."""
    a = w.W[: w.state].T @ leaves["h"] + w.x.T @ leaves["x"][np.maximum(np.arange(len(leaves["x"])) - 1, 0)]
    a += w.W[w.state][:, None] if w.bias else 0
    return cell.functions[0](a)
