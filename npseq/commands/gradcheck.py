"""`npseq gradcheck` checks the gradients of every layer."""

from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input


def add(commands: Any) -> None:
    parser = commands.add_parser("gradcheck", help="check the gradients of every layer", allow_abbrev=False)
    for name, known in (
        ("cell", "rnn, gru, lstm, bidirectional, linear, embedding or dropout"),
        ("method", "complex, central, directional or taylor"),
    ):
        parser.add_argument(f"--{name}", action="append", metavar="NAME", help=f"only {known}; may be given again")
    parser.add_argument("--quick", action="store_true", help="float64, ragged lengths and small stacks only")
    parser.add_argument("--quiet", action="store_true", help="no bar")
    parser.set_defaults(command=gradcheck)


def gradcheck(cell: list[str] | None, method: list[str] | None, quick: bool, quiet: bool, json: bool = False) -> None:
    """Checks the gradients of npseq's layers, of all or some cells by all or some methods, and prints the table."""
    from tqdm import tqdm

    from npseq.layercheck import matrix

    with bad_input():
        cases = matrix.matrix(cell or matrix.CELLS, method or matrix.METHODS, quick)
    bar = tqdm(cases, "gradcheck", dynamic_ncols=True, leave=False, disable=True if quiet else None)
    results = {case: matrix.check(case) for case in bar}
    failed = [case for case, report in results.items() if not report]
    checks = [{"check": str(c), "passed": bool(r), "max_error": float(r.max_error)} for c, r in results.items()]
    lines = [matrix.table(results), *(f"\n{case}\n{results[case]}" for case in failed)]
    lines += [] if failed else [f"{len(results)} checks passed"]
    answer("\n".join(lines), {"passed": not failed, "checks": checks}, json)
    if failed:
        raise Failure(f"{len(failed)} of {len(results)} checks failed, first {failed[0]}", 1)
