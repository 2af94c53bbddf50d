"""gradcheck_layer: every gradient that a layer gives, against differences of its own forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, generator
from npseq.gradcheck import Report, gradcheck
from npseq.layercheck.fault import fault
from npseq.layercheck.surrogate import FixedDropout, frozen_states, require_exact, truncated_forward
from npseq.layers.batch import check_batch
from npseq.layers.bidirectional import Bidirectional, recurrent_layers, state_pair
from npseq.layers.dropout import Dropout
from npseq.layers.embedding import Embedding
from npseq.layers.layer import Layer
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.layers.states import as_state, state_arrays

Values = dict[str, Array]
NAMES = ("h0", "c0")


class Problem(NamedTuple):
    """A layer's outputs weighed into one scalar, where it is looked at, and its gradient by the layer's backward."""

    loss: Callable[[Values], Any]
    at: Values  # float64: x, initial states, parameters
    gradient: Callable[[Any], Values]  # of a dtype: what the layer, in it, says


def gradcheck_layer(
    layer: Layer,
    x: Array,
    state: Any = None,
    lengths: Array | None = None,
    method: str = "complex",
    truncation: Any = None,
    rng: int | np.random.Generator | None = None,
) -> Report:
    """Check what layer.backward returns, every entry: parameters, x, initial states, under random upstream gradients.

    layer: any of npseq's. The check runs on copies in float64 (and complex128), whatever the layer's dtype is; neither
    the layer nor an argument is written on. Dropout acts, with one draw from rng that is held fixed. A row
    padding_idx of an embedding is held fixed, since it has no gradient.
    x, state, lengths: as layer.forward takes them; of float x in less than float64 the values are taken as they are.
    Ids have no gradient. state None is zeros, and its gradient is checked all the same: "h0" and "c0", in Bidirectional
    "forward.h0" and so on. lengths: what lies past them must neither act nor have a gradient.
    method: "complex", "central", "directional" or "taylor", of npseq.gradcheck.
    truncation: Truncated(k) checks the truncated gradient, exactly, as the whole gradient of the loss whose states k
    steps back are held fixed: stacks of one direction, or a single layer of two.
    rng: seed or Generator of upstream gradients, dropout and directions; None takes the same ones every time.

    The gradient is the second of two backwards in a row, so that one that writes on its tape shows. report.note says
    where to look when it is wrong: the time step at which backward's error starts, or the sums over time.
    Raises TypeError or ValueError where an argument does not fit, or where the truncation is a random one.
    """
    problem = layer_problem(layer, x, state, lengths, truncation, rng)
    report = gradcheck(problem.loss, problem.at, problem.gradient(np.float64), method=method, rng=rng)
    return replace(report, note=fault(layer, report, lengths))


def layer_problem(
    layer: Layer, x: Array, state: Any = None, lengths: Array | None = None, truncation: Any = None, rng: Any = None
) -> Problem:
    """What gradcheck_layer checks. Raises as it does."""
    rng = generator(0 if rng is None else rng)
    _require_real(layer, x)
    if isinstance(layer, Recurrent | Reversed | Bidirectional):
        return _over_time(layer, x, state, lengths, truncation, rng)
    options = {"state": state, "lengths": lengths, "truncation": truncation}
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise TypeError(f"{type(layer).__name__} has no time, so it takes no {' and no '.join(given)}; leave that out")
    return _pointwise(layer, x, rng)


def _require_real(layer: Any, x: Any) -> None:
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a layer of npseq, got {type(layer).__name__}; for a function, use gradcheck")
    for name, dtype in (("layer", layer.dtype), ("x", getattr(x, "dtype", np.dtype(float)))):
        if dtype.kind == "c":
            raise TypeError(f"{name} must be real to be checked, got {dtype}; use .real of what it was made from")


def _over_time(layer: Any, x: Array, state: Any, lengths: Any, truncation: Any, rng: np.random.Generator) -> Problem:
    """RNN, GRU, LSTM, Bidirectional."""
    if truncation is not None:
        require_exact(layer, truncation)
    twin = layer.astype(np.float64)
    xp = array_module(twin.params.flat)
    x = _as_float64(x)
    batch = check_batch(x, lengths, twin.input_size, twin.dtype, xp)
    start = _initial(twin, state, x.shape[1])
    _hold_dropout(twin, x, lengths, rng)
    inputs = {} if batch.is_ids else {"x": x}
    at = {**inputs, **start, **_parameters(twin)}
    frozen = None if truncation is None else frozen_states(twin, x, _state(twin, start), lengths)

    def outputs(twin: Any, values: Values) -> Values:
        x_here, state_here = values.get("x", x), _state(twin, values)
        if truncation is None:
            y, last, _ = twin.forward(x_here, state_here, lengths, training=True)
        else:
            y, last = truncated_forward(twin, x_here, state_here, lengths, truncation.steps, frozen)
        return {"y": y, **_named(twin, last)}

    weights = _weights(outputs(twin, at), rng)

    def gradient(dtype: Any) -> Values:
        other = twin.astype(dtype)
        values = {name: value.astype(dtype) for name, value in (inputs | start).items()}
        tape = other.forward(values.get("x", x), _state(other, values), lengths, training=True)[2]
        for _ in range(2):
            dy = {name: weight.astype(dtype) for name, weight in weights.items()}
            dx, dstate, grads = other.backward(dy["y"], tape, _state(other, dy), truncation)
        return {**({} if dx is None else {"x": dx}), **_named(other, dstate), **grads}

    return Problem(_loss(twin, outputs, weights), at, gradient)


def _pointwise(layer: Any, x: Array, rng: np.random.Generator) -> Problem:
    """Linear, Embedding, Dropout."""
    twin = layer.astype(np.float64)
    x = _as_float64(x)
    if isinstance(twin, Dropout):
        twin = FixedDropout(layer.p, [Dropout(layer.p, rng).draw(x)])
    inputs = {} if x.dtype.kind in "iu" else {"x": x}
    at = {**inputs, **_parameters(twin)}

    def outputs(twin: Any, values: Values) -> Values:
        if isinstance(twin, Embedding) and twin.padding_idx is not None:
            twin.params["W"][twin.padding_idx] = at["W"][twin.padding_idx]
        return {"y": twin.forward(values.get("x", x))[0]}

    weights = _weights(outputs(twin, at), rng)

    def gradient(dtype: Any) -> Values:
        other = twin.astype(dtype)
        tape = other.forward(inputs["x"].astype(dtype) if inputs else x)[1]
        for _ in range(2):
            dx, grads = other.backward(weights["y"].astype(dtype), tape)
        return {**({} if dx is None else {"x": dx}), **grads}

    return Problem(_loss(twin, outputs, weights), at, gradient)


def _loss(twin: Any, outputs: Callable[[Any, Values], Values], weights: Values) -> Callable[[Values], Any]:
    """The sum of weights times outputs, of values in float64 or complex128."""
    twins: dict[Any, tuple[Any, Values]] = {}

    def loss(values: Values) -> Any:
        dtype = next(iter(values.values())).dtype
        if dtype not in twins:
            other = twin.astype(dtype)
            twins[dtype] = other, dict(other.params)
        other, views = twins[dtype]
        for name, view in views.items():
            view[...] = values[name]
        found = outputs(other, values)
        return sum((weight * found[name]).sum() for name, weight in weights.items())

    return loss


def _weights(outputs: Values, rng: np.random.Generator) -> Values:
    """An upstream gradient for each output: of size 0.5 to 1.5, so that none goes unseen, and exact in float32."""

    def draw(like: Array) -> Array:
        size = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
        return array_module(like).asarray(size.astype(np.float32).astype(np.float64))

    return {name: draw(value) for name, value in outputs.items()}


def _hold_dropout(twin: Any, x: Array, lengths: Any, rng: np.random.Generator) -> None:
    """Makes every stack of the twin drop, in every pass from now on, what it drops in one that rng draws."""
    for part in recurrent_layers(twin).values():
        if part.dropout.p:
            part.dropout = Dropout(part.dropout.p, rng)
            kept = part.forward(x, None, lengths, training=True)[2].dropout
            part.dropout = FixedDropout(part.dropout.p, [factor for row in kept if row for factor in row])


def _as_float64(x: Any) -> Any:
    return x.astype(np.float64) if getattr(x, "dtype", np.dtype(int)).kind == "f" else x


def _parameters(twin: Any) -> Values:
    return {name: value.copy() for name, value in twin.params.items()}


def _initial(twin: Any, state: Any, batch: int) -> Values:
    """The initial states by name, zeros where there are none. Raises as forward does where they do not fit."""
    given = state_pair("state", state) if isinstance(twin, Bidirectional) else (state,)
    parts = zip(recurrent_layers(twin).values(), given, strict=True)
    checked = [part.checked_state("state", own, batch) for part, own in parts]
    return _named(twin, checked if isinstance(twin, Bidirectional) else checked[0])


def _named(layer: Any, state: Any) -> Values:
    """A layer's state as {"h0", "c0"}, of Bidirectional with its parts' names before; last states have the same."""
    states = state if isinstance(layer, Bidirectional) else (state,)
    pairs = zip(recurrent_layers(layer), states, strict=True)
    return {f"{part}{name}": v for part, own in pairs for name, v in zip(NAMES, state_arrays(own), strict=False)}


def _state(layer: Any, values: Values) -> Any:
    """The state back from its names."""
    parts = recurrent_layers(layer)
    states = [as_state([values[f"{part}{name}"] for name in NAMES if f"{part}{name}" in values]) for part in parts]
    return tuple(states) if isinstance(layer, Bidirectional) else states[0]
