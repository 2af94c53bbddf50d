"""Any two recurrent layers, one from the first step to the last and one the other way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.truncation import check_truncation
from npseq.bptt.workspace import Workspace, child
from npseq.layers.batch import check_array, check_lengths
from npseq.layers.layer import Layer
from npseq.layers.recurrent import Recurrent
from npseq.parameters import Parameters, join_layouts


class BidirectionalTape(NamedTuple):
    """Both layers' tapes, and where each sequence's steps lie when it is read from its own end: (T, B)."""

    forward: Any
    backward: Any
    turned: Array

    def __repr__(self) -> str:
        return f"forward layer's {self.forward}\nbackward layer's {self.backward}"


class Bidirectional(Layer):
    """y = [forward layer's y, backward layer's y]; they may differ in all else (Schuster & Paliwal 1997).

    The backward layer starts at each sequence's own last step. A state is the pair (forward's, backward's). params
    are both layers', named "forward.W_xh" and "backward.W_xh", in one vector of which the two layers become views.
    Raises TypeError or ValueError where the two do not read the same inputs.
    """

    def __init__(self, forward: Recurrent, backward: Recurrent):
        for name, layer in (("forward", forward), ("backward", backward)):
            if not isinstance(layer, Recurrent):
                raise TypeError(f"{name} must be an RNN, GRU or LSTM layer, got {type(layer).__name__}")
        if forward.input_size != backward.input_size or forward.dtype != backward.dtype:
            raise ValueError(
                f"both layers must read the same inputs, got {forward.input_size} features in {forward.dtype} "
                f"and {backward.input_size} in {backward.dtype}"
            )
        self.layers = {"forward": forward, "backward": backward}
        self.input_size = forward.input_size
        self.output_size = forward.output_size + backward.output_size
        layout = join_layouts({name: layer.params.layout for name, layer in self.layers.items()})
        xp = array_module(forward.params.flat, backward.params.flat)
        self._bind(Parameters(layout, xp.concatenate([layer.params.flat for layer in self.layers.values()])))

    def _bind(self, params: Parameters) -> None:
        self.params = params
        self.layers = {
            name: layer.bind(params.part(name, layer.params.layout).flat) for name, layer in self.layers.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy: its parts' parameters become views of its own vector."""
        self.__dict__.update(state)
        self._bind(self.params)

    def bind(self, flat: Array) -> Bidirectional:
        """The same layer over another flat vector of parameters, which it does not copy."""
        other = super().bind(flat)
        other._bind(other.params)
        return other

    def to(self, device: str) -> Bidirectional:
        """Moves the parameters to "cpu" or "gpu", in place, and returns the layer itself."""
        super().to(device)
        self._bind(self.params)
        return self

    def forward(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        *,
        training: bool = False,
        tape: BidirectionalTape | None = None,
    ) -> tuple[Array, Any, BidirectionalTape]:
        """y (T, B, forward's features + backward's), the pair of last states, and the tape. See Recurrent.forward."""
        if getattr(x, "ndim", 0) < 2:
            raise ValueError(
                f"x must have shape (T, B, {self.input_size}) or be ids (T, B), got {getattr(x, 'shape', x)}"
            )
        xp = array_module(self.params.flat)
        turned = xp.asarray(_turned(x.shape[0], x.shape[1], lengths))
        state_f, state_b = _pair("state", state)
        tape_f, tape_b = (None, None) if tape is None else (tape.forward, tape.backward)
        y_f, last_f, tape_f = self.layers["forward"].forward(x, state_f, lengths, training=training, tape=tape_f)
        y_b, last_b, tape_b = self.layers["backward"].forward(
            _turn(x, turned), state_b, lengths, training=training, tape=tape_b
        )
        y = xp.concatenate([y_f, _turn(y_b, turned)], axis=2)
        return y, (last_f, last_b), BidirectionalTape(tape_f, tape_b, turned)

    def backward(
        self,
        dy: Array | None,
        tape: BidirectionalTape,
        dstate: Any = None,
        truncation: Any = None,
        *,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Array | None, Any, Parameters]:
        """dx, the pair of initial states' gradients, and grads. See Recurrent.backward."""
        grads = self.params.like(np.empty_like(self.params.flat)) if grads is None else grads
        forward, backward = self.layers["forward"], self.layers["backward"]
        dy_f = dy_b = None
        if dy is not None:
            xp = array_module(self.params.flat)
            check_array("dy", dy, (*tape.turned.shape, self.output_size), self.dtype, xp)
            dy_f, dy_b = dy[..., : forward.output_size], _turn(dy[..., forward.output_size :], tape.turned)
        dstate_f, dstate_b = _pair("dstate", dstate)
        for layer in self.layers.values():
            check_truncation(truncation, layer)
        own: list[dict[str, Any]] = [
            {"workspace": child(workspace, name), "grads": grads.part(name, layer.params.layout)}
            for name, layer in self.layers.items()
        ]
        dx_f, dfirst_f, _ = forward.backward(dy_f, tape.forward, dstate_f, truncation, **own[0])
        dx_b, dfirst_b, _ = backward.backward(dy_b, tape.backward, dstate_b, truncation, **own[1])
        dx = None if dx_f is None else dx_f + _turn(dx_b, tape.turned)
        return dx, (dfirst_f, dfirst_b), grads

    def __repr__(self) -> str:
        return f"Bidirectional({self.layers['forward']}, {self.layers['backward']})"


def _turned(steps: int, batch: int, lengths: Array | None) -> np.ndarray:
    """(T, B): step t of a sequence read from its own end; padding stays where it is. Its own inverse."""
    own = np.full(batch, steps) if lengths is None else check_lengths(lengths, steps, batch)
    step = np.arange(steps)[:, None]
    return np.where(step < own, own - 1 - step, step)


def _turn(x: Array, turned: Array) -> Array:
    return x[turned, array_module(turned).arange(turned.shape[1])]


def _pair(name: str, state: Any) -> tuple[Any, Any]:
    if state is None:
        return None, None
    if not isinstance(state, (tuple, list)) or len(state) != 2:
        raise TypeError(
            f"{name} of Bidirectional must be a pair (forward layer's, backward layer's), got {type(state).__name__}"
        )
    return state[0], state[1]
