"""Free-running generation at batch 1 beside others: python -m benchmarks.generation

Greedy, one-hot characters, V 28, H 256: each token is scored, chosen, and fed back. All rivals have the same parameters
and must write the same characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.cases import CELLS, TITLES, Case
from benchmarks.problem import Problem, problem
from benchmarks.record import Settings, parser, record
from benchmarks.rivals.generators import GENERATORS
from benchmarks.timing import alternate, spread

V, H, LENGTH = 28, 256, 300


def rivals(given: Problem, names: tuple[str, ...], length: int) -> dict[str, Any]:
    """Those who write as npseq does. Raises RuntimeError where one writes something else in the first half."""
    built = {name: GENERATORS[name](given, length) for name in names if name in GENERATORS}
    wanted = built["npseq"]()
    for name, run in built.items():
        if run()[: length // 2] != wanted[: length // 2]:  # two scores alike to rounding may part them later on
            raise RuntimeError(f"{name} must write what npseq writes, with the same parameters")
    return built


def records(settings: Settings, length: int = LENGTH) -> Iterator[dict[str, Any]]:
    for cell in CELLS:
        given = problem(Case(cell, 1, 1, V, H))
        built = rivals(given, settings.rivals, length)
        with threadpool_limits(settings.threads):
            times = alternate(built, settings.budget / len(CELLS), settings.least)
        measured = {name: spread(found, 1e6 / length) for name, found in times.items()}
        rates = {name: 1e6 / found["median"] for name, found in measured.items()}
        name = f"{TITLES[cell]}-{H}, batch 1, {V} characters, float32"
        yield record("generation", name, "us a character", measured, characters_per_second=rates)


def main() -> None:
    from benchmarks.suite import run

    run({"generation": records}, parser(__doc__, 15.0).parse_args())


if __name__ == "__main__":
    main()
