"""Every public name of npseq is used by a parity test, or host_only.py says why it is the host's by design."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fake_cupy.host_only import HOST_ONLY, HOST_ONLY_METHODS
from fake_cupy.transfers import transfers

import npseq
from npseq import models
from npseq.models.counting import ngrams

MODULES = {"": npseq, "models.counting.": models.counting} | {
    f"{name}.": value for name in npseq.__all__ if inspect.ismodule(value := getattr(npseq, name))
}


def offered(module: ModuleType) -> dict[str, object]:
    """The public names of a module: its __all__, or the functions that it defines."""
    names = getattr(module, "__all__", None)
    if names is None:
        own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
        return {name: value for name, value in own.items() if inspect.isroutine(value) and defined(value, module)}
    return {name: getattr(module, name) for name in names}


def defined(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", "") == module.__name__


def public() -> dict[str, object]:
    """{name under npseq: callable or format}, without constants and without the modules of MODULES."""
    found = {f"{prefix}{name}": value for prefix, module in MODULES.items() for name, value in offered(module).items()}
    return {name: v for name, v in found.items() if callable(v) or (inspect.ismodule(v) and f"{name}." not in MODULES)}


def used() -> set[str]:
    """The names of variables, attributes and methods in the parity tests."""
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
    """Whether host_only lists it, also under another name, as npseq.inspect.HDetach has."""
    return any(key == name or PUBLIC[key] is PUBLIC[name] for key in HOST_ONLY if key in PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_parity_test(name):
    if not is_known(name):
        assert name.split(".")[-1] in USED, f"npseq.{name} needs a parity test, or a reason in host_only.py"


@pytest.mark.parametrize("name", METHODS)
def test_every_public_method_has_a_parity_test(name):
    if METHODS[name] not in HOST_ONLY_METHODS:
        assert METHODS[name] in USED, f"npseq.{name} needs a parity test, or a reason in host_only.py"


def test_every_exception_is_a_public_name():
    gone = HOST_ONLY.keys() - PUBLIC.keys()
    assert not gone, "no public name any more: take these out of host_only.py"
    assert set(METHODS.values()) >= HOST_ONLY_METHODS.keys()


def test_no_parity_test_hides_another():
    """They are imported into one module, where a second one of a name would replace the first."""
    paths = Path(__file__).parent.glob("parity_*.py")
    names = [name for path in paths for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)]
    assert len(names) == len(set(names)) > 70


def test_counting_copies_ids_once_and_explicitly(device):
    """An n-gram model and a count of n-grams have the host's numbers."""
    ids = np.arange(40) * 7 % 5
    ours = device.put(ids)
    transfers.reset()
    found = ngrams.ngram_counts(ours, 2)
    assert transfers.to_host == 1
    assert found == ngrams.ngram_counts(ids, 2)
    model = models.NGramModel(ours, 5, smoothing=1.0)
    assert transfers.to_host == 2
    assert model.perplexity(ids) == models.NGramModel(ids, 5, smoothing=1.0).perplexity(ids)
