"""Who may import whom in npseq, read off its source. Imports inside functions and those for typing count too."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GROUND = {"arrays", "bar", "backend", "files", "arguments", "plot", "magnitude", "cpu", "threads", "protocols", "shown"}
BELOW_CELL = GROUND | {"parameters", "activations", "losses", "optim", "clipping", "initializers", "data"}
BELOW_LAYERS = BELOW_CELL | {"cell", "bptt"}
BELOW_MODELS = BELOW_LAYERS | {"layers"}
ALL = BELOW_MODELS | {"gallery", "gpu", "gradcheck", "models", "online", "layercheck", "inspect", "interop", "training"}
ALL |= {"compiled", "diagnosis", "explain", "learn", "scan"}
RULES: dict[str, set[str]] = {  # what a folder or file may import, itself aside; nobody: commands, cli, testing
    **{name: set() for name in ("early", "arrays", "bar", "files", "shown")},
    "arguments": {"arrays"},
    "backend": {"arrays", "threads"},
    "cpu": {"arguments"},
    "threads": {"cpu"},
    "protocols": {"backend"},
    "plot": {"files", "arguments"},
    "magnitude": {"arrays", "backend"},
    **{name: GROUND | {"parameters"} for name in (*BELOW_CELL - GROUND, "gradcheck")},
    "cell": GROUND,
    "gallery": GROUND | {"activations", "cell"},
    "gpu": BELOW_CELL | {"cell"},
    "bptt": BELOW_LAYERS,
    "compiled": BELOW_LAYERS | {"gpu"},  # gpu: the tracing of a cell
    "layers": BELOW_MODELS,
    "models": BELOW_MODELS | {"gallery"},  # a file names the cells of npseq
    "online": BELOW_MODELS,
    "scan": BELOW_MODELS,
    "layercheck": BELOW_MODELS | {"gradcheck"},
    "diagnosis": BELOW_MODELS | {"gradcheck", "layercheck", "gpu"},  # gpu: the tracing of a cell
    "explain": BELOW_MODELS | {"diagnosis", "gpu"},  # gpu: the tracing of a cell
    "learn": BELOW_MODELS | {"diagnosis"},
    "inspect": BELOW_MODELS | {"models"},
    "interop": BELOW_MODELS | {"models", "gallery"},  # ONNX's LSTM with input_forget
    "training": BELOW_MODELS | {"models", "inspect", "gpu"},
    "vectors": BELOW_MODELS | {"interop", "diagnosis"},
    "testing": GROUND | {"gradcheck", "layercheck"},
    "pytest_plugin": {"testing"},
    "commands": ALL | {"npseq", "vectors"},
    "cli": {"commands", "early", "npseq"},
    "__main__": {"cli"},
    "npseq": ALL | {"testing", "early"},
}
LAZY = {("npseq.bptt.loop", "gpu"), ("npseq.bptt.compiled", "compiled")}  # these only inside a function
LAZY |= {("npseq.models.language_model", end) for end in ("gpu", "compiled")}

Sources = dict[str, str]


def sources() -> Sources:
    """{module: its text}; a package is called as its __init__ is."""
    paths = {path.relative_to(ROOT).with_suffix(""): path for path in (ROOT / "npseq").rglob("*.py")}
    return {".".join(path.parts).removesuffix(".__init__"): file.read_text("utf-8") for path, file in paths.items()}


@cache
def imports(text: str) -> list[tuple[tuple[str, ...], bool]]:
    """(names that may be modules, the likelier one first; whether inside a function) of every import of npseq."""

    def below(node: ast.AST, lazy: bool) -> Iterator[tuple[tuple[str, ...], bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (((alias.name,), lazy) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from (((f"{child.module}.{alias.name}", str(child.module)), lazy) for alias in child.names)
            yield from below(child, lazy or isinstance(child, ast.FunctionDef))

    return [(names, lazy) for names, lazy in below(ast.parse(text), False) if names[0].split(".")[0] == "npseq"]


def unit(module: str) -> str:
    """The folder or file of npseq that a module is, or is in."""
    return module.split(".")[1] if "." in module else module


def circles(edges: set[tuple[str, str]]) -> set[str]:
    """The edges from whose end a way leads back to their start."""
    reached = {end: {end} for edge in edges for end in edge}
    for _ in reached:  # a way has no more edges than there are ends
        before = sum(map(len, reached.values()))
        for start, end in edges:
            reached[start] |= reached[end]
        if before == sum(map(len, reached.values())):
            break
    return {f"{start} -> {end} closes a circle" for start, end in edges if start in reached[end]}


def violations(modules: Sources) -> set[str]:
    """Every import against the rules, and every one in a circle of files or of folders."""
    found, files, folders = set(), set(), set()
    for module, text in modules.items():
        for names, lazy in imports(text):
            name = next((name for name in names if name in modules), names[-1])
            start, end = unit(module), unit(name)
            files.add((module, name))
            if start != end and not (lazy and (module, end) in LAZY):
                folders.add((start, end))
                if end not in RULES.get(start, set()):
                    found.add(f"{module} -> {name}: {start} must not import {end}")
    return found | circles(files) | circles(folders)


def test_every_import_keeps_the_rules_and_none_closes_a_circle():
    assert violations(sources()) == set()


def test_every_file_and_folder_has_a_rule():
    assert {unit(module) for module in sources()} <= RULES.keys()


@pytest.mark.parametrize(
    ("module", "line", "violation"),
    [
        ("npseq.bptt.tape", "from npseq.layers.rnn import RNN", "bptt must not import layers"),
        ("npseq.bptt.tape", "import npseq.layers.rnn", "bptt must not import layers"),
        ("npseq.layers.rnn", "def f():\n    from npseq.models import Tagger", "layers must not import models"),
        ("npseq.layers.rnn", "class A:\n    def f(self):\n        from npseq import gradcheck", "not import gradcheck"),
        ("npseq.layers.rnn", "if TYPE_CHECKING:\n    from npseq.gpu import cell", "layers must not import gpu"),
        ("npseq.bptt.loop", "from npseq.gpu.cell import fused", "bptt must not import gpu"),
        ("npseq.bptt.tape", "def f():\n    from npseq.gpu.cell import fused", "bptt must not import gpu"),
        ("npseq.interop.torch", "from npseq import __version__", "interop must not import npseq"),
        ("npseq.online.rtrl", "from npseq.layercheck import check", "online must not import layercheck"),
        ("npseq.training.run", "from npseq import commands", "training must not import commands"),
        ("npseq.backend", "from npseq.arguments import flag", "backend must not import arguments"),
        (
            "npseq.layers.recurrent",
            "from npseq.layers.rnn import RNN",
            "npseq.layers.recurrent -> npseq.layers.rnn closes",
        ),
        ("npseq.layers.recurrent", "def f():\n    from npseq.layers import rnn", "-> npseq.layers.rnn closes a circle"),
        ("npseq.cell", "from npseq.bptt import tape", "cell -> bptt closes a circle"),
        ("npseq.novel", "import npseq.backend", "npseq.novel -> npseq.backend: novel must not import backend"),
    ],
)
def test_a_planted_import_is_found(module, line, violation):
    before = sources()
    found = violations(before | {module: f"{before.get(module, '')}\n{line}\n"}) - violations(before)
    assert any(violation in one for one in found)


def test_the_lazy_imports_are_there_and_an_allowed_one_is_no_violation():
    text = sources()
    for module, end in LAZY:
        assert f"    from npseq.{end}" in text[module]
    allowed = text | {"npseq.layers.rnn": f"{text['npseq.layers.rnn']}\nfrom npseq.bptt import loop\n"}
    assert violations(allowed) == violations(text)
