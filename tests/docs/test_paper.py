"""paper/paper.md cites what paper.bib has, and its counts are those of the committed results."""

import json
import re

from printed import text_of

import npseq

PAPER = text_of("paper/paper.md")
WORDS = " ".join(PAPER.split())


def result(name):
    return json.loads(text_of(f"benchmarks/results/{name}.json"))


def test_every_citation_is_in_the_list_and_every_entry_is_cited():
    entries = re.findall(r"^@\w+\{(\w+),", text_of("paper/paper.bib"), re.MULTILINE)
    assert set(re.findall(r"@(\w+)\b", PAPER.partition("# Summary")[2])) == set(entries)
    assert len(entries) == len(set(entries))


def test_its_counts_are_the_results():
    caught, of = result("mutants")["scores"]["complex"]
    assert caught == of
    assert f"{of} wrong backward passes" in WORDS
    killed = result("faults")["killed"]
    assert not killed["differ"]
    assert f"{killed['kills']} killed runs resume bit for bit" in WORDS


def test_the_citation_has_the_version():
    assert f"\nversion: {npseq.__version__}\n" in text_of("CITATION.cff")
