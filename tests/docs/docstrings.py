"""The docstrings of the engine's mathematics, and the checks that evaluate what they print.

The rule: wherever one of SIGNS stands in a public docstring of the modules of RULED, there is an equation, and a check
evaluates it or names it as notation, with a reason. A check says which text it takes, word for word; what is left of
the docstring when its check is done must hold no sign. Other modules may have checks, of single equations. Examples
are doctest's business (test_public_docstrings.py).
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache

from mathematics import Equation, plain
from printed import ROOT

RULED = (
    "npseq.activations.basic",
    "npseq.bptt.factors",
    "npseq.bptt.gradients",
    "npseq.bptt.loop",
    "npseq.bptt.truncation",
    "npseq.cell",
    "npseq.clipping",
    "npseq.initializers",
    "npseq.layers.gru",
    "npseq.layers.lstm",
    "npseq.layers.rnn",
    "npseq.losses",
    "npseq.optim",
)
EXAMPLE = re.compile(r"^Examples?:\n(?:(?: .*)?\n|(?: .*)?$)*", re.MULTILINE)
SIGNS = re.compile(
    r" (?:=|<-|\+=|\*|/|~) |\^|\+-|\b(?:sum|prod)_|\bmin_\w \["
    r"|\b(?:sqrt|exp|tanh|sigmoid|softmax|min|max)\(|\blog [\w(|]|\|\S[^|]* - "
)
Check = Callable[["Docstring"], None]
CHECKS: dict[str, Check] = {}


def check(*keys: str) -> Callable[[Check], Check]:
    """Registers a function that evaluates the docstrings of these keys, "npseq.optim:SGD"."""

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
    """{"npseq.optim:SGD.step": its docstring without the example} of everything public with a sign in it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "npseq").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name, text in _of(ast.parse(path.read_text(encoding="utf-8")), ""):
            text = EXAMPLE.sub("", text)
            if SIGNS.search(" ".join(text.split())):
                key = f"{module}:{name}"  # a property's getter and setter have one name
                found[key] = f"{found[key]}\n\n{text}" if key in found else text
    return found


def _of(node: ast.AST, inside: str) -> Iterator[tuple[str, str]]:
    name = getattr(node, "name", "")
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) or re.match(r"_(?!_)", name):
        return
    text, inside = ast.get_docstring(node), f"{inside}.{name}".strip(".")
    if text:
        yield inside, text
    for child in node.body:
        yield from _of(child, inside)
