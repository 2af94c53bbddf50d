"""Gives sphinx.ext.viewcode the place where a thing is written: npseq.LSTM.forward is Recurrent.forward's text.

Its links back, from the source to the API, are left out: they know one page for a module, whose names are on several.
"""

import inspect
import re
from functools import cached_property, reduce
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx import addnodes


def written(module: str, name: str) -> tuple[str, str] | None:
    """Returns the module and the name under which the source has a thing; None where no source has it."""
    try:
        holder = reduce(getattr, name.split(".")[:-1], import_module(module))
        thing = inspect.getattr_static(holder, name.split(".")[-1])
    except AttributeError:
        return None  # an annotation without a value
    thing = thing.fget if isinstance(thing, property) else thing.func if isinstance(thing, cached_property) else thing
    thing = inspect.unwrap(getattr(thing, "__func__", thing))
    if not getattr(thing, "__module__", "").startswith("npseq") or not hasattr(thing, "__qualname__"):
        return None
    return thing.__module__, thing.__qualname__


def process(app: Any, doctree: nodes.document) -> None:
    for signature in doctree.findall(addnodes.desc_signature):
        place = written(signature["module"], signature["fullname"]) if signature.get("fullname") else None
        if place:
            signature["module"], signature["fullname"] = place


def without_links_back(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if page.startswith("_modules/"):
        context["body"] = re.sub(r'<a class="viewcode-back".*?</a>', "", context["body"])


def setup(app: Any) -> dict[str, Any]:
    app.connect("doctree-read", process, priority=400)  # before viewcode, whose priority is 500
    app.connect("html-page-context", without_links_back)
    return {"parallel_read_safe": True}
