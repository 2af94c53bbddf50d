"""Each wrong line gets its reason, no right one is refused, and what is shown is what is asked."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from learn import held_out, later_lines, right_ways, wrong_lines

import npseq as ns
from npseq.learn.choice import TASKS, letters_of
from npseq.learn.exercise import Exercise

ALL = [(task, letters) for task in TASKS for letters in letters_of(task)]


def function_of(source: str, name: str) -> Callable[..., Any]:
    """The function that a source defines."""
    space: dict[str, Any] = {"np": np}
    exec(source, space)
    return space[name]


def checked(name: str, letters: str, line: str, text: str) -> tuple[ns.learn.Marks, ns.learn.Exercise]:
    """The marks of the solution with one line written otherwise."""
    topic, number = name.split("_")
    exercise = ns.learn.exercise(topic, int(number), letters=letters)
    right = exercise.solution()
    if line:
        source = re.sub(rf"^    {re.escape(line)} = .*$", lambda found: f"    {line} = {text}", right, flags=re.M)
    else:
        old, new = text.split(" -> ")
        source = right.replace(old, new)
    assert source != right
    return exercise.check(function_of(source, name)), exercise


def reason_is_right(row: tuple[str, ...]) -> bool:
    """Whether the marker refuses the line for the reason that stands in the row."""
    name, letters, line, text, kind, part, _ = row
    wrong = [mark for mark in checked(name, letters, line, text)[0].lines if not mark.right]
    found = [mark for mark in wrong if mark.name == line or not line]
    return bool(found) and (not kind or found[0].kind == kind) and part in found[0].reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows", [wrong_lines.WRONG, held_out.HELD_OUT, later_lines.LATER], ids=["made with", "held out", "later"]
)
def test_at_least_95_of_100_wrong_lines_get_the_right_reason(rows):
    unnamed = [row[:4] for row in rows if not reason_is_right(row)]
    assert len(unnamed) <= 0.05 * len(rows), unnamed


def test_some_wrong_lines_get_the_right_reason():
    rows = [*wrong_lines.WRONG, *held_out.HELD_OUT, *later_lines.LATER][::11]
    assert [row[:4] for row in rows if not reason_is_right(row)] == []


def test_a_hundred_wrong_lines_are_tried():
    assert len({row[:4] for row in wrong_lines.WRONG}) >= 100
    public = ("#", "PR", "thinc", "min-char", "cs231n", "forum")
    assert sum(any(sign in row[-1] for sign in public) for row in wrong_lines.WRONG) >= 18


def test_no_right_line_is_refused_and_200_ways_are_tried():
    tried, refused = 0, []
    for task, letters in ALL:
        exercise = Exercise(task, letters)
        for source in right_ways.ways(exercise.solution()):
            tried += 1
            marks = exercise.check(function_of(source, exercise.name))
            refused += [] if marks else [f"{marks}\n{source}"]
    for (name, letters), sources in right_ways.BY_HAND.items():
        exercise = ns.learn.exercise(*name.split("_")[:1], int(name[-1]), letters=letters)
        for body in sources:
            tried += 1
            source = f"def {exercise.name}({', '.join(exercise.given)}):\n" + "".join(f"    {x}\n" for x in body)
            marks = exercise.check(function_of(source, exercise.name))
            refused += [] if marks else [f"{marks}\n{source}"]
    for row in filter(None, right_ways.BY_LINE.splitlines()):
        tried += 1
        where, text = row.split(" | ")
        marks = checked(*where.split(), text)[0]
        refused += [] if marks else [f"{marks}\n{row}"]
    assert not refused, refused[0]
    assert tried >= 200


@pytest.mark.parametrize(("task", "letters"), ALL, ids=[f"{t.topic} {t.number} {letters}" for t, letters in ALL])
def test_an_exercise_shows_its_gaps_and_its_template_has_no_point(task, letters):
    exercise = Exercise(task, letters)
    marks = exercise.check(function_of(exercise.template.replace("return", "return None #"), exercise.name))
    assert marks.points == 0
    assert {mark.kind for mark in marks.lines} == {"missing"}
    assert exercise.template.splitlines()[0] in str(exercise) or "\n" in exercise.template
    assert all(name in exercise.arrays for name in exercise.given)
    for step in (1, 2, 3):
        assert "`" not in exercise.hint(step)


def test_a_line_after_a_wrong_one_is_judged_on_what_the_wrong_one_gave():
    marks, _ = checked("rnn_4", "d2l", "dA_2", "-dY_2 * (1 - H_2**2)")
    assert not marks
    assert marks.points == 5
    assert [mark.name for mark in marks.lines if "with your dA_2" in mark.reason][:1] == ["dH_1"]


def test_an_argument_that_is_written_over_is_named():
    def gru_1(H_prev, Z, H_tilde, dH):
        dH *= 1 - Z
        dH_tilde = dH
        return dH_tilde, dH * (H_prev - H_tilde), dH * Z

    marks = ns.learn.exercise("gru", 1).check(gru_1)
    assert [mark.right for mark in marks.lines] == [True, False, False]
    assert "written over dH" in marks.lines[2].reason
    assert "work on a copy" in marks.note


def test_arguments_are_taken_by_their_names_in_any_order():
    assert ns.learn.exercise("rnn", 1).check(lambda dH, H: dH * (1 - H**2))


def test_an_endless_loop_ends():
    def rnn_1(H, dH):
        while True:
            H = H * 1

    mark = ns.learn.exercise("rnn", 1).check(rnn_1).lines[0]
    assert mark.kind == "error"
    assert "a loop without an end" in mark.reason


def test_lines_before_an_error_keep_their_points():
    def rnn_2(dA, W_xh, W_hh):
        dH_prev = dA @ W_hh.T
        dX = dA @ W_xh
        return dH_prev, dX

    marks = ns.learn.exercise("rnn", 2).check(rnn_2)
    assert [mark.right for mark in marks.lines] == [True, False]
    assert "dX (5, 3) is to be made of dA (5, 4), W_xh (3, 4)" in marks.lines[1].reason


def test_single_precision_is_right():
    def rnn_1(H, dH):
        return (dH * (1 - H * H)).astype(np.float32)

    assert ns.learn.exercise("rnn", 1).check(rnn_1)


def test_what_is_no_function_of_the_arguments_is_refused():
    exercise = ns.learn.exercise("rnn", 1)
    with pytest.raises(TypeError, match="function must take 2 arguments, H, dH, in this order"):
        exercise.check(lambda H: H)
    with pytest.raises(TypeError, match="function must be a function, got int; write rnn_1"):
        exercise.check(3)
    with pytest.raises(ValueError, match="step must be 1, 2 or 3, got 4"):
        exercise.hint(4)


def test_gradients_of_another_shape_are_told_theirs():
    exercise = ns.learn.exercise("rnn", 5)
    source = exercise.solution().replace("dH0 = dH", "dH0 = dH.T")
    wrong = [mark for mark in exercise.check(function_of(source, "rnn_5")).lines if not mark.right]
    assert [mark.name for mark in wrong] == ["dH0"]
    assert "its shape is (4, 2), (2, 4) is needed" in wrong[0].reason
