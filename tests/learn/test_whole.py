"""What is wrong with a loop over time is named by npseq.diagnose, and what cannot be named is said to be wrong."""

import numpy as np

import npseq as ns
from npseq.learn.whole import kind_of


def test_words_of_a_diagnosis_have_a_kind():
    assert kind_of("W_hh is not transposed back") == "shape"
    assert kind_of("the term da_n is missing") == "path"
    assert kind_of("dW_h from h_t in place of h_{t-1}") == "step"
    assert kind_of("bias gradient a mean over the batch") == "sum"
    assert kind_of("the sign is wrong") == "sign"
    assert kind_of("tanh' as 1 - h") == "factor"


def test_gradients_that_nobody_knows_are_wrong_all_the_same():
    exercise = ns.learn.exercise("rnn", 5)
    space = {"np": np}
    exec(exercise.solution().replace("dX[t] = dA @ W_xh.T", "dX[t] = np.sin(dA @ W_xh.T)"), space)
    wrong = [mark for mark in exercise.check(space["rnn_5"]).lines if not mark.right]
    assert [(mark.name, mark.kind) for mark in wrong] == [("dX", "value")]


def test_a_loop_that_fails_says_so():
    marks = ns.learn.exercise("rnn", 5).check(lambda X, H, H0, dY, W_xh, W_hh: 1 / 0)
    assert {mark.reason for mark in marks.lines} == {"ZeroDivisionError: division by zero"}


def test_an_index_of_minus_one_is_named():
    exercise = ns.learn.exercise("rnn", 5)
    space = {"np": np}
    exec(exercise.solution().replace("H[t - 1] if t > 0 else H0", "H[t - 1]"), space)
    wrong = [mark for mark in exercise.check(space["rnn_5"]).lines if not mark.right]
    assert [mark.name for mark in wrong] == ["dW_hh"]
    assert "an index of -1" in wrong[0].reason
