"""The right lines on truncation are derivatives of lines whose carries are held fixed, by a complex step."""

import numpy as np
from learn.derivatives import derivative, right_values, same

from npseq.learn.topics.truncation import TASKS

FORWARD = TASKS[0].forward
LINES = [part for t in "123" for part in (f"a_{t} = {FORWARD[int(t) - 1][11:-1]}", f"h_{t} = tanh(a_{t})")]


def loss(found, steps="123"):
    return sum((found[f"h_{t}"] * found[f"dy_{t}"]).sum() for t in steps)


def test_detached_chunks():
    task = TASKS[0]
    for name, value in right_values(task).items():
        same(value, derivative(LINES, task.numbers(), name[1:], loss, frozen=((4, ("h_2",)),)))


def test_lags_add_up_to_the_gradient_and_lag_0_has_no_carry():
    found, arrays = right_values(TASKS[1]), TASKS[1].numbers()
    whole = derivative(LINES, arrays, "W_hh", loss)
    same(found["G_0"] + found["G_1"] + found["G_2"], whole)
    same(found["G_0"], derivative(LINES, arrays, "W_hh", loss, frozen=((2, ("h_1",)), (4, ("h_2",)))))
    same(found["dW_hh"], whole - found["G_2"])
    later = [line.replace("W_hh", "V") if line[2] != "1" else line for line in LINES]  # W_hh at step 1 alone
    same(found["G_2"], derivative(later, {**arrays, "V": arrays["W_hh"]}, "W_hh", lambda values: loss(values, "3")))
    for name, step, of in (("e_32", "3", "h_2"), ("e_31", "3", "h_1"), ("e_21", "2", "h_1")):
        same(found[name], derivative(LINES, arrays, of, lambda values, step=step: loss(values, step)))


def test_kept_carries_are_weighed():
    found, arrays = right_values(TASKS[2]), TASKS[2].numbers()
    lines = [
        line.replace(f"h_{t - 1} @", f"(fixed_{t - 1} + (h_{t - 1} - fixed_{t - 1}) * xi_{t} / keep) @")
        for t, line in zip((1, 1, 2, 2, 3, 3), LINES, strict=True)
    ]
    arrays |= {f"fixed_{t}": arrays[f"h_{t}"] for t in (0, 1, 2)} | {"xi_1": np.ones((5, 1))}
    for name, value in found.items():
        same(value, derivative(lines, arrays, name[1:], loss))
