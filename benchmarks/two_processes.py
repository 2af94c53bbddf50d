"""Two processes that train in one folder: python -m benchmarks.two_processes

Each time a second `npseq train` starts at a random moment of the first: both begin a run, both replace one
(--overwrite), or both go on with one (--resume). One of them must train to the end, and leave the files of a run that
nobody disturbed, every byte of them (their clock counts steps, as in benchmarks.faults). The other must say in one line
that the folder is in use, or holds a run, with status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.kills import COMMON, PRELOAD, TEXT, in_process, state_of, train

HOW = ("begin", "overwrite", "resume")
SECONDS = 0.3  # within which the second one starts, mostly at once
EPOCHS = 40
REFUSALS = {
    "is in use": "must not be in use, but another process is training in it",
    "holds a run": "must not hold a run yet",
}


def _one(arguments: list[str], told: Path) -> None:
    """npseq in a process of its own, what it says on stderr written to a file."""
    with open(told, "w") as file, contextlib.redirect_stderr(file):
        in_process(arguments)


def pair(commands: list[list[str]], folder: Path, delay: float) -> list[tuple[int, str]]:
    """The status and the words of two commands, the second of which starts so many seconds after the first."""
    context, told = multiprocessing.get_context("forkserver"), [folder / "first", folder / "second"]
    processes = [context.Process(target=_one, args=given) for given in zip(commands, told, strict=True)]
    processes[0].start()
    time.sleep(delay)
    processes[1].start()
    for process in processes:
        process.join()
    return [(process.exitcode or 0, path.read_text()) for process, path in zip(processes, told, strict=True)]


def judged(found: list[tuple[int, str]]) -> str:
    """How the one that did not train was refused; anything else that happened, in words that begin with "wrong"."""
    refused = [words for status, words in found if status]
    if [status for status, _ in found if not status] != [0] or len(refused) != 1:
        return f"wrong: {found}"
    line = refused[0]
    kinds = [kind for kind, words in REFUSALS.items() if words in line]
    one_line = line.startswith("npseq: error: ") and line.count("\n") == 1
    return kinds[0] if one_line and kinds and {status for status, _ in found} == {0, 2} else f"wrong: {found}"


def times(count: int, rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    """What happened so many times, in turn for each way of HOW."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOAD, "benchmarks.kills"])
    (folder / "text.txt").write_text(TEXT)
    new = ["train", "--text", str(folder / "text.txt"), *COMMON.split(), "--epochs", str(EPOCHS)]
    train([*new, "--out", str(folder / "straight")])
    train([*new, "--seed", "4", "--out", str(folder / "old")])
    train([*new, "--out", str(folder / "begun")], interrupted_at=200)
    reference = state_of(folder / "straight")
    happened: Counter[str] = Counter()
    wrong: list[str] = []
    for k in range(count):
        how, out = HOW[k % len(HOW)], folder / f"{k}"
        command = ["train", "--resume", str(out), "--quiet"] if how == "resume" else [*new, "--out", str(out)]
        if how != "begin":
            shutil.copytree(folder / ("old" if how == "overwrite" else "begun"), out)
        given = [[*command, *(["--overwrite"] if how == "overwrite" else [])]] * 2
        result = judged(pair(given, folder, SECONDS * rng.random() ** 3))
        state = state_of(out)
        differ = [name for name in {**reference, **state} if state.get(name) != reference.get(name)]
        happened[result if result in REFUSALS else "wrong"] += 1
        wrong += [f"{how}: {result}"] * (result not in REFUSALS)
        wrong += [f"{how}, files: {', '.join(differ)}"] * bool(differ)
        shutil.rmtree(out)
    return {"times": count, "refused": dict(happened), "wrong": wrong}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/two_processes.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = times(options.times, np.random.default_rng(options.seed), Path(name))
    told = ", ".join(f"{n} because the folder {kind}" for kind, n in found["refused"].items())
    print(f"{found['times']} times two processes in one folder: one trained, the other was refused ({told}); "
          f"{len(found['wrong'])} wrong")  # fmt: skip
    print("".join(f"  {line}\n" for line in found["wrong"]), end="")
    if options.save:
        print(machine.save("two_processes", {"machine": machine.describe(1), **found}))
    return int(bool(found["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
