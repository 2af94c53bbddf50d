"""What the docstrings of npseq print of mathematics.

The rule: wherever one of SIGNS stands in a docstring, of a module, a class or a function, public or not, there is an
equation, and it is evaluated by a check or named as notation, with a reason. A check says which text it takes, word for
word; what is left of the docstring when its check is done must hold no sign.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache

from mathematics import Equation, plain
from printed import ROOT

SIGNS = re.compile(
    r" (?:=|<-|\+=|\*|/|~) |\^|\+-|\b(?:sum|prod)_|\bmin_\w \["
    r"|\b(?:sqrt|exp|tanh|sigmoid|softmax|min|max)\(|\blog [\w(|]|\|\S[^|]* - "
)


CHECKS: dict[str, Callable[[Docstring], None]] = {}
Check = Callable[["Docstring"], None]


def check(*keys: str) -> Callable[[Check], Check]:
    """What evaluates the docstrings of these keys, "npseq.optim:SGD"."""

    def register(function: Check) -> Check:
        for key in keys:
            assert key not in CHECKS, key
            CHECKS[key] = function
        return function

    return register


class Docstring:
    """One docstring, read by its check. misprint: {text: the equation to hand out in its place}."""

    def __init__(self, text: str, misprint: dict[str, Equation] | None = None) -> None:
        self.lines, self.rest = text, " ".join(text.split())
        self.misprint = misprint or {}
        self.taken: dict[str, Equation] = {}

    def __call__(self, text: str) -> Equation:
        """The equation, or the formula without a relation, that stands there word for word."""
        self.notation(text, "evaluated")
        self.taken[text] = self.misprint.get(text) or plain(text)
        return self.taken[text]

    def notation(self, text: str, reason: str) -> None:
        """What has the look of an equation and says nothing that could be false, or nothing to evaluate."""
        assert reason, "a reason for each"
        spaced = " ".join(text.split())
        assert spaced in self.rest, f"not in the docstring, or taken before: {spaced}"
        self.rest = self.rest.replace(spaced, " … ", 1)

    def words(self, text: str) -> None:
        """A statement in words, which the check holds against the code by lines of its own."""
        self.notation(text, "in words")

    def labels(self) -> list[str]:
        return re.findall(r"^ *\(([A-Z]\d+)\) ", self.lines, re.MULTILINE)

    def left_out(self) -> list[str]:
        return [self.rest[max(found.start() - 40, 0) : found.end() + 40] for found in SIGNS.finditer(self.rest)]


@cache
def docstrings() -> dict[str, str]:
    """{"npseq.optim:SGD.step": its docstring} of everything in npseq that has one with a sign in it."""
    found = {}
    for path in sorted((ROOT / "npseq").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name, text in _of(ast.parse(path.read_text(encoding="utf-8")), ""):
            if SIGNS.search(" ".join(text.split())):
                key = f"{module}:{name}"  # a property's getter and setter have one name
                found[key] = f"{found[key]}\n\n{text}" if key in found else text
    return found


def _of(node: ast.AST, inside: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
        text, inside = ast.get_docstring(node), f"{inside}.{getattr(node, 'name', '')}".strip(".")
        if text:
            yield inside, text.split("Example:\n")[0]  # doctest runs that
    for block in ("body", "orelse", "handlers", "finalbody"):  # of statements; expressions are many and define nothing
        for child in getattr(node, block, []):
            yield from _of(child, inside)
