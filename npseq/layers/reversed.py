"""A recurrent layer that reads every sequence from its own last step to its first."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, instance
from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt.workspace import Workspace
from npseq.layers.batch import check_array, check_kind, check_old
from npseq.layers.layer import Layer
from npseq.layers.lengths import check_steps
from npseq.layers.recurrent import Recurrent
from npseq.layers.upstream import check_dc
from npseq.parameters import Parameters
from npseq.shown import in_notebooks


@in_notebooks
class ReversedTape(NamedTuple):
    """The layer's own tape, and which step of each sequence it reads at which time: (T, B)."""

    inner: Any
    order: Array

    def __repr__(self) -> str:
        return repr(self.inner)


class Reversed(Layer):
    """A recurrent layer that starts at each sequence's own last step; y lies at the steps of x.

    params are the layer's own. A state is the layer's; the last state is the one after step 0.

    Args:
        layer: an RNN, GRU or LSTM; it is not copied.

    Raises:
        TypeError: if layer is another one.

    Example:
        >>> layer, x = ns.GRU(2, 3, rng=0), np.ones((4, 1, 2), np.float32)
        >>> y = ns.layers.Reversed(layer).forward(x)[0]
        >>> np.array_equal(y, layer.forward(x[::-1])[0][::-1])
        True
    """

    def __init__(self, layer: Recurrent):
        self.layer = instance("layer", layer, Recurrent, "an RNN, GRU or LSTM layer")
        self.params = layer.params
        self.input_size, self.output_size = layer.input_size, layer.output_size

    def _bind(self, params: Parameters) -> None:
        super()._bind(params)
        self.__dict__["layer"] = self.layer._bound(params)

    def to(self, device: str) -> "Reversed":
        """Moves the parameters, in place, and returns the layer itself.

        Args:
            device: "cpu" or "gpu".
        """
        super()._bind(self.layer.to(device).params)
        return self

    def forward(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        *,
        training: bool = False,
        tape: ReversedTape | None = None,
    ) -> tuple[Array, Any, ReversedTape]:
        """Returns y (T, B, R*P), the last state, and the tape.

        Args:
            x, state, lengths, training, tape: as Recurrent.forward takes them.
        """
        check_old(tape, ReversedTape)
        if array("x", x).ndim < 2:
            raise ValueError(f"x must have shape (T, B, {self.input_size}) or be ids (T, B), got {x.shape}")
        turned, lengths = reversed_steps(x.shape[0], x.shape[1], lengths)
        order, old = array_module(self.params.flat, x).asarray(turned), None if tape is None else tape.inner
        y, last, inner = self.layer.forward(reordered(x, order), state, lengths, training=training, tape=old)
        return reordered(y, order), last, ReversedTape(inner, order)

    def backward(
        self,
        dy: Array | None,
        tape: ReversedTape,
        dstate: Any = None,
        truncation: Any = None,
        *,
        dc: Any = None,
        clip_adjoint: float | None = None,
        input_gradient: bool = True,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[MaybeArray, Any, Parameters]:
        """Returns dx, the initial state's gradient, and grads.

        Args:
            dy, tape, dstate, truncation, dc, clip_adjoint, input_gradient, grads, workspace: as Recurrent.backward
                takes them.
        """
        check_kind(tape, ReversedTape)
        if dy is not None:
            xp = array_module(self.params.flat)
            check_array("dy", dy, (*tape.order.shape, self.output_size), self.dtype, xp)
            dy = reordered(dy, tape.order)
        own = check_dc(dc, self.layer, *tape.order.shape)
        dcs = None if own is None else [None if part is None else reordered(part, tape.order) for part in own]
        options: Any = {"dc": dcs, "clip_adjoint": clip_adjoint, "input_gradient": input_gradient}
        options |= {"grads": grads, "workspace": workspace}
        dx, dfirst, grads = self.layer.backward(dy, tape.inner, dstate, truncation, **options)
        return None if dx is None else reordered(dx, tape.order), dfirst, grads

    def __repr__(self) -> str:
        return f"Reversed({self.layer})"


def reversed_steps(steps: int, batch: int, lengths: Array | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The steps (T, B) of each sequence from its own end, which is its own inverse, and the lengths in that order.

    What lies past a length stays where it is; a mask with gaps is turned as a whole.
    """
    own = np.full(batch, steps) if lengths is None else check_steps(lengths, steps, batch)
    step = np.arange(steps)[:, None]
    if own.ndim == 2:
        return np.broadcast_to(step[::-1], (steps, batch)), own[::-1]
    return np.where(step < own, own - 1 - step, step), None if lengths is None else own


def reordered(x: Array, order: Array) -> Array:
    """x (T, B, ...), in each sequence the steps of order (T, B)."""
    found: Array = x[order, array_module(order).arange(order.shape[1])]
    return found
