"""Makes the pages of the API from `__all__` of npseq and its namespaces, so that everything public has its entry."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pages import write_changed
from plain_docstrings import restructured

TOP = (  # the page of a name of npseq itself, by the module that it comes from; the first that fits
    ("checking", "Checking gradients", ("npseq.gradcheck", "npseq.layercheck", "npseq.diagnosis")),
    (
        "time",
        "Truncation, checkpointing, online gradients",
        ("npseq.bptt", "npseq.layers.checkpointing", "npseq.online"),
    ),
    ("layers", "Layers", ("npseq.layers", "npseq.cell")),
    ("losses", "Losses", ("npseq.losses",)),
    ("optimizers", "Optimizers and clipping", ("npseq.optim", "npseq.clipping")),
    ("models", "Language models", ("npseq.models",)),
    ("further", "Further names", ("npseq",)),
)
BESIDE = (  # pages of modules that no `__all__` lists: ns.gradcheck is a function; the others hold the equations
    "npseq.gradcheck",
    "npseq.diagnosis",
    "npseq.cell",
    "npseq.layers.rnn",
    "npseq.layers.gru",
    "npseq.layers.lstm",
)
INDEX = """\
API
===

From the docstrings; ``import npseq as ns``. Time comes first in every shape. T time steps, B sequences in a batch, D
input features, H hidden units, P state features (H, or an LSTM's projection), V vocabulary, L layers, R directions,
K lags. Labels such as (L4) are equations of the derivations; d2l is the book `Dive into Deep Learning <https://d2l.ai>`_.

.. toctree::
   :maxdepth: 1

{names}
"""


def public(module: ModuleType) -> dict[str, Any]:
    """Returns what `__all__` lists; without it, the functions and classes that the module defines."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return {name: getattr(module, name) for name in listed}
    own = {name: thing for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__}
    return {name: thing for name, thing in own.items() if not name.startswith("_")}


def entries(module: ModuleType) -> dict[str, Any]:
    return {name: thing for name, thing in public(module).items() if not isinstance(thing, ModuleType)}


def modules(module: ModuleType) -> list[str]:
    """Returns the modules that `__all__` lists, and those that they list in turn, if there is something in them."""
    found = []
    for thing in public(module).values():
        if isinstance(thing, ModuleType):
            found += [thing.__name__] * bool(entries(thing)) + modules(thing)
    return found


def page(title: str, intro: str, module: str, names: dict[str, Any], described: dict[int, str]) -> str:
    """Returns a page and adds its entries to described, {id: full name}: no name has two entries."""
    rows = [title, "=" * len(title), "", *restructured(intro), f".. currentmodule:: {module}", ""]
    for name, thing in names.items():
        if id(thing) in described:
            rows += [f"``{name}`` is :py:obj:`{described[id(thing)]}`.", ""]
            continue
        described[id(thing)] = f"{module}.{name}"
        kind = "autoclass" if isinstance(thing, type) else "autofunction" if callable(thing) else "autodata"
        rows += [f".. {kind}:: {module}.{name}", ""]
    return "\n".join(rows)


def pages() -> dict[str, str]:
    """Returns {file name: reStructuredText}: npseq's own names by subject, then a page for each module."""
    root = import_module("npseq")
    left, found = entries(root), {}
    described: dict[int, str] = {}
    for file, title, places in TOP:
        chosen = {name: thing for name, thing in left.items() if thing.__module__.startswith(places)}
        left = {name: thing for name, thing in left.items() if name not in chosen}
        if chosen:
            found[file] = page(title, "", "npseq", chosen, described)
    for name in dict.fromkeys([*modules(root), *BESIDE]):
        module = import_module(name)
        found[name] = page(name, module.__doc__ or "", name, entries(module), described)
    index = INDEX.format(names="\n".join(f"   {name}" for name in found))
    return {"index.rst": index} | {f"{name}.rst": text for name, text in found.items()}


def write(app: Any) -> None:
    write_changed(Path(app.srcdir) / "api", pages())


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
