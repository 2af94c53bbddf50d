"""npseq's own training step, as a user would write it."""

from __future__ import annotations

from typing import Any

import numpy as np

import npseq as ns
from benchmarks.cases import Case
from benchmarks.problem import CLIP, PADDING, RATE, Problem, problem
from benchmarks.rivals import Built
from npseq.models import Tagger

LAYERS = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}


def supports(case: Case) -> bool:
    return True


def build(given: Problem) -> Built:
    """A LanguageModel for tokens; a Tagger for features and for unequal lengths, which that one does not take."""
    case = given.case
    tagger = case.inputs == "dense" or case.ragged
    model: Any = _loaded(_tagger(case), given) if tagger else language_model(given)
    optimizer, targets = ns.SGD(RATE), np.where(given.targets == PADDING, 0, given.targets)
    if tagger:
        step = lambda: model.step(given.x, targets, given.lengths, optimizer=optimizer, clip=CLIP)  # noqa: E731
        infer = lambda: model.forward(given.x, given.lengths)[0]  # noqa: E731
        gradient = lambda: model.loss(given.x, targets, given.lengths)  # noqa: E731
    else:
        step = lambda: model.step(given.x, targets, None, optimizer, clip=CLIP)  # noqa: E731
        infer = lambda: model.logits(given.x)[0]  # noqa: E731
        gradient = lambda: model.loss(given.x, targets)  # noqa: E731
    return Built(step, infer, lambda: _under_torch_names(model, *gradient()[:2]))


def language_model(given: Problem) -> ns.LanguageModel:
    """With the problem's parameters."""
    case = given.case
    embedding = case.D if case.inputs == "embedding" else None
    options: dict[str, Any] = {"embedding_size": embedding, "bidirectional": case.bidirectional, "dtype": case.dtype}
    return _loaded(ns.LanguageModel(case.V, case.cell, case.H, case.layers, **options, rng=0), given)


def _loaded(model: Any, given: Problem) -> Any:
    for part in ("embedding", "recurrent", "output"):
        layer, prefix = getattr(model, part), f"{part}."
        if layer is not None:
            state = {k.removeprefix(prefix): v for k, v in given.params.items() if k.startswith(prefix)}
            ns.interop.torch.load(layer, state)
    return model


def _tagger(case: Case) -> Tagger:
    layer = LAYERS[case.cell](
        case.features, case.H, case.layers, bidirectional=case.bidirectional, dtype=np.dtype(case.dtype), rng=0
    )
    embedding = ns.Embedding(case.V, case.D, dtype=case.dtype, rng=0) if case.inputs == "embedding" else None
    return Tagger(layer, case.V, embedding=embedding, rng=0)


def _under_torch_names(model: Any, loss: Any, grads: Any) -> tuple[float, dict[str, np.ndarray]]:
    named: dict[str, np.ndarray] = {}
    for part in ("embedding", "recurrent", "output"):
        layer = getattr(model, part)
        if layer is not None:
            values = {k.removeprefix(f"{part}."): v for k, v in grads.items() if k.startswith(f"{part}.")}
            named |= {f"{part}.{k}": v for k, v in ns.interop.torch.export(layer, values).items()}
    return float(loss), named


def step(cell: str, T: int, B: int, V: int, H: int, dtype: str = "float32", **options: Any) -> Any:
    """A training step by its sizes alone."""
    return build(problem(Case(cell, T, B, V, H, dtype, **options))).step
