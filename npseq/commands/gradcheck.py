"""`npseq gradcheck` checks the gradients of every layer, or those of a function of somebody's own."""

from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input
from npseq.commands.own_gradcheck import own_gradcheck


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "gradcheck", help="check the gradients of every layer, or your own", allow_abbrev=False
    )
    own = "my_module:case, where case() returns the arguments of npseq.gradcheck, (f, at, gradient), or its report"
    parser.add_argument("target", nargs="?", help=own)
    for name, known in (
        ("cell", "rnn, gru, lstm, bidirectional, linear, embedding or dropout"),
        ("method", "complex, central, directional or taylor"),
    ):
        parser.add_argument(f"--{name}", action="append", metavar="NAME", help=f"only {known}; may be given again")
    parser.add_argument("--quick", action="store_true", help="float64, ragged lengths and small stacks only")
    parser.add_argument("--quiet", action="store_true", help="no bar")
    parser.set_defaults(command=gradcheck)


def gradcheck(
    cell: list[str] | None,
    method: list[str] | None,
    quick: bool,
    quiet: bool,
    json: bool = False,
    target: str | None = None,
) -> None:
    """Checks the gradients of npseq's layers, of all or some cells by all or some methods, and prints the table."""
    if target is not None:
        own_gradcheck(target, method or ["central"], json)
        return
    from tqdm import tqdm

    from npseq.layercheck import matrix, sizes

    with bad_input():
        cases = matrix.matrix(cell or matrix.CELLS, method or matrix.METHODS, quick)
    large = [] if quick or "complex" not in (method or matrix.METHODS) else sizes.size_cases(cell or matrix.CELLS)
    bar = tqdm([*cases, *large], "gradcheck", dynamic_ncols=True, leave=False, disable=True if quiet else None)
    results: dict[Any, Any] = {case: (sizes.check_size if case in large else matrix.check)(case) for case in bar}
    failed = [case for case, report in results.items() if not report]
    checks = [{"check": str(c), "passed": bool(r), "max_error": float(r.max_error)} for c, r in results.items()]
    entries = {case: results[case] for case in cases}
    lines = [matrix.table(entries), "", matrix.legend(entries)]
    if large:
        lines += ["\ntraining steps in used buffers, by random directions and complex steps:"]
        lines += [sizes.size_table({case: results[case] for case in large})]
    lines += [f"\n{case}\n{results[case]}" for case in failed]
    lines += [] if failed else [f"{len(results)} checks passed"]
    answer("\n".join(lines), {"passed": not failed, "checks": checks}, json)
    if failed:
        raise Failure(f"{len(failed)} of {len(results)} checks failed, first {failed[0]}", 1)
