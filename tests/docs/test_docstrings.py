"""Every equation in a docstring of npseq is evaluated, and misprinted it fails. The rule stands in docstrings.py."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from docstrings import CHECKS, Docstring, docstrings
from evaluation import looking_at
from misprints import survivors

for path in sorted(Path(__file__).parent.glob("docstrings_of_*.py")):
    importlib.import_module(path.stem)


def test_every_docstring_with_an_equation_has_a_check():
    without = sorted(set(docstrings()) - set(CHECKS))
    assert not without, "write a check in tests/docs/docstrings_of_*.py, or take the equation out"
    assert set(CHECKS) <= set(docstrings()), "checks of docstrings that are gone"


@pytest.mark.parametrize("key", sorted(CHECKS))
def test_the_equations_of_a_docstring(key):
    printed = Docstring(docstrings()[key])
    CHECKS[key](printed)
    assert not printed.left_out(), "neither evaluated nor named as notation"

    def misprinted(wrong):
        with np.errstate(all="ignore"), looking_at(wrong):
            CHECKS[key](Docstring(docstrings()[key], {wrong.text: wrong}))

    unseen = [wrong for equation in printed.taken.values() for wrong in survivors(equation, misprinted)]
    assert not unseen, "misprinted, they pass"
