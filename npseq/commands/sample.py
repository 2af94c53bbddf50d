"""`npseq sample` writes text with a trained model."""

from typing import Any

from npseq.commands.answers import answer
from npseq.commands.bar import bar
from npseq.commands.failure import bad_input
from npseq.commands.flags import number
from npseq.commands.trained import load


def add(commands: Any) -> None:
    parser = commands.add_parser("sample", help="write with a trained model", allow_abbrev=False)
    parser.add_argument("model", metavar="DIR", help="the folder of a run, or a model file")
    parser.add_argument("--prefix", metavar="TEXT", help="what to begin with (default: as in training)")
    parser.add_argument("--length", metavar="N", type=number(int), default=200, help="tokens to write (default: 200)")
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=number(float),
        help="0: the likeliest token, inf: all alike (default: as in training, or 0)",
    )
    parser.add_argument("--top-k", metavar="K", type=number(int), help="draw only of the likeliest K (default: all)")
    parser.add_argument(
        "--top-p", metavar="P", type=number(float), help="draw only of the likeliest with probability P (default: 1)"
    )
    parser.add_argument("--seed", metavar="S", type=number(int), default=0, help="of the random numbers (default: 0)")
    parser.set_defaults(command=sample)


def sample(
    model: str,
    prefix: str | None,
    length: int,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    json: bool = False,
) -> None:
    """Prints a prefix and the model's continuation of it, up to the end of a line if the run has such a token."""
    from npseq.arguments import integer
    from npseq.models.decoding.choice import check_choice
    from npseq.models.decoding.generation import check_length, check_prefix
    from npseq.training.samples import as_learnt

    with bad_input():
        check_choice(1 if temperature is None else temperature, top_k, top_p)
        length, seed = check_length(length), integer("seed", seed, least=0)
        network, config, _ = load(model)
        if prefix is None and config is None:
            raise ValueError(f"{model!r} holds a model without a training run, so it needs a --prefix, got none")
        prefix = config.sample_prefix[0] if prefix is None else prefix if config is None else as_learnt(prefix, config)
        check_prefix(prefix, network.vocab)
        if temperature is None:
            temperature = 0.0 if config is None else config.temperature
        options = {"top_k": top_k, "top_p": top_p, "stop": None if config is None else config.end_of_line}
        with bar("writing", length, "tokens", quiet=json) as done:
            text = network.generate(prefix, length, temperature, seed, **options, on_token=lambda token: done(1))
    answer(text, {"prefix": prefix, "text": text, "temperature": temperature, "seed": seed}, json)
