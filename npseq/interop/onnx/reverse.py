"""One direction, from the last step to the first: ONNX's direction "reverse"."""

from __future__ import annotations

from typing import Any, NamedTuple

from npseq.backend import Array, array_module
from npseq.layers.bidirectional import _turn, _turned
from npseq.layers.layer import Layer
from npseq.layers.recurrent import Recurrent
from npseq.parameters import Parameters


class ReverseTape(NamedTuple):
    """The layer's own tape, and where each sequence's steps lie when it is read from its end: (T, B)."""

    inner: Any
    turned: Array


class Reverse(Layer):
    """A recurrent layer that starts at each sequence's own last step; y stands at the steps of x.

    params are the layer's own. A state is the layer's; the last state is the one after step 0.
    Raises TypeError unless layer is an RNN, GRU or LSTM of one direction.
    """

    def __init__(self, layer: Recurrent):
        if not isinstance(layer, Recurrent) or layer.directions != 1:
            raise TypeError(f"layer must be an RNN, GRU or LSTM of one direction, got {layer!r}")
        self.layer = layer
        self.params = layer.params
        self.input_size, self.output_size = layer.input_size, layer.output_size

    def bind(self, flat: Array) -> Reverse:
        """The same layer over another flat vector of parameters, which it does not copy."""
        return Reverse(self.layer.bind(flat))

    def to(self, device: str) -> Reverse:
        """Moves the parameters to "cpu" or "gpu", in place, and returns the layer itself."""
        self.params = self.layer.to(device).params
        return self

    def forward(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        *,
        training: bool = False,
        tape: ReverseTape | None = None,
    ) -> tuple[Array, Any, ReverseTape]:
        """y (T, B, P), the last state, and the tape. See Recurrent.forward."""
        if getattr(x, "ndim", 0) < 2:
            raise ValueError(
                f"x must have shape (T, B, {self.input_size}) or be ids (T, B), got {getattr(x, 'shape', x)}"
            )
        xp = array_module(self.params.flat, x)
        turned = xp.asarray(_turned(x.shape[0], x.shape[1], lengths))
        old = None if tape is None else tape.inner
        y, last, inner = self.layer.forward(_turn(x, turned), state, lengths, training=training, tape=old)
        return _turn(y, turned), last, ReverseTape(inner, turned)

    def backward(
        self, dy: Array | None, tape: ReverseTape, dstate: Any = None, truncation: Any = None
    ) -> tuple[Array | None, Any, Parameters]:
        """dx, the initial state's gradient, and grads. See Recurrent.backward."""
        if not isinstance(tape, ReverseTape):
            raise TypeError(f"tape must be the one that this layer's forward returned, got {type(tape).__name__}")
        wanted = (*tape.turned.shape, self.output_size)
        if dy is not None and getattr(dy, "shape", None) != wanted:
            raise ValueError(f"dy must have shape {wanted}, got {getattr(dy, 'shape', type(dy).__name__)}")
        turned_dy = None if dy is None else _turn(dy, tape.turned)
        dx, dfirst, grads = self.layer.backward(turned_dy, tape.inner, dstate, truncation)
        return None if dx is None else _turn(dx, tape.turned), dfirst, grads

    def __repr__(self) -> str:
        return f"Reverse({self.layer})"
