"""The built site as its readers meet it: pages with their ids and links. Shares nothing with Sphinx."""

from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}
NAVIGATION = {"a"}  # what a reader chooses to follow; everything else is loaded without asking


class Link(NamedTuple):
    tag: str
    target: str


class Page(HTMLParser):
    """The ids, links, and text of one HTML file."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[Link] = []
        self.images_without_alt: list[str] = []
        self.formulas = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.update(given[name] for name in ("id", "name") if name in given)
        self.formulas += "math" in given.get("class", "").split()
        if tag in LINKS and LINKS[tag] in given:
            self.links.append(Link(tag, given[LINKS[tag]]))
        if tag == "img" and not given.get("alt"):
            self.images_without_alt.append(given.get("src", ""))


def pages_of(folder: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}


def problems(folder: Path) -> list[str]:
    """Links into nowhere, and anything that a page would load from a network."""
    pages = pages_of(folder.resolve())
    found = []
    for path, page in pages.items():
        for link in page.links:
            wrong = _problem(path, link, pages)
            if wrong:
                found.append(f"{path.relative_to(folder.resolve())}: {link.target}: {wrong}")
    return found


def _problem(path: Path, link: Link, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link.target)
    if parts.scheme in ("http", "https") or parts.netloc:
        return "" if link.tag in NAVIGATION else "loaded from a network"
    if parts.scheme:
        return "" if parts.scheme in ("mailto", "data") else f"unknown scheme {parts.scheme}"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].ids:
        return "no such place in it"
    return ""
