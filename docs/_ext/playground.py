"""The directive `playground` puts the lines of all cells, traced from npseq's own, into the page that uses them."""

from functools import cache
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

import npseq as ns
from npseq.explain.javascript import javascript

NO_SCRIPT = "<noscript><p>This page computes with JavaScript, which is switched off here.</p></noscript>"


@cache
def cells() -> dict[str, Any]:
    """{name: cell} of every cell."""
    own = {
        "RNN, tanh": ns.RNN(1, 1).cell,
        "RNN, ReLU": ns.RNN(1, 1, nonlinearity="relu").cell,
        "GRU, reset after": ns.GRU(1, 1).cell,
        "GRU, reset before": ns.GRU(1, 1, reset="before").cell,
        "LSTM": ns.LSTM(1, 1).cell,
        "LSTM, peepholes": ns.LSTM(1, 1, peepholes=True).cell,
    }
    return own | {name.removesuffix("Cell"): getattr(ns.gallery, name)() for name in ns.gallery.__all__}


def script() -> str:
    """The JavaScript of all cells."""
    lines = ",\n".join(f'"{name}": {javascript(cell)}' for name, cell in cells().items())
    return f"window.npseqCells = {{\n{lines}\n}};"


class Playground(Directive):
    has_content = False

    def run(self) -> list[nodes.Node]:
        text = f'<script>{script()}</script>\n<div id="play">{NO_SCRIPT}</div>'
        return [nodes.raw("", text, format="html")]


def scripts(app: Any, pagename: str, templatename: str, context: Any, doctree: Any) -> None:
    if pagename == "playground":
        app.add_js_file("playground.js", loading_method="defer")


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("playground", Playground)
    app.connect("html-page-context", scripts)
    return {"parallel_read_safe": True}
