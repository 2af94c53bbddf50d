"""Reverse mode over 80-bit matrices. It knows no cell, no loss, and nothing of npseq.

Every value is (S, rows, columns). S is 1 where arithmetic is exact, that is, of 80 bits. Where it is noisy, S copies of
the whole computation run side by side, and each operation of each is off by a random part of `unit`, or of the smallest
normal number, below which libraries write 0: so far apart are two right programs that round differently. A gradient may
have an axis of lags in front, (K, S, rows, columns), which tells paths apart by how often `carry` has shifted them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray
NOISE = 1 << 15


def has_80_bits() -> bool:
    """Whether long double has more digits than double here."""
    return np.finfo(np.longdouble).nmant >= 63


class Node:
    """A value; back(g) hands on g, the derivative by it; grad sums what arrives."""

    __slots__ = ("back", "grad", "value")

    def __init__(self, value: Array, back: Callable[[Array], None] | None = None) -> None:
        self.value, self.back = value, back
        self.grad: Array | None = None


class Arithmetic:
    """Makes nodes in the order of computation.

    like: the dtype that is imitated: whether numbers are complex, and what a noisy operation is off by.
    samples: 0 is exact, more are noisy.
    lags: K, where paths are told apart by lag.
    """

    def __init__(self, like: Any, samples: int = 0, rng: Any = None, lags: int | None = None) -> None:
        like = np.dtype(like)
        self.dtype = np.clongdouble if like.kind == "c" else np.longdouble
        self.unit = np.longdouble(np.finfo(like).eps) if samples else np.longdouble(0)
        self.lost = np.finfo(like).smallest_normal.astype(np.longdouble) / np.finfo(like).eps
        self.samples, self.lags, self.at = samples, lags, 0
        self.noise = self._drawn(rng) if samples else None
        self.order: list[Node] = []

    def _drawn(self, rng: np.random.Generator) -> Array:
        """Random parts of a unit, taken in turn, and over again where they are used up."""
        real, imaginary = (rng.uniform(-1, 1, NOISE) for _ in range(2))
        drawn = real + 1j * imaginary if self.dtype is np.clongdouble else real
        return self.unit * drawn.astype(self.dtype)

    def off(self, value: Array, size: Array | None = None) -> Array:
        """The value as one operation computes it; size: of the terms, where it is their sum."""
        if not self.samples:
            return value
        shape = (*value.shape[:-3], self.samples, *value.shape[-2:])
        start, self.at = self.at, (self.at + prod(shape)) % (NOISE - 997)
        noise = self.noise[np.arange(start, start + prod(shape)) % NOISE].reshape(shape)
        return value + noise * ((abs(value) if size is None else size) + self.lost)

    def leaf(self, array: Any) -> Node:
        """A matrix, or a vector as a row, that is given."""
        return Node(np.atleast_2d(np.asarray(array, self.dtype))[None])

    def node(self, value: Array, back: Callable[[Array], None]) -> Node:
        made = Node(value, back)
        self.order.append(made)
        return made

    def push(self, node: Any, g: Array) -> None:
        """Adds g to the derivative by a node; by a constant array there is none."""
        if isinstance(node, Node):
            node.grad = g if node.grad is None else self.off(node.grad + g)

    def affine(self, pairs: Iterable[tuple[Any, Node]], bias: Node | None = None) -> Node:
        """The sum of all x W, x a node or a constant, and of a row."""
        pairs = [(x, value_of(x), W) for x, W in pairs]
        value: Any = sum(x @ W.value for _, x, W in pairs)
        size: Any = sum(abs(x) @ abs(W.value) for _, x, W in pairs) if self.samples else None
        if bias is not None:
            value = value + bias.value
            size = size + abs(bias.value) if self.samples else None

        def back(g: Array) -> None:
            for node, x, W in pairs:
                if isinstance(node, Node):
                    self.push(node, self.product(g, W.value.swapaxes(-1, -2)))
                self.push(W, self.product(x.swapaxes(-1, -2), g))
            if bias is not None:
                self.push(bias, self.column_sums(g))

        return self.node(self.off(value, size), back)

    def product(self, a: Array, b: Array) -> Array:
        return self.off(a @ b, abs(a) @ abs(b) if self.samples else None)

    def column_sums(self, g: Array) -> Array:
        size = abs(g).sum(axis=-2, keepdims=True) if self.samples else None
        return self.off(g.sum(axis=-2, keepdims=True), size)

    def add(self, a: Node, b: Node) -> Node:
        return self.node(self.off(a.value + b.value), lambda g: (self.push(a, g), self.push(b, g))[0])

    def multiply(self, a: Node, b: Node) -> Node:
        """Entry by entry; b may be a row."""

        def back(g: Array) -> None:
            self.push(a, self.off(g * b.value))
            db = self.off(g * a.value)
            self.push(b, db if b.value.shape[-2] == db.shape[-2] else self.column_sums(db))

        return self.node(self.off(a.value * b.value), back)

    def one_minus(self, a: Node) -> Node:
        return self.node(self.off(1 - a.value), lambda g: self.push(a, -g))

    def tanh(self, a: Node) -> Node:
        e = np.exp(-2 * away(a.value))
        return self.pointwise(a, np.tanh(a.value), 4 * e / (1 + e) ** 2, lambda y: 1 - y * y)

    def sigmoid(self, a: Node) -> Node:
        e = np.exp(-away(a.value))
        y = np.where(a.value.real < 0, e, 1) / (1 + e)
        return self.pointwise(a, y, e / (1 + e) ** 2, lambda y: y * (1 - y))

    def relu(self, a: Node) -> Node:
        slope = (a.value.real > 0).astype(self.dtype)
        return self.pointwise(a, a.value * slope, slope, lambda y: (y.real > 0).astype(self.dtype))

    def pointwise(self, a: Node, y: Array, slope: Array, by_output: Callable[[Array], Array]) -> Node:
        """slope: the derivative by all digits of the argument. Noisy programs take it from their output."""
        y = self.off(y)
        slope = self.off(by_output(y)) if self.samples else slope
        return self.node(y, lambda g: self.push(a, self.off(g * slope)))

    def carry(self, a: Node, factor: float | None = None) -> Node:
        """The same value from one time step to the next: the derivative times a factor, or None: one lag on."""
        if factor is not None:
            return self.node(a.value, lambda g: self.push(a, self.off(g * self.dtype(factor))))
        return self.node(a.value, lambda g: self.push(a, np.concatenate([np.zeros_like(g[:1]), g[:-1]])))

    def beside(self, parts: list[Node]) -> Node:
        """Matrices side by side."""
        if len(parts) == 1:
            return parts[0]
        ends = np.cumsum([part.value.shape[-1] for part in parts])
        copies = max(len(part.value) for part in parts)
        values = [np.broadcast_to(part.value, (copies, *part.value.shape[1:])) for part in parts]

        def back(g: Array) -> None:
            for part, piece in zip(parts, np.split(g, ends[:-1], axis=-1), strict=True):
                self.push(part, piece)

        return self.node(np.concatenate(values, axis=-1), back)

    def columns(self, a: Node, first: int, last: int) -> Node:
        def back(g: Array) -> None:
            whole = np.zeros((*g.shape[:-1], a.value.shape[-1]), g.dtype)
            whole[..., first:last] = g
            self.push(a, whole)

        return self.node(a.value[..., first:last], back)

    def backward(self, seeds: Iterable[tuple[Node, Array]]) -> None:
        """Fills grad of every node, from derivatives (rows, columns) by some of them, which are at lag 0."""
        for node, seed in seeds:
            g = np.asarray(seed, self.dtype)[None]
            if self.lags is not None:
                g = np.concatenate([g[None], np.zeros((self.lags - 1, *g.shape), self.dtype)])
            self.push(node, g)
        for node in reversed(self.order):
            if node.grad is not None:
                node.back(node.grad)

    def gradient(self, leaf: Node, weights: Array | None = None) -> Array:
        """(S, rows, columns): the derivative by a leaf, its lags weighed and summed."""
        if leaf.grad is None:
            return np.zeros_like(leaf.value)
        if self.lags is None:
            return leaf.grad
        return self.off(np.tensordot(np.asarray(weights, self.dtype), leaf.grad, 1))


def value_of(x: Any) -> Array:
    return x.value if isinstance(x, Node) else x


def away(x: Array) -> Array:
    """x or -x, whichever has a real part that is not negative."""
    return np.where(x.real < 0, -x, x)
