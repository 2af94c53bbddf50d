"""The logits of a batch, nothing kept for a backward pass, beside others: python -m benchmarks.inference"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import CELLS, Case
from benchmarks.record import Settings, beside, parser

SIZES = ((35, 32, 28, 256), (25, 1, 80, 100), (64, 64, 64, 1024))  # T, B, V, H
CASES = [Case(cell, *size) for size in SIZES for cell in CELLS]


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    for case in CASES:
        yield beside("inference", case, settings, settings.budget / len(CASES), "infer")


def main() -> None:
    from benchmarks.suite import run

    run({"inference": records}, parser(__doc__, 36.0).parse_args())


if __name__ == "__main__":
    main()
