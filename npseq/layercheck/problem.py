"""What is checked of a layer: a weighted sum of its outputs as a function, a point, and the gradient by backward."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.layercheck.over_time import InTime

Values = dict[str, Array]


class Problem(NamedTuple):
    """The weighted sum of a layer's outputs as a function, the point of the check, and the gradient by backward."""

    loss: Callable[[Values], Any]
    at: Values  # float64: x, initial states, parameters
    gradient: Callable[[Any], Values]  # of a dtype: the gradient that the layer computes in it
    rounding: Callable[[], Values] | None = None  # what it may have cost each entry of it; None where nothing is lost
    time: InTime | None = None  # of a layer over time


def at_copy(layer: Any, outputs: Callable[[Any, Values], Values]) -> Callable[[Values], Values]:
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


def loss_of(outputs: Callable[[Values], Values], weights: Values) -> Callable[[Values], Any]:
    """The sum of weights times outputs."""

    def loss(values: Values) -> Any:
        found = outputs(values)
        return sum((weight * found[name]).sum() for name, weight in weights.items())

    return loss


def draw_weights(outputs: Values, rng: np.random.Generator) -> Values:
    """An upstream gradient for each output, of size 0.5 to 1.5 so that no output is missed, and exact in float32."""

    def draw(like: Array) -> Any:
        size = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
        return array_module(like).asarray(size.astype(np.float32).astype(np.float64))

    return {name: draw(value) for name, value in outputs.items()}


def as_float64(x: Any) -> Any:
    """Numbers in float64, ids as they are."""
    return x.astype(np.float64) if getattr(x, "dtype", np.dtype(int)).kind == "f" else x


def parameters_of(layer: Any) -> Values:
    return {name: value.copy() for name, value in layer.params.items()}
