"""A training step that went astray, taken once more: where the first nan or infinity of it came from."""

import copy
from typing import Any

from npseq.models import LanguageModel
from npseq.training.chunks import Chunk


class Trace:
    """Keeps what a step starts from, so that it can be taken again. It copies all parameters every step."""

    def __init__(self, model: LanguageModel, optimizer: Any, clip: float | None, truncation: Any):
        self.model, self.optimizer, self.clip, self.truncation = model, optimizer, clip, truncation
        self.generators = [model.recurrent.dropout.rng]
        if hasattr(truncation, "rng"):
            self.generators.append(truncation.rng)

    def keep(self, chunk: Chunk, state: Any) -> None:
        """Before a step: its text, and a copy of all that it changes."""
        self.chunk, self.state = chunk, copy.deepcopy(state)
        self.flat = self.model.params.flat.copy()
        self.optimizer_state = self.optimizer.state_dict()
        self.random = [rng.bit_generator.state for rng in self.generators]

    def origin(self) -> Any:
        """After it: the first value of the step that is not finite. Puts parameters and optimizer back to before it."""
        from npseq.inspect import first_nonfinite

        self.model.params.flat[...] = self.flat
        self.optimizer.load_state_dict(self.optimizer_state)
        for rng, state in zip(self.generators, self.random, strict=True):
            rng.bit_generator.state = state
        return first_nonfinite(
            self.model,
            self.chunk.ids,
            self.chunk.targets,
            self.state,
            context=self.chunk.context,
            truncation=self.truncation,
            optimizer=self.optimizer,
            clip=self.clip,
            training=True,
        )
