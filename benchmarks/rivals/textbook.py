"""The same step in NumPy as textbooks have it: a batch is a matrix of rows, and every step's gradients are added up.

One product a step with the gates side by side, forward, and three backward. One layer, one direction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.problem import CLIP, RATE, Problem
from benchmarks.rivals import Built


def supports(case: Case) -> bool:
    return case.layers == 1 and not case.bidirectional and not case.ragged


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def rnn(a: np.ndarray, u: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[Any, Any, Any]:
    """New h, c and what the backward step reads; a (B, G*H) is x W_x + b_x, u the same of h."""
    h = np.tanh(a + u)
    return h, c, h


def rnn_back(kept: Any, dh: np.ndarray, dc: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """da, du, what dh reaches directly, dc of the step before."""
    da = dh * (1 - kept**2)
    return da, da, 0, dc


def gru(a: np.ndarray, u: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[Any, Any, Any]:
    (ar, az, an), (ur, uz, un) = np.split(a, 3, axis=1), np.split(u, 3, axis=1)
    r, z = sigmoid(ar + ur), sigmoid(az + uz)
    n = np.tanh(an + r * un)
    return (1 - z) * n + z * h, c, (r, z, n, un, h)


def gru_back(kept: Any, dh: np.ndarray, dc: np.ndarray) -> tuple[Any, Any, Any, Any]:
    r, z, n, un, h = kept
    dn = dh * (1 - z) * (1 - n**2)
    dz = dh * (h - n) * z * (1 - z)
    dr = dn * un * r * (1 - r)
    return np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1), dh * z, dc


def lstm(a: np.ndarray, u: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[Any, Any, Any]:
    i, f, g, o = np.split(a + u, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new = f * c + i * g
    tanh = np.tanh(new)
    return o * tanh, new, (i, f, g, o, c, tanh)


def lstm_back(kept: Any, dh: np.ndarray, dc: np.ndarray) -> tuple[Any, Any, Any, Any]:
    i, f, g, o, c, tanh = kept
    dc = dc + dh * o * (1 - tanh**2)
    parts = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * tanh * o * (1 - o)]
    da = np.concatenate(parts, axis=1)
    return da, da, 0, dc * f


CELLS = {"rnn": (rnn, rnn_back), "gru": (gru, gru_back), "lstm": (lstm, lstm_back)}
NAMES = {"W_x": "weight_ih_l0", "W_h": "weight_hh_l0", "b_x": "bias_ih_l0", "b_h": "bias_hh_l0"}


def build(given: Problem) -> Built:
    case = given.case
    forward_step, backward_step = CELLS[case.cell]
    w = {name: given.params[f"recurrent.{theirs}"].T.copy() for name, theirs in NAMES.items()}
    w |= {"W_y": given.params["output.weight"].T.copy(), "b_y": given.params["output.bias"].copy()}
    if case.inputs == "embedding":
        w["E"] = given.params["embedding.weight"].copy()
    targets, rows = given.targets.reshape(-1), np.arange(case.T * case.B)
    zero = np.zeros((case.B, case.H), case.dtype)

    def inputs() -> np.ndarray:
        if case.inputs == "dense":
            return given.x
        return w["E"][given.x] if case.inputs == "embedding" else np.eye(case.V, dtype=case.dtype)[given.x]

    def forward(x: np.ndarray) -> tuple[np.ndarray, list, list]:
        h, c, hs, kept = zero, zero, [zero], []
        for t in range(case.T):
            h, c, mine = forward_step(x[t] @ w["W_x"] + w["b_x"], h @ w["W_h"] + w["b_h"], h, c)
            hs.append(h)
            kept.append(mine)
        return np.concatenate(hs[1:]) @ w["W_y"] + w["b_y"], hs, kept

    def backward() -> tuple[float, dict[str, np.ndarray]]:
        x = inputs()
        logits, hs, kept = forward(x)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[rows, targets]).mean()
        p[rows, targets] -= 1
        p /= len(rows)
        d = {name: np.zeros_like(value) for name, value in w.items()}
        d["W_y"], d["b_y"] = np.concatenate(hs[1:]).T @ p, p.sum(axis=0)
        dy = (p @ w["W_y"].T).reshape(case.T, case.B, case.H)
        dh = dc = zero
        for t in reversed(range(case.T)):
            da, du, direct, dc = backward_step(kept[t], dy[t] + dh, dc)
            d["W_x"] += x[t].T @ da
            d["W_h"] += hs[t].T @ du
            d["b_x"] += da.sum(axis=0)
            d["b_h"] += du.sum(axis=0)
            dh = direct + du @ w["W_h"].T
            if case.inputs == "embedding":
                np.add.at(d["E"], given.x[t], da @ w["W_x"].T)
        return float(loss), d

    def step() -> float:
        loss, d = backward()
        norm = np.sqrt(sum(np.sum(g * g) for g in d.values()))
        rate = RATE * min(1.0, CLIP / float(norm))
        for name, g in d.items():
            w[name] -= rate * g
        return loss

    def gradient() -> tuple[float, dict[str, np.ndarray]]:
        loss, d = backward()
        named = {f"recurrent.{theirs}": d[name].T for name, theirs in NAMES.items()}
        named |= {"output.weight": d["W_y"].T, "output.bias": d["b_y"]}
        return loss, named | ({"embedding.weight": d["E"]} if "E" in d else {})

    return Built(step, lambda: forward(inputs())[0], gradient)
