"""What is checked of a layer over time: RNN, GRU, LSTM, Recurrent, Reversed, Bidirectional."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.layercheck.clamped import require_surrogate, surrogate
from npseq.layercheck.named_states import initial, named, state_of
from npseq.layercheck.over_time import InTime
from npseq.layercheck.problem import Problem, Values, as_float64, at_copy, draw_weights, loss_of, parameters_of
from npseq.layercheck.rounding import rounding_of
from npseq.layercheck.surrogate import fix_dropout, frozen_states, truncated_forward
from npseq.layers.batch import check_batch
from npseq.layers.lengths import has_step
from npseq.magnitude import blank


def timed_problem(
    layer: Any, x: Array, state: Any, lengths: Any, truncation: Any, rng: np.random.Generator, limit: float | None
) -> Problem:
    """The problem of a layer over time. limit: at which backward clamps adjoints."""
    require_surrogate(layer, truncation, limit)
    case = _case(layer, x, state, lengths, truncation, rng, limit)
    at = {**case.inputs, **case.start, **parameters_of(case.layer)}
    weights = draw_weights(case.outputs(case.layer, at), rng)
    outputs = at_copy(case.layer if limit is None else case.clamped(weights, limit), case.outputs)

    def alone(dy: Array) -> Values:
        return {name: dy if name == "y" else 0 * weight for name, weight in weights.items()}

    def gradient(dy: Array) -> Values:
        return case.gradient(alone(dy), np.float64)

    def rounding(dy: Array) -> Values:
        return case.rounding(alone(dy))

    time = InTime(outputs, gradient, rounding, weights["y"], has_step(lengths, *case.x.shape[:2]))
    has_time = len(case.x) > 1 and case.x.shape[1] and limit is None
    return Problem(
        loss_of(outputs, weights),
        at,
        partial(case.gradient, weights),
        partial(case.rounding, weights),
        time if has_time else None,
    )


class _Case(NamedTuple):
    """A layer in float64 and its arguments."""

    layer: Any
    x: Array
    start: Values  # the initial states
    lengths: Any
    truncation: Any
    frozen: Any  # under truncation: the states that are held fixed
    clamp: dict[str, float]

    @property
    def inputs(self) -> Values:
        """x, where it has a gradient."""
        return {} if self.x.dtype.kind in "iu" else {"x": self.x}

    def outputs(self, copy: Any, values: Values) -> Values:
        """y and the last state of a copy of the layer."""
        x, state = values.get("x", self.x), state_of(copy, values)
        if self.truncation is None:
            y, last, _ = copy.forward(x, state, self.lengths, training=True)
        else:
            y, last = truncated_forward(copy, x, state, self.lengths, self.truncation.steps, self.frozen)
        return {"y": y, **named(copy, last)}

    def gradient(self, upstream: Values, dtype: Any, of: Any = None) -> Values:
        """By the second backward of this layer, or of another, in a dtype."""
        copy = (self.layer if of is None else of).astype(dtype)
        values = {name: value.astype(dtype) for name, value in (self.inputs | self.start).items()}
        tape = copy.forward(values.get("x", self.x), state_of(copy, values), self.lengths, training=True)[2]
        for _ in range(2):
            dy = {name: weight.astype(dtype) for name, weight in upstream.items()}
            dx, dstate, grads = copy.backward(dy["y"], tape, state_of(copy, dy), self.truncation, **self.clamp)
        return {**({} if dx is None else {"x": dx}), **named(copy, dstate), **grads}

    def rounding(self, upstream: Values) -> Values:
        """What the rounding of derivatives may have cost each entry of the gradient."""
        return rounding_of(self.layer, partial(self.gradient, upstream), np.random.default_rng(0))

    def clamped(self, weights: Values, limit: float) -> Any:
        """The layer whose whole gradient is that of backward with this limit."""
        states = state_of(self.layer, self.start), state_of(self.layer, weights)
        return surrogate(self.layer, self.x, states[0], self.lengths, weights["y"], states[1], limit)


def _case(
    layer: Any, x: Array, state: Any, lengths: Any, truncation: Any, rng: np.random.Generator, limit: float | None
) -> _Case:
    layer, x = layer.astype(np.float64), as_float64(x)
    batch = check_batch(x, lengths, layer.input_size, layer.dtype, array_module(layer.params.flat))
    if batch.mask is not None and not batch.is_ids:  # what is no number cannot be moved
        xp = array_module(x)
        x = blank(xp, x, batch.mask[..., None] | xp.isfinite(x))
    start = initial(layer, state, x.shape[1])
    fix_dropout(layer, x, lengths, rng)
    frozen = None if truncation is None else frozen_states(layer, x, state_of(layer, start), lengths)
    return _Case(layer, x, start, lengths, truncation, frozen, {} if limit is None else {"clip_adjoint": limit})
