"""Every guide to one's own data runs as a notebook, where nbclient is installed, and its pictures are there."""

import json
import runpy

import pytest
from printed import ROOT, text_of

GUIDES = ("own_text", "own_series", "own_labels", "own_pairs")
of_guide = runpy.run_path(str(ROOT / "docs" / "_ext" / "notebooks.py"))["of_guide"]


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_has_a_cell_for_every_block_of_code(name):
    page = text_of(f"docs/guides/{name}.md")
    code = [cell for cell in json.loads(of_guide(page))["cells"] if cell["cell_type"] == "code"]
    assert len(code) == page.count("```python\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", GUIDES)
def test_the_notebook_runs(name, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    made = nbformat.reads(of_guide(text_of(f"docs/guides/{name}.md")), as_version=4)
    nbclient.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [out for cell in made["cells"] for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == (name == "own_series")
