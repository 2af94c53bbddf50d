"""The right lines of the LSTM's exercises are derivatives, by a complex step."""

import pytest
from learn.derivatives import derivative, right_values, same

from npseq.learn.topics.lstm import STEP, TASKS


def loss(found):
    return (found["h_new"] * found["dh_new"]).sum() + (found["c_new"] * found["dc_new"]).sum()


@pytest.mark.parametrize("task", TASKS[:6], ids=lambda task: task.title)
def test_the_right_lines_of_one_step(task):
    arrays = task.numbers()
    for name, value in right_values(task).items():
        if name.startswith("da_"):  # a pre-activation: a bias of each sequence's own
            same(value, derivative(STEP, arrays, f"b_{name[3:]}", loss, value.shape))
        else:
            same(value, derivative(STEP, arrays, "c_new" if name == "dc_all" else name[1:], loss))


def test_the_right_lines_of_two_steps():
    task = TASKS[6]
    arrays = task.numbers()
    found = right_values(task)

    def both(values):
        return (values["h_2"] * arrays["dy_2"] + values["h_1"] * (arrays["dy_1"] + arrays["passed"])).sum()

    for name in ("dc_2", "dh_1", "dc_1", "dc_0"):
        same(found[name], derivative(task.forward, arrays, name[1:], both))
    f_1 = arrays["f_1"]
    same(found["da_f_1"], derivative(task.forward, arrays, "f_1", both) * f_1 * (1 - f_1))
