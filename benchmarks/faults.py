"""Kills, damages and forgeries, and what comes of them: python -m benchmarks.faults

Kills: a small training run is killed (kill -9) at a random moment and resumed; then checkpoint, log and figure must be
those of a run that nobody killed. Half of them were interrupted before, between two steps of an epoch, and had gone on
from there. The one number that no two runs share is the speed, so their clock counts steps in place of seconds, and
every file is compared bit for bit (of a checkpoint, the header's entries: safetensors writes its metadata in any
order). Damages: a checkpoint with flipped bits, pieces missing, swapped or from elsewhere, a changed header.
Forgeries: a SHA-256 that fits, over content that is wrong. `npseq train --resume` must refuse each with one line, and
the library with a ValueError, before memory is taken; a forgery may also be a lawful checkpoint, which trains.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import damage, machine
from benchmarks.kills import COMMON, EPOCHS, MODEL, PRELOAD, RUNS, STEPS, TEXT, kills, train
from npseq.cli import main as npseq
from npseq.training import load_checkpoint

MEMORY = 1 << 30  # bytes of address space that a damaged file may not exceed


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
        if kind.__name__ in MAY_BE_LAWFUL and (happened in LAWFUL or DIVERGED in happened):
            lawful += 1
        elif happened:
            others.append(f"{kind.__name__}, seed {seed}: {happened}")
    return {"damages": count, "refused": count - len(others) - lawful, "lawful": lawful, "not refused": others,
            "kinds": dict(each)}  # fmt: skip


LAWFUL = ("accepted", "refused by the command line alone")
DIVERGED = "must stay finite, the loss is"  # a lawful learning rate, and what comes of it
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
        train([*arguments, "--out", str(folder / f"good {k}")], k * STEPS // 3 or None)  # the second in an epoch
        good.append((folder / f"good {k}" / MODEL).read_bytes())
    if load_checkpoint(folder / "good 1" / MODEL).position is None:
        raise RuntimeError("the second checkpoint must be of a run that was stopped in an epoch")
    out = folder / "good 0"
    with little_memory():
        return {
            "damaged checkpoints": damages(PLAIN, options.damages, rng, good, out),
            "forged checkpoints": damages(FORGED, options.forgeries, rng, good, out),
            "damaged texts": texts(options.texts, rng, out, text, good[0]),
        }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("kills", 252), ("damages", 1000), ("forgeries", 2800), ("texts", 210), ("seed", 0)):
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
    print(f"{killed['kills']} kills, {killed['after an interrupt']} of them after an interrupt: "
          f"{killed['kills'] - wrong} runs resumed to the same bits, {wrong} not; hit {where}")  # fmt: skip
    print("".join(f"  {line}\n" for line in killed["differ"]), end="")
    if options.save:
        print(machine.save("faults", {"machine": machine.describe(1), "killed": killed, **found}))
    return int(bool(killed["differ"]) or any(row["not refused"] for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
