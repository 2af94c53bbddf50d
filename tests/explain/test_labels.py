"""A line's label is that of the page: what the page's line with this label computes is the line's number."""

import re

import numpy as np
import pytest
from printed import blocks, run, text_of

import npseq as ns
from npseq.explain import worked

CELLS = {
    "rnn": (ns.RNN(1, 1).cell, "tanh"),
    "gru after": (ns.GRU(1, 1).cell, "after"),
    "gru before": (ns.GRU(1, 1, reset="before").cell, "before"),
    "lstm": (ns.LSTM(1, 2, proj_size=1, peepholes=True).cell, ""),
    **{
        f"gallery/{type(cell).__module__.rpartition('.')[2]}": (cell, "")
        for cell in (getattr(ns.gallery, name)() for name in ns.gallery.__all__)
    },
}


def row_of(numbers):
    return np.array([[float(x) for x in numbers]])


def of_page(sheet, page, word):
    """{name: (label, {t: value})} of every line that a page prints, at the numbers of a sheet."""
    code = blocks(text_of(f"docs/derivations/{page.split()[0]}.md"), word)
    labels = dict(re.findall(r"^(\w+) = .*\((\w+)\)$", "\n".join(code), re.MULTILINE))
    rows, H = {row.name: row for row in (*sheet.inputs, *sheet.forward, *sheet.backward)}, sheet.layer.hidden_size
    found = {name: (label, {}) for name, label in labels.items()}
    phi = np.tanh if word == "tanh" else lambda a: np.maximum(a, 0)
    given = {"phi": phi, "J": np.full((H, H), 1 / H), "cos": np.cos, "sin": np.sin}
    given |= dict(sheet.layer.params) | vars(sheet.cell)
    given |= {name: np.full((1, H), p) for name, p in sheet.cell.masks.items()}
    for t in sheet.inputs[0].steps:
        at = {"x": row_of(rows["x"].steps[t])}
        for part in sheet.cell.state:
            at[part] = row_of(rows[f"{part}_new"].steps[t - 1] if t > 1 else sheet.given[f"{part}_0"])
            at[f"d{part}_new"] = row_of(rows[f"d{part}_new"].steps[t])
        names = run(code, given | at)
        for name, (_, values) in found.items():
            values[t] = names[name]
    return found


@pytest.mark.parametrize("page", CELLS)
def test_a_labelled_line_has_the_number_of_the_pages(page):
    cell, word = CELLS[page]
    sheet = worked(cell, digits=None)
    lines = of_page(sheet, page, word)
    relu_for_tanh = {"C3", "C4", "C5", "C6", "C7", "C8", "C9"} if page.endswith("ind_rnn") else set()
    for row in (*sheet.forward, *sheet.backward):
        candidates = [values for label, values in lines.values() if label == row.label]
        if row.label in ("", "T2", *relu_for_tanh) or (re.fullmatch("a|v|a_.*", row.name) and row.name not in lines):
            continue  # of a gate's equation these are a part
        assert any(
            all(np.allclose(values[t].reshape(-1), row_of(row.steps[t])[0], 1e-9, 1e-13) for t in values)
            for values in candidates
            if values[1].size == len(row.steps[1])
        ), (row.label, row.text)
    for name, (label, text, _, numbers) in sheet.gradients.items():
        if name in ("W_zr", "W_zi"):
            continue
        own, values = lines[f"d{name}"]
        assert own == label, text
        if label not in relu_for_tanh:
            np.testing.assert_allclose(np.array(numbers, float), sum(values.values()), 1e-9, 1e-13)


@pytest.mark.parametrize("page", [page for page in CELLS if page.startswith("gallery")])
def test_every_line_of_a_gallery_cell_has_a_label(page):
    sheet = worked(CELLS[page][0])
    without = {row.text for row in (*sheet.forward, *sheet.backward) if not row.label}
    passed_on = {f"d{part}' = d{part}[t+1]" for part in sheet.cell.state}
    assert without - passed_on - {"s_1 = exp(-exp(nu))", "dh = 0", "s_1 = n' + (n' == 0)"} == set()
    assert all(label for label, *_ in sheet.gradients.values())
