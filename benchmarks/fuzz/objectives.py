"""The losses of models on the nodes of `arithmetic`: each a number whose derivative is written from its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fuzz.arithmetic import Arithmetic, Node


def total(m: Arithmetic, scores: list[Node], one: Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Node:
    """The sum of one(k, value of scores[k])[0] (S, rows, .), of which [1] is the derivative by that value."""
    values, slopes = [], []
    for k, node in enumerate(scores):
        each, slope = one(k, node.value)
        values.append(m.column_sums(m.column_sums(each).swapaxes(-1, -2)))
        slopes.append(slope)
    value: Any = np.zeros((1, 1, 1), m.dtype)
    for part in values:
        value = m.off(value + part)

    def back(g: np.ndarray) -> None:
        for node, slope in zip(scores, slopes, strict=True):
            m.push(node, m.off(g * slope))

    return m.node(value, back)


def cross_entropy(m: Arithmetic, scores: list[Node], targets: list[np.ndarray], factors: list[Any]) -> Node:
    """Sum of factor * -log softmax(score)[target]; a target is a one-hot matrix, a factor one number a row."""

    def one(k: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y, w = targets[k][None], np.asarray(factors[k], m.dtype)[None, :, None]
        low = m.off(z - z.max(axis=-1, initial=-np.inf, keepdims=True))
        e = m.off(np.exp(low))
        sums = m.product(e, np.ones((1, e.shape[-1], 1), m.dtype))
        losses = m.off(m.off(np.log(sums)) - (low * y).sum(axis=-1, keepdims=True))
        return m.off(losses * w), m.off(m.off(m.off(e / sums) - y) * w)

    return total(m, scores, one)


def binary(m: Arithmetic, scores: list[Node], targets: list[np.ndarray], factors: list[Any]) -> Node:
    """Sum of factor * the cross-entropy of sigmoid(score) with targets 0 or 1."""

    def one(k: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turned = np.where(targets[k][None] > 0, -z, z)  # the loss is log(1 + e^turned)
        e = m.off(np.exp(-abs(turned)))
        losses = m.off(np.where(turned > 0, turned, 0) + m.off(np.log1p(e)))
        share = m.off(np.where(turned > 0, 1, e) / (1 + e))
        w = np.asarray(factors[k], m.dtype)[None, :, None]
        return m.off(losses * w), m.off(np.where(targets[k][None] > 0, -share, share) * w)

    return total(m, scores, one)


def squared_error(m: Arithmetic, predictions: list[Node], targets: list[np.ndarray], factor: float) -> Node:
    """Sum of factor * (prediction - target)^2."""

    def one(k: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        error = m.off(z - np.asarray(targets[k], m.dtype)[None])
        return m.off(m.off(error * error) * m.dtype(factor)), m.off(2 * m.dtype(factor) * error)

    return total(m, predictions, one)
