"""What the documentation prints: Python to run, rows of equations, and inline formulas.

An equation's Python line ends with its label, `# (L4)`. A fenced block ```python after``` belongs to the variant
"after"; without a word it belongs to every variant.

The rule for docs/derivations: every row of a ```math``` block is an equation, and so is every inline formula with a
relation (=, <, >) in it. `mathematics.py` reads them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[2]
LABELLED = re.compile(r"#.*\(([A-Z]\d+)\)\s*$", re.MULTILINE)
RELATION = re.compile(r"=|<|>|\\(le|ge|lt|gt|approx|propto|mapsto|to|in)(?![a-z])")
FUNCTIONS = [
    "abs",
    "concatenate",
    "einsum",
    "exp",
    "eye",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "ones",
    "prod",
    "tanh",
    "where",
]


class Row(NamedTuple):
    label: str  # "" where none is printed
    text: str  # in LaTeX
    family: tuple[str, ...]  # what k stands for


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def same(left: Any, right: Any) -> None:
    """What a printed identity claims: both sides agree to 1e-12 of their scale."""
    assert_same(left, right, "an identity")


def assert_same(found: Any, expected: Any, name: str) -> None:
    """To 1e-12 of the scale of what is expected, which must be finite and not zero all over."""
    found, expected = 1 * np.asarray(found), 1 * np.asarray(expected)
    assert found.shape == expected.shape, f"{name}: {found.shape} beside {expected.shape}"
    scale = np.max(np.abs(expected), initial=0)
    assert 0 < scale < np.inf, f"{name}: nothing to compare"
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


def rows(text: str) -> Iterator[Row]:
    """The rows of all ```math``` blocks; one that begins with its relation goes on from the row before."""
    before = ""
    for block in re.findall(r"^```math\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for row in re.sub(r"\\(begin|end)\{aligned\}", "", block).split(r"\\"):
            formula, *remarks = (part.strip() for part in row.split("&&"))
            label = re.findall(r"[A-Z]\d+", remarks[-1]) if remarks else []
            family = re.findall(r"\w+", remarks[0].split("=")[1]) if len(remarks) == 2 else []
            formula = " ".join(formula.replace("&", "").split())
            if formula.startswith("="):
                formula = before.split("=")[0] + formula
            before = formula
            yield Row(label[0] if label else "", formula, tuple(family))


def inline(text: str) -> list[str]:
    """The inline formulas with a relation in them, without repetitions."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = (" ".join(formula.split()) for formula in re.findall(r"\$([^$]+)\$", prose))
    return list(dict.fromkeys(formula for formula in found if RELATION.search(formula)))
