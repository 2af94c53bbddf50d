"""`npseq evaluate` prints the perplexity of a text under a trained model."""

import argparse
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import bad_input
from npseq.commands.flags import CORPORA, number, text_file
from npseq.commands.trained import load


def add(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="perplexity of a text", allow_abbrev=False)
    parser.add_argument("model", metavar="DIR", help="the folder of a run, or a model file")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", metavar="FILE", help="a UTF-8 text file (default: the text of the training)")
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

    from npseq.data import load_corpus
    from npseq.losses import perplexity
    from npseq.training.resumption import text_of

    with bad_input(), np.errstate(over="ignore", invalid="ignore"):  # what overflows is told of the loss
        trained = load(model)
        network, config, _ = trained
        if text is not None:
            corpus = text_file(text)
        elif corpus is None:
            if config is None:
                raise ValueError(f"{model!r} holds a model without a training run, so it needs --text or --corpus")
            text_of(trained, config, model)
            corpus, limit = config.corpus, {"max_tokens": config.max_tokens, **limit}
        clean = clean or ("letters" if config is None else config.clean)
        end = None if config is None else config.end_of_line
        ids, vocabulary = load_corpus(corpus, network.vocab.token, clean=clean, end_of_line=end, **limit)
        known = np.array(network.vocab[list(vocabulary.tokens)])[ids]
        nll = network.evaluate(known)
    found = {"nll": nll, "perplexity": float(perplexity(nll)), "tokens": len(ids) - 1}
    lines = f"nll {nll:.6f} nats a token\nperplexity {found['perplexity']:.6g}\ntokens {len(ids) - 1}"
    if unknown := int((known == network.vocab.unk).sum()):
        lines += f"\nunknown {unknown} ({unknown / len(ids):.2%} of the tokens are not in the model's vocabulary)"
    answer(lines, {**found, "unknown": unknown}, json)
