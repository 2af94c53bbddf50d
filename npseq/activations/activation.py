"""An activation is a name and numbers, or the text of both."""

import re
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from npseq.activations.piecewise import clipped, within
from npseq.activations.table import KINDS, OVER_UNITS, Function, Kind
from npseq.arguments import finite_number, floating, instance, one_of
from npseq.backend import Array

TEXT = re.compile(r"(\w+)\((.*)\)")
PARAMETERS = ("alpha", "beta")


@dataclass(frozen=True)
class Activation:
    """A function of one number, entry by entry, by its name; docs/derivations/activations.md lists them.

    Wherever npseq takes an activation it takes the name too, or `str` of one, such as "leaky_relu(alpha=0.2)".

    Args:
        name: "tanh", "sigmoid", "relu", "softsign", "leaky_relu" and so on.
        alpha, beta: its parameters, where it has any; None is the usual number.
        clip: bounds the input: f(max(-clip, min(x, clip))); None is no bound.

    Raises:
        TypeError, ValueError: for an unknown name, and a number that does not hold or that this function does not have.

    Example:
        >>> leaky = ns.Activation("leaky_relu", alpha=0.2)
        >>> leaky(np.array([-1.0, 3.0])), leaky.derivative(np.array([-1.0, 3.0])), str(leaky)
        (array([-0.2,  3. ]), array([0.2, 1. ]), 'leaky_relu(alpha=0.2)')
    """

    name: str
    alpha: float | None = None
    beta: float | None = None
    clip: float | None = None

    def __post_init__(self) -> None:
        kind = KINDS[one_of("name", self.name, tuple(KINDS))]
        for k, parameter in enumerate(PARAMETERS):
            value = getattr(self, parameter)
            if value is None and k < len(kind.defaults):
                value = kind.defaults[k]
            elif value is not None and k >= len(kind.defaults):
                raise ValueError(f"{self.name} must have no {parameter}, got {value!r:.80}; leave it out")
            self._set(parameter, value)
        self._set("clip", self.clip)
        if kind.positive and not self.alpha > 0:  # type: ignore[operator]
            raise ValueError(f"{self.name}'s alpha must be above 0, got {self.alpha!r}")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be above 0, or None for no bound, got {self.clip!r}")

    def _set(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, None if value is None else finite_number(field, value))

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def parameters(self) -> tuple[float, ...]:
        """The numbers that follow the array."""
        return tuple(getattr(self, name) for name in PARAMETERS[: len(self.kind.defaults)])

    @property
    def function(self) -> Function:
        """The function as a cell calls it, (x, out=None); out may be x."""
        if self.clip is None:
            return self.kind.function if self.kind.writes else partial(_written, self.kind.function, self.parameters)
        return partial(_written, _of_clipped, (self.kind.function, self.parameters, self.clip))

    @property
    def needs_input(self) -> bool:
        """Whether the derivative is written by the input, because the output does not tell it with all its digits."""
        return self.kind.by_output is None or self.clip is not None

    def __call__(self, x: Array) -> Array:
        """Returns f(x), entry by entry.

        Args:
            x: an array of real or complex numbers.
        """
        with np.errstate(over="ignore"):  # where exp overflows the sigmoid is 0, as it should be
            return self.function(floating("x", x), np.empty_like(x))

    def derivative(self, x: Array) -> Array:
        """Returns f'(x), entry by entry.

        Args:
            x: an array of real or complex numbers.
        """
        with np.errstate(over="ignore"):
            return derivative_of(self, output=False)(floating("x", x), np.empty_like(x))

    def __str__(self) -> str:
        """The name, and in brackets the numbers that are not the usual ones."""
        usual = dict(zip(PARAMETERS, self.kind.defaults, strict=False))
        given = {one.name: getattr(self, one.name) for one in fields(self)[1:]}
        own = [f"{name}={value!r}" for name, value in given.items() if value != usual.get(name)]
        return f"{self.name}({', '.join(own)})" if own else self.name


def derivative_of(one: Activation, *, output: bool) -> Function:
    """Returns the derivative as a cell calls it, (array, out=None); the array is the output, or the input."""
    if output:
        assert one.kind.by_output is not None
        return one.kind.by_output if one.kind.writes else partial(_written, one.kind.by_output, one.parameters)
    if one.clip is None:
        return partial(_written, one.kind.derivative, one.parameters)
    return partial(_written, _derivative_of_clipped, (one.kind.derivative, one.parameters, one.clip))


def _written(function: Function, parameters: tuple[Any, ...], x: Array, out: Array | None = None) -> Array:
    """The function's values, in out if there is one."""
    values = function(x, *parameters)
    if out is None:
        return values
    out[...] = values
    return out


def _of_clipped(x: Array, function: Function, parameters: tuple[Any, ...], clip: float) -> Array:
    return function(clipped(x, -clip, clip), *parameters)


def _derivative_of_clipped(x: Array, derivative: Function, parameters: tuple[Any, ...], clip: float) -> Array:
    return derivative(clipped(x, -clip, clip), *parameters) * within(x, -clip, clip)


def activation_of(name: str, value: Any) -> Activation:
    """Returns the activation of a text or of an Activation.

    Args:
        name: what an error calls it.
        value: what was given.

    Raises:
        TypeError, ValueError: if it is neither.
    """
    if isinstance(value, Activation):
        return value
    text = instance(name, value, str, "the name of an activation, or an ns.Activation")
    if text in OVER_UNITS:
        raise ValueError(
            f"{name} must be a function of each number, got {text!r:.80}, which is over all units; use ns.Recurrent "
            "with ns.layers.RNNOverUnitsCell, GRUOverUnitsCell or LSTMOverUnitsCell"
        )
    match = TEXT.fullmatch(text)
    own, numbers = (match[1], match[2]) if match else (text, "")
    one_of(name, own, tuple(KINDS))
    try:
        pairs = [pair.split("=") for pair in numbers.split(",")] if numbers else []
        return Activation(own, **{key.strip(): float(value) for key, value in pairs})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an activation such as 'elu(alpha=0.5)', got {text!r:.80}: {error}") from error
