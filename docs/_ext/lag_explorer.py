"""The directive `lag-explorer` puts the data of lag_data into the page itself, where a script draws it."""

import json
from functools import cache
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from lag_data import lag_data

NO_SCRIPT = (
    "<noscript><p>This page draws with JavaScript, which is switched off here; its numbers are below.</p></noscript>"
)


@cache
def data() -> dict[str, Any]:
    return lag_data()


class LagExplorer(Directive):
    """Makes an empty element with its data, and a table of some of them for readers without scripts."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        text = json.dumps(data(), separators=(",", ":")).replace("</", "<\\/")
        html = (
            f'<script type="application/json" id="lag-data">{text}</script>\n<div id="lag-explorer">{NO_SCRIPT}</div>'
        )
        return [nodes.raw("", html, format="html"), nodes.raw("", table(data()), format="html")]


def table(found: dict[str, Any], at: tuple[int, ...] = (1, 2, 5, 10, 20)) -> str:
    """Returns a table of the trained networks' relative biases at a few lengths."""
    head = "".join(f"<th scope=col>{k}</th>" for k in at)
    rows = []
    for task in found.values():
        for cell, numbers in task["stages"]["trained"].items():
            cells = "".join(f"<td>{numbers['bias'][k - 1]:.2g}</td>" for k in at)
            rows.append(f"<tr><th scope=row>{task['title']}: {cell}</th>{cells}</tr>")
    caption = "Relative bias of Truncated(k) in the trained networks, by k"
    body = "".join(rows)
    return (
        f'<div class="table-wrapper container"><table class="docutils lag-table"><caption>{caption}</caption>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def scripts(app: Any, pagename: str, templatename: str, context: Any, doctree: Any) -> None:
    if pagename == "guides/lags":
        app.add_js_file("lags.js", loading_method="defer")


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("lag-explorer", LagExplorer)
    app.connect("html-page-context", scripts)
    app.connect("builder-inited", lambda app: data())  # before autodoc replaces the defaults that models read
    return {"parallel_read_safe": True}
