"""Every module has a test file of its name, and no file or function is long."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES, STATEMENTS = 300, 40
WITHOUT_TESTS = {  # a module, or a file name anywhere, and why it has no test file of its name
    "__init__.py": "says what a folder is about and hands its names on; test_public_api.py holds these",
    "__main__.py": "calls cli.main, which test_cli.py runs",
    **{
        f"diagnosis/zoo/{name}.py": "a catalogue; tests/mutants puts each mistake in the place of the right backward"
        for name in ("gates", "published", "stacks", "steps", "sums")
    },
}
MODULES = [path.relative_to(ROOT / "npseq") for path in sorted((ROOT / "npseq").rglob("*.py"))]


def first_test(module: Path) -> Path:
    """npseq/a/b.py is tested first in tests/a/test_b.py."""
    return ROOT / "tests" / module.parent / f"test_{module.name}"


def missing(modules: list[Path]) -> list[str]:
    excused = {module for module in modules if {module.as_posix(), module.name} & WITHOUT_TESTS.keys()}
    return [module.as_posix() for module in modules if module not in excused and not first_test(module).is_file()]


def functions_of(text: str) -> dict[str, int]:
    """{name: how many statements, those of inner functions among them, docstrings not}."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) is not None
            found[node.name] = sum(isinstance(part, ast.stmt) for part in ast.walk(node)) - 1 - docstring
    return found


def test_every_module_has_a_test_file_of_its_name():
    assert missing(MODULES) == []


def test_a_module_without_one_is_found():
    assert missing([Path("bptt/loop.py"), Path("bptt/novel.py")]) == ["bptt/novel.py"]


@pytest.mark.parametrize("name", WITHOUT_TESTS)
def test_only_modules_that_are_there_are_excused(name):
    assert any(name in (module.as_posix(), module.name) for module in MODULES)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_short(module):
    text = (ROOT / "npseq" / module).read_text("utf-8")
    assert text.count("\n") <= LINES
    assert {name: count for name, count in functions_of(text).items() if count > STATEMENTS} == {}


def test_statements_are_counted_at_every_depth():
    text = 'def f(x):\n    """What f does."""\n    if x:\n        y = 1\n    def g():\n        return 2\n    return g\n'
    assert functions_of(text) == {"f": 5, "g": 1}
