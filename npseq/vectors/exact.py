"""The same networks number by number in 50 digits, with derivatives by reverse accumulation over every single number.

Nothing here comes from the rest of npseq: the forward pass is loops over sequences, steps, units and terms, and no
backward pass is written. Every number knows those that it was computed from and its derivatives by them. A state that
is carried to the next step raises the lag of a path by one; an adjoint is a list, one number for each lag.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

DIGITS = 50
ZERO, ONE = Decimal(0), Decimal(1)


class Number:
    """A value, the numbers that it came from with its derivatives by them, and whether it was carried over a step."""

    __slots__ = ("adjoint", "carried", "sources", "value")

    def __init__(self, value: Decimal, sources: tuple[Any, ...] = (), carried: bool = False):
        self.value, self.sources, self.carried = value, sources, carried
        self.adjoint: list[Decimal] = []


class Graph:
    """Makes the numbers, and goes back through them in reverse."""

    def __init__(self, lags: int):
        self.lags = lags  # how many are kept; 0 is all
        self.numbers: list[Number] = []

    def number(self, value: Decimal, *sources: tuple[Number, Decimal], carried: bool = False) -> Number:
        made = Number(value, sources, carried)
        self.numbers.append(made)
        return made

    def array(self, values: Any) -> np.ndarray:
        """Numbers that come from none."""
        made = np.empty(values.shape, object)
        for index in np.ndindex(values.shape):
            made[index] = self.number(Decimal(values[index]))
        return made

    def sum(self, *terms: Number) -> Number:
        return self.number(sum((term.value for term in terms), ZERO), *((term, ONE) for term in terms))

    def products(self, pairs: Iterable[tuple[Number, Number]]) -> Number:
        """The sum of a * b."""
        pairs = list(pairs)
        sources = [source for a, b in pairs for source in ((a, b.value), (b, a.value))]
        return self.number(sum((a.value * b.value for a, b in pairs), ZERO), *sources)

    def sigmoid(self, a: Number) -> Number:
        s = ONE / (ONE + (-a.value).exp())
        return self.number(s, (a, s * (ONE - s)))

    def tanh(self, a: Number) -> Number:
        e = (-2 * a.value).exp()
        t = (ONE - e) / (ONE + e)
        return self.number(t, (a, ONE - t * t))

    def relu(self, a: Number) -> Number:
        return self.number(max(a.value, ZERO), (a, Decimal(a.value > 0)))

    def without(self, a: Number) -> Number:
        """1 - a."""
        return self.number(ONE - a.value, (a, -ONE))

    def carry(self, state: list[Number]) -> list[Number]:
        return [self.number(one.value, (one, ONE), carried=True) for one in state]

    def backward(self, losses: Iterable[tuple[Number, Any]]) -> None:
        """Fills every adjoint, for the loss that is the sum of each number times its factor."""
        for number in self.numbers:
            number.adjoint = [ZERO] * max(self.lags, 1)
        for number, factor in losses:
            number.adjoint[0] += Decimal(factor)
        for number in reversed(self.numbers):
            if not any(number.adjoint):
                continue
            shifted = [ZERO, *number.adjoint[:-1]] if number.carried and self.lags else number.adjoint
            for source, slope in number.sources:
                source.adjoint = [a + slope * b for a, b in zip(source.adjoint, shifted, strict=True)]


Numbers = list[Number]
Weights = Mapping[str, np.ndarray]
Options = Mapping[str, Any]
Cell = Callable[[Graph, Weights, Numbers, Numbers, Numbers, Options], tuple[Numbers, Numbers]]


def gate(g: Graph, p: Weights, name: str, x: Numbers, h: Numbers, j: int, *more: tuple[Number, Number]) -> Number:
    """(x W_x + h W_h + b)_j and further products; an h that is [] is left out."""
    pairs = [(x[i], p[f"W_x{name}"][i, j]) for i in range(len(x))]
    pairs += [(h[i], p[f"W_h{name}"][i, j]) for i in range(len(h))]
    bias = [p[f"b_{name}"][j]] if f"b_{name}" in p else []
    return g.sum(g.products([*pairs, *more]), *bias)


def rnn(g: Graph, p: Weights, x: Numbers, h: Numbers, c: Numbers, options: Options) -> tuple[Numbers, Numbers]:
    """Equations 9.4 of Dive into Deep Learning, with tanh or relu."""
    phi = g.relu if options.get("nonlinearity") == "relu" else g.tanh
    return [phi(gate(g, p, "h", x, h, j)) for j in range(len(h))], []


def gru(g: Graph, p: Weights, x: Numbers, h: Numbers, c: Numbers, options: Options) -> tuple[Numbers, Numbers]:
    """Cho et al. 2014, with z for "keep"; PyTorch's formula where the reset gate comes after the product."""
    units = range(len(h))
    r, z = ([g.sigmoid(gate(g, p, name, x, h, j)) for j in units] for name in "rz")
    if options.get("reset") == "before":
        kept = [g.products([(r[j], h[j])]) for j in units]
        n = [g.tanh(gate(g, p, "n", x, kept, j)) for j in units]
    else:
        v = [g.products((h[i], p["W_hn"][i, j]) for i in units) for j in units]
        v = [g.sum(v[j], p["b_hn"][j]) if "b_hn" in p else v[j] for j in units]
        n = [g.tanh(gate(g, p, "n", x, [], j, (r[j], v[j]))) for j in units]
    return [g.products([(z[j], h[j]), (g.without(z[j]), n[j])]) for j in units], []


def lstm(g: Graph, p: Weights, x: Numbers, h: Numbers, c: Numbers, options: Options) -> tuple[Numbers, Numbers]:
    """Gers et al. 2000 and 2002; the projection of Sak et al. 2014."""

    def sees(name: str, cell: Numbers, j: int) -> list[tuple[Number, Number]]:
        return [(p[f"p_{name}"][j], cell[j])] if f"p_{name}" in p else []

    units = range(len(c))
    i, f = ([g.sigmoid(gate(g, p, name, x, h, j, *sees(name, c, j))) for j in units] for name in "if")
    new = [g.tanh(gate(g, p, "g", x, h, j)) for j in units]
    c = [g.products([(f[j], c[j]), (i[j], new[j])]) for j in units]
    o = [g.sigmoid(gate(g, p, "o", x, h, j, *sees("o", c, j))) for j in units]
    m = [g.products([(o[j], g.tanh(c[j]))]) for j in units]
    if "W_hp" in p:
        m = [g.products((m[j], p["W_hp"][j, k]) for j in units) for k in range(len(h))]
    return m, c


CELLS: dict[str, Cell] = {"rnn": rnn, "gru": gru, "lstm": lstm}


def exact(cell: str, options: Options, params: Weights, inputs: Weights, truncated: int = 0) -> dict[str, np.ndarray]:
    """Returns y, h, c, dx, dh0, dc0 and the derivative by every parameter under its plain name, as arrays of Decimal.

    Args:
        cell: "rnn", "gru" or "lstm".
        options: num_layers, bidirectional, nonlinearity, reset.
        params: the weights under npseq's names, each number a float or a Decimal.
        inputs: x, lengths, h0, c0, dy, dh, dc.
        truncated: how many lags are kept, 0 being all.
    """
    with localcontext() as context:
        context.prec = DIGITS
        g = Graph(truncated)
        p = {name: g.array(value) for name, value in params.items()}
        x, *first = (g.array(inputs[name]) for name in ("x", "h0", "c0") if name in inputs)
        _, B, _ = x.shape
        y = np.full(inputs["dy"].shape, None)
        last = [np.full(one.shape, None) for one in first]
        for b in range(B):
            rows = _stack(g, CELLS[cell], options, p, x[: inputs["lengths"][b], b], [s[:, b] for s in first])
            for t, row in enumerate(rows[0]):
                y[t, b] = row
            for into, states in zip(last, rows[1:], strict=True):
                into[:, b] = states
        found = dict(zip(("y", "h", "c"), (y, *last), strict=False))
        losses = [
            (number, factor)
            for name, numbers in found.items()
            for number, factor in zip(numbers.flat, inputs[f"d{name}"].flat, strict=True)
            if number is not None
        ]
        g.backward(losses)
        of = dict(zip(("dx", "dh0", "dc0"), (x, *first), strict=False)) | p
        return {name: _each(numbers, lambda n: n.value) for name, numbers in found.items()} | {
            name: _each(numbers, lambda n: sum(n.adjoint, ZERO)) for name, numbers in of.items()
        }


def _stack(g: Graph, step: Cell, options: Options, p: Weights, x: Any, first: list[Any]) -> tuple[list[Any], ...]:
    """Runs one sequence: its outputs, and the last h, and c, of each layer and direction."""
    directions = 2 if options.get("bidirectional") else 1
    last: list[list[Any]] = [[] for _ in first]
    rows = [list(row) for row in x]
    for layer in range(options.get("num_layers", 1)):
        outputs = []
        for direction in range(directions):
            ending = (f"_l{layer}" if layer else "") + ("_reverse" if direction else "")
            own = {name.removesuffix(ending): value for name, value in p.items() if _is_of(name, ending)}
            states = [list(part[layer * directions + direction]) for part in first]
            made = {}
            for t in reversed(range(len(rows))) if direction else range(len(rows)):
                h, *c = (g.carry(part) for part in states)
                states = list(step(g, own, rows[t], h, c[0] if c else [], options))[: len(first)]
                made[t] = states[0]
            outputs.append(made)
            for into, part in zip(last, states, strict=True):
                into.append(part)
        rows = [[number for made in outputs for number in made[t]] for t in range(len(rows))]
    return (rows, *last)


def _is_of(name: str, ending: str) -> bool:
    """Whether a parameter belongs to the layer and direction whose names end so."""
    first, *rest = name.split("_")[1:]
    return "".join(f"_{part}" for part in rest) == ending and bool(first)


def _each(numbers: Any, what: Callable[[Number], Decimal]) -> np.ndarray:
    out = np.full(numbers.shape, ZERO)
    for index in np.ndindex(numbers.shape):
        if numbers[index] is not None:
            out[index] = what(numbers[index])
    return out
