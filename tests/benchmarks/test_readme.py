"""The tables of the README, docs/performance.md and docs/promises.md are those of the committed results."""

import re

import pytest

from benchmarks.readme import PAGES, TABLES, renewed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_tables_are_the_results(page):
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m benchmarks.readme writes them anew"


def test_every_table_is_shown_once():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sorted(re.findall(r"<!-- (\w+) -->", text)) == sorted(TABLES)


def test_a_number_that_was_changed_by_hand_is_seen():
    text = next(text for text in (page.read_text(encoding="utf-8") for page in PAGES) if "<!-- mutants -->" in text)
    assert renewed(text.replace("| complex | 85 |", "| complex | 86 |", 1)) == renewed(text) != text.replace("85", "86")
