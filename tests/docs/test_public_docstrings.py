"""Every public name has a docstring in one form: a sentence, all of its arguments, an example that runs.

Public is what `__all__` of npseq lists, and `__all__` of the namespaces in it. A function and a class show an example;
a method lists its arguments only. The fields of a NamedTuple or a dataclass may be described by comments behind them.
A NamedTuple needs no example, because the function that returns it has one; an exception needs neither.
"""

import doctest
import importlib
import inspect
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from printed import ROOT
from public_names import METHODS, THINGS, listed, public

import npseq as ns

SECTION = re.compile(r"^(Args|Attributes):\n((?: .*\n|\n)*)", re.MULTILINE)
ITEM = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*):", re.MULTILINE)
FIELD = re.compile(r"^    (\w+): [^#\n]*#", re.MULTILINE)


def names_of(things: Any) -> list[str]:
    return [name for name, _ in things]


def text_of_docstring(thing: Any) -> str:
    """A function's or a class's docstring; a class's own, with that of its constructor."""
    if not inspect.isclass(thing):
        return inspect.getdoc(thing) or ""
    constructor = vars(thing).get("__init__")
    own = "" if (thing.__doc__ or "").startswith(f"{thing.__name__}(") else thing.__doc__ or ""
    return "\n\n".join(inspect.cleandoc(text) for text in (own, getattr(constructor, "__doc__", None) or "") if text)


def described(thing: Any) -> set[str]:
    """The arguments that the docstring lists, and the fields that have a comment."""
    text = text_of_docstring(thing) + "\n"
    found = {name for _, body in SECTION.findall(text) for row in ITEM.findall(body) for name in row.split(", ")}
    if has_fields(thing):
        found |= set(FIELD.findall(inspect.getsource(thing)))
    return {name.lstrip("*") for name in found}


def has_fields(thing: Any) -> bool:
    return inspect.isclass(thing) and (hasattr(thing, "_fields") or "__dataclass_fields__" in vars(thing))


def arguments(thing: Any) -> set[str]:
    if inspect.isclass(thing) and issubclass(thing, BaseException) and "__init__" not in vars(thing):
        return set()
    return set(inspect.signature(thing).parameters) - {"self", "cls"}


@pytest.mark.parametrize(("name", "thing"), [*THINGS, *METHODS], ids=names_of([*THINGS, *METHODS]))
def test_the_first_line_is_a_sentence(name, thing):
    first = text_of_docstring(thing).split("\n")[0]
    assert first.endswith("."), f"{name}: {first!r}"


@pytest.mark.parametrize(("name", "thing"), [*THINGS, *METHODS], ids=names_of([*THINGS, *METHODS]))
def test_the_docstring_lists_the_arguments_and_nothing_else(name, thing):
    assert described(thing) == arguments(thing)


@pytest.mark.parametrize(("name", "thing"), THINGS, ids=names_of(THINGS))
def test_a_function_and_a_class_show_an_example(name, thing):
    if inspect.isclass(thing) and (issubclass(thing, BaseException) or hasattr(thing, "_fields")):
        return
    assert re.search(r"^Examples?:\n(?:\n|    .*\n)*? *>>> ", text_of_docstring(thing) + "\n", re.MULTILINE), name


SHOWN = [path for path in sorted((ROOT / "npseq").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_example_prints_what_it_shows(path, tmp_path, monkeypatch):
    """Of public and private names; in a folder of its own, with np and ns at hand."""
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    tests = doctest.DocTestFinder().find(module, globs={"np": np, "ns": ns})
    assert any(test.examples for test in tests)
    runner = doctest.DocTestRunner()
    said: list[str] = []
    for test in tests:
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def well(x: int, *rest: int, y: int = 2) -> int:
    """Adds numbers.

    Args:
        x: a number.
        *rest: more of them.
        y: the last.
    """
    return x + sum(rest) + y


def badly(x: int, y: int = 2) -> int:
    """Adds numbers

    Args:
        x: a number.
        z: there is none.
    """
    return x + y


def test_the_reading_of_docstrings():
    assert described(well) == arguments(well) == {"x", "rest", "y"}
    assert described(badly) == {"x", "z"}
    assert arguments(badly) == {"x", "y"}
    with pytest.raises(AssertionError):
        test_the_first_line_is_a_sentence("badly", badly)
    with pytest.raises(AssertionError):
        test_a_function_and_a_class_show_an_example("badly", badly)


def test_everything_public_is_reached():
    names = set(names_of(public()))
    assert {f"npseq.{name}" for name, thing in listed(ns).items() if not isinstance(thing, ModuleType)} <= names
    assert {
        "npseq.data.Vocabulary",
        "npseq.inspect.ledger",
        "npseq.interop.torch.load",
        "npseq.initializers.normal",
    } <= names
