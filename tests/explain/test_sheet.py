"""Every printed digit of a worked example follows from printed ones; without rounding it is the engine's numbers."""

from decimal import Decimal

import numpy as np
import pytest

import npseq as ns
from npseq.explain import worked

printed = pytest.importorskip("explain.printed", exc_type=ImportError)

NOT_BY_ENTRY = ("LRUCell", "LayerNormLSTMCell")
CELLS = {
    "rnn": ns.RNN(1, 1).cell,
    "relu": ns.RNN(1, 1, nonlinearity="relu").cell,
    "gru after": ns.GRU(1, 1).cell,
    "gru before": ns.GRU(1, 1, reset="before").cell,
    "lstm": ns.LSTM(1, 1).cell,
    "peepholes": ns.LSTM(1, 1, peepholes=True).cell,
    "projection": ns.LSTM(1, 2, proj_size=1, peepholes=True).cell,
    **{
        name: getattr(ns.gallery, name)() for name in ns.gallery.__all__ if name not in ("LRUCell", "LayerNormLSTMCell")
    },
}
SHEETS = {name: worked(cell) for name, cell in CELLS.items()}


def names_at(sheet, t):
    """What may be read at step t, under the names of the equations."""
    found = {name: printed.exact(value) for name, value in sheet.given.items()}
    found |= {name: printed.exact([Decimal(repr(p))] * 2) for name, p in sheet.cell.masks.items()}
    for row in (*sheet.inputs, *sheet.forward, *sheet.backward):
        shown = row.text.partition(" = ")[0]
        found[shown] = printed.exact(row.steps[t])
        later = row.steps.get(t + 1)
        found[f"{shown}[t+1]"] = printed.exact(later or [Decimal(0)] * len(row.steps[t]))
    for part in sheet.cell.state:
        row = next(row for row in sheet.forward if row.name == f"{part}_new")
        found[part] = printed.exact(row.steps[t - 1] if t > 1 else sheet.given[f"{part}_0"])
    return found


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_every_printed_digit_follows_from_printed_numbers_in_50_digits(sheet):
    steps = {t: names_at(sheet, t) for t in sheet.inputs[0].steps}
    for row in (*sheet.forward, *sheet.backward):
        for t, numbers in row.steps.items():
            found = printed.value(row.text.partition(" = ")[2], steps[t]).numbers
            assert [printed.half_up(x, 4) for x in found] == [int(x.scaleb(4)) for x in numbers], row.text
    for name, (_, text, _, numbers) in sheet.gradients.items():
        factors = text.partition(" of ")[2].split(" ")
        assert text.startswith(f"d{name} = sum over t of ")
        rows = numbers if isinstance(numbers[0], list) else [numbers]
        for i, row in enumerate(rows):
            for j, number in enumerate(row):
                terms = [
                    known[factors[-1]].numbers[j]
                    * (known[factors[0].removesuffix("^T")].numbers[i] if factors[1:] else 1)
                    for known in steps.values()
                ]
                assert printed.half_up(sum(terms), 4) == int(number.scaleb(4)), text


@pytest.mark.parametrize("name", CELLS)
def test_without_rounding_the_numbers_are_the_engines(name):
    sheet = worked(CELLS[name], digits=None)
    layer, steps = sheet.layer, sorted(sheet.inputs[0].steps)
    x, dy = (np.array([[[float(k) for k in row.steps[t]]] for t in steps]) for row in sheet.inputs)
    parts = [np.array([[[float(k) for k in sheet.given[f"{part}_0"]]]]) for part in sheet.cell.state]
    state = parts[0] if len(parts) == 1 else (parts[0], np.concatenate(parts[1:], axis=2))
    y, _, tape = layer.forward(x, state)
    dx, _, grads = layer.backward(dy, tape)
    for row, wanted in (("h_new", y), ("dx", dx)):
        found = next(r for r in (*sheet.forward, *sheet.backward) if r.name == row)
        np.testing.assert_allclose(
            [[[float(k) for k in found.steps[t]]] for t in steps], wanted, atol=1e-15, rtol=1e-13
        )
    for key, (_, _, _, numbers) in sheet.gradients.items():
        np.testing.assert_allclose(np.array(numbers, float), grads[key], atol=1e-15, rtol=1e-12)


def test_the_lines_of_an_lstm_have_the_labels_of_the_derivations():
    labels = [row.label for row in (*SHEETS["lstm"].forward, *SHEETS["lstm"].backward)]
    assert {f"L{k}" for k in (1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 18, 19, 20, 21)} <= set(labels)
    assert {label for label, *_ in SHEETS["lstm"].gradients.values()} == {"L22", "L23", "L24"}


@pytest.mark.parametrize("name", NOT_BY_ENTRY)
def test_a_cell_that_is_not_entry_by_entry_is_refused(name):
    with pytest.raises(TypeError, match="must compute entry by entry to be explained"):
        worked(getattr(ns.gallery, name)())


def test_sizes_of_more_than_a_page_are_refused():
    with pytest.raises(ValueError, match=r"units must be an integer in \[1, 7\), got 7"):
        worked(CELLS["rnn"], 7)
