"""Every equation that docs/derivations prints is evaluated, and misprinted it fails."""

import re

import cell_pages
import hmm_page
import losses_page
import online_page
import pytest
import scan_page
import time_page
import truncation_page
from mathematics import latex
from misprints import FAILURES, assert_no_misprint_passes
from printed import ROOT, inline, rows, text_of

PAGES = {
    "rnn": (cell_pages.RNN_CHECKS, {}),
    "gru": (cell_pages.GRU_CHECKS, {}),
    "lstm": (cell_pages.LSTM_CHECKS, cell_pages.LSTM_NOTATION),
    "time": (time_page.CHECKS, time_page.NOTATION),
    "truncation": (truncation_page.CHECKS, truncation_page.NOTATION),
    "online": (online_page.CHECKS, online_page.NOTATION),
    "scan": (scan_page.CHECKS, scan_page.NOTATION),
    "losses": (losses_page.CHECKS, losses_page.NOTATION),
    "hmm": (hmm_page.CHECKS, hmm_page.NOTATION),
}
CASES = [(page, key) for page, (checks, _) in PAGES.items() for key in checks]


def equations(page):
    """{label or text: the equations printed there}."""
    text, found = text_of(f"docs/derivations/{page}.md"), {}
    for row in rows(text):
        found.setdefault(row.label or row.text, []).append(row.text)
    return found | {formula: [formula] for formula in inline(text)}


@pytest.mark.parametrize("page", PAGES)
def test_every_equation_is_evaluated_or_notation(page):
    checks, notation = PAGES[page]
    assert set(equations(page)) == set(checks) | set(notation)
    assert not set(checks) & set(notation)
    assert all(notation.values()), "a reason for each"


@pytest.mark.parametrize(("page", "key"), CASES)
def test_a_printed_equation_holds_and_misprinted_does_not(page, key):
    for text in equations(page)[key]:
        for equation in latex(text):
            assert_no_misprint_passes(equation, PAGES[page][0][key])


def check_all(found, check):
    for equation in found:
        check(equation)


@pytest.mark.parametrize("page", PAGES)
def test_a_sign_turned_in_the_text_is_seen(page):
    """The same in the LaTeX itself, so that nothing which the reading passes over could hide it."""
    turned = 0
    for key, check in PAGES[page][0].items():
        for text in equations(page)[key]:
            wrong = text.replace(" + ", " - ", 1) if " + " in text else text.replace(" - ", " + ", 1)
            if wrong != text:
                with pytest.raises(FAILURES):
                    check_all(latex(wrong), check)
                turned += 1
    assert turned >= 5


def test_every_label_in_the_code_is_of_an_equation():
    """Of a page, or of the docstring of the module itself."""
    texts = [text_of(f"docs/derivations/{page}.md") for page in PAGES]
    pages = {label for text in texts for label in re.findall(r"\(([A-Z]\d+)\)", text)}
    for path in sorted((ROOT / "npseq").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        own = re.findall(r"^ *\(([A-Z]\d+)\)  ", text, re.MULTILINE)
        named = set(re.findall(r"\(([RGLTKEDOMP]\d+)\)", text))
        assert named <= pages | set(own), path


def test_every_page_is_here():
    own = {"activations"}  # a table, which test_activations_page.py runs
    assert sorted({*PAGES} | own) == sorted(path.stem for path in (ROOT / "docs" / "derivations").glob("*.md"))
