"""docs/errors_in_the_notes.md: the numbers in bold, in order, of the paragraph that names a test."""

import re
import sys

import numpy as np
from printed import text_of

TEXT = text_of("docs/errors_in_the_notes.md")
BOLD = re.compile(r"\*\*(below )?(-?[\d.,e-]+)\*\*")
PARAGRAPHS = [p for p in TEXT.split("\n\n") if p.startswith("**Measured**")]


def check(*values):
    """The numbers of the test that calls this: those printed, to the digits printed, or below the bound printed."""
    test = sys._getframe(1).f_code.co_name
    (paragraph,) = (p for p in PARAGRAPHS if f"`{test}`" in p)
    printed = BOLD.findall(paragraph)
    assert len(printed) == len(values), f"{test} has {len(values)} numbers, the document {len(printed)}"
    for (below, number), value in zip(printed, values, strict=True):
        if below:
            assert value < float(number), f"{value} is not below {number}"
        else:
            digits = len(number.partition(".")[2])
            assert f"{value:,.{digits}f}" == number, f"{value} beside {number}"


def filled(layer, rng):
    """The layer with every parameter drawn from N(0, 1), whatever order they lie in."""
    for name in sorted(layer.params):
        layer.params[name] = rng.normal(size=layer.params[name].shape)
    return layer


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)
