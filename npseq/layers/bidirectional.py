"""A layer of two recurrent layers, one from the first step to the last and one the other way."""

from typing import Any, NamedTuple

from npseq.arguments import flag, instance
from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt.truncation import check_truncation
from npseq.bptt.workspace import Workspace
from npseq.layers.batch import check_array, check_batch, check_kind, check_old, check_tape
from npseq.layers.composite import Composite
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed, ReversedTape
from npseq.layers.upstream import check_clip, check_dc
from npseq.parameters import Parameters
from npseq.shown import in_notebooks


@in_notebooks
class BidirectionalTape(NamedTuple):
    """Both layers' tapes."""

    forward: Any
    backward: ReversedTape

    def __repr__(self) -> str:
        return f"forward layer's {self.forward}\nbackward layer's {self.backward}"


class Bidirectional(Composite):
    """y = [forward layer's y, backward layer's y]; they may differ in all else (Schuster & Paliwal 1997).

    The backward layer starts at each sequence's own last step. A state is the pair (forward's, backward's). params
    are both layers', named "forward.W_xh" and "backward.W_xh".

    Args:
        forward: an RNN, GRU or LSTM layer; a copy is taken.
        backward: another one, which reads the same inputs.

    Raises:
        TypeError: if one of them is another layer.
        ValueError: if the two do not read the same inputs.

    Example:
        >>> layer = ns.Bidirectional(ns.GRU(2, 3, rng=0), ns.LSTM(2, 4, rng=1))
        >>> y, (h_forward, (h, c)), tape = layer.forward(np.zeros((5, 1, 2), np.float32))
        >>> y.shape, h_forward.shape, h.shape
        ((5, 1, 7), (1, 1, 3), (1, 1, 4))
    """

    def __init__(self, forward: Recurrent, backward: Recurrent):
        for name, layer in (("forward", forward), ("backward", backward)):
            instance(name, layer, Recurrent, "an RNN, GRU or LSTM layer")
        if forward.input_size != backward.input_size or forward.dtype != backward.dtype:
            raise ValueError(
                f"both layers must read the same inputs, got {forward.input_size} features in {forward.dtype} "
                f"and {backward.input_size} in {backward.dtype}"
            )
        self.input_size = forward.input_size
        self.output_size = forward.output_size + backward.output_size
        self._join({"forward": forward, "backward": Reversed(backward)})

    def forward(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        *,
        training: bool = False,
        tape: BidirectionalTape | None = None,
    ) -> tuple[Array, Any, BidirectionalTape]:
        """Returns y (T, B, forward's features + backward's), the pair of last states, and the tape.

        Args:
            x, state, lengths, training, tape: as Recurrent.forward takes them, the state as a pair.
        """
        check_old(tape, BidirectionalTape)
        forward, backward = self.layers.values()
        state_f, state_b = state_pair("state", state)
        x = check_batch(x, lengths, self.input_size, self.dtype, array_module(self.params.flat)).x
        check_any_state("state", state, self, x.shape[1])  # before the first layer draws its dropout
        old_f, old_b = (None, None) if tape is None else tape
        y_f, last_f, tape_f = forward.forward(x, state_f, lengths, training=training, tape=old_f)
        y_b, last_b, tape_b = backward.forward(x, state_b, lengths, training=training, tape=old_b)
        y = array_module(y_f).concatenate([y_f, y_b], axis=2)
        return y, (last_f, last_b), BidirectionalTape(tape_f, tape_b)

    def backward(
        self,
        dy: Array | None,
        tape: BidirectionalTape,
        dstate: Any = None,
        truncation: Any = None,
        *,
        dc: Any = None,
        clip_adjoint: float | None = None,
        input_gradient: bool = True,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[MaybeArray, Any, Parameters]:
        """Returns dx, the pair of initial states' gradients, and grads.

        Args:
            dy, tape, dstate, truncation, dc, clip_adjoint, input_gradient, grads, workspace: as Recurrent.backward
                takes them, dstate and dc as pairs.
        """
        steps, batch = check_whole_tape(tape, self)
        grads, own = self._gradients(grads, workspace)
        forward, backward = self.layers.values()
        dy_f = dy_b = None
        if dy is not None:
            shape = (*tape.backward.order.shape, self.output_size)
            check_array("dy", dy, shape, self.dtype, array_module(self.params.flat))
            dy_f, dy_b = dy[..., : forward.output_size], dy[..., forward.output_size :]
        dstate_f, dstate_b = state_pair("dstate", dstate)
        check_any_state("dstate", dstate, self, batch)
        check_cut(truncation, self, steps)
        dcs = state_pair("dc", dc)
        for one, part in zip(recurrent_layers(self).values(), dcs, strict=True):
            check_dc(part, one, steps, batch)
        check_clip(clip_adjoint)
        both = {"clip_adjoint": clip_adjoint, "input_gradient": flag("input_gradient", input_gradient)}
        options = [{"dc": part, **both, **own[name]} for name, part in zip(own, dcs, strict=True)]
        dx_f, dfirst_f, _ = forward.backward(dy_f, tape.forward, dstate_f, truncation, **options[0])
        dx_b, dfirst_b, _ = backward.backward(dy_b, tape.backward, dstate_b, truncation, **options[1])
        return None if dx_f is None else dx_f + dx_b, (dfirst_f, dfirst_b), grads

    def __repr__(self) -> str:
        forward, backward = recurrent_layers(self).values()
        return f"Bidirectional({forward}, {backward})"


def recurrent_layers(layer: Any) -> dict[str, Recurrent]:
    """The Recurrent layers that this layer is made of, by the prefix of their parameters' names.

    {"": layer}, or of a Bidirectional {"forward.": layer, "backward.": layer}.
    """
    if isinstance(layer, Bidirectional):
        return {f"{name}.": one for name, part in layer.layers.items() for one in recurrent_layers(part).values()}
    return {"": layer.layer if isinstance(layer, Reversed) else layer}


def check_recurrent(name: str, layer: Any) -> Any:
    """Returns a recurrent layer. Raises TypeError for anything else."""
    return instance(name, layer, (Recurrent, Reversed, Bidirectional), "an RNN, GRU, LSTM or Bidirectional layer")


def check_forward_only(recurrent: Any) -> None:
    """Raises TypeError or ValueError for a layer that reads what is not written yet."""
    check_recurrent("recurrent", recurrent)
    if not isinstance(recurrent, Recurrent) or recurrent.directions == 2:
        raise ValueError(f"recurrent must read forward only, since the rest is not written yet, got {recurrent}")


def check_whole_tape(tape: Any, layer: Any) -> tuple[int, int]:
    """T and B of a recurrent layer's tape, every part of which is checked as `check_tape` does."""
    if isinstance(layer, Bidirectional):
        check_kind(tape, BidirectionalTape)
        check_whole_tape(tape.forward, layer.layers["forward"])
        return check_whole_tape(tape.backward, layer.layers["backward"])
    if isinstance(layer, Reversed):
        check_kind(tape, ReversedTape)
        return check_tape(tape.inner, layer.layer)
    return check_tape(tape, layer)


def check_any_state(name: str, state: Any, layer: Any, batch: int) -> None:
    """Raises TypeError or ValueError for a state, or its gradient, that does not fit a recurrent layer."""
    if isinstance(layer, Bidirectional):
        for k, (half, part) in enumerate(zip(layer.layers.values(), state_pair(name, state), strict=True)):
            check_any_state(f"{name}[{k}]", part, half, batch)
    else:
        (layer.layer if isinstance(layer, Reversed) else layer).checked_state(name, state, batch)


def check_cut(truncation: Any, layer: Any, steps: int) -> None:
    """Raises TypeError or ValueError for a truncation that does not fit all layers that this one is made of."""
    if truncation is not None:
        for one in recurrent_layers(layer).values():
            check_truncation(truncation, one, steps)


def state_pair(name: str, state: Any) -> tuple[Any, Any]:
    """The two layers' states of a Bidirectional; None is a pair of None."""
    if state is None:
        return None, None
    if not isinstance(state, tuple | list) or len(state) != 2:
        raise TypeError(
            f"{name} of Bidirectional must be a pair (forward layer's, backward layer's), got {type(state).__name__}"
        )
    return state[0], state[1]
