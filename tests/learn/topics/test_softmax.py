"""The right lines on the loss are its derivatives, by a complex step."""

import numpy as np
from learn.derivatives import derivative, right_values, same

from npseq.learn.topics.softmax import TASKS


def test_the_right_lines_are_derivatives_of_the_printed_forward_lines():
    (task,) = TASKS
    arrays = task.numbers()
    y, N = arrays["onehot"], len(arrays["onehot"])
    for name, value in right_values(task).items():
        same(value, derivative(task.forward, arrays, name[1:], lambda found: -(np.log(found["p"]) * y).sum() / N))
