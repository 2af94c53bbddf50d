"""Examples and guides become notebooks whose cells are their code, in order, and run."""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from notebooks import notebooks, of_guide, of_script  # noqa: E402

FOUND = notebooks(ROOT)


def cells(text, kind="code"):
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == kind]


def test_every_example_and_guide_has_one():
    examples = {path.stem for path in (ROOT / "examples").glob("[0-9]*.py")}
    guides = {path.stem for path in (ROOT / "docs" / "guides").glob("*.md")}
    assert FOUND.keys() == examples | guides | {"one_page"}


@pytest.mark.parametrize("name", FOUND)
def test_a_notebook_is_whole_and_its_cells_are_python(name):
    found = json.loads(FOUND[name])
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"])
    for source in cells(FOUND[name]):
        compile(source, name, "exec")


@pytest.mark.parametrize("name", ["25_bleu", "one_page", "learn"])
def test_a_notebook_runs_from_its_first_cell_to_its_last(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown, names = [], {}
    names["display"] = shown.append
    with redirect_stdout(StringIO()) as out:
        for source in cells(FOUND[name]):
            exec(compile(source, name, "exec"), names)
    assert out.getvalue()
    assert len(shown) == (name == "25_bleu")


def test_words_and_code_keep_their_order():
    text = of_guide("# A\n\nb\n\n```python\nc = 1\n```\n\n```text\nd\n```\n\ne\n")
    assert [cell["cell_type"] for cell in json.loads(text)["cells"]] == ["markdown", "code", "markdown", "markdown"]
    text = of_script('"""A."""\n\nimport os\nfrom save_figure import save\n\nx = 1\nsave(x, __file__)\n')
    assert cells(text)[1:] == ["import os", "x = 1\nsave(x, __file__)"]
