"""npseq train | sample | evaluate | inspect | gradcheck. Exit status: 0, 1 for a run that failed, 2 for bad input."""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from npseq.answers import answer

DEFAULT_OUT = "npseq-run"
INSPECT_OUT = "npseq-inspect"
CELLS = ("rnn", "gru", "lstm")
INTERRUPTED = 130
WIDEST = 20  # letters of choices that stand beside their flag; more stand in its help
COMMON = (
    "text", "corpus", "cell", "hidden", "layers", "optimizer", "lr", "clip", "epochs", "batch-size", "steps", "seed",
    "out", "resume", "overwrite", "quiet",
)  # fmt: skip
CORPORA = ("python-topics", "time-machine")


class Failure(Exception):
    """What ends a command: one line for stderr, and the exit status."""

    def __init__(self, message: object, status: int):
        super().__init__(" ".join(str(message).split()))
        self.status = status


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message}; see {self.prog} --help", 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status; argv None takes the process's own arguments."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a letter that a model writes
    try:
        arguments = vars(_parser().parse_args(argv))
        arguments.pop("command")(**arguments)
        sys.stdout.flush()
    except Failure as failure:
        print(f"npseq: {'' if failure.status == INTERRUPTED else 'error: '}{failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        print("npseq: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read stdout, say `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def train(
    out: str | None = None,
    resume: str | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    mpi: bool = False,
    json: bool = False,
    trace_nonfinite: bool = False,
    **given: Any,
) -> None:
    """Trains a model, or goes on with a run; `given` are fields of TrainingConfig. Under mpiexec, all together."""
    from npseq.training import Run, TrainingConfig
    from npseq.training.mpi import join_launched
    from npseq.training.ranks import shared_run, train_together

    if "text" in given:
        given["corpus"] = str(Path(given.pop("text")).resolve())
    if "sample_prefix" in given:
        given["sample_prefix"] = tuple(given["sample_prefix"])

    def start() -> Run:
        if resume is None:
            return Run.begin(TrainingConfig(**given), DEFAULT_OUT if out is None else out, overwrite)
        if overwrite or out not in (None, resume):
            raise ValueError("--resume goes on in its own folder; it goes with neither --overwrite nor another --out")
        return Run.resume(resume, given)

    with _bad_input():
        communicator = join_launched(mpi)
        run = start() if communicator is None else shared_run(communicator, start, resume or out or DEFAULT_OUT)

    def train_and_answer(run: Run) -> None:
        _run_to_the_end(run, quiet or json, json, trace_nonfinite)

    if communicator is None:
        train_and_answer(run)
    else:
        train_together(run, communicator, train_and_answer)


def sample(model: str, prefix: str | None, length: int, temperature: float, seed: int, json: bool = False) -> None:
    """Prints a prefix and what the model makes of it."""
    from npseq.training.run import check_prefix

    with _bad_input():
        if length < 0 or seed < 0:
            raise ValueError(f"--length and --seed must be 0 or more, got {length} and {seed}")
        network, config = _load(model)
        if prefix is None and config is None:
            raise ValueError(f"{model!r} holds a model without a training run, so it needs a --prefix, got none")
        prefix = config.sample_prefix[0] if prefix is None else prefix
        check_prefix(prefix, network.vocab)
        text = network.generate(prefix, length, temperature, seed)
    answer(text, {"prefix": prefix, "text": text, "temperature": temperature, "seed": seed}, json)


def evaluate(
    model: str, text: str | None, corpus: str | None, clean: str | None, json: bool = False, **limit: Any
) -> None:
    """Prints how well a model foretells a text, which is split, and cleaned, as the one it has learnt.

    limit: max_tokens; left out, it is that of the training for the text of the training, else none.
    """
    import numpy as np

    from npseq.data import load_corpus
    from npseq.losses import perplexity

    with _bad_input():
        network, config = _load(model)
        if text is None and corpus is None:
            if config is None:
                raise ValueError(f"{model!r} holds a model without a training run, so it needs --text or --corpus")
            corpus, limit = config.corpus, {"max_tokens": config.max_tokens, **limit}
        source = str(corpus if text is None else Path(text).resolve())
        clean = clean or ("letters" if config is None else config.clean)
        ids, vocabulary = load_corpus(source, network.vocab.token, clean=clean, **limit)
        known = np.array(network.vocab[list(vocabulary.tokens)])[ids]
        nll = network.evaluate(known)
    found = {"nll": nll, "perplexity": float(perplexity(nll)), "tokens": len(ids) - 1}
    lines = f"nll {nll:.6f} nats a token\nperplexity {found['perplexity']:.6g}\ntokens {len(ids) - 1}"
    if unknown := int((known == network.vocab.unk).sum()):
        lines += f"\nunknown {unknown} ({unknown / len(ids):.2%} of the tokens are not in the model's vocabulary)"
    answer(lines, {**found, "unknown": unknown}, json)


def inspect(model: str | None, out: str | None, json: bool = False, **given: Any) -> None:
    """Prints where a gradient comes from, and draws it: of a run before and after training, or of cells by name."""
    from npseq.training import load_checkpoint
    from npseq.training.inspection import inspect_cells, inspect_run

    with _bad_input():
        folder = out or (INSPECT_OUT if model is None else str(Path(model, "inspect")))
        if "text" in given:
            given["corpus"] = str(Path(given.pop("text")).resolve())
        if model is None:
            table = inspect_cells(given.pop("cells", CELLS), folder, **given)
        elif theirs := sorted({"cells", "corpus", "hidden", "seed"} & given.keys()):
            raise ValueError(f"a run has its own cell, corpus, hidden and seed, got {', '.join(theirs)} beside it")
        else:
            network, config = _load(model)
            if config is None:
                raise ValueError(f"{model!r} must hold a training run to look into, it holds a model alone")
            kept = load_checkpoint(_model_file(model)).optimizer_state
            table = inspect_run(network, config, folder, optimizer_state=kept, **given)
    figures = sorted(path.name for path in Path(folder).glob("*.png"))
    found = {"table": str(table), "figures": [str(Path(folder, name)) for name in figures]}
    answer(f"{table}\n\nfigures in {folder}: {', '.join(figures)}", found, json)


def gradcheck(cell: list[str] | None, method: list[str] | None, quick: bool, quiet: bool, json: bool = False) -> None:
    """Checks the gradients of npseq's own layers, all of them or those of some cells and methods; prints the table."""
    from tqdm import tqdm

    from npseq.layers import matrix

    with _bad_input():
        cases = matrix.matrix(cell or matrix.CELLS, method or matrix.METHODS, quick)
    bar = tqdm(cases, "gradcheck", dynamic_ncols=True, leave=False, disable=True if quiet else None)
    results = {case: matrix.check(case) for case in bar}
    failed = [case for case, report in results.items() if not report]
    checks = [{"check": str(c), "passed": bool(r), "max_error": float(r.max_error)} for c, r in results.items()]
    lines = [matrix.table(results), *(f"\n{case}\n{results[case]}" for case in failed)]
    lines += [] if failed else [f"{len(results)} checks passed"]
    answer("\n".join(lines), {"passed": not failed, "checks": checks}, json)
    if failed:
        raise Failure(f"{len(failed)} of {len(results)} checks failed, first {failed[0]}", 1)


def completion(shell: str) -> None:
    """Prints the script with which a shell completes npseq's commands and flags."""
    try:
        import shtab
    except ImportError as error:
        wanted = "completion needs shtab, which is not installed; pip install 'npseq[completion]'"
        raise Failure(wanted, 2) from error
    print(shtab.complete(_parser(every_flag=True), shell))


def _run_to_the_end(run: Any, quiet: bool, json: bool, trace_nonfinite: bool) -> None:
    """Trains, with a bar, and prints what came out."""
    from npseq.training.progress import ProgressBar

    try:
        with nullcontext() if quiet else ProgressBar(run) as bar:
            for metrics in run.epochs(bar and bar.step, trace_nonfinite):
                if bar:
                    bar.epoch(metrics)
        answer(*_result(run), json)
    except (ArithmeticError, OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise Failure(f"{error}; the checkpoint of epoch {len(run.metrics)} stays in {str(run.out)!r}", 1) from error
    except KeyboardInterrupt as interrupt:
        done = f"interrupted; {len(run.metrics)} of {run.config.epochs} epochs are saved"
        command = f"npseq train --resume {shlex.quote(str(run.out))}"
        raise Failure(f"{done}; go on with: {command}", INTERRUPTED) from interrupt


def _result(run: Any) -> tuple[str, dict[str, Any]]:
    from npseq.training.run import FIGURE, METRICS, MODEL

    last = run.metrics[-1]
    speed = statistics.median(m.tokens_per_second for m in run.metrics)
    found = {
        "epochs": last.epoch,
        "perplexity": last.perplexity,
        "evaluated": run.evaluate(),
        "tokens_per_second": speed,
        "device": run.config.device,
        "samples": run.samples(),
        "files": [str(run.out / name) for name in (MODEL, METRICS, FIGURE)],
    }
    lines = [
        f"perplexity {last.perplexity:.3f} while training (epoch {last.epoch}), {found['evaluated']:.3f} evaluated",
        f"{speed:,.0f} tokens/s on {run.config.device}",
        *(f"sample: {text}" for text in found["samples"]),
        f"files: {', '.join(found['files'])}",
    ]
    return "\n".join(lines), found


def _load(model: str) -> tuple[Any, Any]:
    """The model of a run's folder or of a file, and the run's configuration, None for a model saved without one."""
    from npseq.training.checkpoint import load_trained

    network, config = load_trained(_model_file(model))
    if network.vocab is None:
        raise ValueError(f"{model!r} must hold a model with a vocabulary, it knows only how many tokens there are")
    return network, config


def _model_file(model: str) -> Path:
    from npseq.training.run import MODEL

    path = Path(model)
    return path / MODEL if path.is_dir() else path


@contextmanager
def _bad_input() -> Iterator[None]:
    """What the library refuses becomes one line."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError) as error:
        raise Failure(error, 2) from error


def _parser(every_flag: bool = False) -> Parser:
    """every_flag: whether --help shows them all."""
    import npseq
    from npseq.help import Columns, HelpAll, shown

    about = "Recurrent networks with hand-derived backpropagation through time."
    parser = Parser(prog="npseq", description=about, allow_abbrev=False, formatter_class=Columns)
    parser.add_argument("--version", action="version", version=f"npseq {npseq.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_train, _add_sample, _add_evaluate, _add_inspect, _add_gradcheck):
        add(commands)
        command = list(commands.choices.values())[-1]
        command.formatter_class = Columns
        command.add_argument("--json", action="store_true", default=False, help="one line of JSON, for scripts")
        for action in command._actions if every_flag else ():
            shown(action.hidden if isinstance(action, HelpAll) else {})
    shells = commands.add_parser("completion", help="a script that completes npseq in a shell", allow_abbrev=False)
    shells.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    shells.set_defaults(command=completion)
    return parser


def _add_train(commands: Any) -> None:
    from npseq.help import brief
    from npseq.training.config import NULLABLE, TrainingConfig

    parser = commands.add_parser("train", help="train a language model", allow_abbrev=False)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", metavar="FILE", default=argparse.SUPPRESS, help="a UTF-8 text file to learn")
    for entry in fields(TrainingConfig):
        (source if entry.name == "corpus" else parser).add_argument(
            f"--{entry.name.replace('_', '-')}", default=argparse.SUPPRESS, **_flag(entry, entry.name in NULLABLE)
        )
    parser.add_argument("--out", metavar="DIR", help=f"where the files go (default: {DEFAULT_OUT})")
    parser.add_argument("--resume", metavar="DIR", help="go on with the run in this folder")
    parser.add_argument("--overwrite", action="store_true", help="replace a run that is in the way")
    parser.add_argument("--quiet", action="store_true", help="no bar and no epochs, only the result")
    parser.add_argument(
        "--mpi", action="store_true", help="one of several MPI processes (default: where mpiexec started it)"
    )
    parser.add_argument("--trace-nonfinite", action="store_true", help="say where a nan or an infinity came from")
    brief(parser, COMMON, "npseq train [--text FILE | --corpus NAME] [flags]")
    parser.set_defaults(command=train)


def _flag(entry: Any, nullable: bool) -> dict[str, Any]:
    """What argparse needs to know of a field of the configuration; the configuration itself checks the values."""
    kind, choices, default = entry.metadata["kind"], entry.metadata["choices"], entry.default
    shown = "" if default in (None, (), False) else f" (default: {default})"
    given: dict[str, Any] = {"help": entry.metadata["help"] + shown}
    if kind is bool:
        return {**given, "action": "store_true"}
    if entry.name == "corpus":
        return {**given, "choices": CORPORA, "metavar": "NAME", "help": f"{' or '.join(CORPORA)}{shown}"}
    if kind is tuple:
        return {**given, "action": "append", "metavar": "TEXT"}
    metavar = "{" + ",".join(choices) + "}" if choices else {int: "N", float: "X", str: "FORM"}[kind]
    if len(metavar) > WIDEST:
        metavar, given["help"] = "NAME", f"{', '.join(choices)}{shown}"
    return {**given, "metavar": metavar, "type": str if kind is str else _number(kind, nullable)}


def _number(kind: type, nullable: bool = False) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return None if nullable and text == "none" else kind(text)
        except ValueError:
            wanted = f"must be {'an integer' if kind is int else 'a number'}{' or none' if nullable else ''}"
            raise argparse.ArgumentTypeError(f"{wanted}, got {text!r}") from None

    return read


def _add_sample(commands: Any) -> None:
    parser = commands.add_parser("sample", help="write with a trained model", allow_abbrev=False)
    parser.add_argument("model", metavar="DIR", help="the folder of a run, or a model file")
    parser.add_argument("--prefix", metavar="TEXT", help="what to begin with (default: as in training)")
    parser.add_argument("--length", metavar="N", type=_number(int), default=200, help="tokens to write (default: 200)")
    parser.add_argument(
        "--temperature", metavar="T", type=_number(float), default=0.0, help="0: the likeliest token (default: 0)"
    )
    parser.add_argument("--seed", metavar="S", type=_number(int), default=0, help="of the random numbers (default: 0)")
    parser.set_defaults(command=sample)


def _add_evaluate(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="perplexity of a text", allow_abbrev=False)
    parser.add_argument("model", metavar="DIR", help="the folder of a run, or a model file")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", metavar="FILE", help="a UTF-8 text file (default: the text it has learnt)")
    source.add_argument("--corpus", metavar="NAME", choices=CORPORA, help=" or ".join(CORPORA))
    parser.add_argument(
        "--max-tokens",
        metavar="N",
        type=_number(int, nullable=True),
        default=argparse.SUPPRESS,
        help="only the first so many tokens, or none for all (default: all; of the text it has learnt, those)",
    )
    parser.add_argument("--clean", metavar="{letters,none}", help="how the text is cleaned (default: as in training)")
    parser.set_defaults(command=evaluate)


def _add_inspect(commands: Any) -> None:
    about = "the gradient by lag, by step and by pair, what truncation costs, gates and Jacobians"
    parser = commands.add_parser("inspect", help=about, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("model", metavar="RUN", nargs="?", default=None, help="the folder of a run (default: none)")
    parser.add_argument("--cell", dest="cells", action="append", choices=CELLS, help="one or more (default: all)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", metavar="FILE", help="a UTF-8 text file that the cells read")
    source.add_argument("--corpus", metavar="NAME", choices=CORPORA, help=" or ".join(CORPORA))
    for name, about in (
        ("hidden", "hidden units of the cells (default: 64)"),
        ("steps", "time steps of the gradient (default: 100; of a run, as in training)"),
        ("batch-size", "sequences, spread over the text (default: 4)"),
        ("epochs", "epochs to train (a run anew) and map adjoints of"),
        ("seed", "of the cells' weights (default: 0)"),
        ("max-lag", "lags told apart (default: all)"),
    ):
        parser.add_argument(f"--{name}", metavar="N", type=_number(int), help=about)
    parser.add_argument(
        "--out", metavar="DIR", default=None, help="for figures (default: npseq-inspect, or RUN/inspect)"
    )
    parser.set_defaults(command=inspect)


def _add_gradcheck(commands: Any) -> None:
    parser = commands.add_parser("gradcheck", help="check the gradients of every layer", allow_abbrev=False)
    for name, known in (
        ("cell", "rnn, gru, lstm, bidirectional, linear, embedding or dropout"),
        ("method", "complex, central, directional or taylor"),
    ):
        parser.add_argument(f"--{name}", action="append", metavar="NAME", help=f"only {known}; may be given again")
    parser.add_argument("--quick", action="store_true", help="float64, ragged lengths and small stacks only")
    parser.add_argument("--quiet", action="store_true", help="no bar")
    parser.set_defaults(command=gradcheck)
