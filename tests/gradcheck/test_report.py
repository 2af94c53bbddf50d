"""A report is a value, and a table with one row per tensor."""

import dataclasses

import numpy as np
import pytest
from gradcheck.problems import RIGHT, WEIGHED_AT, WRONG, weighed

from npseq.gradcheck import Report, TensorReport, gradcheck
from npseq.gradcheck.rows import COLUMNS, LEGEND


def test_the_table_has_a_row_per_tensor():
    lines = str(gradcheck(weighed, WEIGHED_AT, WRONG)).splitlines()
    assert lines[0] == "NOT PASSED: 1 of 3 tensors wrong: W (entry [1, 2]) (gradcheck, method 'central')"
    assert lines[1].startswith("worst: W[1, 2], analytic ")
    head, *rows = lines[2:6]
    columns = [
        "tensor",
        "shape",
        "scale",
        "error",
        "tolerance",
        "status",
        "worst",
        "analytic",
        "numeric",
        "evaluations",
    ]
    assert head.split() == columns
    assert [row.split()[0] for row in rows] == ["W", "s", "empty"]
    assert "fail" in rows[0]
    assert "pass" in rows[1]
    assert lines[6].startswith("scale: largest entry of the gradient. error: ")
    assert lines[7].startswith("worst: the entry most in doubt, analytic: ")
    assert lines[8] == "W: 1 of 12 entries wrong: entry [1, 2]"


def test_every_column_of_numbers_has_a_legend():
    told = " ".join(LEGEND)
    assert all(f"{column}" in told for column in COLUMNS[2:5] + COLUMNS[6:])


def test_the_first_line_is_the_verdict_and_groups_what_is_wrong_at_the_same_places():
    fails = [TensorReport(n, (2,), 1.0, 1.0, 1e-6, "fail", where=w) for n, w in [("a", "x"), ("b", "y"), ("c", "x")]]
    doubt = TensorReport("d", (2,), 1.0, 1.0, 1e-6, "inconclusive")
    report = Report("central", (*fails, doubt), 0)
    told = "3 of 4 tensors wrong: a, c (x), b (y); 1 of 4 tensors undecided: d"
    assert report.verdict == f"NOT PASSED: {told} (gradcheck, method 'central')"
    many = tuple(TensorReport(f"t{k}", (2,), 1.0, 1.0, 1e-6, "fail", where=str(k)) for k in range(9))
    assert Report("central", many, 0).verdict.count("(") == 6
    assert "t4 (4), and 4 more (gradcheck" in Report("central", many, 0).verdict
    assert Report("complex", rows("pass"), 0).verdict.startswith("passed: 1 tensor, max error 1.00e+00 of the scale")


def rows(*statuses):
    return tuple(TensorReport(f"t{i}", (2,), 1.0, 10.0**-i, 1e-6, status) for i, status in enumerate(statuses))


def test_the_worst_tensor_is_a_failure_before_a_doubt_before_the_largest_error():
    assert Report("central", rows("pass", "inconclusive", "fail"), 0).worst_tensor.name == "t2"
    assert Report("central", rows("pass", "inconclusive", "zero"), 0).worst_tensor.name == "t1"
    assert Report("central", rows("pass", "kink", "zero"), 0).worst.name == "t0"


@pytest.mark.parametrize(
    ("status", "passed"), [("pass", True), ("zero", True), ("kink", True), ("inconclusive", False)]
)
def test_a_report_passes_if_every_tensor_does(status, passed):
    report = Report("central", rows("pass", status), 0)
    assert report.passed is bool(report) is passed
    assert ("NOT PASSED" in str(report)) is not passed


def test_five_kinks_are_listed_and_the_others_counted():
    at = {"x": np.zeros(7)}
    lines = str(gradcheck(lambda p: np.abs(p["x"]).sum(), at, at)).splitlines()
    assert sum(line.startswith("kink at x[") for line in lines) == 5
    assert lines[-1] == "and 2 more kinks"


def test_notes_follow_the_table_and_the_report_s_own_is_last():
    report = gradcheck(weighed, WEIGHED_AT, RIGHT, method="taylor")
    noted = dataclasses.replace(report, note="a last word")
    assert str(noted) == f"{report}\na last word"
    assert repr(noted) == str(noted)
    assert str(report).splitlines()[7].startswith("W: remainders shrink with slopes 1.00 and 2.00")


def test_a_report_of_nothing_has_no_error():
    assert Report("central", (), 0).max_error == 0.0
    assert Report("central", (), 0).kinks == ()
