"""The place of a value that is not finite, and the search for one in arrays."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, to_host


class Nonfinite(NamedTuple):
    """The first value that is not finite; str() is a sentence. A field that does not apply is None."""

    kind: str  # input, state, weight, gate, logits, loss, adjoint, gradient or update
    name: str  # "x", "h", "c", "f", a parameter, "logits", "y", "loss", "norm"
    value: complex  # nan, inf or -inf
    layer: int | None = None  # from 0, the first
    direction: str | None = None  # "forward" or "reverse"
    step: int | None = None  # in the order of x
    example: int | None = None  # of the batch
    index: tuple[int, ...] = ()  # type: ignore[assignment]  # the rest: the unit, the token, a parameter's entry

    @property
    def gate(self) -> str | None:
        """The gate, if it is one or the adjoint of one."""
        return self.name if self.kind in ("gate", "adjoint") and self.name not in ("h", "c", "y", "logits") else None

    def __str__(self) -> str:
        what = {"adjoint": "the adjoint of ", "gradient": "the gradient's ", "update": "after the update "}
        place = [f"{what.get(self.kind, f'{self.kind} ')}{self.name}"]
        place += [] if self.layer is None else [f"layer {self.layer}", f"{self.direction} direction"]
        place += [] if self.step is None else [f"step {self.step}", f"example {self.example}"]
        place += [f"entry {', '.join(map(str, self.index))}"] if self.index else []
        return f"the first value that is not finite is {self.value} in {', '.join(place)}"


def in_arrays(kind: str, values: Mapping[str, Any]) -> Iterator[Nonfinite]:
    """Searches arrays, or numbers, by name."""
    for name, value in values.items():
        if (index := first_index(value)) is not None:
            yield Nonfinite(kind, name, value_at(value, index), index=index)


def in_steps(kind: str, name: str, array: Array, first: int = 0, past: np.ndarray | None = None) -> Iterator[Nonfinite]:
    """Searches an array (T, B, ...), whose steps are counted from `first`; past (T, B) is left out."""
    if (index := first_index(array, past)) is not None:
        step, example, *rest = index
        yield Nonfinite(kind, name, value_at(array, index), step=step + first, example=example, index=tuple(rest))


def in_state(state: Any) -> Iterator[Nonfinite]:
    """Searches the state before the first step, (L*R, B, features) or a pair of them."""
    parts = state if isinstance(state, tuple | list) else (state,)
    for name, part in zip(("h", "c"), parts, strict=False):
        if part is not None and (index := first_index(part)) is not None:
            row, example, unit = index
            where = f"{name} before the first step"
            yield Nonfinite("state", where, value_at(part, index), example=example, index=(row, unit))


def first_index(array: Any, past: np.ndarray | None = None, from_the_end: bool = False) -> tuple[int, ...] | None:
    """The index of the first entry that is not finite, in the first, or last, step that has one."""
    bad = ~np.isfinite(to_host(array))
    if past is not None:
        bad &= ~past.reshape(*past.shape, *[1] * (bad.ndim - 2))
    if not bad.any():
        return None
    if not bad.ndim:
        return ()
    step, *rest = np.unravel_index(int(np.argmax(bad[::-1] if from_the_end else bad)), bad.shape)
    return (len(bad) - 1 - int(step) if from_the_end else int(step), *map(int, rest))


def value_at(array: Any, index: tuple[int, ...]) -> complex:
    entry: complex = to_host(array)[index].item()
    return entry
