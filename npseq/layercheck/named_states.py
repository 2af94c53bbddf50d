"""A layer's states go by name: {"h0", "c0"}, of Bidirectional {"forward.h0", ...}; last states have the same names."""

from typing import Any

from npseq.backend import Array
from npseq.layers.bidirectional import Bidirectional, check_any_state, recurrent_layers, state_pair
from npseq.layers.states import as_state, state_arrays

NAMES = ("h0", "c0")


def initial(layer: Any, state: Any, batch: int) -> dict[str, Array]:
    """Returns the initial states by name, zeros if there are none. Raises as forward does if they do not fit."""
    check_any_state("state", state, layer, batch)
    given = state_pair("state", state) if isinstance(layer, Bidirectional) else (state,)
    parts = zip(recurrent_layers(layer).values(), given, strict=True)
    checked = [part.checked_state("state", own, batch) for part, own in parts]
    return named(layer, checked if isinstance(layer, Bidirectional) else checked[0])


def named(layer: Any, state: Any) -> dict[str, Array]:
    """Returns a layer's state by name."""
    states = state if isinstance(layer, Bidirectional) else (state,)
    pairs = zip(recurrent_layers(layer), states, strict=True)
    return {f"{part}{name}": v for part, own in pairs for name, v in zip(NAMES, state_arrays(own), strict=False)}


def state_of(layer: Any, values: dict[str, Array]) -> Any:
    """Returns the state back from its names."""
    parts = recurrent_layers(layer)
    states = [as_state([values[f"{part}{name}"] for name in NAMES if f"{part}{name}" in values]) for part in parts]
    return tuple(states) if isinstance(layer, Bidirectional) else states[0]
