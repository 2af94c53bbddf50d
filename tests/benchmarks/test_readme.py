"""The README's tables are those of the committed results."""

from __future__ import annotations

import re

from benchmarks.readme import README, TABLES, renewed


def test_the_readmes_tables_are_the_results():
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m benchmarks.readme writes them anew"


def test_every_table_is_shown():
    assert sorted(re.findall(r"<!-- (\w+) -->", README.read_text(encoding="utf-8"))) == sorted(TABLES)


def test_a_number_that_was_changed_by_hand_is_seen():
    text = README.read_text(encoding="utf-8")
    assert renewed(text.replace("| complex | 85 |", "| complex | 86 |", 1)) == renewed(text) != text.replace("85", "86")
