"""`npseq train` trains a language model, or continues a run."""

import argparse
import math
import shlex
import signal
from contextlib import nullcontext
from dataclasses import fields
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import SIGNALLED, Failure, bad_input
from npseq.commands.flags import CORPORA, OneText, number, text_file
from npseq.commands.help import brief
from npseq.commands.learnt import found_of, lines_of, text_again

DEFAULT_OUT = "npseq-run"
WIDEST = 16  # columns for the choices of a flag; longer ones move to its help
COMMON = (
    "text", "corpus", "token", "clean", "max-tokens", "valid", "cell", "hidden-size", "num-layers", "lr", "epochs",
    "patience", "out", "resume", "overwrite", "quiet",
)  # fmt: skip


def add(commands: Any) -> None:
    from npseq.training.config import EARLIER, NULLABLE, TrainingConfig

    parser = commands.add_parser("train", help="train a language model", allow_abbrev=False)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--text",
        metavar="FILE",
        action=OneText,
        default=argparse.SUPPRESS,
        help="a text file to learn, - for the standard input",
    )
    for entry in fields(TrainingConfig):
        (source if entry.name == "corpus" else parser).add_argument(
            f"--{entry.name.replace('_', '-')}", default=argparse.SUPPRESS, **_flag(entry, entry.name in NULLABLE)
        )
    for earlier, name in EARLIER.items():
        kind = number(int, name in NULLABLE)
        parser.add_argument(f"--{earlier}", dest=name, type=kind, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument("--out", metavar="DIR", help=f"where the files go (default: {DEFAULT_OUT})")
    parser.add_argument("--resume", metavar="DIR", help="continue the run in this folder")
    parser.add_argument("--overwrite", action="store_true", help="replace a run that is in the way")
    parser.add_argument("--quiet", action="store_true", help="no bar and no epochs, only the result")
    parser.add_argument(
        "--mpi", action="store_true", help="one of several MPI processes (default: where mpiexec started it)"
    )
    parser.add_argument("--trace-nonfinite", action="store_true", help="say where a nan or an infinity came from")
    brief(parser, COMMON, "npseq train [--text FILE | --corpus NAME] [flags]")
    parser.set_defaults(command=train)


def _word(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _flag(entry: Any, nullable: bool) -> dict[str, Any]:
    """Returns the arguments of add_argument for a field of the configuration, which itself checks the values."""
    from npseq.training.config import OF_ANY_TEXT, USUAL

    kind, choices, default = entry.metadata["kind"], entry.metadata["choices"], entry.default
    shown = "" if default in (None, (), False) else f" (default: {default})"
    if default == USUAL:
        shown = f" (default: {_word(OF_ANY_TEXT[entry.name])})"
    given: dict[str, Any] = {"help": entry.metadata["help"] + shown}
    if kind is bool:
        return {**given, "action": "store_true"}
    if entry.name == "corpus":
        return {
            **given,
            "choices": CORPORA,
            "metavar": "NAME",
            "help": "python-topics (default), or time-machine as in d2l.ai",
        }
    if kind is tuple:
        return {**given, "action": "append", "metavar": "TEXT"}
    metavar = (
        "{" + ",".join(choices) + "}" if choices else {int: "N", float: "X", str: "FORM", object: "FILE|SHARE"}[kind]
    )
    if len(metavar) > WIDEST:
        metavar, given["help"] = "NAME", f"{', '.join(choices)}{shown}"
    return {**given, "metavar": metavar, "type": str if kind in (str, object) else number(kind, nullable)}


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
    """Trains a model or continues a run, under mpiexec in all processes; `given` holds fields of TrainingConfig."""
    from npseq.training import Run, TrainingConfig
    from npseq.training.config import held_out
    from npseq.training.distributed.mpi import join_launched
    from npseq.training.distributed.ranks import shared_run, train_together

    if "sample_prefix" in given:
        given["sample_prefix"] = tuple(given["sample_prefix"])

    def start() -> Run:
        if trace_nonfinite and communicator is not None:  # a rank sees only its sequences, and would stop alone
            raise ValueError(
                "--trace-nonfinite needs one process, where all sequences of a batch are at hand; let the run go on "
                "alone, npseq train --resume DIR --trace-nonfinite, its losses are the same"
            )
        if "text" in given:
            given["corpus"] = text_file(given.pop("text"))
        if "valid" in given and isinstance(held_out(given["valid"]), str):
            given["valid"] = text_file(given["valid"], "--valid, if no share such as 0.1,")
        if resume is None:
            return Run.begin(TrainingConfig(**given), DEFAULT_OUT if out is None else out, overwrite=overwrite)
        if overwrite or out not in (None, resume):
            raise ValueError("--resume goes on in its own folder; it goes with neither --overwrite nor another --out")
        return Run.resume(resume, given)

    with bad_input():
        communicator = join_launched(mpi)
        run = start() if communicator is None else shared_run(communicator, start, resume or out or DEFAULT_OUT)

    def train_and_answer(run: Run) -> None:
        if resume is not None and run.finished and not (quiet or json):
            print(f"the run has its {len(run.metrics)} epochs already; a larger --epochs, or --patience, goes on")
        _run_to_the_end(run, quiet or json, json, trace_nonfinite)

    if communicator is None:
        train_and_answer(run)
    else:
        train_together(run, communicator, train_and_answer)


def _run_to_the_end(run: Any, quiet: bool, json: bool, trace_nonfinite: bool) -> None:
    """Trains with a progress bar and prints the result."""
    from npseq.training.interrupts import StopSignals
    from npseq.training.progress import ProgressBar

    alone = run.shard is None  # a terminal and mpiexec may both send one Ctrl-C, and mpiexec has a SIGTERM of its own
    others = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if alone and hasattr(signal, name)]
    stop = StopSignals(signal.SIGINT, *others, insist=alone)
    try:
        with stop, nullcontext() if quiet else ProgressBar(run) as bar:
            for metrics in run.epochs(on_step=bar and bar.step, stop=stop, trace_nonfinite=trace_nonfinite):
                if bar:
                    bar.epoch(metrics)
        if alone and stop():  # while the last figure was drawn, after the last step
            raise KeyboardInterrupt
        found = found_of(run)
        text = "\n".join(lines_of(run, found))
    except (ArithmeticError, OSError, MemoryError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise _failure(run, error) from error
    except KeyboardInterrupt as interrupt:
        command = f"npseq train --resume {shlex.quote(str(run.out))}{text_again(run.config)}"
        line = f"interrupted; {run.progress} are saved; go on with: {command}"
        raise Failure(line, SIGNALLED + (stop.number or signal.SIGINT)) from interrupt
    answer(text, found, json)
    if not math.isfinite(found["evaluated"] + found["perplexity"]):
        loss = f"{run.metrics[-1].loss:.4g} nats a token"
        raise _failure(
            run, f"the perplexity must stay finite, the loss is {loss}; take a smaller lr, or a smaller clip"
        )


def _failure(run: Any, reason: object) -> Failure:
    steps = "" if run.position is None else f" and {run.position.step} steps"
    return Failure(f"{reason}; the checkpoint of epoch {len(run.metrics)}{steps} stays in {str(run.out)!r}", 1)
