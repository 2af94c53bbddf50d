"""A language model is fitted to a text: its windows are read in order, with the state carried from one to the next."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from npseq.arguments import array, integer, integers, within
from npseq.backend import array_module, to_host
from npseq.data import sequential_windows
from npseq.models.decoding.generation import no_text, token_ids
from npseq.models.fitting import Fitting, Plan, no_targets
from npseq.models.text_model import TextModel

ONE_ROW, ROWS = 20_000, 32  # tokens that are evaluated as one sequence; the parts of a longer text


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
        self._steps = integer("steps", steps)
        return super().fit(data, **plan)

    def _examples(self, data: Any, targets: Any) -> Any:
        no_text("data", data)
        xp = array_module(self.params.flat)
        ids = token_ids(data, self.vocab, self.vocab_size, xp) if isinstance(data, str) else array("data", data)
        if integers("data", ids, self.vocab_size).ndim != 1 or len(ids) < 2:
            raise ValueError(f"a text must be a string or ids (N,) of at least 2 tokens, got {ids.shape}")
        return ids

    def _updates(self, examples: Any, batch_size: int) -> int:
        return max(1, (len(examples) - 1) // (batch_size * self._steps))

    def _held_out(self, examples: Any, plan: Plan) -> tuple[Any, Any]:
        if plan.valid is None or isinstance(plan.valid, int | float):
            count = round(within("valid", plan.valid or 0, below=1) * len(examples))
            learnt, held = examples[: len(examples) - count], examples[len(examples) - count :] if count > 1 else None
        else:
            no_text("valid", plan.valid)
            learnt, held = examples, self._examples(plan.valid, None)
        sequential_windows(to_host(learnt), plan.batch_size, self._steps, 0)  # refuses a text that is too short
        return learnt, held

    def _train(self, examples: Any, plan: Plan) -> Iterator[tuple[Any, Any, int]]:
        state = None
        for x, y in sequential_windows(examples, plan.batch_size, self._steps, plan.rng):
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
        return -self._mean_loss(self._examples(data, targets), 1) / float(np.log(2))
