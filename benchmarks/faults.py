"""Kills, damages and forgeries, and what comes of them: python -m benchmarks.faults

Kills: a small training run is killed (kill -9) at a random moment and resumed; then checkpoint, log and figure must be
those of a run that nobody killed. The one number that no two runs share is the speed, so the clock stands still in all
of them, and every file is compared bit for bit (of a checkpoint, the header's entries: safetensors writes its metadata
in any order). Damages: a checkpoint with flipped bits, pieces missing, swapped or from elsewhere, a changed header.
Forgeries: a SHA-256 that fits, over content that is wrong. `npseq train --resume` must refuse each with one line, and
the library with a ValueError, before memory is taken; a forgery may also be a lawful checkpoint, which trains.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import damage, machine
from npseq.cli import main as npseq
from npseq.training import load_checkpoint

MODEL, METRICS, FIGURE = "model.safetensors", "metrics.jsonl", "training.png"
PRELOAD = [
    "benchmarks.damage",
    "benchmarks.machine",
    "npseq.cli",
    "npseq.training.run",
    "npseq.plot",
    "matplotlib.backends.backend_agg",
    "safetensors",
]
TEXT = "it was the best of times it was the worst of times\nit was the age of wisdom\n" * 4
COMMON = "--hidden 6 --batch-size 3 --steps 6 --epochs 30 --seed 3 --quiet"
EPOCHS = 30
RUNS = {
    "rnn, SGD": "--cell rnn",
    "GRU, Adam, random truncation": "--cell gru --optimizer adam --truncation random:0.5",
    "LSTM, two layers, dropout": "--cell lstm --layers 2 --dropout 0.5 --optimizer rmsprop --sampling random",
    "LSTM, sliding": "--cell lstm --bptt-every 3 --bptt-steps 9 --embedding 3 --optimizer adamw --evaluate-every 2",
}
MEMORY = 1 << 30  # bytes of address space that a damaged file may not exceed


def in_process(arguments: list[str]) -> None:
    """npseq in a process of its own, with a clock that stands still."""
    from npseq.training import loop

    loop.time = SimpleNamespace(perf_counter=itertools.count().__next__)  # type: ignore[assignment]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        status = npseq(arguments)
    os._exit(status)


def start(arguments: list[str]) -> Any:
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=in_process, args=(arguments,))
    process.start()
    return process


def train_to_the_end(arguments: list[str]) -> None:
    """Raises RuntimeError where it fails."""
    process = start(arguments)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"npseq {' '.join(arguments)} ended with status {process.exitcode}")


def stages(arguments: list[str], out: Path) -> tuple[float, float, float]:
    """After how many seconds a run has its first checkpoint, its last epoch, and its end."""
    begin, seen = time.perf_counter(), []
    process = start([*arguments, "--out", str(out)])
    while process.is_alive():
        there = [(out / MODEL).exists(), _lines_of_log(out) == EPOCHS]
        seen += [time.perf_counter() - begin] * (len(seen) < sum(there))
        process.join(0.002)
    if process.exitcode or len(seen) < 2:
        raise RuntimeError(f"npseq {' '.join(arguments)} ended with status {process.exitcode}")
    return seen[0], seen[1], time.perf_counter() - begin


def _lines_of_log(out: Path) -> int:
    return (out / METRICS).read_bytes().count(b"\n") if (out / METRICS).exists() else 0


def state_of(out: Path) -> dict[str, object]:
    """What a finished run leaves, ready to be compared: every file of its folder."""
    files: dict[str, object] = {path.name: path.read_bytes() for path in out.iterdir()}
    header, data = damage.split(files.pop(MODEL))  # type: ignore[arg-type]
    training = json.loads(header["__metadata__"].pop("training"))
    return {**files, "tensors": data, "header": header, **training}


def moment(out: Path) -> str:
    """Where a kill has hit."""
    if not (out / MODEL).exists():
        return "before the first checkpoint"
    if any(out.glob(".*.partial")):
        return "while a file was written"
    epochs = len(load_checkpoint(out / MODEL).metrics)
    if epochs != _lines_of_log(out):
        return "between checkpoint and log"
    return "while the figure was drawn" if epochs == EPOCHS else "in an epoch"


def kill_once(arguments: list[str], out: Path, at: tuple[float, float, float], rng: np.random.Generator) -> str | None:
    """Kills a run at a random moment and resumes it; where it was hit, None where it had already ended.

    at: its stages. A third of the kills come at any time, two thirds between the first checkpoint and the last epoch.
    """
    begin = [*arguments, "--out", str(out)]
    process = start(begin)
    time.sleep(rng.uniform(0, 1.05 * at[2]) if rng.random() < 1 / 3 else rng.uniform(at[0], at[1]))
    process.kill()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        return None
    where = moment(out)
    train_to_the_end(["train", "--resume", str(out), "--quiet"] if (out / MODEL).exists() else begin)
    return where


def kills(count: int, rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    """How many kills there were, where, and how many runs differ from the one that nobody killed."""
    (folder / "text.txt").write_text(TEXT)
    moments: Counter[str] = Counter()
    differ: list[str] = []
    for name, options in RUNS.items() if count else ():
        arguments = ["train", "--text", str(folder / "text.txt"), *COMMON.split(), *options.split()]
        at = stages(arguments, folder / f"{name} 0")
        train_to_the_end([*arguments, "--out", str(folder / f"{name} 1")])
        reference = state_of(folder / f"{name} 0")
        if state_of(folder / f"{name} 1") != reference:
            raise RuntimeError(f"two runs of {name} differ though nobody killed them")
        done = 0
        while done < count // len(RUNS):
            out = folder / f"{name} killed {done}"
            where = kill_once(arguments, out, at, rng)
            if where is not None:
                done += 1
                moments[where] += 1
                found = state_of(out)
                wrong = [what for what in {**reference, **found} if found.get(what) != reference.get(what)]
                differ += [f"{name}, killed {where}: {', '.join(wrong)}"] * bool(wrong)
            for path in out.iterdir() if out.exists() else ():
                path.unlink()
        print(f"{name}: {done} kills", flush=True)
    return {"kills": sum(moments.values()), "moments": dict(moments), "differ": differ}


def refusal(arguments: list[str]) -> str:
    """ "" where the command line refuses with one line and status 2, else what it did instead."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = npseq(arguments)
    except BaseException as error:
        return f"raised {type(error).__name__}: {error}"
    line = err.getvalue()
    if status == 0:
        return "accepted"
    good = line.startswith("npseq: error: ") and line.count("\n") == 1 and not out.getvalue() and status == 2
    return "" if good else f"status {status}, {line!r}, {out.getvalue()!r}"


def verdict(path: Path) -> str:
    """ "" where library and command line both refuse the checkpoint at this path, else what happened."""
    resume = ["train", "--resume", str(path.parent), "--epochs", str(EPOCHS), "--quiet"]  # a forgery may ask for 2^62
    try:
        load_checkpoint(path)
    except ValueError:
        return refusal(resume)
    except BaseException as error:
        return f"load_checkpoint raised {type(error).__name__}: {error}"
    return refusal(resume) or "refused by the command line alone"


def damages(
    kinds: tuple[damage.Damage, ...], count: int, rng: np.random.Generator, good: list[bytes], out: Path
) -> dict[str, Any]:
    """Each kind in turn; how many were refused, and what happened to the others."""
    others: list[str] = []
    lawful, each = 0, Counter[str]()
    for k in range(count):
        kind = kinds[k % len(kinds)]
        seed = int(rng.integers(2**32))
        raw, other = good[k % 2], good[1 - k % 2]
        bad = kind(raw, other, np.random.default_rng(seed))
        while bad == raw:
            bad = kind(raw, other, np.random.default_rng(seed := seed + 1))
        (out / MODEL).write_bytes(bad)
        happened = verdict(out / MODEL)
        each[kind.__name__] += 1
        if kind.__name__ in MAY_BE_LAWFUL and happened in ("accepted", "refused by the command line alone"):
            lawful += 1
        elif happened:
            others.append(f"{kind.__name__}, seed {seed}: {happened}")
    return {"damages": count, "refused": count - len(others) - lawful, "lawful": lawful, "not refused": others,
            "kinds": dict(each)}  # fmt: skip


MAY_BE_LAWFUL = ("forged_config", "forged_training", "forged_vocabulary")
FORGED = tuple(kind for kind in damage.CHECKPOINT if kind.__name__.startswith("forged"))
PLAIN = tuple(kind for kind in damage.CHECKPOINT if kind not in FORGED)


def texts(count: int, rng: np.random.Generator, out: Path, text: Path, good: bytes) -> dict[str, Any]:
    """Damages of the text that a run learns: refused, or of the same tokens as before, of which there are some."""
    (out / MODEL).write_bytes(good)
    raw = text.read_bytes()
    same, others = 0, []
    for k in range(count):
        kind = damage.TEXT[k % len(damage.TEXT)]
        seed = int(rng.integers(2**32))
        bad = kind(raw, b"PNG\0" + bytes(range(256)) * 2, np.random.default_rng(seed))
        text.write_bytes(bad)
        happened = refusal(["train", "--resume", str(out), "--quiet"])
        if happened == "accepted" and _lines(bad) == _lines(raw):
            same += 1
        elif happened:
            others.append(f"{kind.__name__}, seed {seed}: {happened}")
    text.write_bytes(raw)
    return {"damages": count, "refused": count - same - len(others), "the same tokens": same, "not refused": others}


def _lines(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"").removeprefix(b"\xef\xbb\xbf")


@contextlib.contextmanager
def little_memory() -> Any:
    """Within this context the process cannot take MEMORY more than it has."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    old = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, old)


def all_damages(options: argparse.Namespace, rng: np.random.Generator, folder: Path) -> dict[str, dict[str, Any]]:
    text, good = folder / "learnt.txt", []
    text.write_text(TEXT)
    for k, run in enumerate(list(RUNS.values())[1:3]):
        arguments = ["train", "--text", str(text), "--clean", "none", *COMMON.split(), *run.split()]
        train_to_the_end([*arguments, "--out", str(folder / f"good {k}")])
        good.append((folder / f"good {k}" / MODEL).read_bytes())
    out = folder / "good 0"
    with little_memory():
        return {
            "damaged checkpoints": damages(PLAIN, options.damages, rng, good, out),
            "forged checkpoints": damages(FORGED, options.forgeries, rng, good, out),
            "damaged texts": texts(options.texts, rng, out, text, good[0]),
        }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("kills", 200), ("damages", 1000), ("forgeries", 600), ("texts", 210), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/faults.json")
    return parser.parse_args()


def main() -> int:
    options = parse()
    rng = np.random.default_rng(options.seed)
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    with tempfile.TemporaryDirectory() as name:
        found: dict[str, dict[str, Any]] = all_damages(options, rng, Path(name))
        for what, row in found.items():
            rest = "".join(f", {row[key]} {key}" for key in ("lawful", "the same tokens") if row.get(key))
            print(f"{row['damages']} {what}: {row['refused']} refused with one line{rest}, "
                  f"{len(row['not refused'])} not", flush=True)  # fmt: skip
            print("".join(f"  {line}\n" for line in row["not refused"][:20]), end="")
        killed = kills(options.kills, rng, Path(name))
    where = ", ".join(f"{n} {moment}" for moment, n in killed["moments"].items())
    wrong = len(killed["differ"])
    print(f"{killed['kills']} kills: {killed['kills'] - wrong} runs resumed to the same bits, {wrong} not; hit {where}")
    print("".join(f"  {line}\n" for line in killed["differ"]), end="")
    if options.save:
        print(machine.save("faults", {"machine": machine.describe(1), "killed": killed, **found}))
    return int(bool(killed["differ"]) or any(row["not refused"] for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
