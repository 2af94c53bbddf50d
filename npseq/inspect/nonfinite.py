"""Where a nan or an infinity comes from: the first value that is not finite, in the order in which they are computed.

Forward: the input, the given state, the parameters; then layer by layer, direction by direction and step by step the
gates, the cell state and h; the logits and the loss. Backward: the losses' derivatives; from the last layer to the
first, from the last step to the first, the adjoints of h, of c and of the gates; the gradients and their norm. Last the
update. A gate is looked at after its nonlinearity, which hides an infinity that it squashes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.bptt.blocks import blocks_of
from npseq.clipping import clip_grad_norm
from npseq.inspect.passes import Side, in_natural_time, sides, strands
from npseq.inspect.states import adjoints, gates, states
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.recurrent import Recurrent
from npseq.losses import softmax_cross_entropy
from npseq.models.language_model import LanguageModel
from npseq.models.sequence import SequenceTape

EQUATIONS = {"lstm": ("i", "f", "g", "c", "o", "h"), "gru": ("r", "z", "n", "h"), "rnn": ("h",)}


class Nonfinite(NamedTuple):
    """The first value that is not finite. str() is a sentence; fields are None where they mean nothing."""

    kind: str  # input, state, weight, gate, logits, loss, adjoint, gradient or update
    name: str  # "x", "h", "c", "f", a parameter, "logits", "y", "loss", "norm"
    value: complex  # nan, inf or -inf
    layer: int | None = None
    direction: str | None = None  # "forward" or "reverse"
    step: int | None = None  # in the order of x
    example: int | None = None
    index: tuple[int, ...] = ()  # type: ignore[assignment]  # what is left: the unit, the token, a parameter's entry

    @property
    def gate(self) -> str | None:
        """The gate, where it is one or the adjoint of one."""
        return self.name if self.kind in ("gate", "adjoint") and self.name not in ("h", "c", "y", "logits") else None

    def __str__(self) -> str:
        what = {"adjoint": "the adjoint of ", "gradient": "the gradient's ", "update": "after the update "}
        place = [f"{what.get(self.kind, f'{self.kind} ')}{self.name}"]
        place += [] if self.layer is None else [f"layer {self.layer}", f"{self.direction} direction"]
        place += [] if self.step is None else [f"step {self.step}", f"example {self.example}"]
        place += [f"entry {', '.join(map(str, self.index))}"] if self.index else []
        return f"the first value that is not finite is {self.value} in {', '.join(place)}"


def first_nonfinite(
    model: Any,
    x: Array,
    targets: Array | None = None,
    state: Any = None,
    *,
    lengths: Array | None = None,
    dy: Array | None = None,
    context: int = 0,
    truncation: Any = None,
    optimizer: Any = None,
    clip: float | None = None,
    training: bool = False,
) -> Nonfinite | None:
    """The first nan or infinity of a training step, None where all is finite. Nothing that is given is written on.

    model: a LanguageModel, with ids x (T, B) and targets; or an RNN, GRU, LSTM or Bidirectional layer, with x (T, B, D)
    or ids, and dy (T, B, features) for its backward pass. Without targets, or dy, only the forward pass is looked at.
    lengths: a layer's. context, truncation, clip: a language model's, as its `step` takes them. optimizer: whose update
    is looked at, from its present state. training: whether dropout acts, and draws.
    Raises TypeError for another model or arguments of the other kind, and what forward, backward and step raise.
    """
    _check(model, targets, lengths, dy, optimizer)
    with np.errstate(all="ignore"):
        if isinstance(model, LanguageModel):
            found = _of_model(model, x, targets, state, context, truncation, optimizer, clip, training)
        else:
            found = _of_layer(model, x, state, lengths, dy, truncation, training)
        return next(found, None)


def _check(model: Any, targets: Any, lengths: Any, dy: Any, optimizer: Any) -> None:
    if isinstance(model, LanguageModel):
        if lengths is not None or dy is not None:
            raise TypeError("a LanguageModel takes targets, neither lengths nor dy; look into its layer, .recurrent")
    elif not isinstance(model, Recurrent | Bidirectional):
        raise TypeError(f"model must be a LanguageModel or a recurrent layer, got {type(model).__name__}")
    elif targets is not None or optimizer is not None:
        raise TypeError("a layer takes dy, neither targets nor an optimizer; those are a LanguageModel's")


def _of_layer(
    layer: Any, x: Array, state: Any, lengths: Any, dy: Array | None, truncation: Any, training: bool
) -> Iterator[Nonfinite]:
    _, _, tape = layer.forward(x, state, lengths, training=training)
    yield from _given(layer, x, state, lengths)
    yield from _weights("weight", layer.params)
    yield from _forward(layer, tape)
    if dy is not None:
        grads = layer.backward(dy, tape, truncation=truncation)[2]
        yield from _steps("adjoint", "y", dy)
        if not _finite(grads.flat):
            yield from _backward(layer, dy, tape)
        yield from _weights("gradient", grads)


def _of_model(
    model: LanguageModel,
    ids: Array,
    targets: Array | None,
    state: Any,
    context: int,
    truncation: Any,
    optimizer: Any,
    clip: float | None,
    training: bool,
) -> Iterator[Nonfinite]:
    yield from _state(state)
    yield from _weights("weight", model.params)
    x, rows = (ids, None) if model.embedding is None else model.embedding.forward(ids)
    y, _, tape = model.recurrent.forward(x, state, training=training)
    yield from _forward(model.recurrent, tape)
    logits, linear_tape = model.output.forward(y[context:])
    yield from _steps("logits", "logits", logits, context)
    if targets is None:
        return
    yield from _steps("loss", "loss", softmax_cross_entropy(logits, targets, reduction="none")[0], context)
    loss, dlogits = softmax_cross_entropy(logits, targets)
    yield from _weights("loss", {"loss": loss})
    yield from _steps("adjoint", "logits", dlogits, context)
    dy = model.output.backward(dlogits, linear_tape)[0]
    yield from _steps("adjoint", "y", dy, context)
    dy = array_module(dy).concatenate([np.zeros_like(y[:context]), dy])
    grads = model.backward(dlogits, SequenceTape(rows, tape, linear_tape, context), truncation=truncation)[1]
    if not _finite(grads.flat):
        yield from _backward(model.recurrent, dy, tape)
    yield from _weights("gradient", grads)
    norm = clip_grad_norm(grads, np.inf if clip is None else clip)
    yield from _weights("gradient", {"norm": norm})
    if optimizer is not None:
        params = model.params.like(model.params.flat.copy())
        copy.deepcopy(optimizer).step(params, grads)
        yield from _weights("update", params)


def _given(layer: Any, x: Array, state: Any, lengths: Any) -> Iterator[Nonfinite]:
    if x.ndim == 3:
        own = np.full(x.shape[1], len(x)) if lengths is None else np.asarray(to_host(lengths))
        yield from _steps("input", "x", x, past=np.arange(len(x))[:, None] >= own)
    for part in state if isinstance(layer, Bidirectional) and state is not None else (state,):
        yield from _state(part)


def _state(state: Any) -> Iterator[Nonfinite]:
    """Of the state before the first step, (L*R, B, features) or a pair of them."""
    parts = state if isinstance(state, tuple | list) else (state,)
    for name, part in zip(("h", "c"), parts, strict=False):
        if part is not None and (index := _first(part)) is not None:
            row, example, unit = index
            where = f"{name} before the first step"
            yield Nonfinite("state", where, _at(part, index), example=example, index=(row, unit))


def _weights(kind: str, values: Mapping[str, Any]) -> Iterator[Nonfinite]:
    """Of arrays, or numbers, by name."""
    for name, value in values.items():
        if (index := _first(value)) is not None:
            yield Nonfinite(kind, name, _at(value, index), index=index)


def _steps(kind: str, name: str, array: Array, first: int = 0, past: Any = None) -> Iterator[Nonfinite]:
    """Of an array (T, B, ...), whose steps are counted from `first`; past (T, B) is left out."""
    if (index := _first(array, past)) is not None:
        step, example, *rest = index
        yield Nonfinite(kind, name, _at(array, index), step=step + first, example=example, index=tuple(rest))


def _forward(layer: Any, tape: Any) -> Iterator[Nonfinite]:
    for side in sides(layer, tape):
        found = {("gate", name): array for name, array in gates(side).items()}
        found |= {("state", name): array for name, array in states(side).items()}
        names = EQUATIONS[type(side.layer).__name__.lower()]
        order = [("state" if name in "hc" else "gate", name) for name in names]
        for l, d, _ in strands(side):
            yield from _earliest(side, l, d, found, order, forward=True)


def _backward(layer: Any, dy: Array, tape: Any) -> Iterator[Nonfinite]:
    for side in sides(layer, tape, dy):
        rows, by_state = adjoints(side)
        found = {("adjoint", name): array for name, array in by_state.items()}
        cell = side.layer.cell
        for l, d, _ in strands(side):
            for gate in cell.gates:
                da = in_natural_time(side, d, rows[l][d].da[blocks_of(cell).names.index(gate)], axis=1)
                found["adjoint", side.name(f"gate {gate}", l, d)] = np.moveaxis(da, 0, 2)
        names = ["h", *cell.state[1:], *(f"gate {gate}" for gate in cell.gates)]
        for l, d, _ in reversed(strands(side)):
            yield from _earliest(side, l, d, found, [("adjoint", name) for name in names], forward=False)


def _earliest(
    side: Side, l: int, d: int, found: dict[tuple[str, str], Array], order: list[tuple[str, str]], forward: bool
) -> Iterator[Nonfinite]:
    """Of one strand: in the step that is computed first, what comes first in `order`."""
    reverse = (d == 1) != (side.prefix == "backward.")
    mask = side.tape.strands[l][d].mask
    past = None if mask is None else ~to_host(in_natural_time(side, d, mask, axis=0)[:, 0])
    candidates = []
    for place, (kind, name) in enumerate(order):
        array = found.get((kind, side.name(name, l, d)))
        index = None if array is None else _first(array, past, from_the_end=forward == reverse)
        if index is not None:
            candidates.append((index[0] if forward != reverse else -index[0], place, index, _at(array, index)))
    for _, place, (step, example, *rest), value in sorted(candidates, key=lambda row: row[:2])[:1]:
        kind, name = order[place]
        direction = "reverse" if reverse else "forward"
        yield Nonfinite(kind, name.removeprefix("gate "), value, l, direction, step, example, tuple(rest))


def _finite(array: Array) -> bool:
    return bool(array_module(array).isfinite(array).all())


def _first(array: Any, past: Any = None, from_the_end: bool = False) -> tuple[int, ...] | None:
    """The index of the first entry that is not finite, in the first, or last, step that has one."""
    bad = ~np.isfinite(to_host(array))
    if past is not None:
        bad &= ~past.reshape(*past.shape, *[1] * (bad.ndim - 2))
    if not bad.any():
        return None
    if not bad.ndim:
        return ()
    step, *rest = np.unravel_index(int(np.argmax(bad[::-1] if from_the_end else bad)), bad.shape)
    return (len(bad) - 1 - int(step) if from_the_end else int(step), *map(int, rest))


def _at(array: Any, index: tuple[int, ...]) -> complex:
    return to_host(array)[index].item()
