"""Runs that are killed, interrupted and resumed, and what they leave: the kills of benchmarks.faults."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from benchmarks import damage
from npseq.cli import main as npseq
from npseq.training import load_checkpoint

MODEL, BEST, METRICS = "model.safetensors", "best.safetensors", "metrics.jsonl"
PRELOAD = [
    "benchmarks.damage",
    "npseq.cli",
    "npseq.training.run",
    "npseq.plot",
    "matplotlib.backends.backend_agg",
    "safetensors",
]
TEXT = "it was the best of times it was the worst of times\nit was the age of wisdom\n" * 4
COMMON = "--hidden 6 --batch-size 3 --steps 6 --epochs 30 --seed 3 --quiet"
EPOCHS = 30
STEPS = 500  # about: an epoch has 17, with chunks 34
RUNS = {
    "rnn, SGD": "--cell rnn",
    "GRU, Adam, random truncation": "--cell gru --optimizer adam --truncation random:0.5",
    "LSTM, two layers, dropout": "--cell lstm --layers 2 --dropout 0.5 --optimizer rmsprop --sampling random",
    "LSTM, sliding": "--cell lstm --bptt-every 3 --bptt-steps 9 --embedding 3 --optimizer adamw --evaluate-every 2",
}


class Stages(NamedTuple):
    """After how many seconds a run has its first checkpoint, its last epoch, and its end."""

    first: float
    last: float
    end: float


def in_process(arguments: list[str], interrupted_at: int | None = None) -> None:
    """npseq in a process of its own, whose clock counts its steps; Ctrl-C comes in the midst of step interrupted_at."""
    from npseq.models import LanguageModel
    from npseq.training import loop

    steps, step = [0], LanguageModel.step

    def counted(*given: Any, **options: Any) -> Any:
        steps[0] += 1
        if steps[0] == interrupted_at:
            signal.raise_signal(signal.SIGINT)
        return step(*given, **options)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    LanguageModel.step = counted  # type: ignore[method-assign]
    loop.time = SimpleNamespace(perf_counter=lambda: float(steps[0]))  # type: ignore[assignment]
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere if interrupted_at else sys.stderr),
    ):
        status = npseq(arguments)
    os._exit(status)


def start(arguments: list[str], interrupted_at: int | None = None) -> Any:
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=in_process, args=(arguments, interrupted_at))
    process.start()
    return process


def train(arguments: list[str], interrupted_at: int | None = None) -> None:
    """Trains to the end, or to where it is interrupted. Raises RuntimeError where that fails."""
    process = start(arguments, interrupted_at)
    process.join()
    if process.exitcode != (128 + signal.SIGINT if interrupted_at else 0):
        raise RuntimeError(f"npseq {' '.join(arguments)} ended with status {process.exitcode}")


def stages(arguments: list[str], out: Path) -> Stages:
    """After how many seconds a run has its first checkpoint, its last epoch, and its end."""
    begin, seen = time.perf_counter(), []
    process = start([*arguments, "--out", str(out)])
    while process.is_alive():
        there = [(out / MODEL).exists(), lines_of_log(out) == EPOCHS]
        seen += [time.perf_counter() - begin] * (len(seen) < sum(there))
        process.join(0.002)
    if process.exitcode or len(seen) < 2:
        raise RuntimeError(f"npseq {' '.join(arguments)} ended with status {process.exitcode}")
    return Stages(seen[0], seen[1], time.perf_counter() - begin)


def lines_of_log(out: Path) -> int:
    return (out / METRICS).read_bytes().count(b"\n") if (out / METRICS).exists() else 0


def state_of(out: Path) -> dict[str, object]:
    """What a finished run leaves, ready to be compared: every file of its folder.

    The entries of a model's header have no order.
    """
    files: dict[str, object] = {path.name: path.read_bytes() for path in out.iterdir()}
    header, data = damage.split(files.pop(MODEL))  # type: ignore[arg-type]
    if BEST in files:
        files[BEST] = damage.split(files[BEST])  # type: ignore[arg-type]
    training = json.loads(header["__metadata__"].pop("training"))
    return {**files, "tensors": data, "header": header, **training}


def moment(out: Path) -> str:
    """Where a kill has hit."""
    if not (out / MODEL).exists():
        return "before the first checkpoint"
    if any(out.glob(".*.partial")):
        return "while a file was written"
    kept = load_checkpoint(out / MODEL)
    if len(kept.metrics) != lines_of_log(out):
        return "between checkpoint and log"
    if kept.position is not None:
        return "in an epoch that an interrupt had cut"
    return "while the figure was drawn" if len(kept.metrics) == EPOCHS else "in an epoch"


def kill_once(
    arguments: list[str],
    out: Path,
    at: tuple[float, float, float],
    rng: np.random.Generator,
    interrupted_at: int | None,
) -> str | None:
    """Kills a run at a random moment and resumes it; where it was hit, None where it had already ended.

    at: its stages. A third of the kills come at any time, two thirds between the first checkpoint and the last epoch.
    interrupted_at: the step after which it was stopped by Ctrl-C before, and resumed; it is killed while it goes on.
    """
    begin, resume = [*arguments, "--out", str(out)], ["train", "--resume", str(out), "--quiet"]
    if interrupted_at is not None:
        train(begin, interrupted_at)
    process = start(begin if interrupted_at is None else resume)
    time.sleep(rng.uniform(0, 1.05 * at.end) if rng.random() < 1 / 3 else rng.uniform(at.first, at.last))
    process.kill()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        return None
    where = moment(out)
    train(resume if (out / MODEL).exists() else begin)
    return where


def kills(count: int, rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    """How many kills there were, where, and how many runs differ from the one that nobody killed."""
    (folder / "text.txt").write_text(TEXT)
    moments: Counter[str] = Counter()
    differ: list[str] = []
    after_interrupts = 0
    for name, options in RUNS.items() if count else ():
        arguments = ["train", "--text", str(folder / "text.txt"), *COMMON.split(), *options.split()]
        at = stages(arguments, folder / f"{name} 0")
        train([*arguments, "--out", str(folder / f"{name} 1")])
        reference = state_of(folder / f"{name} 0")
        if state_of(folder / f"{name} 1") != reference:
            raise RuntimeError(f"two runs of {name} differ though nobody killed them")
        done = 0
        while done < count // len(RUNS):
            out = folder / f"{name} killed {done}"
            interrupted_at = int(rng.integers(1, STEPS // 2)) if done % 2 else None
            where = kill_once(arguments, out, at, rng, interrupted_at)
            if where is not None:
                done += 1
                after_interrupts += interrupted_at is not None
                moments[where] += 1
                found = state_of(out)
                wrong = [what for what in {**reference, **found} if found.get(what) != reference.get(what)]
                differ += [f"{name}, killed {where}: {', '.join(wrong)}"] * bool(wrong)
            for path in out.iterdir() if out.exists() else ():
                path.unlink()
        print(f"{name}: {done} kills", flush=True)
    return {
        "kills": sum(moments.values()),
        "after an interrupt": after_interrupts,
        "moments": dict(moments),
        "differ": differ,
    }
