"""Free-running generation of one sequence and of many beside others: python -m benchmarks.generation

Greedy, one-hot characters, V 28, H 256: each token is scored, chosen, and fed back. All rivals have the same parameters
and must write the same characters. Times are of a character, of many sequences at once of one of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.cases import CELLS, TITLES, Case
from benchmarks.problem import Problem, problem
from benchmarks.record import Settings, parser, record
from benchmarks.rivals.generators import GENERATORS, TOGETHER
from benchmarks.timing import alternate, spread

V, H, LENGTH = 28, 256, 300
BATCHES = (1, 32)


def rivals(given: Problem, names: tuple[str, ...], length: int) -> dict[str, Any]:
    """Those who write as npseq does. Raises RuntimeError where one writes something else in the first half."""
    able = GENERATORS if given.case.B == 1 else TOGETHER
    built = {name: GENERATORS[name](given, length) for name in names if name in able}
    wanted = built["npseq"]()
    for name, run in built.items():
        if run()[: length // 2] != wanted[: length // 2]:  # two scores alike to rounding may part them later on
            raise RuntimeError(f"{name} must write what npseq writes, with the same parameters")
    return built


def records(settings: Settings, length: int = LENGTH) -> Iterator[dict[str, Any]]:
    for batch, cell in product(BATCHES, CELLS):
        given = problem(Case(cell, 1, batch, V, H))
        built = rivals(given, settings.rivals, length)
        with threadpool_limits(settings.threads):
            times = alternate(built, settings.budget / len(CELLS) / len(BATCHES), settings.least)
        measured = {name: spread(found, 1e6 / length) for name, found in times.items()}
        rates = {name: 1e6 * batch / found["median"] for name, found in measured.items()}
        name = f"{TITLES[cell]}-{H}, batch {batch}, {V} characters, float32"
        yield record("generation", name, "us a character", measured, characters_per_second=rates)


def main() -> None:
    from benchmarks.suite import run

    run({"generation": records}, parser(__doc__, 30.0).parse_args())


if __name__ == "__main__":
    main()
