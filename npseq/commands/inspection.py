"""This module prints and draws, for `npseq inspect`, the gradients of a language model on its text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import integer
from npseq.backend import Array, array_module
from npseq.data import Vocabulary, load_corpus
from npseq.files import make_folder
from npseq.inspect.ledger import adjoint_norms, ledger
from npseq.inspect.page import Page, page
from npseq.inspect.report import Case, Tables, check_figures, report
from npseq.inspect.stale import stale_state_bias
from npseq.inspect.truncations import Bias
from npseq.losses import softmax_cross_entropy
from npseq.models import LanguageModel
from npseq.plot import save_figure
from npseq.training.checkpoint import Checkpoint
from npseq.training.config import TrainingConfig, make_optimizer
from npseq.training.loop import train_epoch
from npseq.training.metrics import EpochMetrics

ADJOINTS = "adjoints_over_training"
CELLS = ("rnn", "gru", "lstm")
EPOCHS, TOKENS = 10, 10_000  # of the training of cells
LEARNT = 300_000  # tokens that are learnt again of a run
Say = Callable[[str], object]


class Reading(NamedTuple):
    """The T steps of B sequences whose losses are differentiated, and the steps before that warm the state up."""

    before: Array  # (warm-up, B) ids
    ids: Array  # (T, B)
    targets: Array  # (T, B)


class Stage(NamedTuple):
    """A model in training, before the first epoch or after one of them."""

    model: LanguageModel
    norms: np.ndarray  # (T,): |dL/dh_t| of a reading
    optimizer: Any


def reading(ids: Array, steps: int, batch_size: int) -> Reading:
    """Returns T steps from each of B positions spread over a text (N,), and as many steps before them.

    Raises ValueError for numbers below 1 or a text under 2 T + 1 tokens.
    """
    if steps < 1 or not 1 <= batch_size <= len(ids):
        raise ValueError(
            f"steps and batch_size must be at least 1, and batch_size at most the {len(ids)} tokens of the text, got "
            f"{steps} and {batch_size}"
        )
    if len(ids) < 2 * steps + 1:
        raise ValueError(
            f"the text must hold 2 * steps + 1 = {2 * steps + 1} tokens, half of them to warm the state up, got "
            f"{len(ids)}; take fewer steps or a longer text"
        )
    starts = np.linspace(0, len(ids) - 2 * steps - 1, batch_size).astype(int)
    window = ids[starts + np.arange(2 * steps + 1)[:, None]]
    return Reading(window[:steps], window[steps:-1], window[steps + 1 :])


def in_float64(model: LanguageModel) -> LanguageModel:
    """Returns the model in float64, so that small numbers are no rounding errors, and without dropout."""
    vocab = model.vocab_size if model.vocab is None else model.vocab
    options: dict[str, Any] = {**(model.config or {}), "dtype": "float64", "dropout": 0.0}
    copy = LanguageModel(vocab, **options, rng=0)
    copy.params.flat[...] = model.params.flat
    return copy


def case(model: LanguageModel, read: Reading, stale: Bias | None = None) -> Case:
    """Returns the recurrent layers, their tape of this reading, and the mean loss's derivative by their outputs.

    Dropout is off. A model of two directions starts from a zero state.
    """
    layer, state = model.recurrent, None
    if layer.directions == 1:
        state = layer.forward(_inputs(model, read.before))[1]
    y, _, tape = layer.forward(_inputs(model, read.ids), state)
    logits, linear = model.output.forward(y)
    dlogits = softmax_cross_entropy(logits, read.targets)[1]
    return Case(layer, tape, model.output.backward(dlogits, linear)[0], stale=stale)


def stale_bias(
    model: LanguageModel, read: Reading, config: TrainingConfig, optimizer_state: Mapping[str, Any] | None = None
) -> Bias | None:
    """Returns the bias of the recurrent layers' gradient that a carried state has after one update of the parameters.

    The model reads the first half of a reading from a zero state and is updated as in training. The second half's
    gradients differ between the state that the old model ended with and the one that the updated model ends with.
    optimizer_state: of Optimizer.state_dict, None for a new optimizer. Returns None for two directions, which carry no
    state.
    """
    if model.recurrent.directions == 2:
        return None
    copy, optimizer = in_float64(model), make_optimizer(config)
    if optimizer_state is not None:
        optimizer.load_state_dict(
            {k: v.astype(np.float64) if hasattr(v, "shape") else v for k, v in optimizer_state.items()}
        )
    following = np.concatenate([read.before[1:], read.ids[:1]])
    carried = copy.step(read.before, following, None, optimizer, config.clip)[2]

    def gradient(state: Any) -> dict[str, Array]:
        grads = copy.loss(read.ids, read.targets, state)[1]
        return {name: grads[name] for name in grads if name.startswith("recurrent.")}

    return stale_state_bias(copy.recurrent, gradient, carried, _inputs(copy, read.before))


def inspect_run(
    run: Checkpoint,
    text: tuple[Array, Vocabulary],
    out: Path,
    *,
    steps: int | None = None,
    batch_size: int = 4,
    epochs: int | None = None,
    max_lag: int | None = None,
    say: Say = str,
) -> Tables:
    """Returns the tables of npseq.inspect.report for a run before and after training; draws figures in `out`.

    text: the one that it has learnt, without what is held out. steps: T, by default that of the training. epochs: how
    many of its epochs, at most, are trained again for the map of the adjoints; None is EPOCHS, or as many as have
    LEARNT tokens. say: called with what is done next.
    """
    config, model, (ids, vocab) = run.config, run.model, text
    read = reading(ids, config.steps if steps is None else steps, batch_size)
    first = LanguageModel(vocab, **config.model_options(), rng=config.seed)
    epochs = min(EPOCHS, LEARNT // len(ids)) if epochs is None else epochs
    _prepare(out, epochs, max_lag)
    if epochs:
        again = min(epochs, config.epochs)
        stages = adjoints_while_training(config, ids, vocab, read, again, say)
        note = f"the first {again} of {config.epochs} epochs, trained again"
        draw_adjoints({config.cell: [stage.norms for stage in stages]}, out, note)
    sizes: dict[str, Any] = {
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "embedding_size": config.embedding_size,
    }
    others = {
        f"{cell} before training": LanguageModel(
            vocab, cell=cell, **sizes, bidirectional=config.bidirectional, rng=config.seed
        )
        for cell in CELLS
        if cell != config.cell
    }
    before, after = (f"{config.cell} {when} training" for when in ("before", "after"))
    stale = {before: stale_bias(first, read, config), after: stale_bias(model, read, config, run.optimizer_state)}
    return _report({before: first, after: model}, stale, others, read, out, max_lag, say)


def page_of_run(
    run: Checkpoint, text: tuple[Array, Vocabulary], *, steps: int | None = None, batch_size: int = 4
) -> Page:
    """Returns the page that explains the gradient of a run on its own text, see npseq.inspect.page.

    text: the one that it has learnt. steps: T, by default that of the training.
    """
    config, (ids, vocab) = run.config, text
    read = reading(ids, config.steps if steps is None else steps, batch_size)
    model = in_float64(run.model)
    found = case(model, read)
    state = model.recurrent.forward(_inputs(model, read.before))[1]
    x = read.ids if model.embedding is None else _inputs(model, read.ids)
    labels = [[vocab.tokens[i] for i in row] for row in read.ids.T.tolist()]
    norms = [metrics.grad_norm for metrics in run.metrics]
    title = f"A gradient of {_shown(config.cell)}, after {len(norms)} epochs"
    training = {"grad_norm": norms, "clip": config.clip}
    return page(model.recurrent, x, found.dy, state=state, labels=labels, title=title, training=training)


def inspect_cells(
    cells: Sequence[str],
    out: Path,
    *,
    corpus: str = "python-topics",
    hidden_size: int = 64,
    steps: int = 100,
    batch_size: int = 4,
    epochs: int = EPOCHS,
    seed: int = 0,
    max_lag: int | None = None,
    say: Say = str,
) -> Tables:
    """Returns the tables of npseq.inspect.report for networks after some epochs of Adam; draws figures in `out`.

    The comparison of lags shows the other cells too.
    """
    ids, vocab = load_corpus(corpus, max_tokens=TOKENS)
    read = reading(ids, steps, batch_size)
    _prepare(out, epochs, max_lag)
    stages: dict[str, list[Stage]] = {}
    stale = {}
    for cell in dict.fromkeys([*cells, *CELLS]):
        config = _training(cell, hidden_size, seed, corpus, len(ids))
        stages[cell] = list(adjoints_while_training(config, ids, vocab, read, epochs, say))
        model, _, optimizer = stages[cell][-1]
        stale[cell] = stale_bias(model, read, config, optimizer.state_dict())
    if epochs:
        draw_adjoints({cell: [stage.norms for stage in stages[cell]] for cell in cells}, out)
    models = {cell: found[-1].model for cell, found in stages.items()}
    others = {cell: model for cell, model in models.items() if cell not in cells}
    return _report({cell: models[cell] for cell in cells}, stale, others, read, out, max_lag, say)


def _training(cell: str, hidden_size: int, seed: int, corpus: str, tokens: int) -> TrainingConfig:
    """Returns the configuration that trains a cell; a short text is read in smaller batches."""
    steps = min(TrainingConfig.steps, tokens - 1)
    batch_size = min(TrainingConfig.batch_size, (tokens - 1) // steps)
    options: dict[str, Any] = {"optimizer": "adam", "lr": 3e-3, "steps": steps, "batch_size": batch_size}
    return TrainingConfig(cell=cell, hidden_size=hidden_size, seed=seed, corpus=corpus, schedule="constant", **options)


def _report(
    models: Mapping[str, LanguageModel],
    stale: Mapping[str, Bias | None],
    others: Mapping[str, LanguageModel],
    read: Reading,
    out: Path,
    max_lag: int | None,
    say: Say,
) -> Tables:
    cases = {_shown(label): case(in_float64(model), read, stale[label]) for label, model in models.items()}
    extra = {_shown(label): case(in_float64(model), read) for label, model in others.items()}
    return report(cases, out, max_lag=max_lag, extra=extra, on_part=say)


def _shown(label: str) -> str:
    """Returns a label with its cell in capitals."""
    return " ".join(word.upper() if word in CELLS else word for word in label.split())


def adjoints_while_training(
    config: TrainingConfig, ids: Array, vocab: Vocabulary, read: Reading, epochs: int, say: Say = str
) -> Iterator[Stage]:
    """Trains the model of a configuration, and yields it with |dL/dh_t| (T,) of a reading before and after each epoch.

    h is that of the first layer, forward in time. The same seed gives the same epochs as `npseq train`. The next stage
    trains the same model and optimizer further.
    """
    rng = np.random.default_rng(config.seed)
    model = LanguageModel(vocab, **config.model_options(), rng=rng)
    optimizer = make_optimizer(config, config.epochs * config.updates(len(ids)))
    epoch = config.one_epoch(rng)
    before: list[EpochMetrics] = []
    for k in range(epochs + 1):
        if k:
            say(f"training {_shown(config.cell)}, epoch {k} of {epochs}")
            before.append(train_epoch(model, ids, optimizer, epoch, rng=rng, before=before))
        found = case(model, read)
        first = next(iter(model.recurrent.params))
        parts = ledger(found.layer, found.dy, found.tape, max_lag=1, names=first, pairs=False)
        yield Stage(model, adjoint_norms(parts), optimizer)


def _prepare(out: Path, epochs: int, max_lag: int | None) -> None:
    """Makes the folder of the figures. Raises OSError if they could not be written there, ValueError for a number."""
    integer("epochs", epochs, least=0)
    if max_lag is not None:
        integer("max_lag", max_lag)
    check_figures(out)
    make_folder(out)


def draw_adjoints(norms: Mapping[str, list[np.ndarray]], out: Path, note: str = "") -> None:
    """Draws for each label a map of |dL/dh_t| over the epochs from 0 on, adjoints_over_training_<label>.png."""
    from npseq.inspect.figures import adjoints_over_training

    for label, rows in norms.items():
        figure = adjoints_over_training(
            np.array(rows), np.arange(len(rows)), title=f"{_shown(label)}{note and ', '}{note}\n"
        )
        save_figure(figure, out / f"{ADJOINTS}_{label}.png", follow=False)


def _inputs(model: LanguageModel, ids: Array) -> Array:
    ids = array_module(model.params.flat).asarray(ids)
    return ids if model.embedding is None else model.embedding.forward(ids)[0]
