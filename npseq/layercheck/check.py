"""gradcheck_layer checks every gradient of a layer against differences of its own forward pass."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from npseq.arguments import array, one_of
from npseq.backend import Array, drawing, generator
from npseq.bptt.truncation import Truncated
from npseq.gradcheck import Report
from npseq.gradcheck.check import METHODS, checked
from npseq.layercheck.fault import fault
from npseq.layercheck.labels import labels_of
from npseq.layercheck.named_states import state_of
from npseq.layercheck.over_time import InTime, by_step
from npseq.layercheck.paths import Here, by_paths, parameters_alone
from npseq.layercheck.problem import Problem, Values, as_float64, at_copy, draw_weights, loss_of, parameters_of
from npseq.layercheck.step import require_backward, step_faults
from npseq.layercheck.surrogate import FixedDropout
from npseq.layercheck.timed import timed_problem
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.dropout import Dropout
from npseq.layers.embedding import Embedding
from npseq.layers.layer import Layer
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.layers.upstream import check_clip

TIMED = (Recurrent, Reversed, Bidirectional)


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
        return timed_problem(layer, x, state, lengths, truncation, rng, check_clip(clip_adjoint))
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


def _pointwise(layer: Any, x: Array, rng: np.random.Generator) -> Problem:
    """Linear, Embedding, Dropout."""
    layer = layer.astype(np.float64)
    x = as_float64(x)
    if isinstance(layer, Dropout):
        layer = FixedDropout(layer.p, [Dropout(layer.p, rng).draw(x)])
    inputs = {} if x.dtype.kind in "iu" else {"x": x}
    at = {**inputs, **parameters_of(layer)}

    def outputs(copy: Any, values: Values) -> Values:
        if isinstance(copy, Embedding) and copy.padding_idx is not None:
            copy.params["W"][copy.padding_idx] = at["W"][copy.padding_idx]
        return {"y": copy.forward(values.get("x", x))[0]}

    weights = draw_weights(outputs(layer, at), rng)

    def gradient(dtype: Any) -> Values:
        copy = layer.astype(dtype)
        tape = copy.forward(inputs["x"].astype(dtype) if inputs else x)[1]
        for _ in range(2):
            dx, grads = copy.backward(weights["y"].astype(dtype), tape)
        return {**({} if dx is None else {"x": dx}), **grads}

    return Problem(loss_of(at_copy(layer, outputs), weights), at, gradient)
