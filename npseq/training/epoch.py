"""This module says how one epoch reads a text: its windows, its updates and how far each gradient reaches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from npseq.arguments import integer, one_of
from npseq.backend import Array, generator
from npseq.bptt.truncation import require_truncation
from npseq.clipping import check_limit
from npseq.data import random_windows, sequential_windows
from npseq.training.chunks import check_chunks

SAMPLINGS = ("sequential", "sequential-reset", "random")


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The options of `train_epoch` that are the same in every epoch of a run, checked when they are given.

    Args:
        batch_size: B, sequences of a batch.
        steps: T, time steps of a window.
        sampling: "sequential" carries the state from batch to batch, and no gradient passes there; "sequential-reset"
            reads the same windows from a zero state (what d2l calls random); "random" reads windows in random order,
            each from a zero state.
        clip: the largest gradient norm, None for no clipping.
        bptt_every: k1, an update every so many steps, a divisor of `steps`; None takes `steps`.
        bptt_steps: k2, how many steps back each gradient reaches, over the beginning of a window too where the state is
            carried; None takes k1. See npseq.training.chunks.
        truncation: of each gradient within that, as a layer's backward takes it.

    Raises:
        ValueError: for an unknown sampling, a number below 1, or a bptt_every or bptt_steps that does not fit.

    Example:
        >>> ns.training.Epoch(batch_size=32, steps=35, bptt_every=7).reach
        7
    """

    batch_size: int
    steps: int
    sampling: str = "sequential"
    clip: float | None = None
    bptt_every: int | None = None
    bptt_steps: int | None = None
    truncation: Any = None

    def __post_init__(self) -> None:
        one_of("sampling", self.sampling, SAMPLINGS)
        for name in ("batch_size", "steps", "bptt_every", "bptt_steps"):
            if getattr(self, name) is not None or not name.startswith("bptt"):
                object.__setattr__(self, name, integer(name, getattr(self, name)))
        if self.clip is not None:
            check_limit("clip", self.clip)
        require_truncation(self.truncation)
        check_chunks(self.steps, self.every, self.reach)

    @property
    def every(self) -> int:
        """k1, the steps from one update to the next."""
        return self.steps if self.bptt_every is None else self.bptt_every

    @property
    def reach(self) -> int:
        """k2, the steps back that a gradient reaches."""
        return self.every if self.bptt_steps is None else self.bptt_steps

    def windows(self, ids: Array, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
        """Draws the epoch's windows x, y (T, B) of a text.

        Args:
            ids: the text (N,).
            rng: moves on by the draws of one epoch.

        Raises:
            ValueError: for a text under one batch.
        """
        draw = random_windows if self.sampling == "random" else sequential_windows
        return draw(ids, self.batch_size, self.steps, generator(rng))
