"""What the documentation prints: Python to run, and equations, in LaTeX and in docstrings, made into Python.

An equation's Python line ends with its label, `# (L4)`. A fenced block ```python after``` belongs to the variant
"after"; without a word it belongs to every variant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[2]
LABELLED = re.compile(r"#.*\(([A-Z]\d+)\)\s*$", re.MULTILINE)
FUNCTIONS = ["abs", "concatenate", "einsum", "exp", "eye", "log", "log1p", "maximum", "ones", "prod", "tanh", "where"]


class Equation(NamedTuple):
    label: str
    left: str  # a name
    right: str  # a Python expression


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def same(left: Any, right: Any) -> None:
    """What a printed identity claims: both sides agree to 1e-12 of their scale."""
    assert_same(left, right, "an identity")


def assert_same(found: Any, expected: Any, name: str) -> None:
    """To 1e-12 of the scale of what is expected, which must not be zero all over."""
    found, expected = 1 * np.asarray(found), 1 * np.asarray(expected)
    assert found.shape == expected.shape, f"{name}: {found.shape} beside {expected.shape}"
    scale = np.max(np.abs(expected), initial=0)
    assert scale > 0, f"{name}: nothing to compare"
    error = np.max(np.abs(found - expected), initial=0)
    assert error <= 1e-12 * scale, f"{name}: off by {error:.1e} at scale {scale:.1e}"


def namespace(given: Mapping[str, Any]) -> dict[str, Any]:
    """NumPy's functions under their own names, sigmoid, same, and what is given."""
    functions = {name: getattr(np, name) for name in FUNCTIONS}
    return functions | {"matrix_power": np.linalg.matrix_power, "sigmoid": sigmoid, "same": same} | dict(given)


def blocks(text: str, *variants: str) -> list[str]:
    """The Python blocks of these variants, and those of every variant, in order."""
    fenced = re.findall(r"^```python ?([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [code for words, code in fenced if set(words.split()) <= set(variants)]


def run(code: list[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """All names after the blocks have run in order."""
    names = namespace(given)
    for block in code:
        exec(compile(block, "derivation", "exec"), names)
    return names


def labels_of(code: list[str]) -> set[str]:
    return {label for block in code for label in LABELLED.findall(block)}


def latex_equations(text: str) -> Iterator[Equation]:
    """The rows `left &= right && [(k = a, b)] && \\text{(L4)}` of ```math``` blocks, one equation for each k."""
    for block in re.findall(r"^```math\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for row in re.sub(r"\\(begin|end)\{aligned\}", "", block).split(r"\\"):
            equation, *family, label = (part.strip() for part in row.split("&&"))
            left, right = equation.split("&=")
            gates = re.findall(r"\w+", family[0].split("=")[1]) if family else [""]
            for k in gates:
                sides = [re.sub(r"(?<=_)k|(?<=_\{[a-z])k(?=\})", k, side) for side in (left, right)]
                yield Equation(re.findall(r"[A-Z]\d+", label)[0], *map(from_latex, sides))


def from_latex(side: str) -> str:
    """A LaTeX expression in Python: what these derivations use of LaTeX, and nothing more."""
    for latex, python in (
        (r"\odot", "*"),
        (r"\sigma", "sigmoid"),
        (r"\tanh", "tanh"),
        (r"\phi", "phi"),
        (r"^\top", ".T"),
        ("^2", "**2"),
        ("[", "("),
        ("]", ")"),
    ):
        side = side.replace(latex, python)
    side = re.sub(r"_\{(\w+)\}", r"_\1", side)
    summed = side.split(r"\sum_b", 1)
    if len(summed) == 2:
        side = f"({as_python(summed[1])}).sum(axis=0)"
    unread = set(side) & set("\\{}")
    assert not unread, f"LaTeX that no rule reads: {side}"
    return as_python(side)


def as_python(side: str) -> str:
    """A docstring's expression in Python: c' is c_new, names side by side are multiplied as matrices."""
    side = re.sub(r"(\w)'", r"\1_new", side.strip())
    return re.sub(r"(?<=\w)\s+(?=[A-Za-z])", " @ ", side)


def docstring_equations(doc: str) -> Iterator[tuple[str, str, list[str]]]:
    """(label, left, alternatives) of the lines `(L4)  c' = f * c + i * g`; what is in [brackets] is kept."""
    for label, line in re.findall(r"^ *\(([A-Z]\d+)\) +(.+)$", doc, re.MULTILINE):
        equations, *remark = re.split(r" {5,}", line)
        other = re.match(r"or +(.+?) +with ", remark[0]) if remark else None
        for equation in equations.split(", "):
            left, right = re.sub(r"[][]", " ", equation).split("=")
            rights = [right, other.group(1)] if other else [right]
            yield label, as_python(left), [as_python(r) for r in rights]
