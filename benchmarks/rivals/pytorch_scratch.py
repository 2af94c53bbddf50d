"""The same step in PyTorch with the cell written out, as in Dive into Deep Learning ("from scratch", 9.5, 10.1, 10.2).

A matrix and a bias a gate, a Python loop over time, autograd. The GRU's reset gate acts after the product, and its
candidate has two biases, so that it is the function of the others; d2l's acts before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks.cases import Case
from benchmarks.problem import CLIP, RATE, Problem
from benchmarks.rivals import Built
from benchmarks.rivals.gates import Layer, joined, split


def supports(case: Case) -> bool:
    return not case.bidirectional and not case.ragged


def rnn(w: Layer, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    return torch.tanh(x @ w.x[0] + h @ w.h[0] + w.b[0]), c


def gru(w: Layer, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    r = torch.sigmoid(x @ w.x[0] + h @ w.h[0] + w.b[0])
    z = torch.sigmoid(x @ w.x[1] + h @ w.h[1] + w.b[1])
    n = torch.tanh(x @ w.x[2] + w.b[2] + r * (h @ w.h[2] + w.b[3]))
    return z * h + (1 - z) * n, c


def lstm(w: Layer, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i = torch.sigmoid(x @ w.x[0] + h @ w.h[0] + w.b[0])
    f = torch.sigmoid(x @ w.x[1] + h @ w.h[1] + w.b[1])
    g = torch.tanh(x @ w.x[2] + h @ w.h[2] + w.b[2])
    o = torch.sigmoid(x @ w.x[3] + h @ w.h[3] + w.b[3])
    c = f * c + i * g
    return o * torch.tanh(c), c


CELLS = {"rnn": rnn, "gru": gru, "lstm": lstm}


def build(given: Problem) -> Built:
    case = given.case
    layers, rest = split(given)
    layers = [Layer(*([torch.tensor(a).requires_grad_() for a in group] for group in layer)) for layer in layers]
    rest = {name: torch.tensor(value).requires_grad_() for name, value in rest.items()}
    params = [*(p for layer in layers for group in layer for p in group), *rest.values()]
    x, targets, cell = torch.from_numpy(given.x), torch.from_numpy(given.targets), CELLS[case.cell]

    def logits() -> torch.Tensor:
        inputs = x
        if case.inputs == "one-hot":
            inputs = functional.one_hot(x, case.V).to(getattr(torch, case.dtype))
        elif case.inputs == "embedding":
            inputs = rest["embedding.weight"][x]
        for w in layers:
            h = c = torch.zeros(case.B, case.H, dtype=inputs.dtype)
            outputs = []
            for step_input in inputs:
                h, c = cell(w, step_input, h, c)
                outputs.append(h)
            inputs = torch.stack(outputs)
        return inputs @ rest["output.weight"] + rest["output.bias"]

    def backward() -> torch.Tensor:
        loss = functional.cross_entropy(logits().reshape(-1, case.V), targets.reshape(-1))
        for p in params:
            p.grad = None
        loss.backward()
        return loss

    def step() -> torch.Tensor:
        loss = backward()
        with torch.no_grad():
            norm = torch.sqrt(sum(torch.sum(p.grad**2) for p in params))
            for p in params:
                if norm > CLIP:
                    p.grad *= CLIP / norm
                p -= RATE * p.grad
        return loss

    def gradient() -> Any:
        loss = backward().item()
        grads = [Layer(*([p.grad.numpy() for p in group] for group in layer)) for layer in layers]
        return loss, joined(grads, {name: p.grad.numpy() for name, p in rest.items()})

    return Built(step, torch.no_grad()(logits), gradient)
