"""The built site, of the folder that NPSEQ_SITE names: nothing dead, nothing from a network, everything public there.

python -m sphinx -W docs build/site && NPSEQ_SITE=build/site python -m pytest tests/site
"""

import os
import re
from pathlib import Path
from types import ModuleType

import pytest
from built import pages_of, problems

import npseq

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site():
    folder = os.environ.get("NPSEQ_SITE")
    if not folder:
        pytest.skip("NPSEQ_SITE names no built site")
    return ROOT / folder


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ('<a href="b.html">', []),
        ('<a href="b.html#place">', []),
        ('<a href="#here"><p id="here">', []),
        ('<a href="https://example.org/">', []),
        ('<img src="b.html" alt="x">', []),
        ('<a href="c.html">', ["a.html: c.html: no such file"]),
        ('<a href="b.html#nowhere">', ["a.html: b.html#nowhere: no such place in it"]),
        ('<a href="#nowhere">', ["a.html: #nowhere: no such place in it"]),
        ('<img src="c.png" alt="x">', ["a.html: c.png: no such file"]),
        ('<script src="https://example.org/x.js">', ["a.html: https://example.org/x.js: loaded from a network"]),
        ('<link href="//example.org/x.css">', ["a.html: //example.org/x.css: loaded from a network"]),
    ],
)
def test_the_checker_finds_dead_links_and_networks(tmp_path, link, wrong):
    (tmp_path / "a.html").write_text(link, encoding="utf-8")
    (tmp_path / "b.html").write_text('<p id="place">', encoding="utf-8")
    assert problems(tmp_path) == wrong


def test_no_dead_links_and_no_network(site):
    assert problems(site) == []


def test_styles_and_scripts_load_nothing_from_a_network(site):
    for path in [*site.rglob("*.css"), site / "_static" / "lags.js"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"url\([\"']?(https?:)?//|@import|\bfetch\(|XMLHttpRequest", text), path


def test_every_image_says_what_it_shows(site):
    assert {
        str(path): page.images_without_alt for path, page in pages_of(site).items() if page.images_without_alt
    } == {}


def test_every_public_name_has_its_entry(site):
    """A name that npseq itself has as well has its entry there; a second name of a thing has none, but a line."""
    ids = set().union(*(page.ids for path, page in pages_of(site / "api").items()))
    modules = {name for name in npseq.__all__ if isinstance(getattr(npseq, name), ModuleType)}
    assert {name for name in npseq.__all__ if f"npseq.{name}" not in ids} == modules
    for module in modules:
        held = {name: getattr(getattr(npseq, module), name) for name in getattr(getattr(npseq, module), "__all__", [])}
        things = {name: thing for name, thing in held.items() if not isinstance(thing, ModuleType)}
        entries = [thing for name, thing in things.items() if f"npseq.{module}.{name}" in ids]
        missing = {name for name, thing in things.items() if not any(thing is entry for entry in entries)}
        assert missing <= set(npseq.__all__)


def test_every_name_of_an_inventory_is_led_to(site):
    """And no type leads elsewhere: Sphinx is asked for each address, and warns of one that it does not know."""
    bases = {"numpy": "https://numpy.org/doc/stable/", "python": "https://docs.python.org/3/"}
    targets = {link.target for page in pages_of(site / "api").values() for link in page.links}
    for path in (ROOT / "docs" / "inventories").glob("*.inv"):
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        unused = [name for name, _, page in rows if f"{bases[path.stem]}{page}#{name}" not in targets]
        assert unused == [], f"{path.name}: nothing refers to these"


def test_functions_and_classes_lead_to_their_source(site):
    """Also methods that a class inherits. What has no source of its own: fields, aliases, generated constructors."""
    without = []
    for path in (site / "api").glob("*.html"):
        entries = re.findall(
            r'<dt class="sig [^>]*id="(npseq[^"]+)">(.*?)</dt>', path.read_text(encoding="utf-8"), re.DOTALL
        )
        without += [name for name, text in entries if "sig-paren" in text and "viewcode-link" not in text]
    assert without == []


def test_arguments_are_shown_as_a_list(site):
    text = (site / "api" / "optimizers.html").read_text(encoding="utf-8")
    entry = text[text.index('id="npseq.clip_grad_norm"') : text.index('id="npseq.clip_grad_value"')]
    assert re.search(
        r"Parameters<.*?<ul.*?<li><p><strong>grads</strong>.*?<li><p><strong>max_norm</strong>", entry, re.DOTALL
    )
    assert '<div class="highlight">' in entry, "the example"


def test_no_formula_is_left_in_the_text(site):
    """What Sphinx did not take for a formula would stand there as LaTeX."""
    for path in (site / "derivations").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        outside = re.sub(r"<(div|span|pre|code)\b[^>]*>.*?</\1>", "", text, flags=re.DOTALL)
        assert not re.search(r"\\begin|\$", outside), path
        if path.stem != "activations":  # whose table is code that a test runs
            assert pages_of(path.parent)[path].formulas > 20


def test_every_example_has_its_page(site):
    scripts = {path.stem for path in (ROOT / "examples").glob("[0-9][0-9]_*.py")}
    assert {path.stem for path in (site / "gallery").glob("[0-9]*.html")} == scripts
