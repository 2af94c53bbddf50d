"""The right lines of the RNN's exercises are derivatives, by a complex step."""

import pytest
from learn.derivatives import derivative, right_values, same

from npseq.learn.topics.rnn import TASKS


@pytest.mark.parametrize("task", TASKS[:3], ids=lambda task: task.title)
def test_the_right_lines_of_one_step(task):
    arrays = task.numbers()
    for name, value in right_values(task).items():
        same(value, derivative(task.forward, arrays, name[1:], lambda found: (found["h_new"] * found["dh_new"]).sum()))


def test_the_right_lines_of_two_steps():
    task = TASKS[3]
    arrays = task.numbers()
    lines = [part for t in "12" for part in (f"a_{t} = {task.forward[int(t) - 1][11:-1]}", f"h_{t} = tanh(a_{t})")]

    def loss(found):
        return sum((found[f"h_{t}"] * found[f"dy_{t}"]).sum() for t in "12")

    for name, value in right_values(task).items():
        same(value, derivative(lines, arrays, name[1:], loss))
