"""A node of ONNX's RNN, GRU or LSTM becomes a layer, and the layer's outputs become the node's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npseq.arguments import array as an_array
from npseq.arguments import mapping
from npseq.backend import to_host
from npseq.gallery.input_forget_lstm import InputForgetLSTMCell
from npseq.interop.onnx.attributes import OPERATORS, Attributes, check_attributes, check_operator
from npseq.interop.onnx.weights import parameters_from
from npseq.layers import GRU, LSTM, RNN, Bidirectional
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed

Inputs = dict[str, np.ndarray]
GATE_COUNTS = {"RNN": 1, "GRU": 3, "LSTM": 4}


def load(
    op_type: str, inputs: Mapping[str, Any] | Sequence[Any], attributes: Mapping[str, Any] | None = None
) -> tuple[Recurrent | Reversed | Bidirectional, dict[str, Any]]:
    """Returns (layer, forward_arguments): the node computes layer.forward(**forward_arguments).

    The layer has W's dtype (float32 or float64). It is an RNN, GRU or LSTM, or a Recurrent of the gallery's
    InputForgetLSTMCell for input_forget = 1; in a Reversed for direction "reverse"; a Bidirectional of two where the
    directions have different activations. The arguments are {"x", "state", "lengths"}, without "x" if there is no X,
    with time first also where the node's layout is 1. `outputs` makes Y, Y_h and Y_c of the results of forward.

    Args:
        op_type: "RNN", "GRU" or "LSTM", of ONNX's operator set 7 or later.
        inputs: {ONNX's name: array}, or the arrays in ONNX's order (X, W, R, B, sequence_lens, initial_h, and an LSTM's
            initial_c, P); None for one that is absent.
        attributes: {ONNX's name: value}; those that are absent have ONNX's defaults.

    Raises:
        TypeError: if a dtype does not fit.
        ValueError: if a shape does not fit, or the standard does not allow an attribute, which is named.

    Example:
        >>> W, R = np.ones((1, 8, 3), np.float32), np.ones((1, 8, 2), np.float32)
        >>> layer, arguments = ns.interop.onnx.load("LSTM", {"W": W, "R": R}, {"hidden_size": 2})
        >>> (layer.input_size, layer.hidden_size, arguments)
        (3, 2, {'state': None, 'lengths': None})
    """
    check_operator(op_type)
    found = check_attributes(op_type, attributes)
    given = _named(op_type, inputs)
    _check_dtypes(op_type, given)
    _check_shapes(op_type, given, found)
    arguments = _forward_arguments(op_type, given, found)
    if len({*found.activations}) == 1:
        layer = _layer(op_type, given, found, 0, slice(None))
        return Reversed(layer) if found.direction == "reverse" else layer, arguments
    state = arguments["state"]
    arguments["state"] = None if state is None else tuple(_of_direction(state, d) for d in (0, 1))
    return Bidirectional(*(_layer(op_type, given, found, d, slice(d, d + 1)) for d in (0, 1))), arguments


def _of_direction(state: Any, d: int) -> Any:
    if isinstance(state, tuple):
        return tuple(part if part is None else part[d : d + 1] for part in state)
    return state[d : d + 1]


def outputs(y: np.ndarray, state: Any, attributes: Mapping[str, Any] | None = None) -> tuple[np.ndarray, ...]:
    """Returns ONNX's (Y, Y_h), and Y_c of an LSTM, from the results of the layer's forward.

    Y is (T, R, B, H), and with layout 1 the batch comes first in all three.

    Args:
        y: (T, B, R*H).
        state: h (R, B, H), or (h, c); of a Bidirectional, the pair of two directions'.
        attributes: the node's.

    Raises:
        ValueError: if direction or layout is none of ONNX's.

    Example:
        >>> y, h = np.zeros((4, 1, 6)), np.zeros((2, 1, 3))
        >>> [array.shape for array in ns.interop.onnx.outputs(y, h, {"direction": "bidirectional"})]
        [(4, 2, 1, 3), (2, 1, 3)]
    """
    attributes = {} if attributes is None else mapping("attributes", attributes)
    shape = {name: value for name, value in attributes.items() if name in ("direction", "layout")}
    found = check_attributes("LSTM", shape)
    if an_array("y", y).ndim != 3 or y.shape[2] % found.directions:
        raise ValueError(f"y must have shape (T, B, R*H) with R = {found.directions}, got {y.shape}")
    steps, batch, features = y.shape
    Y = y.reshape(steps, batch, found.directions, features // found.directions).transpose(0, 2, 1, 3)
    states = [an_array("state", one) for one in _joined(state, found.directions)]
    if any(one.shape[:2] != (found.directions, batch) or one.ndim != 3 for one in states) or len(states) > 2:
        shapes = [one.shape for one in states]
        raise ValueError(f"state must be h ({found.directions}, {batch}, H), or (h, c), got shapes {shapes}")
    if found.batch_first:
        return (Y.transpose(2, 0, 1, 3), *(one.swapaxes(0, 1) for one in states))
    return (Y, *states)


def _joined(state: Any, directions: int) -> tuple[Any, ...]:
    """(h,) or (h, c) of all directions."""
    parts = state if isinstance(state, tuple) else (state,)
    if directions == 2 and len(parts) == 2:
        if all(isinstance(part, tuple) for part in parts):
            return tuple(np.concatenate(pair) for pair in zip(*parts, strict=True))
        if all(np.shape(part)[:1] == (1,) for part in parts):
            return (np.concatenate(parts),)
    return parts


def _named(op_type: str, inputs: Any) -> Inputs:
    """{ONNX's name: array} of the inputs that are given."""
    names = OPERATORS[op_type]
    if not isinstance(inputs, Mapping | list | tuple):
        raise TypeError(f"inputs must be a mapping or a list of arrays in ONNX's order, got {type(inputs).__name__}")
    if not isinstance(inputs, Mapping):
        if len(inputs) > len(names):
            raise ValueError(f"{op_type} takes at most {len(names)} inputs ({', '.join(names)}), got {len(inputs)}")
        inputs = dict(zip(names, inputs, strict=False))
    given = {
        name: value for name, value in inputs.items() if not (value is None or (isinstance(value, str) and not value))
    }
    wrong = [name for name in inputs if name not in names]
    missing = [name for name in ("W", "R") if name not in given]
    if wrong or missing:
        raise ValueError(
            f"{op_type} takes the inputs {', '.join(names)}, of which W and R must be there; "
            f"missing: {', '.join(missing) or 'none'}; not its own: {', '.join(map(repr, wrong))[:400] or 'none'}"
        )
    return {name: to_host(an_array(name, value)) for name, value in given.items()}


def _check_dtypes(op_type: str, given: Inputs) -> None:
    dtype = given["W"].dtype
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"{op_type}'s W must be float32 or float64, got {dtype}; cast the weights")
    for name, array in given.items():
        if name == "sequence_lens":
            if array.dtype.kind not in "iu":
                raise TypeError(f"{op_type}'s sequence_lens must be integers, got {array.dtype}")
        elif array.dtype != dtype:
            raise TypeError(f"{op_type}'s {name} must be {dtype} as its W is, got {array.dtype}")


def _check_shapes(op_type: str, given: Inputs, found: Attributes) -> None:
    """Raises unless all shapes follow from those of W and R, and of X or an initial state."""
    W, R = given["W"], given["R"]
    for name, array in (("W", W), ("R", R)):
        if array.ndim != 3 or 0 in array.shape:
            raise ValueError(f"{op_type}'s {name} must have three axes, none empty, got shape {array.shape}")
    count, layers = GATE_COUNTS[op_type], found.directions
    H, D = R.shape[2], W.shape[2]
    if found.hidden_size not in (None, H):
        raise ValueError(f"{op_type}'s hidden_size must be the last axis of R, {H}, got {found.hidden_size}")
    B = _batch(given, found)
    state = (B, layers, H) if found.batch_first else (layers, B, H)
    steps = given["X"].shape[1 if found.batch_first else 0] if "X" in given and given["X"].ndim == 3 else "T"
    wanted: dict[str, tuple[Any, ...]] = {
        "W": (layers, count * H, D),
        "R": (layers, count * H, H),
        "B": (layers, 2 * count * H),
        "P": (layers, 3 * H),
        "X": (B, steps, D) if found.batch_first else (steps, B, D),
        "sequence_lens": (B,),
        "initial_h": state,
        "initial_c": state,
    }
    for name, array in given.items():
        if array.shape != wanted[name]:
            raise ValueError(
                f"{op_type}'s {name} must have shape {wanted[name]} with direction={found.direction!r}, "
                f"layout={int(found.batch_first)}, W {W.shape} and R {R.shape}, got {array.shape}"
            )


def _batch(given: Inputs, found: Attributes) -> int | None:
    """The number of sequences, from the first input that has it."""
    axis = 0 if found.batch_first else 1
    for name in ("X", "initial_h", "initial_c"):
        if name in given and given[name].ndim == 3:
            result: int | None = given[name].shape[axis]
            return result
    return given["sequence_lens"].size if "sequence_lens" in given else None


def _layer(op_type: str, given: Inputs, found: Attributes, direction: int, which: slice) -> Recurrent:
    """The layer of these directions, with the activations of one of them."""
    D, H, texts = given["W"].shape[2], given["R"].shape[2], found.activations[direction]
    shared: dict[str, Any] = {
        "bidirectional": len(given["W"][which]) == 2,
        "bias": "B" in given,
        "dtype": given["W"].dtype,
        "rng": 0,
    }
    if op_type == "RNN":
        layer: Recurrent = RNN(D, H, nonlinearity=texts[0], **shared)
    elif op_type == "GRU":
        shared |= zip(("gate_activation", "activation"), texts, strict=True)
        layer = GRU(D, H, reset="after" if found.linear_before_reset else "before", **shared)
    elif found.input_forget:
        layer = Recurrent(InputForgetLSTMCell("P" in given, *texts), D, H, **shared)
    else:
        shared |= zip(("gate_activation", "activation", "output_activation"), texts, strict=True)
        layer = LSTM(D, H, peepholes="P" in given, **shared)
    for name, value in parameters_from(layer, given, which).items():
        layer.params[name] = value
    return layer


def _forward_arguments(op_type: str, given: Inputs, found: Attributes) -> dict[str, Any]:
    def time_first(name: str) -> Any:
        array = given.get(name)
        return array.swapaxes(0, 1) if array is not None and found.batch_first else array

    h, c = time_first("initial_h"), time_first("initial_c")
    state = h if op_type != "LSTM" or (h is None and c is None) else (h, c)
    x = {"x": time_first("X")} if "X" in given else {}
    return {**x, "state": state, "lengths": given.get("sequence_lens")}
