"""Losses: every shape, dtype, weight and mask; positions of weight zero hold anything at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import npseq as ns
from benchmarks.fuzz import twin
from benchmarks.fuzz.arithmetic import Arithmetic
from benchmarks.fuzz.draw import INTEGERS, Draw
from benchmarks.fuzz.stacks import past
from benchmarks.fuzz.verdict import Case

KINDS = ("cross-entropy", "binary cross-entropy", "squared error", "masked cross-entropy")
SHAPES = ((), (1,), (5,), (4, 3), (9, 5), (2, 3, 2), (0,), (3, 0))
DTYPES = ("float32", "float64", "complex64", "complex128")


def case(d: Draw) -> Case:
    """One loss and its gradient, by npseq."""
    kind = d.of("loss", KINDS, (6, 2, 2, 1))
    dtype = np.dtype(d.of("dtype", DTYPES, (8, 8, 1, 1)))
    reduction = d.of("reduction", ("mean", "sum", "none"))
    if kind == "masked cross-entropy":
        return masked(d, dtype)
    shape = d.of("shape", SHAPES, (1, 1, 4, 6, 4, 3, 0.7, 0.7))
    if kind == "cross-entropy":
        return cross_entropy(d, dtype, shape, reduction)
    return pointwise(d, kind, dtype, shape, reduction)


def weights_of(d: Draw, shape: tuple[int, ...], signed: bool) -> np.ndarray | None:
    """None, or weights of any type that broadcast to this shape, some of them zero."""
    kind = d.of("weights", (None, "float32", "float64", "bool", "uint8", "int64", "zeros"), (6, 4, 4, 2, 1, 1, 0.5))
    if kind is None:
        return None
    narrow = shape if not d.maybe("broadcast weights", 0.15) else tuple(n if d.rng.random() < 0.5 else 1 for n in shape)
    if kind == "zeros":
        return np.zeros(narrow)
    drawn = d.rng.uniform(-1 if signed and d.maybe("signed", 0.2) else 0, 2, narrow)
    values = np.where(d.rng.random(narrow) < 0.4, 0, drawn if kind.startswith("f") else np.ceil(abs(drawn)))
    return d.laid_out("weights", np.asarray(values).astype(kind))


def whole_weights(weights: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(1.0 if weights is None else weights.astype(np.longdouble), shape)


def scores(d: Draw, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Logits of some size; a transposed block, as a recurrent layer leaves it, is one of the layouts."""
    scale = d.of("logits x", (1.0, 10.0, 100.0, 1e-3, 1e3), (8, 3, 2, 1, 1))
    values = d.numbers(shape, dtype, scale)
    if len(shape) == 3 and d.maybe("feature-major", 0.4):
        return np.ascontiguousarray(values.swapaxes(1, 2)).swapaxes(1, 2)
    return values


def ignored(d: Draw, targets: np.ndarray, classes: int) -> tuple[np.ndarray, int | None]:
    """(targets, ignore_index): some of them are set to an index that may be no class."""
    kind = d.of("ignore_index", (None, "a class", "no class"), (4, 1, 2))
    if kind is None:
        return targets, None
    if kind == "a class":
        return targets, int(d.rng.integers(classes))
    index = -100 if targets.dtype.kind == "i" else np.iinfo(targets.dtype).max
    return np.where(d.rng.random(targets.shape) < 0.3, np.asarray(index, targets.dtype), targets), int(index)


def cross_entropy(d: Draw, dtype: Any, shape: tuple[int, ...], reduction: str) -> Case:
    classes = d.of("V", (1, 2, 5, 28, 6000), (1, 2, 6, 3, 0.05))
    shape = (5,) if classes > 1000 else shape
    smoothing = d.of("label_smoothing", (0.0, 0.1, 0.7, 1.0), (6, 2, 1, 1))
    logits = scores(d, (*shape, classes), dtype)
    kinds = [kind for kind in INTEGERS if np.iinfo(kind).max >= classes]
    targets = d.rng.integers(0, classes, shape).astype(d.of("targets", kinds))
    targets, index = ignored(d, np.asarray(targets), classes)
    weights = weights_of(d, shape, reduction != "mean")
    w = whole_weights(weights, shape) * (1 if index is None else targets.astype(object) != index)
    w = np.asarray(w, np.longdouble)
    if (w == 0).any() and d.maybe("junk where weight is zero", 0.5):
        logits = d.junk(logits, w == 0)
    elif classes > 1 and not smoothing and d.maybe("classes of -inf", 0.15):
        closed = d.rng.random(logits.shape) < 0.3
        safe = np.where(w == 0, 0, targets).astype(np.int64)
        np.put_along_axis(closed, safe[..., None], False, -1)
        logits[closed] = -np.inf
    logits, targets = d.laid_out("logits", logits), d.laid_out("targets", targets)
    loss, dlogits = ns.softmax_cross_entropy(
        logits, targets, ignore_index=index, weights=weights, label_smoothing=smoothing, reduction=reduction
    )
    checks(d, dtype, dlogits)
    if d.maybe("odd types", 0.05):
        flags, half = np.zeros(shape, bool), np.zeros(logits.shape, np.float16)
        d.refused("targets of bool", lambda: ns.softmax_cross_entropy(logits, flags))
        d.refused("logits of float16", lambda: ns.softmax_cross_entropy(half, targets))

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        m = new()
        each, slope = softmax_losses(m, logits, targets, w, smoothing)
        return reduced(m, each, slope, w, reduction)

    rival = None
    if twin.torch is not None and dtype.name in ("float32", "float64") and np.isfinite(logits).all() and logits.size:
        rival = lambda: twin.cross_entropy(logits, targets, w, smoothing, reduction)  # noqa: E731
    return loss_case(loss, dlogits, reduction, right, dtype, classes, rival)


def checks(d: Draw, dtype: Any, gradient: np.ndarray) -> None:
    d.check_unwritten()
    if gradient.dtype != dtype:
        d.complaints.append(f"the gradient is {gradient.dtype}, the logits {dtype}")


def loss_case(loss: Any, slope: Any, reduction: str, right: Any, dtype: Any, terms: int, rival: Any) -> Case:
    """A loss of single positions is judged by itself; so is the gradient of each position."""
    rows = {"loss": np.ndim(loss), "gradient": max(np.ndim(slope) - 1, 0)}
    return Case({"loss": np.array(loss), "gradient": np.array(slope)}, rows, right, dtype, 8 + min(terms, 50), rival)


def softmax_losses(
    m: Arithmetic, logits: np.ndarray, targets: np.ndarray, w: np.ndarray, smoothing: float
) -> tuple[np.ndarray, np.ndarray]:
    """(S, N, 1) losses and (S, N, V) slopes of all positions; those of weight zero are never looked at."""
    classes, keep = logits.shape[-1], (w != 0).reshape(-1)
    z = np.asarray(logits, m.dtype).reshape(-1, classes)[keep][None]
    at = targets.reshape(-1)[keep].astype(int)
    target = (at[:, None] == np.arange(classes))[None]
    low = z - z.real.max(axis=-1, initial=-np.inf, keepdims=True)
    closed = np.isneginf(low.real)
    low = np.where(closed, -np.inf, m.off(np.where(closed, 0, low), abs(np.where(closed, 0, z))))
    e = m.off(np.exp(low))
    total = m.product(e, np.ones((1, classes, 1), m.dtype))
    p, log = m.off(e / total), m.off(np.log(total))
    losses = m.off(log - np.where(target, low, 0).sum(axis=-1, keepdims=True))
    slopes = m.off(p - target)
    if smoothing:
        s = np.longdouble(smoothing)
        even = m.off(log - m.off(low.mean(axis=-1, keepdims=True), abs(low).mean(axis=-1, keepdims=True)))
        losses = m.off((1 - s) * losses + s * even)
        slopes = m.off(m.off(p - (1 - s) * target) - s / classes, np.broadcast_to(p.real + 1, p.shape))
    return spread(losses, keep), spread(slopes, keep)


def spread(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """(S, kept, ...) to (S, all, ...), zero elsewhere."""
    out = np.zeros((len(values), len(keep), *values.shape[2:]), values.dtype)
    out[:, keep] = values
    return out


def reduced(m: Arithmetic, each: np.ndarray, slope: np.ndarray, w: np.ndarray, reduction: str) -> dict[str, np.ndarray]:
    """(loss, gradient) under a reduction, from losses (S, N, 1) and slopes (S, N, V) of single positions."""
    total = w.sum() if reduction == "mean" else 1
    factor = m.off((w.reshape(1, -1, 1) / (total if total else 1)).astype(m.dtype))
    each, slope = m.off(each * factor), m.off(slope * factor)
    gradient = slope.reshape(len(slope), *w.shape, slope.shape[2])
    if reduction == "none":
        return {"loss": each.reshape(len(each), *w.shape), "gradient": gradient}
    return {"loss": m.column_sums(each)[:, 0, 0], "gradient": gradient}


def pointwise(d: Draw, kind: str, dtype: Any, shape: tuple[int, ...], reduction: str) -> Case:
    """Losses of each entry by itself."""
    binary = kind == "binary cross-entropy"
    z = scores(d, shape, dtype)
    y = d.rng.random(shape) if not binary or d.maybe("soft targets", 0.4) else d.rng.random(shape) < 0.5
    kinds = ("float32", "float64", "bool", "uint8", "int64") if binary else ("float32", "float64", "int16", "uint8")
    kind_of_y = d.of("targets", kinds)
    y = np.asarray(y if binary else 3 * y).astype(kind_of_y)
    weights = weights_of(d, shape, reduction != "mean")
    w = np.asarray(whole_weights(weights, shape))
    if (w == 0).any() and d.maybe("junk where weight is zero", 0.5):
        z = d.junk(z, w == 0)
        y = d.junk(y, w == 0) if y.dtype.kind == "f" and not binary else y
    z, y = d.laid_out("logits", z), d.laid_out("targets", y)
    call = ns.binary_cross_entropy if binary else ns.mean_squared_error
    loss, slope = call(z, y, weights=weights, reduction=reduction)
    checks(d, dtype, slope)
    keep = (w != 0).reshape(-1)

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        m = new()
        a = np.asarray(z, m.dtype).reshape(-1)[keep][None, :, None]
        t = np.asarray(y, m.dtype).reshape(-1)[keep][None, :, None]
        each, ds = binary_losses(m, a, t) if binary else squares(m, a, t)
        made = reduced(m, spread(each, keep), spread(ds, keep), w, reduction)
        return {**made, "gradient": made["gradient"][..., 0]}

    rival = None
    if (
        twin.torch is not None
        and dtype.name in ("float32", "float64")
        and np.isfinite(z).all()
        and np.isfinite(y).all()
    ):
        rival = lambda: twin.pointwise(binary, z, y, w, reduction)  # noqa: E731
    made = loss_case(loss, slope, reduction, right, dtype, 1, rival if z.size else None)
    return made._replace(rows={**made.rows, "gradient": np.ndim(slope)})


def squares(m: Arithmetic, a: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    error = m.off(a - m.off(t))
    return m.off(error * error), 2 * error


def binary_losses(m: Arithmetic, z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-y log p - (1 - y) log(1 - p), and p - y."""
    y, e = m.off(y), m.off(np.exp(-np.where(z.real < 0, -z, z)))
    tail, positive = m.off(e / (1 + e)), z.real >= 0
    linear = m.off(np.where(positive, m.off(1 - y) * z, -y * z))
    slope = m.off(np.where(positive, m.off(1 - y) - tail, tail - y))
    log = m.off(np.log1p(e), abs(1 + e) if m.dtype is np.clongdouble else None)  # NumPy's of a small complex number
    return m.off(linear + log), slope


def masked(d: Draw, dtype: Any) -> Case:
    """Cross-entropy past whose lengths anything may stand."""
    steps, batch, classes = d.whole("T", 0, 7), d.whole("B", 0, 4), d.whole("V", 1, 6)
    lengths = d.rng.integers(0, steps + 1, batch).astype(d.of("lengths", INTEGERS))
    padding, reduction = past(lengths, steps, batch), d.of("reduction", ("valid", "sequence"))
    logits = scores(d, (steps, batch, classes), dtype)
    if padding.any() and d.maybe("junk past logits", 0.5):
        logits = d.junk(logits, padding)
    logits, lengths = d.laid_out("logits", logits), d.laid_out("lengths", lengths)
    targets = d.laid_out("targets", d.rng.integers(0, classes, (steps, batch)).astype(d.of("targets", INTEGERS)))
    loss, dlogits = ns.models.masked_softmax_cross_entropy(logits, targets, lengths, reduction=reduction)
    checks(d, dtype, dlogits)
    if d.maybe("bool lengths", 0.1):
        flags = np.ones(batch, bool)
        d.refused("lengths of bool", lambda: ns.models.masked_softmax_cross_entropy(logits, targets, flags))
    w = (~padding).astype(np.longdouble)
    if reduction == "sequence":
        w = w / max(steps, 1)

    def right(new: Callable[..., Arithmetic]) -> dict[str, np.ndarray]:
        m = new()
        each, slope = softmax_losses(m, logits, targets, w, 0.0)
        made = reduced(m, each, slope, w, "mean" if reduction == "valid" else "none")
        if reduction == "sequence":
            made["loss"] = m.column_sums(made["loss"])[:, 0]
        return made

    return loss_case(loss, dlogits, reduction, right, dtype, classes + steps, None)
