"""Looking into the gradients of a language model on its text: what `npseq inspect` prints and draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.data import Vocabulary, load_corpus
from npseq.inspect.ledger import ledger
from npseq.inspect.report import Case, report
from npseq.losses import softmax_cross_entropy
from npseq.models import LanguageModel
from npseq.training.config import TrainingConfig, make_optimizer
from npseq.training.loop import train_epoch
from npseq.training.truncation import read_truncation

ADJOINTS = "adjoints_over_training"


class Reading(NamedTuple):
    """What a gradient is taken of: the losses of T steps of B sequences, after the steps that warm the state up."""

    before: Array  # (warm-up, B) ids
    ids: Array  # (T, B)
    targets: Array  # (T, B)


def reading(ids: Array, steps: int, batch_size: int) -> Reading:
    """T steps at each of B places spread over a text (N,), and as many steps before them.

    Raises ValueError for numbers below 1 or a text under 2 T + 1 tokens.
    """
    if steps < 1 or batch_size < 1:
        raise ValueError(f"steps and batch_size must be at least 1, got {steps} and {batch_size}")
    if len(ids) < 2 * steps + 1:
        raise ValueError(
            f"the text must hold 2 * steps + 1 = {2 * steps + 1} tokens, half of them to warm the state up, got "
            f"{len(ids)}; take fewer steps or a longer text"
        )
    places = np.linspace(0, len(ids) - 2 * steps - 1, batch_size).astype(int)
    window = ids[places + np.arange(2 * steps + 1)[:, None]]
    return Reading(window[:steps], window[steps:-1], window[steps + 1 :])


def in_float64(model: LanguageModel) -> LanguageModel:
    """The same model in double precision, to tell small numbers from rounding."""
    vocab = model.vocab_size if model.vocab is None else model.vocab
    copy = LanguageModel(vocab, **{**model.config, "dtype": "float64"}, rng=0)
    copy.params.flat[...] = model.params.flat
    return copy


def case(model: LanguageModel, read: Reading) -> Case:
    """The model's recurrent layers, the tape of this reading, and the mean loss's derivative by their outputs.

    Dropout does not act. A model of two directions starts from a zero state.
    """
    layer, state = model.recurrent, None
    if layer.directions == 1:
        state = layer.forward(_inputs(model, read.before))[1]
    y, _, tape = layer.forward(_inputs(model, read.ids), state)
    logits, linear = model.output.forward(y)
    dlogits = softmax_cross_entropy(logits, read.targets)[1]
    return Case(layer, tape, model.output.backward(dlogits, linear)[0])


def inspect_run(
    model: LanguageModel,
    config: TrainingConfig,
    out: str | PathLike[str],
    *,
    steps: int | None = None,
    batch_size: int = 4,
    epochs: int = 0,
    max_lag: int | None = None,
) -> str:
    """The table of npseq.inspect.report for a trained model, beside itself before training; figures go to `out`.

    steps: T, by default that of the training. epochs: so many epochs are trained anew, for the map of the adjoints.
    """
    ids, vocab = load_corpus(config.corpus, config.token, config.max_tokens, config.clean)
    read = reading(ids, config.steps if steps is None else steps, batch_size)
    first = LanguageModel(vocab, **config.model_options(), rng=config.seed)
    if first.params.flat.shape != model.params.flat.shape:
        raise ValueError(f"corpus {config.corpus!r} must be the text that the run learns, it has changed since")
    if epochs:
        rows = [norms for _, norms in adjoints_while_training(config, ids, vocab, read, epochs)]
        draw_adjoints({config.cell: rows}, out)
    return _report({"before training": first, "after training": model}, read, out, max_lag)


def inspect_cells(
    cells: Sequence[str],
    out: str | PathLike[str],
    *,
    corpus: str = "python-topics",
    hidden: int = 64,
    steps: int = 100,
    batch_size: int = 4,
    epochs: int = 0,
    seed: int = 0,
    max_lag: int | None = None,
) -> str:
    """The table of npseq.inspect.report for untrained networks, or after some epochs of Adam; figures go to `out`."""
    ids, vocab = load_corpus(corpus, max_tokens=TrainingConfig.max_tokens)
    read = reading(ids, steps, batch_size)
    models: dict[str, LanguageModel] = {}
    maps: dict[str, list] = {}
    for cell in cells:
        config = TrainingConfig(cell=cell, hidden=hidden, seed=seed, corpus=corpus, optimizer="adam", lr=3e-3)
        for models[cell], norms in adjoints_while_training(config, ids, vocab, read, epochs):
            maps.setdefault(cell, []).append(norms)
    if epochs:
        draw_adjoints(maps, out)
    return _report(models, read, out, max_lag)


def _report(
    models: Mapping[str, LanguageModel], read: Reading, out: str | PathLike[str], max_lag: int | None
) -> str:  # fmt: skip
    return report({label: case(in_float64(model), read) for label, model in models.items()}, out, max_lag)


def adjoints_while_training(
    config: TrainingConfig, ids: Array, vocab: Vocabulary, read: Reading, epochs: int
) -> Iterator[tuple[LanguageModel, np.ndarray]]:
    """The model of a configuration, trained anew, before its first epoch and after each: |dL/dh_t| (T,) of a reading.

    The first layer's h, forward in time. The same seed gives the same epochs as `npseq train`.
    """
    from npseq.inspect.figures import adjoint_norms

    rng = np.random.default_rng(config.seed)
    model = LanguageModel(vocab, **config.model_options(), rng=rng)
    optimizer = make_optimizer(config)
    for epoch in range(epochs + 1):
        if epoch:
            train_epoch(
                model,
                ids,
                optimizer,
                batch_size=config.batch_size,
                steps=config.steps,
                sampling=config.sampling,
                clip=config.clip,
                bptt_every=config.bptt_every,
                bptt_steps=config.bptt_steps,
                truncation=read_truncation(config.truncation, rng),
                rng=rng,
                epoch=epoch,
            )
        found = case(model, read)
        first = next(iter(model.recurrent.params))
        yield model, adjoint_norms(ledger(found.layer, found.dy, found.tape, max_lag=1, names=first, pairs=False))


def draw_adjoints(norms: Mapping[str, list[np.ndarray]], out: str | PathLike[str]) -> None:
    """A map a label of |dL/dh_t| over the epochs from 0 on, adjoints_over_training_<label>.png."""
    from npseq.inspect.figures import adjoints_over_training

    Path(out).mkdir(parents=True, exist_ok=True)
    for label, rows in norms.items():
        figure = adjoints_over_training(np.array(rows), np.arange(len(rows)), f"{label}. ")
        figure.savefig(Path(out) / f"{ADJOINTS}_{label}.png", dpi=150)


def _inputs(model: LanguageModel, ids: Array) -> Array:
    ids = array_module(model.params.flat).asarray(ids)
    return ids if model.embedding is None else model.embedding.forward(ids)[0]
