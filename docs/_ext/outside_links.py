"""Turns links between files into links of the site: an example leads to its page, a derivation shows its title."""

import posixpath
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

EXAMPLE = re.compile(r"\.\./examples/(\d\d_\w+)\.py")
PAGES = {
    "../README.md": "index",
    "../examples/README.md": "gallery/index",
    "README.md": "index",
    "../README": "index",
    "README": "index",
}


def page_of(target: str) -> str | None:
    """Returns the page of a file, which is named as seen from docs/, or None."""
    match = EXAMPLE.fullmatch(target)
    return f"gallery/{match[1]}" if match else PAGES.get(target)


class OutsideLinks(SphinxPostTransform):
    """Resolves references to files that have a page, before MyST and the builder look at them."""

    default_priority = 1

    def run(self, **kwargs: Any) -> None:
        folder = posixpath.dirname(self.env.docname)
        for node in list(self.document.findall(nodes.Element)):
            if not isinstance(node, (addnodes.pending_xref, addnodes.download_reference)):
                continue
            target = posixpath.normpath(posixpath.join(folder, node.get("reftarget", "")))
            if node.astext() == posixpath.basename(target) and target.removesuffix(".md") in self.env.titles:
                node.children[:] = [nodes.inline("", self.env.titles[target.removesuffix(".md")].astext())]
            if target.startswith("..") and (Path(self.env.srcdir) / target).is_dir():
                node.replace_self(node.children)  # a folder of the repository is no page: its name stays
                continue
            page = page_of(target)
            if page is not None:
                uri = self.app.builder.get_relative_uri(self.env.docname, page)
                node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=uri))


def setup(app: Any) -> dict[str, Any]:
    app.add_post_transform(OutsideLinks)
    return {"parallel_read_safe": True}
