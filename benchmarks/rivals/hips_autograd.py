"""The same step with HIPS autograd, in the way of its own examples/lstm.py: a matrix a gate, a loop over time."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

from benchmarks.cases import Case
from benchmarks.problem import CLIP, RATE, Problem
from benchmarks.rivals import Built
from benchmarks.rivals.gates import Layer, joined, split


def supports(case: Case) -> bool:
    return not case.bidirectional and not case.ragged


def sigmoid(x: Any) -> Any:
    return 0.5 * (anp.tanh(0.5 * x) + 1)


def rnn(w: Layer, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    return anp.tanh(anp.dot(x, w.x[0]) + anp.dot(h, w.h[0]) + w.b[0]), c


def gru(w: Layer, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    r = sigmoid(anp.dot(x, w.x[0]) + anp.dot(h, w.h[0]) + w.b[0])
    z = sigmoid(anp.dot(x, w.x[1]) + anp.dot(h, w.h[1]) + w.b[1])
    n = anp.tanh(anp.dot(x, w.x[2]) + w.b[2] + r * (anp.dot(h, w.h[2]) + w.b[3]))
    return z * h + (1 - z) * n, c


def lstm(w: Layer, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i = sigmoid(anp.dot(x, w.x[0]) + anp.dot(h, w.h[0]) + w.b[0])
    f = sigmoid(anp.dot(x, w.x[1]) + anp.dot(h, w.h[1]) + w.b[1])
    g = anp.tanh(anp.dot(x, w.x[2]) + anp.dot(h, w.h[2]) + w.b[2])
    o = sigmoid(anp.dot(x, w.x[3]) + anp.dot(h, w.h[3]) + w.b[3])
    c = f * c + i * g
    return o * anp.tanh(c), c


CELLS = {"rnn": rnn, "gru": gru, "lstm": lstm}


def build(given: Problem) -> Built:
    case, cell = given.case, CELLS[given.case.cell]
    layers, rest = split(given)
    params: Any = ([tuple(layer) for layer in layers], rest)
    one_hot = np.eye(case.V, dtype=case.dtype)[given.x] if case.inputs == "one-hot" else None

    def logits(params: Any) -> Any:
        layers, rest = params
        inputs = given.x if case.inputs == "dense" else one_hot
        if case.inputs == "embedding":
            inputs = rest["embedding.weight"][given.x]
        for groups in layers:
            w = Layer(*groups)
            h = c = np.zeros((case.B, case.H), case.dtype)
            outputs = []
            for t in range(case.T):
                h, c = cell(w, inputs[t], h, c)
                outputs.append(h)
            inputs = outputs
        y = anp.reshape(anp.stack(inputs), (-1, case.H))
        return anp.dot(y, rest["output.weight"]) + rest["output.bias"]

    def loss(params: Any) -> Any:
        scores = logits(params)
        picked = scores[np.arange(case.T * case.B), given.targets.reshape(-1)]
        return anp.mean(logsumexp(scores, axis=1) - picked)

    backward = value_and_grad(loss)

    def leaves(tree: Any) -> list[Any]:
        return [*(a for groups in tree[0] for group in groups for a in group), *(tree[1][name] for name in rest)]

    def step() -> float:
        value, grads = backward(params)
        norm = np.sqrt(sum(np.sum(g**2) for g in leaves(grads)))
        rate = RATE * min(1.0, CLIP / float(norm))
        for p, g in zip(leaves(params), leaves(grads), strict=True):
            p -= rate * g
        return float(value)

    def gradient() -> Any:
        value, (layers, others) = backward(params)
        return float(value), joined([Layer(*groups) for groups in layers], dict(others))

    return Built(step, lambda: logits(params), gradient)
