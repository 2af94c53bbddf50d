"""This module repeats a training step that diverged, to find where its first nan or infinity came from."""

import copy
from typing import Any

from npseq.models import LanguageModel
from npseq.training.chunks import Chunk
from npseq.training.epoch import Epoch


class Snapshot:
    """Holds what a step starts from, so that it can be repeated; it copies all parameters at every step.

    Args:
        model: the model in training.
        optimizer: its optimizer.
        epoch: how it is trained.
    """

    def __init__(self, model: LanguageModel, optimizer: Any, epoch: Epoch):
        self.model, self.optimizer, self.epoch = model, optimizer, epoch
        self.generators = [model.recurrent.dropout.rng]
        if hasattr(epoch.truncation, "rng"):
            self.generators.append(epoch.truncation.rng)

    def take(self, chunk: Chunk, state: Any) -> None:
        """Copies all that the step is about to change, and notes the text that it reads."""
        self.chunk, self.state = chunk, copy.deepcopy(state)
        self.flat = self.model.params.flat.copy()
        self.optimizer_state = self.optimizer.state_dict()
        self.random = [rng.bit_generator.state for rng in self.generators]

    def origin(self) -> Any:
        """Puts parameters and optimizer back, repeats the step, and returns its first value that is not finite.

        That is an npseq.inspect.Nonfinite, or None if all values are finite.
        """
        from npseq.inspect import first_nonfinite

        self.model.params.flat = self.flat
        self.optimizer.load_state_dict(self.optimizer_state)
        for rng, state in zip(self.generators, self.random, strict=True):
            rng.bit_generator.state = state
        return first_nonfinite(
            self.model,
            self.chunk.ids,
            self.chunk.targets,
            self.state,
            context=self.chunk.context,
            truncation=self.epoch.truncation,
            optimizer=self.optimizer,
            clip=self.epoch.clip,
            training=True,
        )
