"""docs/README.md: links lead somewhere, and each row names the labels and the test that its page has."""

import re

import pytest
from printed import ROOT, text_of

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
ROWS = re.findall(
    r"^\| \[derivations/(\w+)\.md\].*\| ([A-Z])1 to [A-Z](\d+) \| `(\S+)` \|$", text_of("docs/README.md"), re.MULTILINE
)


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_documentation(page):
    for link in re.findall(r"\]\((?!https?://|#)([^)#]+)\)", text_of(page)):
        target = ((ROOT / page).parent / link).resolve()
        assert target.exists() or target == ROOT / "README.md", f"{page} links to {link}"


@pytest.mark.parametrize("page", ["README.md", "examples/README.md", *PAGES])
def test_a_page_that_says_d2l_says_what_it_is(page):
    text = text_of(page)
    named = re.search(r"d2l\.ai|Dive\s+into\s+Deep\s+Learning|《动手学深度学习》", text)
    assert named or not re.search(r"\bd2l\b", text)


def test_every_derivation_has_its_row():
    assert sorted(row[0] for row in ROWS) == sorted(path.stem for path in (ROOT / "docs" / "derivations").glob("*.md"))


@pytest.mark.parametrize(("page", "letter", "last", "test"), ROWS)
def test_a_row_names_all_labels_and_the_test(page, letter, last, test):
    found = {int(k) for k in re.findall(rf"\b{letter}(\d+)\b", text_of(f"docs/derivations/{page}.md"))}
    assert found == set(range(1, int(last) + 1))
    assert (ROOT / "tests" / "docs" / test).is_file()
