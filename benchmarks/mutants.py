"""Wrong backward passes and who notices them: python -m benchmarks.mutants

Every mutant of tests/mutants is put before npseq's checker, central and complex, and before what libraries have in its
place: a random projection with an absolute floor of 1e-6, a test of shapes, and a test that the loss falls. All judges
see the same layer, values and upstream gradients. Prints the scores and the whole table as Markdown, and writes
benchmarks/results/mutants.json.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks import machine

TESTS = Path(__file__).parents[1] / "tests"


def verdicts() -> list[dict[str, Any]]:
    """A row a mutant: id, what, where, case, and by judge "caught", "missed", "crashed" or "" (not its business)."""
    sys.path.insert(0, str(TESTS))
    from mutants.catalogue import CATALOGUE, ZOO
    from mutants.judges import JUDGES, judged

    rows = []
    for mutant in CATALOGUE:
        found = {judge: judged(mutant, judge, ZOO) for judge in JUDGES}
        short = {judge: "crashed" if verdict.startswith("raised") else verdict for judge, verdict in found.items()}
        rows.append({"id": mutant.id, "what": mutant.what, "where": mutant.where, "case": mutant.case, "judges": short})
    return rows


def scores(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """By judge: how many mutants it noticed, a crash counted, of how many."""
    by_judge = {judge: [row["judges"][judge] for row in rows if row["judges"][judge]] for judge in rows[0]["judges"]}
    return {judge: (sum(v != "missed" for v in found), len(found)) for judge, found in by_judge.items()}


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of scores for the README, then every mutant."""
    lines = ["| judge | caught | of | score |", "|---|---:|---:|---:|"]
    lines += [f"| {judge} | {n} | {of} | {n / of:.0%} |" for judge, (n, of) in scores(rows).items()]
    judges = list(rows[0]["judges"])
    lines += ["", f"| # | wrong | where it happened | {' | '.join(judges)} |", "|---" * (3 + len(judges)) + "|"]
    for row in rows:
        lines.append(f"| {row['id']} | {row['what']} | {row['where']} | {' | '.join(row['judges'].values())} |")
    return "\n".join(lines)


def main() -> None:
    with threadpool_limits(1):
        rows = verdicts()
    print(markdown(rows))
    print(machine.save("mutants", {"machine": machine.describe(1), "scores": scores(rows), "mutants": rows}))


if __name__ == "__main__":
    main()
