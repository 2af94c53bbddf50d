"""Examples and guides become notebooks whose cells are their code, in order, and run, with their pictures."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from notebooks import LINK, SITE, notebooks, of_guide, of_script, outside  # noqa: E402

FOUND = notebooks(ROOT)
GUIDES = {path.stem: path.read_text("utf-8") for path in (ROOT / "docs" / "guides").glob("*.md")}
GUIDES["one_page"] = (ROOT / "docs" / "one_page.md").read_text("utf-8")
EXAMPLES = {path.stem for path in (ROOT / "examples").glob("[0-9]*.py")}
DRAWN = {"own_series": 1, "35_truncation_experiment": 1}  # pictures that no page shows


def cells(text, kind="code"):
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == kind]


def test_every_example_and_guide_has_one():
    assert FOUND.keys() == EXAMPLES | GUIDES.keys()


@pytest.mark.parametrize("name", FOUND)
def test_a_notebook_is_whole_and_its_cells_are_python(name):
    found = json.loads(FOUND[name])
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"])
    for source in cells(FOUND[name]):
        compile(source, name, "exec")


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_has_a_cell_for_every_block_of_python_and_no_link_that_needs_the_repository(name):
    assert len(cells(FOUND[name])) == len(re.findall(r"^```python\b", GUIDES[name], re.MULTILINE))
    for words in cells(FOUND[name], "markdown"):
        assert not LINK.search(words)
        assert "```{" not in words


@pytest.mark.slow
@pytest.mark.parametrize("name", [*GUIDES, "35_truncation_experiment"])
def test_a_notebook_runs_from_its_first_cell_to_its_last_with_its_pictures(name, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    page = GUIDES.get(name, "")
    for framework in re.findall(r"^```python (\w+)$", page, re.MULTILINE):
        pytest.importorskip(framework, exc_type=ImportError)
    made = nbformat.reads(FOUND[name], as_version=4)
    nbclient.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [out for cell in made["cells"] for out in cell.get("outputs", [])]
    pictures = sum("image/png" in out.get("data", {}) for out in outputs)
    assert pictures == DRAWN.get(name, 0) + page.count("\n![")


def test_words_and_code_keep_their_order():
    text = of_guide("# A\n\nb\n\n```python\nc = 1\n```\n\n```text\nd\n```\n\ne\n\n```{x}\n```\n", "guides/a")
    assert [cell["cell_type"] for cell in json.loads(text)["cells"]] == ["markdown", "code", "markdown", "markdown"]
    assert f"({SITE}/guides/a.html)" in text
    text = of_script('"""A."""\n\nimport os\nfrom save_figure import save\n\nx = 1\nsave(x, __file__)\n')
    assert cells(text)[1:] == ["import os", "x = 1\nsave(x, __file__)"]


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("ledger.md", f"{SITE}/guides/ledger.html"),
        ("../derivations/lstm.md#a-b", f"{SITE}/derivations/lstm.html#a-b"),
        ("#here", f"{SITE}/guides/lags.html#here"),
        ("../../npseq/cell.py", "https://github.com/npseq/npseq/blob/main/npseq/cell.py"),
    ],
)
def test_a_link_leads_to_the_site_or_to_the_source(target, leads):
    assert outside(target, "guides/lags") == leads
