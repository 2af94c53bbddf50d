"""Equations as the derivations write them, and their labels with the page."""

import pytest

from npseq.diagnosis.steps import VARIANTS
from npseq.diagnosis.words import SHIFTS, cited, written


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("da_h = dh_new * dtanh(h_new)", "da_h = dh_t (1 - h_t^2)"),
        ("dh = W_hf(da_f) + dh_new * z", "dh = da_f W_hf^T + dh_t z"),
        ("dh = W_hf_T(da_f)", "dh = da_f W_hf"),
        ("dc = dc_next * f.before", "dc = dc_t [f of the step before]"),
        ("dh_total = dy + 0.5 * p", "dh_total = dy + 0.5 p_{t+1}"),
        ("kept_i = clip(0.5, kept_i)", "da_i = clip(0.5, da_i)"),
    ],
)
def test_an_equation(equation, expected):
    assert written(equation) == expected


def test_labels():
    assert cited("L17") == "(L17) in docs/derivations/lstm.md"
    assert cited("G3, T2") == "(G3), (T2) in docs/derivations/gru.md and docs/derivations/time.md"
    assert cited("") == ""


def test_every_shift_has_words():
    assert SHIFTS.keys() == VARIANTS.keys()
