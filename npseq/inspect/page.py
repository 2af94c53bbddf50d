"""One HTML file that explains a gradient: which inputs each prediction came from, lags, gates, adjoints, exponents."""

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from npseq.arguments import text
from npseq.arrays import is_own
from npseq.backend import Array, array_module
from npseq.files import as_path, replace_file
from npseq.inspect.ledger import ledger
from npseq.inspect.page_data import SEQUENCES, connections, exponents, numbers_of, packed
from npseq.layers.batch import check_ids
from npseq.layers.recurrent import Recurrent
from npseq.magnitude import joint_norm
from npseq.protocols import LayerLike

HEAD = "<!doctype html>\n<!-- npseq: a gradient explained -->\n"
STYLE = """
:root{--ink:#1b1b1b;--soft:#667;--paper:#fff;--line:#ccd;--hot:214,69,65;--cold:37,99,180;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#99a;--paper:#151515;--line:#3a3a44}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;
max-width:62rem;padding:1rem}h1{font-size:1.3rem;margin:.2em 0}h2{font-size:1.05rem;margin:1.6em 0 .3em}p{margin:.3em 0}
.text{font:17px/1.9 ui-monospace,monospace;overflow-wrap:anywhere}.text button{font:inherit;color:inherit;border:0;
background:none;padding:0 .06em;border-radius:2px;cursor:pointer;white-space:pre}.text button:focus-visible,
.text button[aria-pressed=true]{outline:2px solid currentColor}label{display:block;margin:.4em 0}
input[type=range]{width:min(100%,30rem);vertical-align:middle}select{max-width:100%}svg,canvas{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}.axis{stroke:var(--line)}.kept{fill:rgb(var(--cold))}.cut{fill:
none;stroke:rgb(var(--cold))}.curve{fill:none;stroke:rgb(var(--hot));stroke-width:2}.limit{stroke:var(--soft);
stroke-dasharray:4 3}.soft{color:var(--soft)}
"""
BODY = """
<h1>{title}</h1><p class="soft">{about}</p><p id="exponents"></p>
<h2>Where each prediction came from</h2>
<p class="soft">Point at a letter, or walk with the arrow keys: the letters before it are coloured by how far the loss
of its prediction moves with them, the norm of the derivative by that input.</p>
<label>Sequence <select id="sequence"></select></label>
<div class="text" id="text" role="group" aria-label="The text that was read"></div><p id="told" aria-live="polite"></p>
<h2>Lags, and what truncation leaves out</h2>
<label>Truncated(<output id="length"></output>) <input type="range" id="truncation" min="1" step="1"></label>
<p id="cost" aria-live="polite"></p><div id="lags"></div>
<h2>Over time</h2><label>Show <select id="what"></select></label><canvas id="units"></canvas>
<p class="soft" id="scale"></p><div id="norms"></div>
<h2>Clipping</h2><p id="clipping"></p><div id="clips"></div>
<noscript>This page draws with JavaScript, which is switched off here.</noscript>
"""


class Page(NamedTuple):
    """A page that needs no network and no other file.

    Example:
        >>> layer, x = ns.RNN(2, 3, dtype=float, rng=0), np.ones((4, 1, 2))
        >>> ns.inspect.page(layer, x, np.ones((4, 1, 3))).html[:15]
        '<!doctype html>'
    """

    html: str  # the whole file

    def __repr__(self) -> str:
        return f"Page({len(self.html)} characters)"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which has nothing of the notebook's."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" style="width: 100%; height: 50rem"></iframe>'
        )

    def save(self, path: Any) -> None:
        """Writes the file; one that npseq wrote as a page before is replaced.

        Args:
            path: where it is written.

        Raises:
            OSError: if it cannot be written, or another file is there.
        """
        replace_file(as_path(path, "path"), self.html.encode(), _is_page)


def page(
    layer: LayerLike,
    x: Array,
    dy: Array,
    *,
    state: Any = None,
    labels: Sequence[Sequence[str]] | None = None,
    title: str = "A gradient, explained",
    training: dict[str, Any] | None = None,
) -> Page:
    """Explains a gradient in one HTML file: hover over an input to see which earlier ones a step's loss came from.

    Args:
        layer: a recurrent layer of one direction.
        x: (T, B, D), or token ids (T, B), read as one-hot vectors.
        dy: (T, B, P), the loss's derivative by the outputs; each step's own loss has dy[t].
        state: the initial state, as layer.forward takes it.
        labels: a text for each input, [b][t]; None numbers them.
        title: of the page.
        training: {"grad_norm": the largest of each epoch, "clip": the limit or None}, of the run; None shows none.

    Raises:
        TypeError, ValueError: if an argument does not fit the layer.

    Example:
        >>> layer, x = ns.LSTM(3, 4, dtype=float, rng=0), np.random.default_rng(0).normal(size=(5, 2, 3))
        >>> "Where each prediction came from" in ns.inspect.page(layer, x, np.ones((5, 2, 4))).html
        True
    """
    if not isinstance(layer, Recurrent) or layer.directions == 2:
        raise ValueError(f"layer must be a recurrent layer of one direction, got {layer!r:.60}")
    if is_own(x) and x.dtype.kind in "iu":
        x = array_module(x).eye(layer.input_size, dtype=layer.dtype)[check_ids("x", x, layer.input_size)]
    text("title", title)
    y, _, tape = layer.forward(x, state)
    found = ledger(layer, dy, tape, pairs=False)
    steps, batch = y.shape[:2]
    count = min(batch, SEQUENCES)
    arrays = {"connections": connections(layer, x, dy, state, count)} | numbers_of(found) | exponents(layer, x, state)
    shown = [[str(t) for t in range(steps)] for _ in range(batch)] if labels is None else _labels(labels, steps, batch)
    kind = f"{type(layer).__name__} of {layer.hidden_size} units"
    about = f"{kind}: {steps} steps of {batch} sequences; the gradient's norm is {_norm(found):.6g}."
    data = {"arrays": packed(arrays), "labels": shown[:count], "training": training, "norm": _norm(found)}
    return Page(_html(title, about, data))


def _norm(found: Any) -> float:
    return float(joint_norm(found.gradient.values()))


def _labels(labels: Any, steps: int, batch: int) -> list[list[str]]:
    shown = [[str(label) for label in row] for row in labels]
    if len(shown) != batch or any(len(row) != steps for row in shown):
        got = [len(row) for row in shown][:5]
        raise ValueError(f"labels must hold {batch} rows of {steps} texts, got rows of {got}")
    return shown


def _html(title: str, about: str, data: dict[str, Any]) -> str:
    script = (files("npseq.inspect") / "page.js").read_text(encoding="utf-8")
    packed_data = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    body = BODY.format(title=escape(title), about=escape(about))
    head = '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{escape(title)}</title>"
    return (
        f'{HEAD}{head}<link rel="icon" href="data:,"><style>{STYLE}</style>{body}'
        f'<script type="application/json" id="data">{packed_data}</script><script>{script}</script></html>\n'
    )


def _is_page(path: Path) -> bool:
    """Whether a file is a page of npseq's."""
    with open(path, "rb") as file:
        return file.read(len(HEAD)) == HEAD.encode()
