"""The PDF is one A4 page, the same bytes every time, and no text leaves the paper or meets another."""

import pytest

import npseq as ns
from npseq.explain import worked
from npseq.explain.page import as_pdf, figure

CELLS = (ns.RNN(1, 1).cell, ns.LSTM(1, 1, peepholes=True).cell, ns.gallery.LayerNormLSTMCell())


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_all_texts_are_on_the_paper_and_apart(cell):
    page = figure(worked(cell))
    page.draw_without_rendering()
    boxes = [text.get_window_extent() for text in page.texts]
    width, height = page.bbox.width, page.bbox.height
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)
    meeting = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 2 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5 * min(a.height, b.height)
    ]
    assert meeting == []


def test_it_is_one_page_and_the_same_every_time():
    sheet = worked(ns.RNN(1, 1).cell)
    payload = as_pdf(sheet)
    assert payload.startswith(b"%PDF")
    assert payload.count(b"/Type /Page\n") + payload.count(b"/Type /Page ") == 1
    assert payload == as_pdf(sheet)
