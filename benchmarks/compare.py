"""Has anything become slower? python -m benchmarks.compare OLD.json NEW.json

Seconds of two runs say little, since machines drift; so each case's ratios over its rivals, measured in turn with it,
are compared. A case has become worse where these, in the geometric mean over the rivals of both files, have fallen by
more than the tolerance. Exit status: 0, 1 where a case is worse or gone, 2 for files that cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.record import geometric_mean, ratios


class Change(NamedTuple):
    """A case of both files. factor: new ratios over old, above 1 is better; sure: beyond the quartiles of both."""

    case: str
    factor: float
    rivals: dict[str, tuple[float, float]]  # old and new ratio
    sure: bool


def read(path: str) -> dict[str, dict[str, Any]]:
    """Rows by part and name. Raises ValueError for a file that is no result of the suite."""
    content = json.loads(Path(path).read_text())
    if not isinstance(content, dict) or "records" not in content:
        raise ValueError(f"{path!r} must be a result that the suite wrote, with records")
    return {f"{row['part']}: {row['name']}": row for row in content["records"]}


def change(case: str, old: dict[str, Any], new: dict[str, Any]) -> Change:
    """Raises ValueError where the two rows share no rival."""
    before, after = ratios(old), ratios(new)
    shared = [name for name in before if name in after]
    if not shared:
        raise ValueError(f"{case} must have a rival in both files, got {sorted(before)} and {sorted(after)}")
    factor = geometric_mean(after[name] / before[name] for name in shared)
    worst = [_bound(new, name, best=True) < _bound(old, name, best=False) for name in shared]
    best = [_bound(new, name, best=False) > _bound(old, name, best=True) for name in shared]
    sure = all(worst) or all(best)
    return Change(case, factor, {name: (before[name], after[name]) for name in shared}, sure)


def _bound(row: dict[str, Any], rival: str, best: bool) -> float:
    """The largest or smallest ratio that the quartiles allow."""
    own, theirs = row["measured"]["npseq"], row["measured"][rival]
    return theirs["high"] / own["low"] if best else theirs["low"] / own["high"]


def told(found: Change) -> str:
    pairs = ", ".join(f"{name} {old:.2f} -> {new:.2f}" for name, (old, new) in found.rivals.items())
    return f"{found.factor:.2f} of what it was  {found.case}  ({pairs}{'' if found.sure else '; within the quartiles'})"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--tolerance", type=float, default=0.1, help="how far a ratio may fall (default: 0.1)")
    options = parser.parse_args(argv)
    try:
        old, new = read(options.old), read(options.new)
        changes = [change(case, old[case], new[case]) for case in old if case in new]
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not changes:
        print("error: the two files must have a case in common", file=sys.stderr)
        return 2
    worse = [found for found in changes if found.factor < 1 - options.tolerance]
    better = [found for found in changes if found.factor > 1 + options.tolerance]
    gone = [case for case in old if case not in new]
    for title, some in (("worse", worse), ("better", better)):
        for found in sorted(some, key=lambda found: found.factor):
            print(f"{title}: {told(found)}")
    for case in gone:
        print(f"gone: {case}")
    mean = geometric_mean(found.factor for found in changes)
    print(f"{len(changes)} cases, ratios {mean:.3f} of what they were; {len(worse)} worse, {len(better)} better")
    return int(bool(worse or gone))


if __name__ == "__main__":
    sys.exit(main())
