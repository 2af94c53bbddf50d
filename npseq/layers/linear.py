"""The linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from npseq.backend import Array, array_module, generator
from npseq.bptt.gradients import columns
from npseq.bptt.room import Room, empty
from npseq.initializers import uniform_sqrt_hidden
from npseq.layers.arguments import check_array, float_dtype, positive_int
from npseq.layers.layer import Layer
from npseq.parameters import Parameters, simple_layout


class Linear(Layer):
    """y = x W + b over the last axis; W (in, out), b (out,), both from U(-1/sqrt(in), 1/sqrt(in)) as PyTorch has it."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = np.float32, rng: Any = None
    ):
        self.in_features = positive_int("in_features", in_features)
        self.out_features = positive_int("out_features", out_features)
        shapes: dict[str, tuple[int, ...]] = {"W": (in_features, out_features)}
        if bias:
            shapes["b"] = (out_features,)
        layout = simple_layout(shapes)
        self.params = Parameters(
            layout,
            uniform_sqrt_hidden((layout.size,), generator(rng), hidden_size=in_features, dtype=float_dtype(dtype)),
        )

    def forward(self, x: Array) -> tuple[Array, Array]:
        """y (..., out) from x (..., in) of at least two axes, and the tape, which is x itself where x cannot change.

        Both are multiplied as (..., features, N), so that the last axis but one may lie last in memory.
        """
        if getattr(x, "ndim", 0) < 2:
            given = getattr(x, "shape", type(x).__name__)
            raise ValueError(f"x must have shape (..., N, {self.in_features}), got {given}")
        check_array("x", x, (*x.shape[:-1], self.in_features), self.dtype, array_module(self.params.flat))
        y = np.matmul(self.params["W"].T, x.swapaxes(-1, -2))
        if "b" in self.params:
            y += self.params["b"][:, None]
        fixed = array_module(x) is np and not x.flags.writeable
        return y.swapaxes(-1, -2), x if fixed else x.copy()

    def backward(
        self, dy: Array, tape: Array, grads: Parameters | None = None, room: Room | None = None
    ) -> tuple[Array, Parameters]:
        """dx (..., in) and grads from dy (..., out). grads and room may be a training loop's own, written over."""
        check_array("dy", dy, (*tape.shape[:-1], self.out_features), self.dtype, array_module(self.params.flat))
        grads = Parameters(self.params.layout, np.empty_like(self.params.flat)) if grads is None else grads
        dy = dy.swapaxes(-1, -2)
        dcolumns = columns(dy, room, "dy")
        np.matmul(columns(tape.swapaxes(-1, -2), room, "x"), dcolumns.T, out=grads["W"])
        if "b" in self.params:
            np.sum(dcolumns, axis=1, out=grads["b"])
        dx = np.matmul(
            self.params["W"], dy, out=empty(room, "dx", dy, (*dy.shape[:-2], self.in_features, dy.shape[-1]))
        )
        return dx.swapaxes(-1, -2), grads

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}, {self.dtype})"
