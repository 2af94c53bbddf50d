"""Runs somebody's implementation, with pieces of its source replaced, and hands its gradients over under npseq's names.

Shapes differ from each other, initial states are not zero, and weights are large enough for every gate to bend.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import npseq as ns

T, B, D, H = 6, 3, 5, 4
HERE = Path(__file__).parent
PLANTED: dict[str, dict[str, dict[str, str]]] = json.loads((HERE / "planted.json").read_text("utf-8"))
"""{group: {implementation: {edit: what diagnose has to say first}}}."""


class Case(NamedTuple):
    """What diagnose is given."""

    layer: Any
    x: np.ndarray
    dy: np.ndarray
    grads: dict[str, np.ndarray]
    state: Any
    dx: np.ndarray | None


def module(name: str, *edits: str, source: str = "") -> SimpleNamespace:
    """The implementation with pieces of its source replaced, each "old -> new"; an old piece must be there once."""
    source = source or (HERE / f"{name}.py").read_text("utf-8")
    for edit in edits:
        old, new = edit.split(" -> ")
        if source.count(old) != 1:
            raise LookupError(f"{name} must contain {old!r} once, found {source.count(old)}")
        source = source.replace(old, new)
    scope: dict[str, Any] = {"__name__": name}
    exec(compile(source, name, "exec"), scope)
    return SimpleNamespace(**scope)


def point(
    layer: Any, batch: int = B, steps: int = T, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, dy, h0, c0; and the layer's parameters are drawn anew."""
    rng = np.random.default_rng(seed)
    layer.params.flat = rng.normal(size=layer.params.flat.shape)
    h0, c0 = rng.normal(size=(2, 1, batch, H))
    return rng.normal(size=(steps, batch, D)), rng.normal(size=(steps, batch, H)), h0, c0


def cs231n_lstm(*edits: str, source: str = "", seed: int = 1) -> Case:
    own, layer = module("cs231n_lstm", *edits, source=source), ns.LSTM(D, H, dtype=np.float64, rng=0)
    x, dy, h0, c0 = point(layer, seed=seed)
    gates = "ifog"
    Wx, Wh, b = (np.concatenate([layer.params[f"{kind}{k}"] for k in gates], axis=-1) for kind in ("W_x", "W_h", "b_"))
    _, caches = own.lstm_forward(x.swapaxes(0, 1), h0[0], c0[0], Wx, Wh, b)
    dx, _, *found = own.lstm_backward(dy.swapaxes(0, 1), caches)
    grads = split(dict(zip(("W_x", "W_h", "b_"), found, strict=True)), gates)
    return Case(layer, x, dy, grads, (h0, c0), dx.swapaxes(0, 1))


def karpathy_rnn(*edits: str, source: str = "", seed: int = 1) -> Case:
    own, layer = module("karpathy_rnn", *edits, source=source), ns.RNN(D, H, dtype=np.float64, rng=0)
    x, dy, h0, _ = point(layer, 1, seed=seed)
    Wxh, Whh, bh = layer.params["W_xh"].T, layer.params["W_hh"].T, layer.params["b_h"][:, None]
    xs, hs = own.forward([step.T for step in x], h0[0].T, Wxh, Whh, bh)
    dWxh, dWhh, dbh, dxs, _ = own.backward([step.T for step in dy], xs, hs, Wxh, Whh, bh)
    dx = np.stack([dxs[t].T for t in range(T)]) if len(dxs) == T else None
    return Case(layer, x, dy, {"W_xh": dWxh.T, "W_hh": dWhh.T, "b_h": dbh[:, 0]}, h0, dx)


def ng_lstm(*edits: str, source: str = "", seed: int = 1) -> Case:
    own, layer = module("ng_lstm", *edits, source=source), ns.LSTM(D, H, dtype=np.float64, rng=0)
    x, dy, h0, _ = point(layer, seed=seed)
    names = {"f": "f", "i": "i", "c": "g", "o": "o"}
    parameters = {
        f"W{k}": np.concatenate([layer.params[f"W_h{g}"], layer.params[f"W_x{g}"]]).T for k, g in names.items()
    }
    parameters |= {f"b{k}": layer.params[f"b_{g}"][:, None] for k, g in names.items()}
    _, caches = own.lstm_forward(x.transpose(2, 1, 0), h0[0].T, parameters)
    found = own.lstm_backward(dy.transpose(2, 1, 0), caches)
    grads = {}
    for k, gate in names.items():
        grads |= {
            f"W_h{gate}": found[f"dW{k}"].T[:H],
            f"W_x{gate}": found[f"dW{k}"].T[H:],
            f"b_{gate}": found[f"db{k}"][:, 0],
        }
    return Case(layer, x, dy, grads, (h0, np.zeros_like(h0)), found["dx"].transpose(2, 1, 0))


def gru_after(*edits: str, source: str = "", seed: int = 1) -> Case:
    own, layer = module("gru_after", *edits, source=source), ns.GRU(D, H, dtype=np.float64, rng=0)
    x, dy, h0, _ = point(layer, seed=seed)
    p = layer.params
    w_ih, w_hh = (np.concatenate([p[f"{kind}{k}"].T for k in "rzn"]) for kind in ("W_x", "W_h"))
    b_ih = np.concatenate([p["b_r"], p["b_z"], p["b_n"]])
    b_hh = np.concatenate([np.zeros(2 * H), p["b_hn"]])
    _, tape = own.forward(x, h0[0], w_ih, w_hh, b_ih, b_hh)
    dx, _, dw_ih, dw_hh, db_ih, db_hh = own.backward(dy, tape, w_ih, w_hh)
    grads = split({"W_x": dw_ih.T, "W_h": dw_hh.T, "b_": db_ih}, "rzn") | {"b_hn": db_hh[2 * H :]}
    return Case(layer, x, dy, grads, h0, dx)


def gru_before(*edits: str, source: str = "", seed: int = 1) -> Case:
    own, layer = module("gru_before", *edits, source=source), ns.GRU(D, H, reset="before", dtype=np.float64, rng=0)
    x, dy, h0, _ = point(layer, seed=seed)
    kernel, recurrent, bias = (
        np.concatenate([layer.params[f"{kind}{k}"] for k in "zrn"], axis=-1) for kind in ("W_x", "W_h", "b_")
    )
    model = own.GRU(kernel, recurrent, bias)
    model.forward(x.swapaxes(0, 1), h0[0])
    dx, _, g = model.backward(dy.swapaxes(0, 1))
    letters, kinds = {"z": "z", "r": "r", "h": "n"}, {"W": "W_x", "U": "W_h", "b": "b_"}
    grads = {f"{own}{gate}": g[f"{kind}{k}"] for kind, own in kinds.items() for k, gate in letters.items()}
    return Case(layer, x, dy, grads, h0, dx.swapaxes(0, 1))


def split(arrays: dict[str, np.ndarray], gates: str) -> dict[str, np.ndarray]:
    """{W_x: (D, G*H)} as {W_xi: (D, H)}."""
    return {
        f"{kind}{gate}": array[..., k * H : (k + 1) * H]
        for kind, array in arrays.items()
        for k, gate in enumerate(gates)
    }


RUNS = {run.__name__: run for run in (cs231n_lstm, karpathy_rnn, ng_lstm, gru_after, gru_before)}
