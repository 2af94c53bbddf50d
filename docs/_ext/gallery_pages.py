"""Makes a page for each example from examples/README.md and the script: its figure, its number, its source."""

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

from pages import write_changed
from plain_docstrings import inline, restructured

ROW = re.compile(r"^\| (.+?) \| \[(\d\d_\w+)\.py\]\([^)]*\) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
INDEX = """\
Gallery of examples
===================

.. include:: ../../examples/README.md
   :parser: myst_parser.sphinx_
   :start-line: 2
   :end-before: | topic | script

.. container:: gallery

{cards}

.. toctree::
   :hidden:

{names}
"""
CARD = """\
   .. figure:: ../figures/{name}.png
      :target: {name}.html
      :alt: {alt}

      {title}
"""
PAGE = """\
{title}
{line}

{intro}

.. figure:: ../figures/{name}.png
   :alt: {alt}

{number}; expected {expected}.

.. literalinclude:: ../../examples/{name}.py
   :caption: examples/{name}.py
   :lines: {first}-
"""


class Example(NamedTuple):
    title: str
    name: str
    number: str
    expected: str
    picture: str

    @property
    def alt(self) -> str:
        """What the picture shows, without the file's name."""
        return self.picture.partition("`: ")[2] or f"Figure of {self.title}"


def examples(readme: str) -> list[Example]:
    return [Example(*match) for match in ROW.findall(readme)]


def pages(folder: Path) -> dict[str, str]:
    """{file name: reStructuredText} of the gallery of this folder of examples."""
    found = examples((folder / "README.md").read_text(encoding="utf-8"))
    cards = [CARD.format(name=e.name, alt=e.alt, title=inline(e.title)) for e in found]
    written = {"index.rst": INDEX.format(cards="\n".join(cards), names="\n".join(f"   {e.name}" for e in found))}
    for e in found:
        text = (folder / f"{e.name}.py").read_text(encoding="utf-8")
        tree = ast.parse(text)
        words, code = ast.get_docstring(tree) or "", text.splitlines()[tree.body[0].end_lineno or 0 :]
        words = words.removeprefix(e.title).lstrip(".\n")  # which is the page's title, too
        title = inline(e.title)
        written[f"{e.name}.rst"] = PAGE.format(
            title=title,
            line="=" * len(title),
            intro="\n".join(restructured(words)),
            first=text.count("\n") - len("\n".join(code).lstrip("\n").split("\n")) + 1,
            name=e.name,
            alt=e.alt,
            number=inline(e.number[0].upper() + e.number[1:]),
            expected=inline(e.expected),
        )
    return written


def write(app: Any) -> None:
    source = Path(app.srcdir)
    write_changed(source / "gallery", pages(source.parent / "examples"))


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
