"""Every guide to one's own data is a notebook that runs, where nbclient is installed, and its pictures are there."""

import json
import runpy

import pytest
from printed import ROOT, text_of

GUIDES = ("own_text", "own_series", "own_labels", "own_pairs")
notebook = runpy.run_path(str(ROOT / "docs" / "_ext" / "notebooks.py"))["notebook"]


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_is_a_notebook(name):
    page = text_of(f"docs/guides/{name}.md")
    made = notebook(page)
    code = ["".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"]
    assert len(code) == page.count("```python\n")
    assert all("```" not in source for source in code)
    for source in code:
        compile(source, name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("name", GUIDES)
def test_the_notebook_runs(name, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    made = nbformat.reads(json.dumps(notebook(text_of(f"docs/guides/{name}.md"))), as_version=4)
    nbclient.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [out for cell in made["cells"] for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == (name == "own_series")
