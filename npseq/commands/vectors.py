"""`npseq vectors` writes reference cases, and checks somebody's program on them."""

from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input
from npseq.commands.flags import number

ABOUT = """write DIR: writes every case as JSON and safetensors. check COMMAND: runs a program that reads a case from
stdin and writes outputs and gradients, all or some, to stdout; the status is 1 if a number is wrong. The format, and a
program in C: docs/guides/check_a_port.md."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "vectors", help="reference cases, and a check of your program", description=ABOUT, allow_abbrev=False
    )
    parser.add_argument("action", choices=("write", "check"), help="what to do")
    parser.add_argument("target", metavar="TARGET", help="the folder to write, or the command to check")
    parser.add_argument("--cell", action="append", metavar="NAME", help="only rnn, gru or lstm; may be given again")
    parser.add_argument("--layout", default="npseq", metavar="NAME", help="npseq, torch, keras, onnx or cudnn")
    parser.add_argument("--rtol", type=number(float), default=1e-9, help="of a tensor's largest (default: 1e-9)")
    parser.add_argument("--protocol", choices=("text", "json"), default="text", help="how the program reads and writes")
    parser.add_argument("--stream", action="store_true", help="one process answers all cases, one after another")
    parser.add_argument("--timeout", type=number(float), default=60.0, help="seconds for an answer (default: 60)")
    parser.add_argument("--quiet", action="store_true", help="no bar")
    parser.set_defaults(command=vectors)


def vectors(
    action: str,
    target: str,
    cell: list[str] | None,
    layout: str,
    rtol: float,
    protocol: str,
    stream: bool,
    timeout: float,
    quiet: bool,
    json: bool = False,
) -> None:
    """Writes the cases of all or some cells into a folder, or checks a command on them."""
    from tqdm import tqdm

    from npseq.arguments import one_of
    from npseq.vectors.cases import cases
    from npseq.vectors.checking import check, named_mistake
    from npseq.vectors.layouts import LAYOUTS
    from npseq.vectors.port import Port
    from npseq.vectors.writing import write

    with bad_input():
        chosen = cases(cell or ())
        bar = {"total": len(chosen), "dynamic_ncols": True, "leave": False, "disable": True if quiet else None}
        if action == "write":
            names = [case.name for case in tqdm(write(target, chosen), "vectors", **bar)]
            answer(f"{len(names)} cases are in {target}", {"folder": target, "cases": names}, json)
            return
        one_of("layout", layout, tuple(LAYOUTS))
        if not 0 < rtol < 1 or not timeout > 0:
            raise ValueError(f"rtol must be between 0 and 1 and timeout positive, got {rtol:g} and {timeout:g}")
        port = Port(target, stream, protocol == "json", timeout)
    try:
        results = list(tqdm(check(port, chosen, layout, rtol, protocol == "json"), "vectors", **bar))
    finally:
        port.close()
    _report(results, named_mistake(results, chosen, layout), json)


def _report(results: list[Any], mistake: str, json: bool) -> None:
    from npseq.vectors.checking import reasons, verdict

    shown = [result for result in results if result.status != "skip"]
    passed = bool(shown) and all(result.status == "pass" for result in shown)
    rows = [
        {"case": one.case, "status": one.status, "error": one.worst and one.worst.error, "text": one.text}
        for one in results
    ]
    lines = [*map(str, shown), *reasons(results), verdict(results), *([f"\n{mistake}"] if mistake else [])]
    answer("\n".join(lines), {"passed": passed, "cases": rows, "mistake": mistake or None}, json)
    if not passed:
        raise Failure(verdict(results), 1)
