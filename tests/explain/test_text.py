"""Text, LaTeX and HTML print every number of the sheet, and nothing from a network."""

import re
import shutil
import subprocess

import pytest

import npseq as ns
from npseq.explain import worked
from npseq.explain.text import as_html, as_latex, as_text

SHEET = worked(ns.LSTM(1, 1).cell)


@pytest.mark.parametrize("form", [as_text, as_latex, as_html])
def test_every_number_is_printed(form):
    shown = re.findall(r"-?\d+\.\d{4}", form(SHEET))
    wanted = [f"{x:f}" for row in (*SHEET.forward, *SHEET.backward) for t in (1, 2, 3) for x in row.steps[t]]
    for *_, numbers in SHEET.gradients.values():
        wanted += [f"{x:f}" for row in numbers for x in (row if isinstance(row, list) else [row])]
    assert sorted(shown) == sorted(wanted)


def test_the_page_needs_no_network_and_latex_is_balanced():
    assert "http" not in as_html(SHEET)
    text = as_latex(SHEET)
    assert text.count("{") == text.count("}")
    assert text.count(r"\begin") == text.count(r"\end")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex here")
@pytest.mark.parametrize("name", ["lstm", *ns.gallery.__all__])
def test_latex_compiles_and_nothing_leaves_the_paper(name, tmp_path):
    sheet = SHEET if name == "lstm" else worked(getattr(ns.gallery, name)())
    (tmp_path / "a.tex").write_text(as_latex(sheet), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not re.search("^(Over|Under)full", done.stdout, re.MULTILINE)


def test_neighbouring_numbers_are_not_subtracted():
    assert not re.search(r"\d\.\d{4} *\\?;? *-", as_latex(SHEET))
