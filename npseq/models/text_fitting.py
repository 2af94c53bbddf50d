"""A language model is fitted to a text: its windows are read in order, with the state carried from one to the next."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from npseq.arguments import array, integer, integers
from npseq.backend import Array, array_module, to_host
from npseq.data import sequential_windows
from npseq.models.decoding.generation import no_text, token_ids
from npseq.models.fitting import Fitting, Plan, no_targets, share_of
from npseq.models.text_model import TextModel

ONE_ROW, ROWS = 20_000, 32  # tokens that are evaluated as one sequence; the parts of a longer text


class Windowed(NamedTuple):
    """A text, and the time steps of the windows in which it is learnt."""

    ids: Array  # (N,)
    steps: int


class TextFitting(TextModel, Fitting):  # type: ignore[misc]  # evaluate is that of TextModel
    """The part of LanguageModel that learns a text; use that."""

    def fit(self, data: Any, targets: Any = None, *, steps: int = 35, **plan: Any) -> Self:
        """Trains on a text, `epochs` times, and returns the model itself. Writes params.

        Args:
            data: a text, or ids (N,); its end is held out.
            targets: None; the next token is the target.
            steps: T, time steps of a window; the state is carried from one to the next.
            plan: as `Classifier.fit` takes it: epochs, batch_size, valid, optimizer, clip, patience, callbacks,
                progress, rng.

        Raises:
            TypeError, ValueError: before anything is learnt, if an argument does not fit, or the text is too short.
        """
        no_targets(targets, "a language model learns the text itself")
        return super().fit(Windowed(self._ids(data), integer("steps", steps)), **plan)

    def _examples(self, data: Any, targets: Any) -> Any:
        return data

    def _ids(self, data: Any) -> Any:
        """A text, or ids (N,), as ids."""
        no_text("data", data)
        xp = array_module(self.params.flat)
        ids = token_ids(data, self.vocab, self.vocab_size, xp) if isinstance(data, str) else array("data", data)
        if integers("data", ids, self.vocab_size).ndim != 1 or len(ids) < 2:
            raise ValueError(f"a text must be a string or ids (N,) of at least 2 tokens, got {ids.shape}")
        return ids

    def _updates(self, examples: Windowed, batch_size: int) -> int:
        return max(1, (len(examples.ids) - 1) // (batch_size * examples.steps))

    def _held_out(self, examples: Windowed, plan: Plan) -> tuple[Any, Any]:
        ids, steps = examples
        if (share := share_of(plan.valid)) is not None:
            count = round(share * len(ids))
            learnt, held = ids[: len(ids) - count], ids[len(ids) - count :] if count > 1 else None
        else:
            no_text("valid", plan.valid)
            learnt, held = ids, self._ids(plan.valid)
        sequential_windows(to_host(learnt), plan.batch_size, steps, 0)  # refuses a text that is too short
        return Windowed(learnt, steps), held

    def _train(self, examples: Windowed, plan: Plan) -> Iterator[tuple[Any, Any, int]]:
        state = None
        for x, y in sequential_windows(examples.ids, plan.batch_size, examples.steps, plan.rng):
            loss, norm, state = self.step(x, y, state, optimizer=plan.optimizer, clip=plan.clip)
            yield loss, norm, 1

    def _mean_loss(self, examples: Any, batch_size: int) -> float:
        return self.evaluate(examples, rows=1 if len(examples) <= ONE_ROW else ROWS)

    def score(self, data: Any, targets: Any = None) -> float:
        """Returns minus the bits a token of a text, so that more is better; `evaluate` returns nats.

        Args:
            data: a text, or ids (N,).
            targets: None.
        """
        no_targets(targets, "a language model predicts the text itself")
        return -self._mean_loss(self._ids(data), 1) / float(np.log(2))
