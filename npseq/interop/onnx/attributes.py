"""Checks of the attributes of ONNX's RNN, GRU and LSTM operators."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from npseq.arguments import integer, mapping, one_of
from npseq.interop.onnx.activations import Texts, activations_of

DIRECTIONS = ("forward", "reverse", "bidirectional")
OPERATORS = {
    "RNN": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "GRU": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "LSTM": ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
}
_SHARED = ("activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout")
_OWN = {"RNN": (), "GRU": ("linear_before_reset",), "LSTM": ("input_forget",)}


class Attributes(NamedTuple):
    """The attributes of a node, checked."""

    direction: str = "forward"
    activations: tuple[Texts, ...] = ()  # of each direction: f, and g, and h
    input_forget: bool = False  # of an LSTM
    linear_before_reset: bool = False  # of a GRU
    batch_first: bool = False
    hidden_size: int | None = None

    @property
    def directions(self) -> int:
        return 2 if self.direction == "bidirectional" else 1


def check_operator(op_type: Any) -> str:
    return one_of("op_type", op_type, tuple(OPERATORS))


def check_attributes(op_type: str, attributes: Mapping[str, Any] | None) -> Attributes:
    """Raises ValueError or TypeError for what the standard does not allow; texts may be bytes, as in ONNX."""
    attributes = {} if attributes is None else mapping("attributes", attributes)
    given = {name: text_of(value) for name, value in attributes.items() if value is not None}
    known = (*_SHARED, *_OWN[op_type])
    for name in given:
        if name not in known:
            raise ValueError(f"{op_type}'s attributes must be of {', '.join(known)}, which npseq knows, got {name!r}")
    direction = one_of(f"{op_type}'s direction", given.get("direction", "forward"), DIRECTIONS)
    return Attributes(
        direction,
        activations_of(op_type, given, 2 if direction == "bidirectional" else 1),
        _flag(op_type, given, "input_forget"),
        _integer(op_type, given, "linear_before_reset", 0) != 0,
        _flag(op_type, given, "layout"),
        _integer(op_type, given, "hidden_size", None),
    )


def _flag(op_type: str, given: Mapping[str, Any], name: str) -> bool:
    value = _integer(op_type, given, name, 0)
    if value not in (0, 1):
        raise ValueError(f"{op_type}'s {name} must be 0 or 1, got {value!r}")
    found: bool = value == 1
    return found


def _integer(op_type: str, given: Mapping[str, Any], name: str, default: Any) -> Any:
    least = 1 if name == "hidden_size" else 0
    return integer(f"{op_type}'s {name}", given[name], least) if name in given else default


def text_of(value: Any) -> Any:
    """An attribute's value with its texts, which ONNX stores as bytes, as strings, in lists too."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return [text_of(one) for one in value] if isinstance(value, list | tuple) else value
