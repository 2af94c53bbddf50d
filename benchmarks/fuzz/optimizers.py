"""Optimizers and clipping: several steps, number by number, from the equations of their papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz import twin
from benchmarks.fuzz.arithmetic import Arithmetic
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.verdict import Case

KINDS = ("SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "clip norm", "clip value")


def case(d: Draw) -> Case:
    """The parameters after several steps, or gradients after a clip."""
    kind = d.of("optimizer", KINDS, (3, 3, 3, 2, 2, 2, 1))
    dtype = np.dtype(d.of("dtype", ("float32", "float64")))
    return clipped(d, kind, dtype) if kind.startswith("clip") else stepped(d, kind, dtype)


def options_of(d: Draw, kind: str) -> dict[str, Any]:
    """Options of one optimizer, each often left at its default."""
    lr = d.of("lr", (1e-3, 0.1, 1.0))
    made: dict[str, Any] = {"lr": lr, "weight_decay": d.of("weight_decay", (0.0, 0.01, 0.3), (3, 1, 1))}
    if kind in ("Adam", "AdamW"):
        made |= {"betas": d.of("betas", ((0.9, 0.999), (0.5, 0.9), (0.0, 0.0), (0.0, 0.99)), (4, 2, 1, 1))}
        made |= {"eps": d.of("eps", (1e-8, 1e-3)), "amsgrad": d.maybe("amsgrad", 0.3)}
    elif kind == "RMSprop":
        centered = d.maybe("centered", 0.35)  # with alpha 0 the variance is 0, and every step g / eps
        made |= {"alpha": d.of("alpha", (0.99, 0.5, 0.0), (1, 1, not centered)), "eps": d.of("eps", (1e-8, 1e-3))}
        made |= {"momentum": d.of("momentum", (0.0, 0.9)), "centered": centered}
    elif kind == "Adagrad":
        made |= {"lr_decay": d.of("lr_decay", (0.0, 0.1)), "eps": d.of("eps", (1e-10, 1e-3))}
        made |= {"initial_accumulator_value": d.of("first sum", (0.0, 0.1))}
    else:
        made |= {"momentum": d.of("momentum", (0.0, 0.5, 0.9))}
        made |= {"nesterov": made["momentum"] > 0 and d.maybe("nesterov", 0.4)}
        made |= {"dampening": 0.0 if made["nesterov"] else d.of("dampening", (0.0, 0.3))}
    return made


def gradients(d: Draw, steps: int, sizes: dict[str, tuple[int, ...]], dtype: Any) -> list[dict[str, np.ndarray]]:
    """Gradients of every step, of many sizes, some of them zero, some the same at each step."""
    form = d.of("gradients", ("normal", "of many sizes", "mostly zero", "the same"), (4, 3, 1, 2))
    made = []
    for t in range(steps):
        own = {name: d.numbers(size, dtype) for name, size in sizes.items()}
        if form == "of many sizes":
            own = {name: g * 10 ** d.rng.uniform(-8, 6, g.shape) for name, g in own.items()}
        elif form == "mostly zero":
            own = {name: np.where(d.rng.random(g.shape) < 0.7, 0, g) for name, g in own.items()}
        made.append(made[0] if t and form == "the same" else {n: np.asarray(g, dtype) for n, g in own.items()})
    return made


def stepped(d: Draw, kind: str, dtype: Any) -> Case:
    options = options_of(d, kind)
    if d.maybe("parameters of a layer", 0.4):
        layer = ns.GRU(2, 3, dtype=dtype, rng=int(d.rng.integers(99)))
        params = layer.params
    else:
        shapes = ((70_000,),) if d.maybe("long vector", 0.02) else ((3,), (2, 4), (), (0,))
        params = {f"p{k}": d.numbers(size, dtype) for k, size in enumerate(shapes)}
    first = {name: np.array(value) for name, value in params.items()}
    count = d.of("steps", (1, 2, 7, 40), (2, 2, 3, 1))
    count = min(count, 2) if d.told.get("long vector") else count
    steps = gradients(d, count, {n: v.shape for n, v in first.items()}, dtype)
    optimizer = getattr(ns, kind)(**options)
    joins = hasattr(params, "flat") and d.maybe("gradients in one vector", 0.5)
    for grads in steps:
        given = {n: d.laid_out(n, g) for n, g in grads.items()} if len(steps) == 1 else grads
        given = {n: g.astype(dtype, copy=False) for n, g in given.items()}
        if joins:
            joined = params.like(np.zeros_like(params.flat))
            for name, g in grads.items():
                joined[name] = g
            given = joined
        optimizer.step(params, given)
    d.check_unwritten()
    found = {name: np.array(value) for name, value in params.items()}

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        m = new()
        return {name: path(m, kind, options, first[name], [g[name] for g in steps]) for name in first}

    rival = None
    if twin.torch is not None:
        rival = lambda: twin.optimizer(kind, options, first, steps)  # noqa: E731
    rows = {name: value.ndim for name, value in first.items()}  # every number by itself
    return Case(found, rows, right, dtype, 6 + 4 * len(steps), rival)


def path(m: Arithmetic, kind: str, options: dict[str, Any], first: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    """(S, *shape): a parameter after all steps; each of its numbers goes alone."""
    o = {name: np.longdouble(value) for name, value in options.items() if name != "betas"}
    o |= dict(zip(("b1", "b2"), map(np.longdouble, options.get("betas", ())), strict=False))
    p = np.asarray(first, m.dtype).reshape(1, -1, 1)
    state: dict[str, np.ndarray] = {}
    for t, step in enumerate(steps, 1):
        g = np.asarray(step, m.dtype).reshape(1, -1, 1)
        if kind == "AdamW":
            p = m.off(p - m.off(o["lr"] * o["weight_decay"] * p))
        elif options["weight_decay"]:
            g = m.off(g + m.off(o["weight_decay"] * p))
        p = m.off(p - m.off(UPDATES[kind](m, o, state, g, t)))
    return p[..., 0].reshape(len(p), *first.shape)


def sgd(m: Arithmetic, o: dict, state: dict, g: np.ndarray, t: int) -> np.ndarray:
    """Sutskever et al. 2013, in PyTorch's form: the first b is the gradient."""
    if not o["momentum"]:
        return o["lr"] * g
    old = state.get("b")
    b = g if old is None else m.off(m.off(o["momentum"] * old) + m.off((1 - o["dampening"]) * g))
    state["b"] = b
    return o["lr"] * (m.off(g + m.off(o["momentum"] * b)) if o["nesterov"] else b)


def average(m: Arithmetic, state: dict, name: str, keep: Any, value: np.ndarray) -> np.ndarray:
    old = state.get(name, np.zeros_like(value))
    state[name] = m.off(m.off(keep * old) + m.off((1 - keep) * value))
    return state[name]


def adam(m: Arithmetic, o: dict, state: dict, g: np.ndarray, t: int) -> np.ndarray:
    """Kingma & Ba 2015, algorithm 1; AMSGrad: Reddi et al. 2018."""
    mean = average(m, state, "m", o["b1"], g)
    square = average(m, state, "v", o["b2"], m.off(g * g))
    if o["amsgrad"]:
        square = state["most"] = np.maximum(square, state.get("most", np.zeros_like(square)))
    root = m.off(m.off(np.sqrt(m.off(square / left(m, o["b2"] ** t)))) + o["eps"])
    return o["lr"] * m.off(m.off(mean / left(m, o["b1"] ** t)) / root)


def left(m: Arithmetic, share: Any) -> np.ndarray:
    """1 - share, as float64 has it: an optimizer's own numbers are Python's."""
    double = np.longdouble(np.finfo(float).eps)
    return m.off(np.full((1, 1, 1), 1 - share), double / m.unit if m.samples else None)


def rmsprop(m: Arithmetic, o: dict, state: dict, g: np.ndarray, t: int) -> np.ndarray:
    """Hinton 2012, lecture 6e; centered: Graves 2013. A difference that rounding makes negative is 0."""
    square = average(m, state, "v", o["alpha"], m.off(g * g))
    if o["centered"]:
        mean = average(m, state, "m", o["alpha"], g)
        square = np.maximum(m.off(square - m.off(mean * mean)), 0)
    u = m.off(g / m.off(m.off(np.sqrt(square)) + o["eps"]))
    if not o["momentum"]:
        return o["lr"] * u
    state["b"] = m.off(m.off(o["momentum"] * state.get("b", np.zeros_like(u))) + u)
    return o["lr"] * state["b"]


def adagrad(m: Arithmetic, o: dict, state: dict, g: np.ndarray, t: int) -> np.ndarray:
    """Duchi, Hazan & Singer 2011, diagonal."""
    state["sum"] = m.off(state.get("sum", o["initial_accumulator_value"]) + m.off(g * g))
    rate = o["lr"] / (1 + (t - 1) * o["lr_decay"])
    return rate * m.off(g / m.off(m.off(np.sqrt(state["sum"])) + o["eps"]))


UPDATES: dict[str, Callable] = {"SGD": sgd, "RMSprop": rmsprop, "Adam": adam, "AdamW": adam, "Adagrad": adagrad}


def clipped(d: Draw, kind: str, dtype: Any) -> Case:
    """A clip by the joint norm or by value, at any size that the dtype can hold."""
    power = d.of("size 10^", (0, 4, -4, 15, 37, -30), (4, 2, 2, 2, 1, 1))
    grads = {f"g{k}": d.numbers(size, dtype, 0.3) for k, size in enumerate(((3,), (2, 4), (), (0,)))}
    grads = {name: np.asarray(np.clip(g, -3, 3) * 10.0**power, dtype) for name, g in grads.items()}
    limit = float(d.of("limit", (0.5, 1e3, 1e-3, 0.0, np.inf))) * 10.0 ** d.of("limit x 10^", (0, power))
    before = {name: np.asarray(g, np.longdouble) for name, g in grads.items()}
    by_norm = kind == "clip norm"
    answer = ns.clip_grad_norm(grads, limit) if by_norm else ns.clip_grad_value(grads, limit)
    found = {**grads, **({"norm": np.array(answer)} if by_norm else {})}

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        m = new()
        flat = np.concatenate([g.reshape(-1) for g in before.values()])
        if not by_norm:
            return {name: np.clip(g, -limit, limit)[None] for name, g in before.items()}
        norm = m.off(np.sqrt(m.column_sums(m.off((flat * flat)[None, :, None]))))
        factor = np.where(norm > limit, m.off(limit / np.where(norm == 0, 1, norm)), 1)
        scaled = {n: m.off(g.reshape(1, -1, 1) * factor)[..., 0] for n, g in before.items()}
        return {n: g.reshape(len(g), *before[n].shape) for n, g in scaled.items()} | {"norm": norm[:, 0, 0]}

    return Case(found, {name: g.ndim for name, g in grads.items()}, right, dtype, 24)
