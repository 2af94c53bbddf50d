"""Gradient checkers on functions that are hard to differentiate: python -m benchmarks.hard_gradients

Forty functions of the tests' collection: offsets, float32 inside, kinks, the edge of a domain, scales from 1e-300 to
1e200, entries that have vanished. Of each the right gradient and five wrong ones go to every checker, at its defaults
and at each setting of a grid, of which the one with the fewest wrong verdicts is shown: its best, chosen with the
answers at hand. npseq runs with method "central", and with "complex" where f is analytic. Then each takes the right
gradients at its defaults, for the time: of the processor, which other work on the machine changes little, the least of
seven for each function, in two whole runs. Writes benchmarks/results/hard_gradients.json; --times takes the times anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import npseq as ns
from benchmarks import machine
from benchmarks.rivals.hard_claims import CHECKERS, verdict

NAMES = [
    "1e-300 sine", "1e200 sine", "steep", "power 200", "power 2.5", "fast", "lengths apart", "many", "determinant",
    "log near 0 and not", "log near 0", "log at 1e-100 and 3", "log of 1e300", "root near 0", "reciprocal",
    "x log x near 0", "sine at 0", "denormal argument", "tiny argument", "cube at 0 and 1", "slope beside a parabola",
    "sigmoid far below", "log of a sum of exps", "over 1e8", "1e8 added and taken away", "1e-8 over 1e3",
    "cancelled cosine", "float32 inside", "float32 outside", "float32 over 10", "float32 over 1e6", "float16 inside",
    "six digits", "relu", "relu at 0", "relu squared at 0 and 1", "relu cubed at 0 and 1", "leaky relu beside 0",
    "largest", "relu network",
]  # fmt: skip

TIMES = 7


def wrongs(right: np.ndarray) -> list[np.ndarray]:
    """Five mistakes: the sign, a factor 3, 1% too large, one entry by 1% of the scale, nothing at all."""
    entry = np.arange(right.size).reshape(right.shape) == right.size // 2
    return [-right, 3 * right, 1.01 * right, right + 0.01 * np.abs(right).max() * entry, 0 * right]


def hard() -> dict[str, Any]:
    """The functions, which are the tests' own."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from gradcheck.hard import HARD

    return HARD


def claims() -> list[tuple[str, Any, np.ndarray, np.ndarray, bool]]:
    """(name, f, x, claimed gradient, whether it is right)."""
    found, functions = [], hard()
    for name in NAMES:
        case = functions[name]
        right = np.asarray(case.gradient(case.point), float)
        found.append((name, case.f, case.point, right, True))
        found += [(name, case.f, case.point, wrong, False) for wrong in wrongs(right)]
    return found


def reports(f: Any, x: np.ndarray, claimed: np.ndarray, analytic: bool) -> list[Any]:
    methods = ("complex", "central") if analytic else ("central",)
    return [ns.gradcheck(lambda p: f(p["x"]), {"x": x}, {"x": claimed}, method=method) for method in methods]


def npseq_verdicts() -> dict[str, Any]:
    """Passed, failed or undecided: a wrong gradient that passes is a miss, a right one that fails a false alarm."""
    counts = {"missed": 0, "false_alarms": 0, "undecided_right": 0, "undecided_wrong": 0}
    functions = hard()
    for name, f, x, claimed, right in claims():
        statuses = [report.tensors[0].status for report in reports(f, x, claimed, functions[name].analytic)]
        decided = next((status for status in statuses if status != "inconclusive"), "inconclusive")
        if decided == "inconclusive":
            counts["undecided_right" if right else "undecided_wrong"] += 1
        elif right:
            counts["false_alarms"] += decided == "fail"
        else:
            counts["missed"] += decided != "fail"
    return counts


def rival_verdicts(name: str) -> dict[str, Any]:
    satisfied, settings = CHECKERS[name]
    found = []
    for chosen in [{}, *settings]:
        said = [(verdict(satisfied, f, x, claimed, chosen), right) for _, f, x, claimed, right in claims()]
        missed = sum(ok and not right for ok, right in said)
        alarms = sum(right and not ok for ok, right in said)
        found.append({"settings": chosen, "missed": missed, "false_alarms": alarms})
    return {"default": found[0], "best": min(found, key=lambda row: row["missed"] + row["false_alarms"])}


def seconds(name: str) -> float:
    """Those of the processor that one checker takes for all right gradients."""
    functions, total = hard(), 0.0
    for of, f, x, claimed, right in claims():
        if right:
            total += least(
                (lambda f=f, x=x, claimed=claimed, of=of: reports(f, x, claimed, functions[of].analytic))
                if name == "npseq"
                else (lambda f=f, x=x, claimed=claimed: verdict(CHECKERS[name][0], f, x, claimed, {}))
            )
    return total


def least(call: Callable[[], object]) -> float:
    """The least of some times of the processor, which other work on the machine lengthens."""
    found = []
    for _ in range(TIMES):
        began = process_time()
        call()
        found.append(process_time() - began)
    return min(found)


def add_times(found: dict[str, Any]) -> None:
    """Adds the milliseconds a function of two whole runs, all checkers in one and then in the other."""
    with threadpool_limits(1):
        _one_thread()
        runs = [{name: 1e3 * seconds(name) / len(NAMES) for name in found} for _ in range(2)]
    for name, row in found.items():
        row["ms"] = [run[name] for run in runs]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def table(found: dict[str, Any]) -> str:
    right, wrong = len(NAMES), 5 * len(NAMES)
    head = f"| checker | settings | missed of {wrong} | false alarms of {right} | undecided, and said so | ms | again |"
    rows = [head, "|---|---|---|---|---|---:|---:|"]
    for name, row in found.items():
        ms = " | ".join(f"{each:.3g}" for each in row["ms"])
        if name == "npseq":
            undecided = f"{row['undecided_right']} right, {row['undecided_wrong']} wrong"
            rows.append(f"| npseq | default | {row['missed']} | {row['false_alarms']} | {undecided} | {ms} |")
            continue
        for kind in ("default", "best"):
            at = row[kind]
            settings = ", ".join(f"{k}={v}" for k, v in at["settings"].items()) or "none"
            if kind == "best" and settings == "none":
                continue
            told = "default" if kind == "default" else f"best: {settings}"
            rows.append(
                f"| {name} | {told} | {at['missed']} | {at['false_alarms']} | | {ms if kind == 'default' else '|'} |"
            )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", action="store_true", help="take the times anew, keep the verdicts")
    if parser.parse_args().times:
        found = json.loads((machine.RESULTS / "hard_gradients.json").read_text())["checkers"]
    else:
        found = {"npseq": npseq_verdicts()}
        for name in CHECKERS:
            found[name] = rival_verdicts(name)
            print(f"  {name} done", flush=True)
    add_times(found)
    machine.save("hard_gradients", {"machine": machine.describe(1), "functions": NAMES, "checkers": found})
    print(f"\n{table(found)}")


if __name__ == "__main__":
    main()
