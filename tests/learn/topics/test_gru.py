"""The right lines of the GRU's exercises are derivatives, by a complex step."""

import pytest
from learn.derivatives import derivative, right_values, same

from npseq.learn.topics.gru import AFTER, BEFORE, TASKS


def loss(found):
    return (found["h_new"] * found["dh_new"]).sum()


@pytest.mark.parametrize("task", TASKS[:6], ids=lambda task: task.title)
def test_the_right_lines_of_one_step(task):
    arrays, lines = task.numbers(), AFTER if task.number == 6 else BEFORE
    for name, value in right_values(task).items():
        if name.startswith("da_"):  # a pre-activation: a bias of each sequence's own
            same(value, derivative(lines, arrays, f"b_{name[3:]}", loss, value.shape))
        elif (task.number, name) == (1, "dh"):  # the mixture's own path
            same(value, derivative(task.forward, arrays, "h", loss))
        else:
            same(value, derivative(lines, arrays, name[1:], loss))


def test_the_adjoints_that_are_given_are_right_too():
    for numbers, lines in ((TASKS[3].numbers(), BEFORE), (TASKS[5].numbers(), AFTER)):
        for gate in "rzn":
            value = numbers[f"da_{gate}"]
            same(value, derivative(lines, numbers, f"b_{gate}", loss, value.shape))
