"""A position is a place between two updates of an epoch, from which training continues to the same bits.

The windows of an epoch are drawn at its beginning, by a generator that other draws have moved on since. So a position
holds the generator's state of that moment: the same windows are drawn again, and those that were read are skipped.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import function, instance
from npseq.backend import Array, to_host
from npseq.layers.states import map_state, state_arrays
from npseq.models import LanguageModel
from npseq.training.config import TrainingConfig
from npseq.training.epoch import Epoch

TENSORS = "position/"


class Position(NamedTuple):
    """An epoch after some of its updates; with model, optimizer and generator it determines the rest of the epoch."""

    step: int  # updates of the epoch so far
    drawn: Mapping[str, Any]  # the state of the bit generator before the epoch's windows are drawn
    state: Any = None  # of the last update, h or (h, c), each (L*R, B, H); None before the first
    total: float = 0.0  # the losses summed over the tokens read
    largest_norm: float = 0.0  # of the epoch's gradients
    seconds: float = 0.0  # that the epoch has taken

    def windows(self, ids: Array, epoch: Epoch, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
        """Returns all windows of the epoch, drawn anew if some were read already.

        Args:
            ids: the text (N,).
            epoch: how it is read.
            rng: draws the windows, and moves on, if none was read yet.
        """
        instance("epoch", epoch, Epoch, "an Epoch")
        if self.step:
            rng = np.random.Generator(type(rng.bit_generator)())
            rng.bit_generator.state = self.drawn
        return epoch.windows(ids, rng)

    def with_state(self, change: Callable[[Array], Array]) -> Self:
        """Returns the same position with another state.

        Args:
            change: applied to each array of the state.
        """
        return self._replace(state=map_state(function("change", change), self.state))


def copied(state: Any) -> Any:
    """Returns a copy of a state on the host, which no later step overwrites."""
    return map_state(lambda array: np.array(to_host(array)), state)


def to_content(position: Position) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns a position as JSON and as tensors."""
    numbers = {name: value for name, value in position._asdict().items() if name != "state"}
    return numbers, {f"{TENSORS}{name}": part for name, part in zip("hc", state_arrays(position.state), strict=False)}


def from_content(
    content: Mapping[str, Any] | None, tensors: Mapping[str, np.ndarray], model: LanguageModel, config: TrainingConfig
) -> Position | None:
    """Returns the position of `to_content`, None for None. Raises ValueError or TypeError for one that no run can have.

    `check_within` checks that the text is long enough for it.
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
    np.random.default_rng(0).bit_generator.state = content["drawn"]  # raises unless it is a state
    _check_state(state, model, config.batch_size)
    return Position(**content, state=(state["h"], state["c"]) if "c" in state else state["h"])


def check_within(position: Position, ids: Array, config: TrainingConfig) -> None:
    """Raises ValueError if the epoch of this text ends before the position, or with it."""
    epoch = config.one_epoch()
    windows = position.windows(ids, epoch, np.random.default_rng(0))
    read = position.step // (epoch.steps // epoch.every)
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
