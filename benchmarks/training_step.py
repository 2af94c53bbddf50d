"""One training step beside what a user would pick instead: python -m benchmarks.training_step

A step is forward, softmax cross-entropy, backward, global-norm clip, SGD, on one-hot tokens. All rivals begin with the
same parameters; loss and gradient are compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import CELLS, DTYPES, Case
from benchmarks.record import Settings, beside, parser

SIZES = ((35, 32, 28, 256), (25, 1, 80, 100), (64, 64, 64, 1024))  # T, B, V, H
MORE = ((200, 8, 28, 256), (35, 4, 28, 128), (35, 32, 28, 64))  # on demand
CASES = [Case(cell, *size, dtype) for size in SIZES for dtype in DTYPES for cell in CELLS]


def records(settings: Settings, cases: list[Case] = CASES) -> Iterator[dict[str, Any]]:
    for case in cases:
        yield beside("training step", case, settings, settings.budget / len(cases))


def main() -> None:
    from benchmarks.suite import run

    options = parser(__doc__, 72.0)
    options.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS)
    options.add_argument("--dtypes", nargs="+", default=DTYPES, choices=DTYPES)
    options.add_argument("--sizes", nargs="+", type=int, default=range(len(SIZES)), help="indices into the sizes")
    given = options.parse_args()
    sizes = [(*SIZES, *MORE)[k] for k in given.sizes]
    cases = [Case(cell, *size, dtype) for size in sizes for dtype in given.dtypes for cell in given.cells]
    run({"training_step": lambda settings: records(settings, cases)}, given)


if __name__ == "__main__":
    main()
