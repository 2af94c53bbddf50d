"""How often npseq.diagnose is right: python -m benchmarks.diagnose [--pairs 200] [--errors 500]

Bugs planted by hand in five implementations that are not npseq's (tests/diagnosis/foreign): each has to be named, first
and in the words that were judged right when it was written down. Those of "tuned" were at hand while the search was
made; those of "unseen" and "later" were written afterwards. Then mutants that are made by rule, of which any name
counts, for it has all their numbers; two bugs at once, both of which have to be named first; and random errors, of
which none may be named. Writes benchmarks/results/diagnose.json.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import combinations
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
NOISES = ("noise everywhere", "one entry", "one tensor drawn anew", "rows in another order", "noise in one equation")
NOISY = {  # lines of each implementation whose result is multiplied by random numbers, one a unit
    "cs231n_lstm": ("dprev_c = dc * f", "dg = dc * i", "da_f = df * f * (1 - f)"),
    "karpathy_rnn": ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhnext = np.dot(Whh.T, dhraw)"),
    "ng_lstm": ("dcct = dctotal * it * (1 - np.square(cct))", "dft = dctotal * c_prev * ft * (1 - ft)"),
    "gru_after": ("dn = dh * (1 - z)", "dhn = dn_raw * r", "dr_raw = dr * r * (1 - r)"),
    "gru_before": ("dhh = dh * (1 - z)", "drh = da_h @ self.Uh.T", "da_z = dz * z * (1 - z)"),
}


def diagnosed(case: Any) -> tuple[Any, float]:
    """The answer and the seconds of the processor that it took."""
    began = process_time()
    found = ns.diagnose(case.layer, case.x, case.dy, case.grads, case.state, dx=case.dx)
    return found, process_time() - began


def planted(runs: Any, bugs: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """A row a bug: whether it was named first, and the seconds."""
    rows = []
    for run, edits in bugs.items():
        for edit, named in edits.items():
            found, seconds = diagnosed(runs[run](edit))
            first = found.matches[0].text if found.matches else ""
            rows.append({"run": run, "edit": edit, "named": first == named != "", "first": first, "seconds": seconds})
    return rows


def by_rule(cases: Any, many: int, rng: Any) -> list[dict[str, Any]]:
    """A row a mutant: whether it was named at all, in which words, and the seconds."""
    rows = []
    for run in ("cs231n_lstm", "gru_after", "gru_before"):
        for edit, case in cases(run, many // 3, rng):
            found, seconds = diagnosed(case)
            first = found.matches[0].text if found.matches else ""
            rows.append({"run": run, "edit": edit, "named": bool(first), "first": first, "seconds": seconds})
    return rows


def two_at_once(runs: Any, bugs: dict[str, dict[str, str]], many: int, rng: Any) -> list[dict[str, Any]]:
    """Pairs of bugs in different lines, both of which show: whether the first answer names both."""
    pairs = [(run, pair) for run, edits in bugs.items() for pair in combinations(edits, 2)]
    rows: list[dict[str, Any]] = []
    for k in rng.permutation(len(pairs)):
        run, (a, b) = pairs[k]
        if len(rows) < many and _apart(runs[run], a, b):
            found, seconds = diagnosed(runs[run](a, b))
            texts = {mistake.text for mistake in found.matches[0].mistakes} if found.matches else set()
            named = {bugs[run][a], bugs[run][b]} <= texts
            rows.append({"run": run, "edits": [a, b], "named": named, "first": sorted(texts), "seconds": seconds})
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


def at_random(runs: Any, many: int, rng: Any) -> Iterator[dict[str, Any]]:
    """Errors that nobody makes: what, and the name that was given all the same."""
    for k in range(many):
        kind, run = NOISES[k % len(NOISES)], rng.choice(list(runs))
        found, seconds = diagnosed(_noisy(runs[run], run, kind, rng))
        yield {"kind": kind, "run": str(run), "named": found.bug, "wrong": len(found.wrong), "seconds": seconds}


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
    given = options.parse_args()
    sys.path.insert(0, str(TESTS))
    from diagnosis.foreign.by_rule import cases
    from diagnosis.foreign.runs import PLANTED, RUNS

    with threadpool_limits(1), np.errstate(all="ignore"):
        bugs = {group: planted(RUNS, group_bugs) for group, group_bugs in PLANTED.items()}
        everything: dict[str, dict[str, str]] = {}
        for group_bugs in PLANTED.values():
            for run, edits in group_bugs.items():
                everything.setdefault(run, {}).update(edits)
        mutants = by_rule(cases, 60, np.random.default_rng(2))
        pairs = two_at_once(RUNS, everything, given.pairs, np.random.default_rng(0))
        errors = list(at_random(RUNS, given.errors, np.random.default_rng(1)))
    counts = {f"planted, {group}": _counted(rows) for group, rows in bugs.items()}
    counts |= {"made by rule": _counted(mutants), "pairs": _counted(pairs), "random errors": _counted(errors)}
    for name, (named, of, seconds, longest) in counts.items():
        print(f"{name}: {named} of {of} named, {seconds:.2f} s in the median, {longest:.2f} s at the longest")
    unnamed = {"planted": [row for rows in bugs.values() for row in rows], "made by rule": mutants, "pairs": pairs}
    unnamed = {name: [row for row in rows if not row["named"]] for name, rows in unnamed.items()}
    misnamed = [row for row in errors if row["named"]]
    result = {"machine": machine.describe(1), "counts": counts, "not named": unnamed, "misnamed": misnamed}
    print(machine.save("diagnose", result))


def _counted(rows: list[dict[str, Any]]) -> tuple[int, int, float, float]:
    """How many were named, of how many, and the seconds: their median and the longest."""
    seconds = [row["seconds"] for row in rows]
    return sum(bool(row["named"]) for row in rows), len(rows), median(seconds), max(seconds)


if __name__ == "__main__":
    main()
