"""Everything that npseq offers runs in a parity body, on the stand-in here and on a device in tests/gpu, or is the
host's by design and says why in host_only.py.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from standin.host_only import HOST_ONLY, HOST_ONLY_METHODS
from standin.traffic import traffic

import npseq
from npseq import models, training
from npseq.models.counting import ngrams

FACES = {
    "": npseq,
    "data.": npseq.data,
    "initializers.": npseq.initializers,
    "inspect.": npseq.inspect,
    "interop.": npseq.interop,
    "models.": models,
    "models.counting.": models.counting,
    "testing.": npseq.testing,
    "training.": training,
}


def offered(module: ModuleType) -> dict[str, object]:
    """What a module offers: by its __all__, or what it defines."""
    names = getattr(module, "__all__", None)
    if names is None:
        own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
        return {name: value for name, value in own.items() if inspect.isroutine(value) and defined(value, module)}
    return {name: getattr(module, name) for name in names}


def defined(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", "") == module.__name__


def public() -> dict[str, object]:
    """{name under npseq: callable or format}; modules that are walked themselves, and constants, are left out."""
    found = {f"{face}{name}": value for face, module in FACES.items() for name, value in offered(module).items()}
    return {name: v for name, v in found.items() if callable(v) or (inspect.ismodule(v) and f"{name}." not in FACES)}


def used() -> set[str]:
    """The names that the parity bodies use: of variables, attributes and methods."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("parity_*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


PUBLIC, USED = public(), used()
METHODS = {
    f"{name}.{method}": method
    for name, kind in PUBLIC.items()
    if isinstance(kind, type) and name not in HOST_ONLY
    for base in kind.__mro__
    if base.__module__.startswith("npseq")
    for method, value in vars(base).items()
    if not method.startswith("_") and callable(getattr(kind, method)) and not isinstance(value, type)
}


def is_known(name: str) -> bool:
    """Also a name that stands for another face's, as npseq.inspect.HDetach does."""
    return any(key == name or PUBLIC[key] is PUBLIC[name] for key in HOST_ONLY if key in PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name(name):
    if not is_known(name):
        assert name.split(".")[-1] in USED, f"npseq.{name} needs a parity body, or a reason in host_only.py"


@pytest.mark.parametrize("name", METHODS)
def test_every_method(name):
    if METHODS[name] not in HOST_ONLY_METHODS:
        assert METHODS[name] in USED, f"npseq.{name} needs a parity body, or a reason in host_only.py"


def test_the_list_is_no_longer_than_it_must_be():
    gone = HOST_ONLY.keys() - PUBLIC.keys()
    assert not gone, "not offered any more: take these out of host_only.py"
    assert set(METHODS.values()) >= HOST_ONLY_METHODS.keys()


def test_a_count_copies_ids_by_name(device):
    """An n-gram model and a count of n-grams: one explicit copy each, and the host's numbers."""
    ids = np.arange(40) * 7 % 5
    ours = device.put(ids)
    traffic.reset()
    found = ngrams.ngram_counts(ours, 2)
    assert traffic.to_host == 1
    assert found == ngrams.ngram_counts(ids, 2)
    model = models.NGramModel(ours, 5, smoothing=1.0)
    assert traffic.to_host == 2
    assert model.perplexity(ids) == models.NGramModel(ids, 5, smoothing=1.0).perplexity(ids)
