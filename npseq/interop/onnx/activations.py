"""Activations by ONNX's names: the lists activations, activation_alpha and activation_beta of a node, and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from npseq.activations import KINDS, Activation
from npseq.activations.activation import PARAMETERS, activation_of
from npseq.arguments import finite_number, instance

NAMES = {
    "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Affine": "affine", "LeakyRelu": "leaky_relu",
    "ThresholdedRelu": "thresholded_relu", "ScaledTanh": "scaled_tanh", "HardSigmoid": "hard_sigmoid", "Elu": "elu",
    "Softsign": "softsign", "Softplus": "softplus",
}  # fmt: skip
DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
WITHOUT_USUAL = ("scaled_tanh",)  # ONNX gives its numbers no usual values
BY_LOWER = {name.lower(): own for name, own in NAMES.items()}
ONNX_NAMES = {own: name for name, own in NAMES.items()}

Texts = tuple[str, ...]


def activations_of(op_type: str, given: Mapping[str, Any], directions: int) -> tuple[Texts, ...]:
    """The texts of a node's activations, those of each direction: f, and g, and h.

    Numbers are taken by the functions that have them, in order, as onnxruntime does. `clip` bounds the inputs of all
    but an LSTM's h: the gates' pre-activations.

    Raises:
        TypeError, ValueError: for another list.
    """
    own = DEFAULTS[op_type]
    names = _names(op_type, given.get("activations"), directions)
    numbers = {one: iter(_numbers(op_type, f"activation_{one}", given)) for one in PARAMETERS}
    clip = None if given.get("clip") is None else _positive(op_type, given["clip"])
    texts = []
    for k, name in enumerate(names):
        taken = {one: next(numbers[one], None) for one in PARAMETERS[: len(KINDS[name].defaults)]}
        if name in WITHOUT_USUAL and None in taken.values():
            missing = " and ".join(f"activation_{one}" for one, value in taken.items() if value is None)
            raise ValueError(f"{op_type}'s {missing} must be given for {ONNX_NAMES[name]}, which has no usual numbers")
        bounded = clip if k % len(own) < 2 else None
        texts.append(str(Activation(name, **taken, clip=bounded)))
    for one, rest in numbers.items():
        _refuse_rest(op_type, f"activation_{one}", rest, names, PARAMETERS.index(one))
    return tuple(tuple(texts[d * len(own) : (d + 1) * len(own)]) for d in range(directions))


def _names(op_type: str, given: Any, directions: int) -> list[str]:
    """npseq's names, one a function."""
    own = DEFAULTS[op_type]
    if given is None:
        return [NAMES[name] for name in own] * directions
    listed = [str(name).lower() for name in instance(f"{op_type}'s activations", given, (list, tuple), "a list")]
    if op_type == "RNN" and directions == 1 and len(listed) == 2 and len({*listed}) == 1:
        listed = listed[:1]  # ONNX's own default has two for one direction
    if len(listed) != len(own) * directions or not {*listed} <= BY_LOWER.keys():
        raise ValueError(
            f"{op_type}'s activations must be {len(own) * directions} of {', '.join(NAMES)}, got {list(given)}"
        )
    return [BY_LOWER[name] for name in listed]


def _numbers(op_type: str, name: str, given: Mapping[str, Any]) -> list[float]:
    value = given.get(name)
    listed = instance(f"{op_type}'s {name}", () if value is None else value, (list, tuple), "a list")
    return [finite_number(f"{op_type}'s {name}", one) for one in listed]


def _positive(op_type: str, value: Any) -> float:
    if not finite_number(f"{op_type}'s clip", value) > 0:
        raise ValueError(f"{op_type}'s clip must be above 0, got {value!r}; leave it out for no bound")
    return float(value)


def _refuse_rest(op_type: str, name: str, rest: Iterator[float], names: list[str], place: int) -> None:
    if left := [*rest]:
        users = [ONNX_NAMES[one] for one in names if len(KINDS[one].defaults) > place]
        raise ValueError(
            f"{op_type}'s {name} must have at most a number for each function that takes one "
            f"({', '.join(users) or 'none here'}), got {len(left)} more: {left}"
        )


def attributes_of(texts: Sequence[str], bounded: int, directions: int) -> dict[str, Any]:
    """A node's attributes of these activations: all numbers are written, since other readers have other usual ones.

    bounded: of how many, the first ones, `clip` bounds the input.

    Raises:
        ValueError: for one that ONNX does not have.
    """
    found = [_exported(activation_of("activation", text)) for text in texts]
    clips = {one.clip for one in found[:bounded]}
    if len(clips) > 1 or any(one.clip is not None for one in found[bounded:]):
        raise ValueError(
            f"ONNX's clip bounds the inputs of all gates alike and of no other function, got {', '.join(texts)}"
        )
    out: dict[str, Any] = {"activations": [ONNX_NAMES[one.name] for one in found] * directions}
    for parameter in PARAMETERS:
        numbers = [value for one in found if (value := getattr(one, parameter)) is not None] * directions
        out |= {f"activation_{parameter}": numbers} if numbers else {}
    return out | ({"clip": clip} if (clip := clips.pop()) is not None else {})


def _exported(one: Activation) -> Activation:
    same = {"linear": ("affine", 1.0, 0.0), "sparse_sigmoid": ("hard_sigmoid", 0.5, 0.5)}
    if one.name in same:
        name, alpha, beta = same[one.name]
        return Activation(name, alpha, beta, one.clip)
    if one.name not in ONNX_NAMES:
        raise ValueError(f"ONNX's recurrent operators have no {one.name}; they have {', '.join(NAMES)}")
    return one
