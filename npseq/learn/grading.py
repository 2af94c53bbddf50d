"""Grades a file of somebody's functions, a notebook or a module, without running anything else that is in it."""

import ast
import json
import re
from pathlib import Path
from typing import Any

from npseq.files import as_path
from npseq.learn import letters as in_letters
from npseq.learn.choice import TASKS, letters_of
from npseq.learn.exercise import Exercise, Marks
from npseq.learn.marker import missing

CALLED = {f"{task.topic}_{task.number}": task for task in TASKS}


def source_of(path: Any) -> str:
    """The Python of a file; of a notebook the code of its cells, without lines for IPython itself.

    Raises:
        ValueError, OSError: if there is no such file, or it is not one.
    """
    path = as_path(path, "path")
    if path.suffix not in (".py", ".ipynb"):
        raise ValueError(f"path must end with .py or .ipynb, got {str(path)!r}")
    text: str = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} must be a notebook of version 4, with cells; it cannot be read") from error
    return "\n".join(re.sub(r"^\s*[%!].*$", "pass", source, flags=re.MULTILINE) for source in sources)


def written(path: Any) -> dict[str, ast.Module]:
    """What `grade` runs of a file: its imports, its functions, and numbers and texts that it gives a name to.

    Raises:
        ValueError: if the file is not Python.
    """
    try:
        tree = ast.parse(source_of(path))
    except SyntaxError as error:
        raise ValueError(f"{Path(path).name} must be Python; line {error.lineno}: {error.msg}") from error
    kept = [node for node in tree.body if _is_harmless(node)]
    found = {node.name: node for node in kept if isinstance(node, ast.FunctionDef) and node.name in CALLED}
    return {name: ast.Module([*(node for node in kept if node is not own), own], []) for name, own in found.items()}


def _is_harmless(node: ast.stmt) -> bool:
    """Whether a statement only names something: an import, a function, a constant."""
    constant = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)


def grade(path: Any) -> dict[str, Marks]:
    """Marks every exercise in somebody's file.

    A function is found by its name, `lstm_3`, and its letters by its arguments. Of the file its imports, its functions
    and its constants are run, with your rights and nothing to hold them back: read a stranger's file first.

    Args:
        path: a notebook (.ipynb) or a module (.py).

    Returns:
        {name of the function: Marks}, in the order of the exercises.

    Raises:
        ValueError, OSError: if the file cannot be read, or holds no exercise.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.py"
        >>> _ = path.write_text("def rnn_1(H, dH):\\n    dA = dH * (1 - H * H)\\n    return dA\\n")
        >>> ns.learn.grade(path)["rnn_1"].points
        1
    """
    functions = written(path)
    if not functions:
        raise ValueError(f"{Path(path).name} must hold functions named as exercises are, rnn_1 to truncation_3")
    return {name: _graded(name, functions[name], str(path)) for name in CALLED if name in functions}


def exercise_of(name: str, module: ast.Module) -> Exercise:
    """The exercise of a function in the letters of its arguments; in d2l's where they are nobody's.

    Args:
        name: of the function, "rnn_1".
        module: one of those of `written`, which ends with it.
    """
    task = CALLED[name]
    arguments = {a.arg for a in module.body[-1].args.args}  # type: ignore[attr-defined]
    its = [letters for letters in letters_of(task) if arguments == {*in_letters.given(task, letters)}]
    return Exercise(task, its[0] if its else "d2l")


def _graded(name: str, module: ast.Module, path: str) -> Marks:
    exercise = exercise_of(name, module)
    space: dict[str, Any] = {"__name__": Path(path).stem}
    try:
        exec(compile(module, path, "exec"), space)
        return exercise.check(space[name])
    except Exception as error:  # whatever somebody's own code raises is an answer to them
        said = f"it could not be run: {type(error).__name__}: {error}"
        return Marks(exercise.title, tuple(map(missing, exercise.lines)), said)
