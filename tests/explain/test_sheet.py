"""Every printed digit of a worked example follows from printed ones; without rounding it is the engine's numbers."""

from decimal import Decimal

import numpy as np
import pytest

import npseq as ns
from npseq.explain import worked

printed = pytest.importorskip("explain.printed", exc_type=ImportError)

CELLS = {
    "rnn": ns.RNN(1, 1).cell,
    "relu": ns.RNN(1, 1, nonlinearity="relu").cell,
    "gru after": ns.GRU(1, 1).cell,
    "gru before": ns.GRU(1, 1, reset="before").cell,
    "lstm": ns.LSTM(1, 1).cell,
    "peepholes": ns.LSTM(1, 1, peepholes=True).cell,
    "projection": ns.LSTM(1, 2, proj_size=1, peepholes=True).cell,
    **{name: getattr(ns.gallery, name)() for name in ns.gallery.__all__},
}
SHEETS = {name: worked(cell) for name, cell in CELLS.items()}


def names_at(sheet, t):
    """What may be read at step t, under the names of the equations."""
    found = {name: printed.exact(value) for name, value in sheet.given.items()}
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
            found = printed.value(row.text.partition(" = ")[2], steps[t])
            found = found.numbers if isinstance(found, printed.Row) else [found] * len(numbers)
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
    found = {key: np.array(numbers, float) for key, (_, _, _, numbers) in sheet.gradients.items()}
    if "W_zr" in found:  # the LRU's two matrices are one above the other
        found["W_zh"] = np.concatenate([found.pop("W_zr"), found.pop("W_zi")])
    assert found.keys() == grads.keys()
    for key, numbers in found.items():
        np.testing.assert_allclose(numbers, grads[key], atol=1e-15, rtol=1e-12)


def test_the_lines_of_an_lstm_have_the_labels_of_the_derivations():
    labels = [row.label for row in (*SHEETS["lstm"].forward, *SHEETS["lstm"].backward)]
    assert {f"L{k}" for k in (1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 18, 19, 20, 21)} <= set(labels)
    assert {label for label, *_ in SHEETS["lstm"].gradients.values()} == {"L22", "L23", "L24"}


def test_what_is_normalised_has_three_units_as_of_two_one_is_1_and_the_other_minus_1():
    assert (SHEETS["LayerNormLSTMCell"].title, SHEETS["lstm"].title) == (
        "LayerNormLSTM, 3 units, 3 steps",
        "LSTM, 2 units, 3 steps",
    )


def test_sums_over_units_and_complex_numbers_stand_in_lines_of_their_own():
    shown = {(row.label, row.text) for name in ("LayerNormLSTMCell", "LRUCell") for row in SHEETS[name].forward}
    assert {
        ("C10", "q_c = c' - mean(c')"),
        ("C11", "r_c = 1 / sqrt(mean(q_c^2) + 0.00001)"),
        ("C5", "l_i = s_1 sin(exp(theta))"),
        ("C6", "r' = l_r r + a_r exp(gamma) - l_i i"),
    } <= shown


def test_a_cell_that_cannot_be_traced_is_refused():
    with pytest.raises(TypeError, match="RNNOverUnitsCell cannot be explained, as its lines cannot be traced: "):
        worked(ns.layers.RNNOverUnitsCell("softmax"))


def test_sizes_of_more_than_a_page_are_refused():
    with pytest.raises(ValueError, match=r"units must be an integer in \[1, 7\), got 7"):
        worked(CELLS["rnn"], 7)
