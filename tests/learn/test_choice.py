"""Exercises are chosen by topic, number and letters; what is not there is refused with what is."""

import pytest

import npseq as ns


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("lsmt", 1), {}, "topic must be"),
        (("lstm", 9), {}, r"number must be an integer in \[1, 9\), got 9"),
        (("lstm", 1), {"letters": "ours"}, "letters must be"),
        (("gru", 7), {"letters": "ng"}, "letters must be 'd2l' for gru 7, got 'ng'"),
    ],
)
def test_an_exercise_that_is_not_there_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        ns.learn.exercise(*arguments, **options)


def test_all_exercises_come_in_the_order_to_do_them():
    found = [exercise.name for exercise in ns.learn.exercises()]
    assert found[:2] == ["softmax_1", "rnn_1"]
    assert found[-1] == "truncation_3"
