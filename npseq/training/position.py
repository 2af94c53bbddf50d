"""Where an epoch stands between two updates, as a value: with model, optimizer and generator, all its rest depends on.

The windows of an epoch are drawn at its beginning, from one generator, which other draws have moved on since. So a
position keeps the generator's state of that moment: the same windows are drawn again, and those that were read skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, to_host
from npseq.data import random_windows, sequential_windows
from npseq.layers.states import map_state, state_arrays
from npseq.models import LanguageModel
from npseq.training.config import TrainingConfig

TENSORS = "position/"
SAMPLINGS = ("sequential", "sequential-reset", "random")


class Position(NamedTuple):
    """An epoch after `step` updates. state: what the last one handed on, h or (h, c), each (L*R, B, H); None before it.

    drawn: the state of the bit generator from which the epoch's windows are drawn. total: the losses summed over the
    tokens read; largest_norm: of the epoch's gradients; seconds: that the epoch has taken.
    """

    step: int
    drawn: Mapping[str, Any]
    state: Any = None
    total: float = 0.0
    largest_norm: float = 0.0
    seconds: float = 0.0

    def windows(self, ids: Array, batch_size: int, steps: int, sampling: str, rng: np.random.Generator) -> Any:
        """The epoch's windows, all of them. rng draws them, and moves on, where nothing was read yet.

        Raises ValueError for an unknown sampling and a text under one batch.
        """
        if sampling not in SAMPLINGS:
            raise ValueError(f"sampling must be one of {', '.join(SAMPLINGS)}, got {sampling!r}")
        if self.step:
            rng = np.random.Generator(type(rng.bit_generator)())
            rng.bit_generator.state = self.drawn
        return (random_windows if sampling == "random" else sequential_windows)(ids, batch_size, steps, rng)

    def with_state(self, change: Callable[[Array], Array]) -> Position:
        """The same position, each array of its state changed."""
        return self._replace(state=map_state(change, self.state))


def copied(state: Any) -> Any:
    """A copy of a state on the host, which no later step writes over."""
    return map_state(lambda array: np.array(to_host(array)), state)


def to_content(position: Position) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A position as JSON and as tensors."""
    numbers = {name: value for name, value in position._asdict().items() if name != "state"}
    return numbers, {f"{TENSORS}{name}": part for name, part in zip("hc", state_arrays(position.state), strict=False)}


def from_content(
    content: Mapping[str, Any] | None, tensors: Mapping[str, np.ndarray], model: LanguageModel, config: TrainingConfig
) -> Position | None:
    """The position of `to_content`, None for None. Raises ValueError or TypeError for one that no run can have.

    Whether it lies within the epoch only the text can tell: see `check_within`.
    """
    state = {name.removeprefix(TENSORS): array for name, array in tensors.items() if name.startswith(TENSORS)}
    if content is None and not state:
        return None
    wanted = set(Position._fields) - {"state"}
    if not isinstance(content, dict) or content.keys() != wanted:
        raise ValueError(f"its position must hold {sorted(wanted)}, it holds {content!r:.200}")
    if type(content["step"]) is not int or content["step"] < 1:
        raise ValueError(f"its position must be after a whole number of steps, got {content['step']!r:.200}")
    for name, least in (("total", -math.inf), ("largest_norm", 0.0), ("seconds", 0.0)):
        value = content[name]
        if type(value) is not float or not math.isfinite(value) or value < least:
            raise ValueError(f"its position's {name} must be a finite number, not below {least}, got {value!r:.200}")
    np.random.default_rng(0).bit_generator.state = content["drawn"]  # raises for what is no state
    _check_state(state, model, config.batch_size)
    return Position(**content, state=(state["h"], state["c"]) if "c" in state else state["h"])


def check_within(position: Position, ids: Array, config: TrainingConfig) -> None:
    """Raises ValueError where the epoch of this text ends before the position, or with it."""
    windows = position.windows(ids, config.batch_size, config.steps, config.sampling, np.random.default_rng(0))
    read = position.step // (config.steps // config.reach[0])
    if read >= len(ids) or next(islice(windows, read, None), None) is None:
        raise ValueError(f"its position must lie within an epoch of its text, got step {position.step}")


def _check_state(state: Mapping[str, np.ndarray], model: LanguageModel, batch_size: int) -> None:
    recurrent = model.recurrent
    rows = recurrent.num_layers * recurrent.directions
    shapes = {"h": (rows, batch_size, recurrent.state_size)}
    if "c" in recurrent.cell.state:
        shapes["c"] = (rows, batch_size, recurrent.hidden_size)
    given = {name: (array.shape, array.dtype) for name, array in state.items()}
    if given != {name: (shape, model.params.flat.dtype) for name, shape in shapes.items()}:
        raise ValueError(f"its position's state must be {shapes} {model.params.flat.dtype}, it is {given}")
    if not all(np.isfinite(array).all() for array in state.values()):
        raise ValueError("its position's state must be finite")
