"""gradcheck_layer checks every gradient of a layer against differences of its own forward pass."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, one_of
from npseq.backend import Array, array_module, drawing, generator
from npseq.bptt.truncation import Truncated
from npseq.gradcheck import Report
from npseq.gradcheck.check import METHODS, checked
from npseq.layercheck.clamped import require_surrogate, surrogate
from npseq.layercheck.fault import fault
from npseq.layercheck.labels import labels_of
from npseq.layercheck.named_states import initial, named, state_of
from npseq.layercheck.over_time import InTime, by_step
from npseq.layercheck.paths import Here, by_paths, parameters_alone
from npseq.layercheck.rounding import rounding_of
from npseq.layercheck.step import require_backward, step_faults
from npseq.layercheck.surrogate import FixedDropout, fix_dropout, frozen_states, truncated_forward
from npseq.layers.batch import check_batch
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.dropout import Dropout
from npseq.layers.embedding import Embedding
from npseq.layers.layer import Layer
from npseq.layers.lengths import has_step
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.layers.upstream import check_clip
from npseq.magnitude import blank

Values = dict[str, Array]
TIMED = (Recurrent, Reversed, Bidirectional)


class Problem(NamedTuple):
    """The weighted sum of a layer's outputs as a function, the point of the check, and the gradient by backward."""

    loss: Callable[[Values], Any]
    at: Values  # float64: x, initial states, parameters
    gradient: Callable[[Any], Values]  # of a dtype: the gradient that the layer computes in it
    rounding: Callable[[], Values] | None = None  # what it may have cost each entry of it; None where nothing is lost
    time: InTime | None = None  # of a layer over time


def gradcheck_layer(
    layer: Layer,
    x: Array,
    state: Any = None,
    lengths: Array | None = None,
    *,
    method: str = "complex",
    truncation: Any = None,
    clip_adjoint: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> Report:
    """Checks every entry of what layer.backward returns: gradients of parameters, x and initial states.

    The check runs on copies in float64 (and complex128), whatever the layer's dtype is; neither the layer nor an
    argument is written. Upstream gradients are random. Dropout acts, with one draw that is held fixed, and so is the
    row padding_idx of an embedding, which has no gradient. backward runs twice and the second gradient is checked,
    which shows a backward that writes on its tape. If a gradient is wrong, report.note says where to look: the time
    step at which the error starts, or the sums over time; and what a cell must do instead, if it is wrong in one step.

    Gradients vanish with the steps that they pass, and what has vanished is small beside the rest. Therefore "complex",
    once all has passed, also takes the loss at the first, second, middle and last step alone, and judges dx step by
    step, and states and parameters by each of these losses, each relative to its own entries: a backward that is cut
    after 50 of 100 steps fails, and report.note says from which step on. A parameter sums paths of all lags; where
    those of long lags are too small for it, it is judged at another point too, with parameters and x at which memory is
    long, and the report says which paths are missing, by lag or by step, and how that point was reached.

    Where a sigmoid is near 1, or a tanh near 1 or -1, its derivative, which backward reads off the output, has lost
    digits. Method "complex" measures how much of that reaches the gradient: it passes what is as right as the output's
    rounding allows, and says what is lost; above 1e-4 of the scale the tensor is "inconclusive".

    Args:
        layer: any layer of npseq.
        x: the inputs or ids, as layer.forward takes them; a float x is converted to float64. Ids have no gradient.
        state: the initial state, as layer.forward takes it; None is zeros. Its gradient is checked as "h0" and "c0", of
            Bidirectional as "forward.h0" and so on.
        lengths: (B,), or a mask (T, B), as layer.forward takes them; what lies at steps that a sequence has not must
            have no effect and no gradient.
        method: "complex", "central", "directional" or "taylor", as in npseq.gradcheck.
        truncation: Truncated(k) checks the truncated gradient, which is the whole gradient of a loss whose states k
            steps back are held fixed: for stacks of one direction, or a single layer of two.
        clip_adjoint: checks the gradient that backward clamps at this limit, which is the whole gradient of a loss
            whose clamped pre-activations are held: an RNN, GRU, LSTM or Recurrent.
        rng: a seed or Generator for upstream gradients, dropout and directions; None draws the same ones every time.

    Raises:
        TypeError: if an argument does not fit.
        ValueError: if an argument does not fit, or the truncation is random.
        NotImplementedError: if a cell has no backward; it says what that has to be, by numbers.

    Example:
        >>> report = ns.gradcheck_layer(ns.LSTM(2, 3, rng=0), np.ones((4, 2, 2)), lengths=np.array([4, 2]))
        >>> report.passed, report.max_error < 1e-12
        (True, True)
    """
    one_of("method", method, tuple(METHODS))
    with drawing(0 if rng is None else rng):  # what backward does is seen only once something has been drawn
        return _report(layer, x, state, lengths, method, truncation, clip_adjoint, rng)


def _report(
    layer: Layer, x: Array, state: Any, lengths: Any, method: str, truncation: Any, clip_adjoint: Any, rng: Any
) -> Report:
    problem = layer_problem(layer, x, state, lengths, truncation, rng, clip_adjoint)
    require_backward(layer)
    gradient = problem.gradient(np.float64)
    labels = labels_of(layer, problem.at) if isinstance(layer, TIMED) else {}
    report = checked(problem.loss, problem.at, gradient, method, rng=rng, rounding=problem.rounding, labels=labels)
    whole = report.passed and not report.kinks
    if problem.time is not None and method == "complex" and whole:
        report = by_step(problem.time, problem.at, report, np.random.default_rng(0))
    if problem.time is not None and method == "complex" and parameters_alone(report):
        every_path: Any = problem if truncation is None else layer_problem(layer, x, state, lengths)
        report = by_paths(elsewhere(layer, x, lengths, truncation), every_path.time, problem.at, report)
    notes = fault(layer, report, lengths, vanished=whole), "" if report.passed else step_faults(layer), report.note
    return replace(report, note="; ".join(filter(None, notes)))


def elsewhere(layer: Any, x: Array, lengths: Any, truncation: Any) -> Callable[[Values], Here]:
    """Returns the function that puts a layer over time to another point."""

    def here(at: Values) -> Here:
        copy = layer.astype(np.float64)
        for name in copy.params:
            copy.params[name][...] = at[name]
        x_here, state = at.get("x", x), state_of(copy, at)

        def time(truncation: Any) -> InTime:
            return layer_problem(copy, x_here, state, lengths, truncation).time  # type: ignore[return-value]

        own = time(truncation)
        return Here(copy, x_here, state, own, at, lambda steps: time(Truncated(steps)))

    return here


def layer_problem(
    layer: Layer,
    x: Array,
    state: Any = None,
    lengths: Array | None = None,
    truncation: Any = None,
    rng: Any = None,
    clip_adjoint: float | None = None,
) -> Problem:
    """The problem that gradcheck_layer checks. Raises as it does."""
    rng = generator(0 if rng is None else rng)
    _require_real(layer, x)
    if isinstance(layer, TIMED):
        return _over_time(layer, x, state, lengths, truncation, rng, check_clip(clip_adjoint))
    options = {"state": state, "lengths": lengths, "truncation": truncation, "clip_adjoint": clip_adjoint}
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise TypeError(f"{type(layer).__name__} has no time, so it takes no {' and no '.join(given)}; leave that out")
    return _pointwise(layer, x, rng)


def _require_real(layer: Any, x: Any) -> None:
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a layer of npseq, got {type(layer).__name__}; for a function, use gradcheck")
    for name, dtype in (("layer", layer.dtype), ("x", array("x", x).dtype)):
        if dtype.kind == "c":
            raise TypeError(f"{name} must be real to be checked, got {dtype}; use .real of what it was made from")


def _over_time(
    layer: Any, x: Array, state: Any, lengths: Any, truncation: Any, rng: np.random.Generator, limit: float | None
) -> Problem:
    """RNN, GRU, LSTM, Bidirectional."""
    require_surrogate(layer, truncation, limit)
    layer = layer.astype(np.float64)
    x = _as_float64(x)
    batch = check_batch(x, lengths, layer.input_size, layer.dtype, array_module(layer.params.flat))
    if batch.mask is not None and not batch.is_ids:  # what is no number cannot be moved
        xp = array_module(x)
        x = blank(xp, x, batch.mask[..., None] | xp.isfinite(x))
    start = initial(layer, state, x.shape[1])
    fix_dropout(layer, x, lengths, rng)
    inputs = {} if batch.is_ids else {"x": x}
    at = {**inputs, **start, **_parameters(layer)}
    frozen = None if truncation is None else frozen_states(layer, x, state_of(layer, start), lengths)

    def outputs(copy: Any, values: Values) -> Values:
        x_here, state_here = values.get("x", x), state_of(copy, values)
        if truncation is None:
            y, last, _ = copy.forward(x_here, state_here, lengths, training=True)
        else:
            y, last = truncated_forward(copy, x_here, state_here, lengths, truncation.steps, frozen)
        return {"y": y, **named(copy, last)}

    weights = _weights(outputs(layer, at), rng)
    clamp: Any = {} if limit is None else {"clip_adjoint": limit}

    def gradient(dtype: Any, of: Any = layer, upstream: Values = weights) -> Values:
        copy = of.astype(dtype)
        values = {name: value.astype(dtype) for name, value in (inputs | start).items()}
        tape = copy.forward(values.get("x", x), state_of(copy, values), lengths, training=True)[2]
        for _ in range(2):
            dy = {name: weight.astype(dtype) for name, weight in upstream.items()}
            dx, dstate, grads = copy.backward(dy["y"], tape, state_of(copy, dy), truncation, **clamp)
        return {**({} if dx is None else {"x": dx}), **named(copy, dstate), **grads}

    def rounding(upstream: Values = weights) -> Values:
        return rounding_of(layer, partial(gradient, upstream=upstream), np.random.default_rng(0))

    def alone(dy: Array) -> Values:
        return {name: dy if name == "y" else 0 * weight for name, weight in weights.items()}

    held = layer
    if limit is not None:
        held = surrogate(layer, x, state_of(layer, start), lengths, weights["y"], state_of(layer, weights), limit)
    at_copy = _at_copy(held, outputs)
    there = has_step(lengths, *x.shape[:2])
    gradient_of = lambda dy: gradient(np.float64, upstream=alone(dy))  # noqa: E731
    time = InTime(at_copy, gradient_of, lambda dy: rounding(alone(dy)), weights["y"], there)
    return Problem(
        _loss(at_copy, weights), at, gradient, rounding, time if len(x) > 1 and x.shape[1] and limit is None else None
    )


def _pointwise(layer: Any, x: Array, rng: np.random.Generator) -> Problem:
    """Linear, Embedding, Dropout."""
    layer = layer.astype(np.float64)
    x = _as_float64(x)
    if isinstance(layer, Dropout):
        layer = FixedDropout(layer.p, [Dropout(layer.p, rng).draw(x)])
    inputs = {} if x.dtype.kind in "iu" else {"x": x}
    at = {**inputs, **_parameters(layer)}

    def outputs(copy: Any, values: Values) -> Values:
        if isinstance(copy, Embedding) and copy.padding_idx is not None:
            copy.params["W"][copy.padding_idx] = at["W"][copy.padding_idx]
        return {"y": copy.forward(values.get("x", x))[0]}

    weights = _weights(outputs(layer, at), rng)

    def gradient(dtype: Any) -> Values:
        copy = layer.astype(dtype)
        tape = copy.forward(inputs["x"].astype(dtype) if inputs else x)[1]
        for _ in range(2):
            dx, grads = copy.backward(weights["y"].astype(dtype), tape)
        return {**({} if dx is None else {"x": dx}), **grads}

    return Problem(_loss(_at_copy(layer, outputs), weights), at, gradient)


def _at_copy(layer: Any, outputs: Callable[[Any, Values], Values]) -> Callable[[Values], Values]:
    """The outputs of a copy of the layer at values in float64 or complex128."""
    copies: dict[Any, tuple[Any, Values]] = {}

    def found(values: Values) -> Values:
        dtype = next(iter(values.values())).dtype
        if dtype not in copies:
            copy = layer.astype(dtype)
            copies[dtype] = copy, dict(copy.params)
        copy, views = copies[dtype]
        for name, view in views.items():
            view[...] = values[name]
        return outputs(copy, values)

    return found


def _loss(outputs: Callable[[Values], Values], weights: Values) -> Callable[[Values], Any]:
    """The sum of weights times outputs."""

    def loss(values: Values) -> Any:
        found = outputs(values)
        return sum((weight * found[name]).sum() for name, weight in weights.items())

    return loss


def _weights(outputs: Values, rng: np.random.Generator) -> Values:
    """An upstream gradient for each output, of size 0.5 to 1.5 so that no output is missed, and exact in float32."""

    def draw(like: Array) -> Any:
        size = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
        return array_module(like).asarray(size.astype(np.float32).astype(np.float64))

    return {name: draw(value) for name, value in outputs.items()}


def _as_float64(x: Any) -> Any:
    return x.astype(np.float64) if getattr(x, "dtype", np.dtype(int)).kind == "f" else x


def _parameters(layer: Any) -> Values:
    return {name: value.copy() for name, value in layer.params.items()}
