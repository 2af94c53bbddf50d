"""Training steps at the sizes of training: all right, and a mistake that small layers cannot show is found."""

import pytest

from npseq.bptt import gradients
from npseq.layercheck import matrix, sizes

CASES = [
    case for case in sizes.size_cases(matrix.CELLS) if case.variant in ("tanh", "relu", "reset after", "peepholes")
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_training_step_is_right(case):
    report = sizes.check_size(case)
    assert report, report
    assert 0 < report.max_error < sizes.TOLERANCE


def test_every_variant_has_every_size():
    cases = sizes.size_cases(matrix.CELLS)
    assert len(cases) == len(set(cases)) == 10 * len(sizes.SIZES)
    assert not sizes.size_cases(["linear"])


def test_a_sum_over_chunks_that_keeps_the_last_is_found_here_and_not_by_small_layers(monkeypatch):
    def last_chunk(steps, batch, features):
        return iter([slice(0, steps)][:1]) if steps * batch < 512 else iter((slice(0, steps // 2),))

    monkeypatch.setattr(gradients, "steps_at_once", last_chunk)
    small = matrix.LayerCase("rnn", "tanh", 1, 1, False, "float64", "complex")
    large = sizes.SizeCase("rnn", "tanh", "a batch of ids")
    assert matrix.check(small)
    report = sizes.check_size(large)
    assert not report
    assert "W_hh: " in str(report)
    assert "FAIL" in sizes.size_table({large: report})


def test_what_an_old_buffer_holds_is_found(monkeypatch):
    monkeypatch.setattr(gradients, "_scatter_rows", lambda cell, out, ids, da: None)
    report = sizes.check_size(sizes.SizeCase("rnn", "tanh", "ids looked up"))
    assert [name for name, error in report.errors.items() if error > sizes.TOLERANCE] == ["W_xh"]
