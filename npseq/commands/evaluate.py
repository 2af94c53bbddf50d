"""`npseq evaluate` prints the perplexity of a text under a trained model."""

import argparse
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.bar import bar
from npseq.commands.failure import bad_input
from npseq.commands.flags import CORPORA, OneText, number, text_file
from npseq.commands.measured import bits, unit_of
from npseq.commands.trained import load


def add(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="perplexity of a text", allow_abbrev=False)
    parser.add_argument("model", metavar="DIR", help="the folder of a run, or a model file")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--text",
        metavar="FILE",
        action=OneText,
        help="a UTF-8 text file (default: what the run held out, or the text it learnt)",
    )
    source.add_argument("--corpus", metavar="NAME", choices=CORPORA, help=" or ".join(CORPORA))
    parser.add_argument(
        "--max-tokens",
        metavar="N",
        type=number(int, nullable=True),
        default=argparse.SUPPRESS,
        help="only the first so many tokens, or none for all (default: all; of the text of the training, as many)",
    )
    parser.add_argument("--clean", metavar="{letters,none}", help="how the text is cleaned (default: as in training)")
    parser.set_defaults(command=evaluate)


def evaluate(
    model: str, text: str | None, corpus: str | None, clean: str | None, json: bool = False, **limit: Any
) -> None:
    """Prints how well a model predicts a text, which is split and cleaned like the text of its training.

    limit: max_tokens; the default is that of the training for the text of the training, and otherwise none.
    """
    import numpy as np

    from npseq.losses import perplexity

    with bad_input(), np.errstate(over="ignore", invalid="ignore"):  # what overflows is told of the loss
        trained = load(model)
        config = trained.config
        if text is None and corpus is None and clean is None and not limit:
            ids, name = _own_text(trained, model)
        else:
            ids, name = _other_text(trained, model, text, corpus, clean, limit)
        nll = _loss(trained.model, ids, quiet=json)
    found = {"nll": nll, "perplexity": float(perplexity(nll)), "bits": bits(nll), "tokens": len(ids) - 1, "text": name}
    lines = (
        f"{name}\nperplexity {found['perplexity']:.6g}, {found['bits']:.4f} bits a {unit_of(config)}\n"
        f"nll {nll:.6f} nats a token\ntokens {len(ids) - 1}"
    )
    if unknown := int((ids == trained.model.vocab.unk).sum()):
        lines += f"\nunknown {unknown} ({unknown / len(ids):.2%} of the tokens are not in the model's vocabulary)"
    answer(lines, {**found, "unknown": unknown}, json)


def _own_text(trained: Any, model: str) -> tuple[Any, str]:
    """Returns the text that a run has held out, or without one the text that it has learnt, and its name."""
    from npseq.training.heldout import name_of, split
    from npseq.training.resumption import text_of

    if trained.config is None:
        raise ValueError(f"{model!r} holds a model without a training run, so it needs --text or --corpus")
    ids, held = split(trained.config, *text_of(trained, trained.config, model))
    return ids if held is None else held, name_of(trained.config)


def _other_text(
    trained: Any, model: str, text: str | None, corpus: str | None, clean: str | None, limit: dict[str, Any]
) -> tuple[Any, str]:
    """Returns another text, or another part of the run's own, under the model's vocabulary, and its name."""
    import numpy as np

    from npseq.data import load_corpus
    from npseq.data.reading import place
    from npseq.training.resumption import text_of

    network, config, _ = trained
    if config is None and text is None and corpus is None:
        raise ValueError(f"{model!r} holds a model without a training run, so it needs --text or --corpus")
    source = text_file(text) if text is not None else corpus
    if source is None:
        text_of(trained, config, model)  # refuses one that has changed
        source, limit = config.corpus, {"max_tokens": config.max_tokens, **limit}
    clean = clean or (None if config is None else config.clean)
    end = None if config is None else config.end_of_line
    ids, vocabulary = load_corpus(source, network.vocab.token, clean=clean, end_of_line=end, **limit)
    return np.array(network.vocab[list(vocabulary.tokens)])[ids], place(source)


def _loss(network: Any, ids: Any, quiet: bool) -> float:
    """Returns the mean loss of a text, with a bar while that takes its time."""
    from npseq.training.heldout import rows

    with bar("evaluating", len(ids) - 1, "tokens", quiet=quiet) as done:
        loss: float = network.evaluate(ids, rows=rows(len(ids)), on_tokens=done)
        return loss
