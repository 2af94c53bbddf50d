"""`npseq explain` prints a worked example of a cell: every number of forward and backward."""

from pathlib import Path
from typing import Any

from npseq.commands.answers import answer
from npseq.commands.failure import Failure, bad_input
from npseq.commands.flags import CELLS, number

FORMATS = ("text", "latex", "html", "pdf")
ABOUT = """Prints a worked example of a cell: every number of a forward and a backward pass, with the label of its
equation in docs/derivations. Each number is computed from printed ones and rounded to four digits after the point, so
that a pocket calculator reproduces it. CELL is rnn, gru, lstm, or a cell of npseq's gallery, such as min_gru."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "explain", help="a worked example, every number of it", description=ABOUT, allow_abbrev=False
    )
    parser.add_argument("cell", metavar="CELL", help="rnn, gru, lstm, or a name of the gallery")
    parser.add_argument("--units", type=number(int), metavar="N", help="1 to 6 (default: 2, of a layer norm 3)")
    parser.add_argument("--steps", type=number(int), metavar="N", default=3, help="1 to 6 (default: 3)")
    parser.add_argument("--inputs", type=number(int), metavar="N", default=2, help="1 to 6 (default: 2)")
    parser.add_argument("--seed", type=number(int), metavar="N", default=0, help="other given numbers (default: 0)")
    parser.add_argument("--nonlinearity", metavar="NAME", default="tanh", help="an RNN's: tanh or relu")
    parser.add_argument("--reset", metavar="SIDE", default="after", help="a GRU's: after or before")
    parser.add_argument("--peepholes", action="store_true", default=False, help="an LSTM's peepholes")
    parser.add_argument("--format", metavar="NAME", default="text", help="text, latex, html or pdf (default: text)")
    parser.add_argument("--out", metavar="FILE", help="write it there; a pdf has to be")
    parser.set_defaults(command=explain)


def explain(
    cell: str, units: int | None, steps: int, inputs: int, seed: int, nonlinearity: str, reset: str, peepholes: bool,
    format: str, out: str | None, json: bool,
) -> None:  # fmt: skip
    """Prints or writes the worked example."""
    from npseq.arguments import one_of
    from npseq.explain import worked
    from npseq.explain.text import as_html, as_latex, as_text

    with bad_input():
        one_of("--format", format, FORMATS)
        sheet = worked(_cell(cell, nonlinearity, reset, peepholes), units, steps, inputs=inputs, seed=seed)
    if format == "pdf":
        from npseq.explain.page import as_pdf

        if out is None:
            raise Failure("--out must name the file of a pdf, as in --out lstm.pdf", 2)
        with bad_input():
            payload = as_pdf(sheet)
    else:
        payload = {"text": as_text, "latex": as_latex, "html": as_html}[format](sheet).encode()
    if out is None:
        answer(payload.decode(), {"title": sheet.title, format: payload.decode()}, json)
        return
    _write(Path(out), payload)
    answer(f"wrote {out}", {"title": sheet.title, "file": out}, json)


def _write(path: Path, payload: bytes) -> None:
    """Writes the file, or replaces one that begins as it does: an example of the same kind."""
    from npseq.files import replace_file

    head = payload[:15]
    with bad_input():
        replace_file(path, payload, lambda place: place.read_bytes()[:15] == head)


def _cell(name: str, nonlinearity: str, reset: str, peepholes: bool) -> Any:
    """The cell of this name. Raises ValueError if there is none."""
    import npseq as ns

    if name == "rnn":
        return ns.RNN(1, 1, nonlinearity=nonlinearity).cell
    if name == "gru":
        return ns.GRU(1, 1, reset=reset).cell
    if name == "lstm":
        return ns.LSTM(1, 1, peepholes=peepholes).cell
    wanted = f"{name.replace('_', '')}cell"
    found = {called.lower(): called for called in ns.gallery.__all__}
    if wanted not in found:
        raise ValueError(f"CELL must be {', '.join(CELLS)} or a cell of ns.gallery, such as min_gru, got {name!r}")
    return getattr(ns.gallery, found[wanted])()
