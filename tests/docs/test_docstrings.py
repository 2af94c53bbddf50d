"""Every equation in a docstring of the engine's mathematics is evaluated, and misprinted it fails.

The rule is in docstrings.py.
"""

import importlib
from pathlib import Path

import numpy as np
import pytest
from docstrings import CHECKS, RULED, Docstring, docstrings
from evaluation import looking_at
from misprints import survivors

for path in sorted(Path(__file__).parent.glob("docstrings_of_*.py")):
    importlib.import_module(path.stem)


def test_every_docstring_with_an_equation_has_a_check():
    without = sorted(key for key in docstrings() if key.startswith(RULED) and key not in CHECKS)
    assert not without, "write a check in tests/docs/docstrings_of_*.py, or take the equation out"
    assert set(CHECKS) <= set(docstrings()), "checks of docstrings that are gone"


@pytest.mark.parametrize("key", sorted(CHECKS))
def test_the_equations_of_a_docstring_hold_and_misprinted_they_do_not(key):
    printed = Docstring(docstrings()[key])
    CHECKS[key](printed)
    assert not (key.startswith(RULED) and printed.left_out()), "neither evaluated nor named as notation"

    def misprinted(wrong):
        with np.errstate(all="ignore"), looking_at(wrong):
            CHECKS[key](Docstring(docstrings()[key], {wrong.text: wrong}))

    unseen = [wrong for equation in printed.taken.values() for wrong in survivors(equation, misprinted)]
    assert not unseen, "misprinted, they pass"
