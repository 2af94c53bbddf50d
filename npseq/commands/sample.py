"""`npseq sample` writes text with a trained model."""

from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import bad_input
from npseq.commands.flags import number
from npseq.commands.trained import load


def add(commands: Any) -> None:
    parser = commands.add_parser("sample", help="write with a trained model", allow_abbrev=False)
    parser.add_argument("model", metavar="DIR", help="the folder of a run, or a model file")
    parser.add_argument("--prefix", metavar="TEXT", help="what to begin with (default: as in training)")
    parser.add_argument("--length", metavar="N", type=number(int), default=200, help="tokens to write (default: 200)")
    parser.add_argument(
        "--temperature", metavar="T", type=number(float), default=0.0, help="0: the likeliest token (default: 0)"
    )
    parser.add_argument("--seed", metavar="S", type=number(int), default=0, help="of the random numbers (default: 0)")
    parser.set_defaults(command=sample)


def sample(model: str, prefix: str | None, length: int, temperature: float, seed: int, json: bool = False) -> None:
    """Prints a prefix and the model's continuation of it, up to the end of a line if the run has such a token."""
    from npseq.arguments import integer
    from npseq.models.decoding.generation import check_prefix, check_request
    from npseq.training.samples import as_learnt

    with bad_input():
        check_request(prefix, length, temperature, None)
        seed = integer("seed", seed, least=0)
        network, config, _ = load(model)
        if prefix is None and config is None:
            raise ValueError(f"{model!r} holds a model without a training run, so it needs a --prefix, got none")
        prefix = config.sample_prefix[0] if prefix is None else prefix if config is None else as_learnt(prefix, config)
        check_prefix(prefix, network.vocab)
        stop = None if config is None else config.end_of_line
        text = network.generate(prefix, length, temperature, seed, stop=stop)
    answer(text, {"prefix": prefix, "text": text, "temperature": temperature, "seed": seed}, json)
