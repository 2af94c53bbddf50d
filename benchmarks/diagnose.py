"""How often npseq.diagnose is right: python -m benchmarks.diagnose [--pairs 200] [--errors 500]

Bugs planted by hand in five implementations that are not npseq's (tests/diagnosis/foreign): each has to be named, first
and in the words that were judged right when it was written down. Those of "tuned" were at hand while the search was
made; those of "unseen" and "later" were written afterwards. Then mutants that are made by rule, of which any name
counts, for it has all their numbers; two bugs at once, both of which have to be named first; and random errors, of
which none may be named. Writes benchmarks/results/diagnose.json.
"""

from __future__ import annotations

import sys
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import npseq as ns
from benchmarks import machine
from benchmarks.record import parser

TESTS = Path(__file__).parents[1] / "tests"
CASES: list[Any] = []  # what processes of their own diagnose
NOISES = ("noise everywhere", "one entry", "one tensor drawn anew", "rows in another order", "noise in one equation")
NOISY = {  # lines of each implementation whose result is multiplied by random numbers, one a unit
    "cs231n_lstm": ("dprev_c = dc * f", "dg = dc * i", "da_f = df * f * (1 - f)"),
    "karpathy_rnn": ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhnext = np.dot(Whh.T, dhraw)"),
    "ng_lstm": ("dcct = dctotal * it * (1 - np.square(cct))", "dft = dctotal * c_prev * ft * (1 - ft)"),
    "gru_after": ("dn = dh * (1 - z)", "dhn = dn_raw * r", "dr_raw = dr * r * (1 - r)"),
    "gru_before": ("dhh = dh * (1 - z)", "drh = da_h @ self.Uh.T", "da_z = dz * z * (1 - z)"),
}


def diagnosed(case: Any) -> dict[str, Any]:
    """What the first answer says, and the seconds of the processor that it took."""
    began = process_time()
    found = ns.diagnose(case.layer, case.x, case.dy, case.grads, case.state, dx=case.dx)
    seconds = process_time() - began
    first = found.matches[0] if found.matches else None
    texts = sorted({mistake.text for mistake in first.mistakes}) if first else []
    text = first.text if first else ""
    return {"first": text, "texts": texts, "bug": found.bug, "wrong": len(found.wrong), "seconds": seconds}


def all_diagnosed(cases: list[Any], jobs: int) -> list[dict[str, Any]]:
    """Those of many cases, some at a time in processes of their own, which read the cases as they are here."""
    if jobs == 1:
        return [diagnosed(case) for case in cases]
    CASES[:] = cases
    with get_context("fork").Pool(jobs) as pool:
        return pool.map(_of_number, range(len(cases)), chunksize=1)


def _of_number(k: int) -> dict[str, Any]:
    with np.errstate(all="ignore"):
        return diagnosed(CASES[k])


def planted(runs: Any, bugs: dict[str, dict[str, str]], jobs: int) -> list[dict[str, Any]]:
    """A row a bug: whether it was named first, and the seconds."""
    known = [(run, edit, named) for run, edits in bugs.items() for edit, named in edits.items()]
    found = all_diagnosed([runs[run](edit) for run, edit, _ in known], jobs)
    return [
        _row(run, edit, each, each["first"] == named != "")
        for (run, edit, named), each in zip(known, found, strict=True)
    ]


def by_rule(cases: Any, many: int, rng: Any, jobs: int) -> list[dict[str, Any]]:
    """A row a mutant: whether it was named at all, in which words, and the seconds."""
    runs = ("cs231n_lstm", "gru_after", "gru_before")
    known = [(run, edit, case) for run in runs for edit, case in cases(run, many // 3, rng)]
    found = all_diagnosed([case for _, _, case in known], jobs)
    return [_row(run, edit, each, bool(each["first"])) for (run, edit, _), each in zip(known, found, strict=True)]


def _row(run: str, edit: Any, found: dict[str, Any], named: bool) -> dict[str, Any]:
    return {"run": run, "edit": edit, "named": named, "first": found["first"], "seconds": found["seconds"]}


def two_at_once(runs: Any, bugs: dict[str, dict[str, str]], many: int, rng: Any, jobs: int) -> list[dict[str, Any]]:
    """Pairs of bugs in different lines, both of which show: whether the first answer names both."""
    pairs = [(run, pair) for run, edits in bugs.items() for pair in combinations(edits, 2)]
    chosen: list[tuple[str, str, str]] = []
    for k in rng.permutation(len(pairs)):
        run, (a, b) = pairs[k]
        if len(chosen) < many and _apart(runs[run], a, b):
            chosen.append((run, a, b))
    found = all_diagnosed([runs[run](a, b) for run, a, b in chosen], jobs)
    rows: list[dict[str, Any]] = []
    for (run, a, b), each in zip(chosen, found, strict=True):
        named = {bugs[run][a], bugs[run][b]} <= set(each["texts"])
        rows.append({"run": run, "edits": [a, b], "named": named, "first": each["texts"], "seconds": each["seconds"]})
    return rows


def _apart(run: Any, a: str, b: str) -> bool:
    """Whether two edits can both be made, and make other gradients together than each alone."""
    try:
        together, first, second = run(a, b), run(a), run(b)
    except LookupError:
        return False
    return not any(_same(together, alone) for alone in (first, second))


def _same(one: Any, other: Any) -> bool:
    return all(np.allclose(value, other.grads[name], rtol=1e-9) for name, value in one.grads.items()) and (
        one.dx is None or other.dx is None or np.allclose(one.dx, other.dx, rtol=1e-9)
    )


def at_random(runs: Any, many: int, rng: Any, jobs: int) -> list[dict[str, Any]]:
    """Errors that nobody makes: what, and the name that was given all the same."""
    known, cases = [], []
    for k in range(many):
        kind, run = NOISES[k % len(NOISES)], str(rng.choice(list(runs)))
        known.append((kind, run))
        cases.append(_noisy(runs[run], run, kind, rng))
    return [
        {"kind": kind, "run": run, "named": each["bug"], "wrong": each["wrong"], "seconds": each["seconds"]}
        for (kind, run), each in zip(known, all_diagnosed(cases, jobs), strict=True)
    ]


def _noisy(run: Any, name: str, kind: str, rng: Any) -> Any:
    size = 10 ** rng.uniform(-6, 0)
    if kind == "noise in one equation":
        line = str(rng.choice(NOISY[name]))
        by = 1 + size * rng.normal(size=(4, 1) if name in ("karpathy_rnn", "ng_lstm") else 4)
        left, right = line.split(" = ")
        return run(f"{line} -> {left} = np.array({by.tolist()}) * ({right})")
    case = run()
    grads = {key: value.copy() for key, value in case.grads.items()}
    chosen = grads[str(rng.choice(list(grads)))]
    if kind == "noise everywhere":
        for value in grads.values():
            value += size * np.abs(value).max() * rng.normal(size=value.shape)
    elif kind == "one entry":
        chosen.flat[rng.integers(chosen.size)] += size * np.abs(chosen).max()
    elif kind == "one tensor drawn anew":
        chosen[...] = np.abs(chosen).max() * rng.normal(size=chosen.shape)
    else:
        chosen[...] = chosen[np.roll(np.arange(len(chosen)), 1 + rng.integers(len(chosen) - 1))]
    return case._replace(grads=grads)


def main() -> None:
    options = parser(__doc__, 0.0)
    options.add_argument("--pairs", type=int, default=200, help="pairs of bugs (default: %(default)s)")
    options.add_argument("--errors", type=int, default=500, help="random errors (default: %(default)s)")
    options.add_argument("--jobs", type=int, default=1, help="processes at a time (default: %(default)s)")
    given = options.parse_args()
    sys.path.insert(0, str(TESTS))
    from diagnosis.foreign.by_rule import cases
    from diagnosis.foreign.runs import PLANTED, RUNS

    with threadpool_limits(1), np.errstate(all="ignore"):
        for run in RUNS.values():  # what is built once for a cell is no part of the seconds
            diagnosed(run())
        bugs = {group: planted(RUNS, group_bugs, given.jobs) for group, group_bugs in PLANTED.items()}
        everything: dict[str, dict[str, str]] = {}
        for group_bugs in PLANTED.values():
            for run, edits in group_bugs.items():
                everything.setdefault(run, {}).update(edits)
        mutants = by_rule(cases, 60, np.random.default_rng(2), given.jobs)
        pairs = two_at_once(RUNS, everything, given.pairs, np.random.default_rng(0), given.jobs)
        errors = at_random(RUNS, given.errors, np.random.default_rng(1), given.jobs)
    counts = {f"planted, {group}": _counted(rows) for group, rows in bugs.items()}
    counts |= {"made by rule": _counted(mutants), "pairs": _counted(pairs), "random errors": _counted(errors)}
    for name, (named, of, seconds, longest, quick) in counts.items():
        print(f"{name}: {named} of {of} named, {seconds:.2f} s in the median, {longest:.2f} s at the longest, ", end="")
        print(f"{quick} in less than a second")
    unnamed = {"planted": [row for rows in bugs.values() for row in rows], "made by rule": mutants, "pairs": pairs}
    unnamed = {name: [row for row in rows if not row["named"]] for name, rows in unnamed.items()}
    misnamed = [row for row in errors if row["named"]]
    result = {"machine": machine.describe(1), "counts": counts, "not named": unnamed, "misnamed": misnamed}
    print(machine.save("diagnose", result))


def _counted(rows: list[dict[str, Any]]) -> tuple[int, int, float, float, int]:
    """How many were named, of how many, the seconds, their median and the longest, and how many took less than one."""
    seconds = [row["seconds"] for row in rows]
    quick = sum(second < 1 for second in seconds)
    return sum(bool(row["named"]) for row in rows), len(rows), median(seconds), max(seconds), quick


if __name__ == "__main__":
    main()
