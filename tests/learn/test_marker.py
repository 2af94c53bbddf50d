"""A mark says whether a line is right, or the kind and the words of what is wrong."""

import numpy as np
import pytest

from npseq.learn.content import Line
from npseq.learn.marker import Marker, as_numbers, is_close

LINES = (Line("da", "dh * (1 - h**2)", "R5"), Line("dx", "da @ W.T", "R7"))


@pytest.fixture
def marker():
    rng = np.random.default_rng(0)
    return Marker(
        LINES, {"h": rng.uniform(size=(5, 4)), "dh": rng.normal(size=(5, 4)), "W": rng.normal(size=(3, 4))}, {}
    )


def test_a_right_line_is_right_and_has_its_label(marker):
    mark = marker.mark(LINES[0], marker.right["da"].tolist(), {})
    assert str(mark) == "da: right (R5)"


@pytest.mark.parametrize("value", [..., None])
def test_a_gap_is_missing(marker, value):
    assert marker.mark(LINES[0], value, {}).kind == "missing"


@pytest.mark.parametrize("value", ["text", [[1], [2, 3]], np.ones((5, 4), complex)])
def test_what_is_no_array_of_numbers_is_named(marker, value):
    assert "an array of numbers belongs here" in marker.mark(LINES[0], value, {}).reason


def test_several_paths_are_named_at_once():
    line = Line("dh", "a @ W.T + b @ V.T + c")
    rng = np.random.default_rng(0)
    names = {"a": (5, 4), "b": (5, 4), "c": (5, 4), "W": (4, 4), "V": (4, 4)}
    given = {name: rng.normal(size=shape) for name, shape in names.items()}
    marker = Marker((line,), given, {})
    reason = marker.mark(line, 3 * given["c"] - given["a"] @ given["W"].T, {}).reason
    assert "c is 3 times as large as it should be" in reason
    assert "a @ W.T has the wrong sign" in reason
    assert "b @ V.T is missing" in reason


def test_two_slips_at_once_are_named(marker):
    h, dh = marker.given["h"], marker.given["dh"]
    reason = marker.mark(LINES[0], -dh * (1 - h), {}).reason
    assert reason.startswith("two things: ")
    assert "sign" in reason
    assert "squared" in reason


def test_what_nobody_knows_is_told_where(marker):
    wrong = marker.right["da"].copy()
    wrong[2, 1] += 1
    assert marker.mark(LINES[0], wrong, {}).reason == "1 of 20 entries are wrong, the first at (2, 1)"
    noise = np.random.default_rng(1).normal(size=(5, 4))
    assert "no slip is known" in marker.mark(LINES[0], noise, {}).reason
    assert "not finite" in marker.mark(LINES[0], np.full((5, 4), np.nan), {}).reason
    assert marker.mark(LINES[0], 7.5 * marker.right["da"], {}).reason == "it is 7.5 times as large as it should be"


def test_numbers_are_compared_on_the_scale_of_the_line():
    assert is_close(np.array([1e-40, 2e-40]), np.array([1e-40, 2e-40]))
    assert not is_close(np.array([1e-40, 2e-40]), np.array([1e-40, 2.1e-40]))
    assert is_close(np.zeros(2), np.zeros(2))
    assert as_numbers(["a"]) is None
