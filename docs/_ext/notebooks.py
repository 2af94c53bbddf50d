"""Every example and every guide as a notebook to download, with a link below its page.

`python docs/_ext/notebooks.py FOLDER` writes them without the site.
"""

import ast
import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```(?P<kind>[\w{-]*)[^\n]*\n(?P<code>.*?)^```\n", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\[\]]*)\]\((?!https?:)([^()\s]+)\)")
PICTURE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n\n?", re.MULTILINE)
SITE, SOURCE = "https://npseq.github.io/npseq", "https://github.com/npseq/npseq/blob/main"
FIGURES = """\
import sys
from pathlib import Path

from npseq import plot


def new_figure(width=7, height=4.5):
    return plot.new_figure(figsize=(width, height), layout="constrained")


def save(figure, script):
    display(figure)  # noqa: F821  a notebook's own


__file__ = str(Path("examples/notebook.py").absolute())
sys.argv[1:] = []  # the kernel's own
"""
INSTALL = "This notebook needs npseq: `pip install npseq`, or a clone's own environment."


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip("\n").splitlines(keepends=True)}


def code(text: str) -> dict[str, Any]:
    lines = text.strip("\n").splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": lines}


def notebook(cells: list[dict[str, Any]]) -> str:
    """The text of a notebook of version 4.5."""
    numbered = [{"id": f"cell{k}", **cell} for k, cell in enumerate(cells)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": numbered, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def of_script(text: str) -> str:
    """An example: its docstring in words, its lines in cells that are cut where a blank line stands at the margin."""
    tree = ast.parse(text)
    words = ast.get_docstring(tree) or ""
    lines = text.splitlines(keepends=True)
    first = tree.body[1].lineno - 1 if words else 0
    body = re.sub(r"^from save_figure import .*\n", "", "".join(lines[first:]), flags=re.MULTILINE)
    head = FIGURES + ('FOLDER = Path("figures")\n' if "FOLDER" in body else "")
    starts = [node.lineno - 1 for node in ast.parse(body).body]
    pieces, rows = [], body.splitlines(keepends=True)
    cuts = [k for k in starts if k and not rows[k - 1].strip()]
    for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        pieces.append("".join(rows[a:b]))
    return notebook([markdown(f"{words}\n\n{INSTALL}"), code(head), *map(code, filter(str.strip, pieces))])


def of_guide(text: str, page: str) -> str:
    """A guide, the page docs/{page}.md: its Python in cells, the rest in words.

    What the Python prints and draws is left to the notebook, and links lead to the site.
    """
    cells, end = [], 0

    def say(words: str) -> None:
        words = LINK.sub(lambda found: f"[{found[1]}]({outside(found[2], page)})", PICTURE.sub("", words))
        cells.extend([markdown(words)] if words.strip() else [])

    for block in BLOCK.finditer(text):
        directive = block["kind"].startswith("{")
        if directive or block["kind"] in ("python", "text"):
            say(text[end : block.start()] + (f"It is on [the page of the site]({SITE}/{page}.html)." * directive))
            cells += [code(block["code"])] if block["kind"] == "python" else []
            end = block.end()
    say(text[end:])
    return notebook([*cells, markdown(INSTALL)])


def outside(target: str, page: str) -> str:
    """Where a link of docs/{page}.md leads from outside the repository."""
    name, sign, place = target.partition("#")
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), name)) if name else f"docs/{page}.md"
    if path.startswith("docs/") and path.endswith(".md"):
        return f"{SITE}/{path[len('docs/') : -len('.md')]}.html{sign}{place}"
    return f"{SOURCE}/{path}{sign}{place}"


def notebooks(root: Path) -> dict[str, str]:
    """{name: text} of all examples and guides."""
    found = {p.stem: of_script(p.read_text("utf-8")) for p in sorted((root / "examples").glob("[0-9][0-9]_*.py"))}
    docs = root / "docs"
    for path in [docs / "one_page.md", *sorted((docs / "guides").glob("*.md"))]:
        found[path.stem] = of_guide(path.read_text("utf-8"), path.relative_to(docs).with_suffix("").as_posix())
    return found


def write_all(root: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in notebooks(root).items():
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")


def write(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        write_all(Path(app.srcdir).parent, Path(app.outdir) / "_downloads" / "notebooks")


def link(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """A link below the body of a page that there is a notebook of."""
    folder, _, name = pagename.rpartition("/")
    if doctree is not None and (folder == "guides" or re.match(r"gallery/\d\d_", pagename) or pagename == "one_page"):
        place = f"{'../' if folder else ''}_downloads/notebooks/{name}.ipynb"
        context["body"] += f'<p class="notebook"><a href="{place}" download>Download this page as a notebook</a></p>'


def setup(app: Any) -> dict[str, Any]:
    app.connect("html-page-context", link)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    write_all(Path(__file__).parents[2], Path(sys.argv[1]))
