"""Recurrent layers of random kinds, sizes and weights, and their gradient by the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

import npseq as ns
from benchmarks.fuzz.arithmetic import Arithmetic, Node
from benchmarks.fuzz.draw import Draw
from benchmarks.fuzz.networks import Network, groups, run

CELLS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "RNN tanh": (ns.RNN, "tanh", {}),
    "RNN relu": (ns.RNN, "relu", {"nonlinearity": "relu"}),
    "GRU after": (ns.GRU, "gru after", {}),
    "GRU before": (ns.GRU, "gru before", {"reset": "before"}),
    "LSTM": (ns.LSTM, "lstm", {}),
    "LSTM peepholes": (ns.LSTM, "lstm", {"peepholes": True}),
    "LSTM projected": (ns.LSTM, "lstm", {"proj_size": 1}),
    "LSTM peepholes projected": (ns.LSTM, "lstm", {"peepholes": True, "proj_size": 1}),
}


class Numbers(NamedTuple):
    """What a layer is given, and its derivatives; None where it is given none."""

    x: np.ndarray  # (T, B, D), or ids (T, B)
    h: np.ndarray | None  # (strands, B, P)
    c: np.ndarray | None  # (strands, B, H)
    lengths: np.ndarray | None
    dy: np.ndarray | None
    dh: np.ndarray | None
    dc: np.ndarray | None


def state_for(layer: Any, h: Any, c: Any) -> Any:
    """A state as the layer takes it."""
    return (h, c) if isinstance(layer, ns.LSTM) and not h is c is None else h


class Plan(NamedTuple):
    """What a truncation has drawn: weights of lags, or factors (strands, T) of h and of c."""

    lags: np.ndarray | None = None
    h: np.ndarray | None = None
    c: np.ndarray | None = None


def recurrent(d: Draw, inputs: int, dtype: Any, one_way: bool = False) -> tuple[Any, Network]:
    """A layer with weights of its own, and what the oracle calls it."""
    name = d.of("cell", tuple(CELLS))
    make, cell, options = CELLS[name]
    hidden = d.whole("H", 1 + ("proj_size" in options), 6)
    if "proj_size" in options:
        options = {**options, "proj_size": d.whole("P", 1, hidden - 1)}
    layers, both = d.of("L", (1, 2, 3), (5, 3, 1)), not one_way and d.maybe("bidirectional", 0.4)
    bias = not d.maybe("no bias", 0.15)
    layer = make(inputs, hidden, layers, bidirectional=both, bias=bias, dtype=dtype, rng=0, **options)
    weights(d, layer.params, hidden)
    return layer, Network(cell, layers, 1 + both)


def weights(d: Draw, params: Any, hidden: int) -> None:
    """Writes parameters of some size; a bias may close or open a gate."""
    scale = d.of("weights x", (1.0, 5.0, 0.1, 25.0, 0.0), (12, 5, 2, 1, 0.3))
    flat = d.rng.uniform(-1, 1, params.flat.shape) * scale / np.sqrt(hidden)
    if params.flat.dtype.kind == "c":
        flat = flat + 0.1j * d.rng.uniform(-1, 1, flat.shape) / np.sqrt(hidden)
    params.flat[...] = flat
    biases = [name for name in params if name.split(".")[-1].startswith("b")]
    if biases and d.maybe("a bias at", 0.15):
        name, value = biases[d.rng.integers(len(biases))], float(np.round(d.rng.uniform(-40, 40), 1))
        d.told["a bias at"] = f"{name}={value}"
        params[name][...] += value


def sizes(d: Draw) -> tuple[int, int]:
    """T and B; rarely so many that sums are taken in chunks, where nothing grows from step to step."""
    if "relu" not in d.about() and d.maybe("long", 0.004):
        return d.whole("T", 40, 80), d.whole("B", 13, 20)
    return d.whole("T", 0, 9), d.whole("B", 0, 5)


def lengths_of(d: Draw, steps: int, batch: int) -> np.ndarray | None:
    """None, or lengths of every integer type."""
    if d.maybe("no lengths", 0.4):
        return None
    kind = d.of("lengths", ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"))
    return d.laid_out("lengths", d.rng.integers(0, steps + 1, batch).astype(kind))


def past(lengths: np.ndarray | None, steps: int, batch: int) -> np.ndarray:
    """(T, B): which positions are padding."""
    own = np.full(batch, steps) if lengths is None else lengths.astype(int)
    return np.arange(steps)[:, None] >= own


def state_of(d: Draw, name: str, layer: Any, batch: int, sizes: tuple[float, ...]) -> tuple[Any, Any]:
    """(h, c) of some size, either or both None."""
    strands = layer.num_layers * layer.directions
    has_c = isinstance(layer, ns.LSTM)
    scale = d.of(f"{name} x", (None, *sizes))
    if scale is None:
        return None, None
    h = d.numbers((strands, batch, layer.state_size), layer.dtype, scale)
    c = d.numbers((strands, batch, layer.hidden_size), layer.dtype, scale) if has_c else None
    part = d.of(f"{name} of", (None, "h", "c"), (6, 1, 1)) if has_c else None
    h = None if part == "c" else d.laid_out(f"{name} h", h)
    return h, None if c is None or part == "h" else d.laid_out(f"{name} c", c)


def dy_of(d: Draw, padding: np.ndarray, layer: Any) -> np.ndarray | None:
    form = d.of("dy", ("full", None, "few steps", "one entry", "x 1e-6", "x 1e4"), (8, 1, 2, 1, 1, 1))
    if form is None:
        return None
    dy = d.numbers((*padding.shape, layer.output_size), layer.dtype, {"x 1e-6": 1e-6, "x 1e4": 1e4}.get(form, 1.0))
    if form == "few steps":
        dy[d.rng.random(len(dy)) < 0.6] = 0
    elif form == "one entry" and dy.size:
        keep = d.rng.integers(dy.size)
        dy.reshape(-1)[np.arange(dy.size) != keep] = 0
    return d.laid_out("dy", d.junk(dy, padding) if padding.any() and d.maybe("junk past dy", 0.5) else dy)


def inputs_of(d: Draw, padding: np.ndarray, features: int, dtype: Any, ids: bool) -> np.ndarray:
    """x (T, B, D) or ids (T, B), with anything at all in the padding."""
    if not ids:
        x = d.numbers((*padding.shape, features), dtype, d.of("x x", (1.0, 10.0, 1e-3, 100.0), (8, 2, 1, 1)))
        return d.laid_out("x", d.junk(x, padding) if padding.any() and d.maybe("junk past x", 0.5) else x)
    kinds = [k for k in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
             if np.iinfo(k).max >= features]  # fmt: skip
    x = d.rng.integers(0, features, padding.shape).astype(d.of("ids", kinds))
    if padding.any() and d.maybe("junk past ids", 0.5):
        x[padding] = np.iinfo(x.dtype).max if d.rng.random() < 0.5 else np.iinfo(x.dtype).min
    return d.laid_out("x", x)


def truncation_of(d: Draw, layers: list[Any], steps: int) -> tuple[Any, list[Plan | None]]:
    """A truncation, and what it will draw for each of the layers, in turn."""
    lstm = all(isinstance(layer, ns.LSTM) for layer in layers)
    kinds = (None, "lags", "random", "roulette", "h detach", "carousel")
    kind = d.of("truncation", kinds, (12, 2, 2, 2, 2 * lstm, lstm))
    seed = int(d.rng.integers(1000))
    rng = np.random.default_rng(seed)
    strands = [layer.num_layers * layer.directions for layer in layers]
    longest = [steps * (layer.num_layers if layer.directions == 2 else 1) for layer in layers]
    if kind == "lags":
        keep = d.whole("kept lags", 1, 12)
        return ns.Truncated(keep), [Plan(np.ones(min(keep, most + 1))) for most in longest]
    if kind == "random":
        keep = np.round(d.rng.uniform(0.2, 1, steps), 2) if steps and d.maybe("keep by step", 0.5) else 0.5
        factors = [(rng.random((n, steps)) < keep) / keep for n in strands]
        return ns.RandomTruncation(keep, seed), [Plan(h=one, c=one) for one in factors]
    if kind == "roulette":
        tails = [0.7 ** np.arange(most + 1) for most in longest]
        counts = [np.count_nonzero(rng.random() < tail) for tail in tails]
        survival = lambda k: 0.7**k  # noqa: E731
        return ns.RouletteTruncation(survival, seed), [
            Plan(1 / tail[:n]) for tail, n in zip(tails, counts, strict=True)
        ]
    if kind == "h detach":
        factors = [(rng.random((n, steps)) >= 0.4) * 1.0 for n in strands]
        return ns.HDetach(0.4, seed), [Plan(h=one, c=np.ones_like(one)) for one in factors]
    if kind == "carousel":
        return ns.CarouselTruncation(), [Plan(h=np.zeros((n, steps)), c=np.ones((n, steps))) for n in strands]
    return None, [None for _ in layers]


def carry_by(m: Arithmetic, plan: Plan | None, directions: int, steps: int) -> Callable | None:
    """What happens to a state's derivative on its way from one step to the next."""
    if plan is None:
        return None

    def carry(k: int, t: int, h: Node, c: Any) -> tuple[Node, Any]:
        at = steps - 1 - t if k % directions else t  # a strand's own order of time
        by_h, by_c = (None, None) if plan.lags is not None else (plan.h[k, at], plan.c[k, at])
        return m.carry(h, by_h), None if c is None else m.carry(c, by_c)

    return carry


def one_hot(ids: np.ndarray, size: int) -> np.ndarray:
    return (ids.astype(np.int64)[..., None] == np.arange(size)).astype(np.longdouble)


def leaves(m: Arithmetic, params: Mapping[str, np.ndarray], prefix: str = "") -> dict[str, Node]:
    """The parameters whose names begin so, without this beginning."""
    return {name.removeprefix(prefix): m.leaf(value) for name, value in params.items() if name.startswith(prefix)}


def expected(
    new: Callable[..., Arithmetic],
    network: Network,
    params: Mapping[str, np.ndarray],
    given: Numbers,
    layer: Any,
    plan: Plan | None = None,
    turned: bool = False,
) -> dict[str, np.ndarray]:
    """Everything that a layer's forward and backward return, with an axis of samples in front.

    turned: whether each sequence is read from its own last step to its first, as Reversed does.
    """
    weights = None if plan is None else plan.lags
    m = new(lags=None if weights is None else len(weights))
    p = leaves(m, params)
    steps, batch = given.x.shape[:2]
    strands, S = network.layers * network.directions, max(m.samples, 1)
    has_c, ids = isinstance(layer, ns.LSTM), given.x.ndim == 2
    widths = {"y": layer.output_size, "h": layer.state_size, "c": layer.hidden_size, "dx": layer.input_size}
    out = {name: np.zeros((S, strands if name in "hc" else steps, batch, n), m.dtype) for name, n in widths.items()}
    out |= {f"d{name}": np.zeros_like(out[name]) for name in "hc"}
    first = {
        n: v if v is not None else np.zeros(out[n].shape[1:], m.dtype) for n, v in (("h", given.h), ("c", given.c))
    }
    seeds, kept = [], []
    for length, b in groups(given.lengths, steps, batch):
        order = list(range(length))[:: -1 if turned else 1]
        x = [m.leaf(given.x[t, b]) if not ids else one_hot(given.x[t, b], layer.input_size)[None] for t in order]
        h, c = ([m.leaf(first[n][k, b]) for k in range(strands)] for n in "hc")
        carry = carry_by(m, plan, network.directions, steps)
        y, last_h, last_c = run(m, network, p, x, h, c if has_c else [None] * strands, carry)
        for t, node in zip(order, y, strict=True):
            out["y"][:, t, b] = node.value
            seeds += [] if given.dy is None else [(node, given.dy[t, b])]
        for name, nodes, by in (("h", last_h, given.dh), ("c", last_c, given.dc))[: 1 + has_c]:
            for k, node in enumerate(nodes):
                out[name][:, k, b] = node.value
                seeds += [] if by is None else [(node, by[k, b])]
        kept.append((b, order, x, h, c))
    m.backward(seeds)
    for b, order, x, h, c in kept:
        for name, at, nodes in (("dx", order, [] if ids else x), ("dh", range(strands), h), ("dc", range(strands), c)):
            for k, node in zip(at, nodes, strict=False):
                out[name][:, k, b] = m.gradient(node, weights)
    dropped = (["c", "dc"] if not has_c else []) + (["dx"] if ids else [])
    found = {name: array for name, array in out.items() if name not in dropped}
    gradients = {name: m.gradient(leaf, weights) for name, leaf in p.items()}
    return found | {name: np.broadcast_to(g, (S, *g.shape[1:])).reshape(S, *params[name].shape)
                    for name, g in gradients.items()}  # fmt: skip
