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
    assert [mark.kind for mark in marks.lines] == ["error"] * 5
    assert marks.lines[0].reason.startswith("ZeroDivisionError: division by zero; at ")


def test_two_mistakes_in_two_gradients_are_named_each_in_the_letters_of_the_exercise():
    exercise = ns.learn.exercise("rnn", 5)
    space = {"np": np}
    source = exercise.solution().replace("dH0 = dH", "dH0 = dY[0] + dH")
    exec(source.replace("dX[t] = dA @ W_xh.T", "dX[t] = dH @ W_xh.T"), space)
    wrong = {mark.name: mark.reason for mark in exercise.check(space["rnn_5"]).lines if not mark.right}
    assert wrong["dX"] == "dH_{t+1} in place of dA: dX = dH_{t+1} W_xh^T; right: dX = dA W_xh^T"
    assert wrong["dH0"].startswith("the first step's dY is added to the gradient by the first state")


def test_a_gradient_that_is_zero_everywhere_is_said_to_be_so():
    exercise = ns.learn.exercise("rnn", 5)
    space = {"np": np}
    exec(exercise.solution().replace("(dY[t] + dH)", "dH"), space)
    assert {mark.reason for mark in exercise.check(space["rnn_5"]).lines} == {
        "every gradient is zero: dY is in none",
        "the same mistake",
    }


def test_an_index_of_minus_one_is_named():
    exercise = ns.learn.exercise("rnn", 5)
    space = {"np": np}
    exec(exercise.solution().replace("H[t - 1] if t > 0 else H0", "H[t - 1]"), space)
    wrong = [mark for mark in exercise.check(space["rnn_5"]).lines if not mark.right]
    assert [mark.name for mark in wrong] == ["dW_hh"]
    assert "an index of -1" in wrong[0].reason
